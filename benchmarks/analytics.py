"""Articles' figures and reports at scale: an hour's update, a full rebuild, a day's, a week's and other reports.

    python benchmarks/analytics.py --dir DIR [--events 10000000] [--readers 100000] [--articles 100000] [--keep]

Makes a store of that many events over 320 days, a fifth of them recommendations, and prints seconds and the largest
memory of this process, which does all the work. `--keep` leaves the store for another run with `--again`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from machine import machine
from readers_made_up import START, fill_articles, fill_events

from mingus_lib import settings
from mingus_lib.domain import periods
from mingus_lib.domain.periods import Period
from mingus_lib.domain.readers import Event
from mingus_lib.runtime import Runtime
from mingus_lib.services import analytics, report_recommendations, report_trends

ARTICLES = 100_000
NOW = START + timedelta(days=319, hours=12)


def main() -> None:
    """Print every figure."""
    options = _options()
    print(machine())
    if not options.again:
        _make(options)
    here = Runtime(settings.load({"home": str(options.dir)}))
    _measure(here, options.events)
    here.close()
    if not options.keep:
        shutil.rmtree(options.dir)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, required=True, help="where to make the store; removed at the end")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--keep", action="store_true", help="keep the store")
    parser.add_argument("--again", action="store_true", help="measure a store that was kept")
    return parser.parse_args()


def _make(options: argparse.Namespace) -> None:
    """In a process of its own, whose memory is not counted."""
    shutil.rmtree(options.dir, ignore_errors=True)
    options.dir.mkdir(parents=True)
    here = Runtime(settings.load({"home": str(options.dir)}))
    print(
        f"{options.events:,} events, {options.readers:,} readers, {options.articles:,} articles, {here.store.id[:8]}"
    )
    here.close()
    path = here.settings.store_path
    for fill, sizes in (
        (fill_articles, (options.articles,)),
        (fill_events, (options.readers, options.articles, options.events)),
    ):
        child = multiprocessing.get_context("spawn").Process(target=fill, args=(path, *sizes))
        child.start()
        child.join()
        assert child.exitcode == 0


def _measure(here: Runtime, events: int) -> None:
    day = Period(periods.DAILY, NOW.date() - timedelta(1), "UTC")
    monday = NOW.date() - timedelta(NOW.weekday() + 7)
    _timed("full rebuild", lambda: analytics.rebuild(here.article_totals, lambda *_: None))
    hour = _hour(here, max(1, events // (320 * 24)))
    _timed(f"an hour's {hour:,} events", lambda: analytics.update(here.article_totals, lambda *_: None))
    _timed("daily report", lambda: here.reports.get(day, NOW, fresh=True))
    _timed("daily report, kept", lambda: here.reports.get(day, NOW))
    _timed("weekly report", lambda: here.reports.get(Period(periods.WEEKLY, monday, "UTC"), NOW, fresh=True))
    _timed("recommendations, 30 days", lambda: report_recommendations.report(here.recommender, 30, NOW))
    _timed("trends, 12 weeks", lambda: report_trends.report(here.store, NOW, "UTC"))
    most = here.article_totals.busiest() or 1
    _timed(f"article {most}, the most read", lambda: analytics.article(here.article_totals, most, NOW, "UTC"))
    print(f"store {here.settings.store_path.stat().st_size / 1e6:,.0f} MB, peak memory {_peak():,} MB")


def _hour(here: Runtime, count: int) -> int:
    """New events such as an hour brings: of popular articles rather than of others."""
    numbers = list(here.readers.numbers().values())
    for place in range(count):
        article = 1 + int(ARTICLES * (place / count) ** 2)
        event = Event(f"hour{time.time_ns()}-{place}", article, "finished", NOW, time_spent_seconds=60)
        here.events.append(numbers[(place * 7919) % len(numbers)], [event])
    return count


def _timed(what: str, work: Callable[[], Any]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    spent = time.process_time() - cpu
    print(
        f"{what:32} {time.perf_counter() - wall:8.2f} s  (processor {spent:.2f} s, peak {_peak():,} MB)",
        flush=True,
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
