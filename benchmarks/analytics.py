"""Articles' figures and reports at scale: an hour's update, a full rebuild, a day's, a week's and other reports.

    python benchmarks/analytics.py [--dir DIR] [--events 10000000] [--readers 100000] [--articles 100000]

Makes a store of that many events over 320 days, a fifth of them recommendations, and prints seconds and the largest
memory of this process, which does all the work. With `--dir` the store is left for another run with `--again`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claims import Claim, publish
from readers_made_up import START, fill_articles, fill_events

from mingus_lib import settings
from mingus_lib.domain import periods
from mingus_lib.domain.periods import Period
from mingus_lib.domain.readers import Event
from mingus_lib.runtime import Runtime
from mingus_lib.services import analytics, report_recommendations, report_trends

REBUILD, HOUR, DAY = "full rebuild", "update after an hour's events", "daily report"
LIMITS = {REBUILD: 120.0, HOUR: 2.0, DAY: 5.0}
NOW = START + timedelta(days=319, hours=12)


def main() -> None:
    """Print every figure."""
    options = _options()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.dir or Path(temporary) / "library"
        if not options.again:
            _make(folder, options)
        here = Runtime(settings.load({"home": str(folder)}))
        times = dict(_measured(here, options.events, options.articles))
        size = here.settings.store_path.stat().st_size // 1_000_000
        here.close()
    claims = [Claim(f"{name}, seconds", times[name], "<", limit) for name, limit in LIMITS.items()]
    claims.append(Claim("memory of the process at its largest", _peak(), "<", 500, " MB"))
    sizes = f"{options.events:,} events, {options.readers:,} readers, {options.articles:,} articles"
    title = f"Seconds, with {sizes}, {size:,} MB"
    publish(claims, {title: times}, as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, help="where to make the store, and leave it")
    parser.add_argument("--again", action="store_true", help="measure the store that was left there")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _make(folder: Path, options: argparse.Namespace) -> None:
    """In processes of their own, whose memory is not counted."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    here = Runtime(settings.load({"home": str(folder)}))
    print(f"store {here.store.id[:8]} is being made", file=sys.stderr)
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


def _measured(here: Runtime, events: int, articles: int) -> Iterator[tuple[str, float]]:
    day = Period(periods.DAILY, NOW.date() - timedelta(1), "UTC")
    week = Period(periods.WEEKLY, NOW.date() - timedelta(NOW.weekday() + 7), "UTC")
    yield REBUILD, _seconds(lambda: analytics.rebuild(here.article_totals, lambda *_: None))
    _hour(here, max(1, events // (320 * 24)), articles)
    yield HOUR, _seconds(lambda: analytics.update(here.article_totals, lambda *_: None))
    yield DAY, _seconds(lambda: here.reports.get(day, NOW, fresh=True))
    yield "daily report, kept", _seconds(lambda: here.reports.get(day, NOW))
    yield "weekly report", _seconds(lambda: here.reports.get(week, NOW, fresh=True))
    yield (
        "recommendations, 30 days",
        _seconds(lambda: report_recommendations.report(here.recommender, 30, NOW)),
    )
    yield "trends, 12 weeks", _seconds(lambda: report_trends.report(here.store, NOW, "UTC"))
    most = here.store.value("SELECT article FROM article_totals ORDER BY readers DESC LIMIT 1") or 1
    yield "the most read article", _seconds(lambda: analytics.article(here.article_totals, most, NOW, "UTC"))


def _hour(here: Runtime, count: int, articles: int) -> None:
    """New events such as an hour brings: of popular articles rather than of others."""
    numbers = list(here.readers.numbers().values())
    for place in range(count):
        article = 1 + int(articles * (place / count) ** 2)
        event = Event(f"hour{time.time_ns()}-{place}", article, "finished", NOW, time_spent_seconds=60)
        here.events.append(numbers[(place * 7919) % len(numbers)], [event])


def _seconds(work: Callable[[], Any]) -> float:
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    took = time.perf_counter() - begun
    print(f"{took:.2f} s, processor {time.process_time() - cpu:.2f} s, peak {_peak():,} MB", file=sys.stderr)
    return took


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
