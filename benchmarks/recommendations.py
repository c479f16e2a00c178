"""The recommender at scale: import, fit, all lists, one refresh; with --peers beside implicit on the same data.

    python benchmarks/recommendations.py [--readers 100000 --articles 50000 --events 10000000] [--peers] [--json]

Three sizes are run, a tenth, a third and the whole: the claims are of the whole, and of how cost grows up to it.
--peers fits implicit's BM25 and ALS, installed into an environment of its own under build/, on the readings of the
whole. How good the lists are is another matter: benchmarks/quality.py.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import recommendation_peers
from claims import Claim, publish
from readers_made_up import fill_articles, write_events

from mingus_lib import settings
from mingus_lib.runtime import Runtime
from mingus_lib.services import recommend_all, recommender_model
from mingus_lib.services.reader_import import Importer
from mingus_lib.services.recommending import Recommender

SIZES = (0.1, 0.33, 1.0)
LISTS_TIMED = 200
WORKERS = 2

IMPORTED = "events imported a second"
FIT = "fit, reading and validation included, s"
FIT_CPU = "fit, s of processor"
LISTS = "all lists, s"
LISTS_CPU = "a list, ms of processor"
REFRESH = "one reader's refresh, ms"
READ = "a kept list read, ms"
PEAK = "peak memory, MB"


def main() -> None:
    """Measure and publish."""
    options = _options()
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="mingus-bench-", dir=options.dir) as made:
        for share in SIZES:
            folder = Path(made) / f"size-{share}"
            sizes = [max(1, round(n * share)) for n in (options.readers, options.articles, options.events)]
            name = "{:,} readers, {:,} articles, {:,} events".format(*sizes)
            print(name, file=sys.stderr, flush=True)
            figures[name] = _run(folder, *sizes)
            if share == SIZES[-1] and options.peers:
                figures["implicit on the same readings"] = recommendation_peers.time_peers(folder)
            shutil.rmtree(folder)
    measured = list(figures.values())[: len(SIZES)]
    publish(_claims(measured[0], measured[-1], options.readers), figures, as_json=options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, help="where to make the stores, removed at the end")
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--articles", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--peers", action="store_true", help="fit implicit's models too")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _claims(small: dict[str, Any], whole: dict[str, Any], readers: int) -> list[Claim]:
    """Each of the whole; growth as the power of the size that processor time goes with: 1 is linear."""
    cost = [each[FIT_CPU] + each[LISTS_CPU] / 1e3 * readers * share
            for each, share in ((small, SIZES[0]), (whole, SIZES[-1]))]  # fmt: skip
    growth = math.log(cost[1] / cost[0]) / math.log(SIZES[-1] / SIZES[0])
    return [
        Claim("events imported", whole[IMPORTED], ">=", 100_000, "/s"),
        Claim("the model fitted", whole[FIT], "<", 60, " s"),
        Claim(f"all lists by {WORKERS} workers", whole[LISTS], "<", 60, " s"),
        Claim("one reader's list made anew", whole[REFRESH], "<", 5, " ms"),
        Claim("a kept list read", whole[READ], "<", 5, " ms"),
        Claim("memory of fit and lists", whole[PEAK], "<", 1_500, " MB"),
        Claim("fit and lists grow with the library to the power of", growth, "<=", 1.15),
    ]


def _run(folder: Path, readers: int, articles: int, events: int) -> dict[str, Any]:
    folder.mkdir(parents=True)
    here = Runtime(settings.load({"home": str(folder)}))
    print(f"store {here.store.id[:8]}", file=sys.stderr)
    file = folder / "events.csv"
    _elsewhere(fill_articles, here.settings.store_path, articles)
    _elsewhere(write_events, file, readers, articles, events)
    importer = Importer(here.store, lambda *_: None)
    imported, _ = _timed(lambda: importer.run(str(file), sys.stdin.buffer, max_errors=0))
    file.unlink()
    given, now = here.recommender, datetime.now(UTC)
    plans: list[recommend_all.Plan] = []
    options = here.settings.fit_options()
    fit, fit_cpu = _timed(
        lambda: plans.append(recommend_all.learn(given, options, "bench", now, lambda *_: None))
    )
    found = {IMPORTED: events / imported, FIT: fit, FIT_CPU: fit_cpu, **_lists(given, plans[0], readers, now)}
    here.close()
    return {**found, "parameters": plans[0].parameters}


def _elsewhere(make: Callable[..., None], *given: object) -> None:
    """In a process of its own, whose memory is not counted."""
    child = multiprocessing.get_context("spawn").Process(target=make, args=given)
    child.start()
    child.join()
    assert child.exitcode == 0


def _lists(given: Recommender, plan: recommend_all.Plan, readers: int, now: datetime) -> dict[str, Any]:
    peaks = [_peak()]

    def every() -> None:
        with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as workers:
            peaks.extend(workers.map(partial(_chunk, given.home, now), plan.chunks))

    wall, cpu = _timed(every)
    # From the middle: those who came first read most. The first one pays for loading the model.
    some = given.readers.list(LISTS_TIMED, readers // 2)
    given.refresh(some[0], now=now)
    refresh, _ = _timed(lambda: [given.refresh(reader, now=now) for reader in some])
    read, _ = _timed(lambda: [given.show(reader.id, now=now, record=False) for reader in some])
    return {
        LISTS: wall,
        LISTS_CPU: cpu / readers * 1e3,
        REFRESH: refresh / len(some) * 1e3,
        READ: read / len(some) * 1e3,
        PEAK: max(*peaks, _peak()),
        "model, MB": (given.home / recommender_model.FILE).stat().st_size / 1e6,
    }


def _chunk(home: Path, now: datetime, chunk: tuple[int, int]) -> int:
    """What a worker does with a chunk of readers; its peak memory in MB."""
    recommend_all.make_lists(_recommender(home), *chunk, 20, now, lambda *_: None)
    return _peak()


@cache
def _recommender(home: Path) -> Recommender:
    """A worker's process keeps the model from one job to the next."""
    return Runtime(settings.load({"home": str(home)})).recommender


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor with those of children that have ended."""
    wall, cpu = time.perf_counter(), _processor()
    work()
    found = time.perf_counter() - wall, _processor() - cpu
    print(
        f"  {found[0]:.1f} s, {found[1]:.1f} s of processor, peak {_peak():,} MB", file=sys.stderr, flush=True
    )
    return found


def _processor() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _peak() -> int:
    """MB; getrusage would give a worker the peak of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1000


if __name__ == "__main__":
    main()
