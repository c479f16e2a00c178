"""The recommender at scale: import, fit, all lists, one refresh; and beside implicit's models on the same data.

    python benchmarks/recommendations.py --dir DIR [--readers 100000 --articles 50000 --events 10000000] [--peers]

Three sizes are run, a tenth, a third and the whole. `--peers` fits implicit's BM25 and ALS, installed into an
environment of its own under build/, on the readings of the last size. `--ratings FILE` compares quality on a
set such as MovieLens 100K (user, item, rating, time; tab-separated) with implicit and a ten-line EASE.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import recommendation_peers
from machine import machine
from readers_made_up import fill_articles, write_events

from mingus_lib import settings
from mingus_lib.runtime import Runtime
from mingus_lib.services import recommend_all, recommender_model
from mingus_lib.services.reader_import import Importer
from mingus_lib.services.recommending import Recommender

SIZES = (0.1, 0.33, 1.0)
LISTS_TIMED = 200
WORKERS = 2


def main() -> None:
    """Print every figure."""
    options = _options()
    print(machine())
    if options.ratings is not None:
        recommendation_peers.compare(options.ratings)
        return
    for share in SIZES:
        folder = options.dir / f"size-{share}"
        shutil.rmtree(folder, ignore_errors=True)
        _run(folder, *(max(1, round(n * share)) for n in (options.readers, options.articles, options.events)))
        if share == SIZES[-1] and options.peers:
            recommendation_peers.time_peers(folder)
        if not options.keep:
            shutil.rmtree(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, help="where to make the stores; removed at the end")
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--articles", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--keep", action="store_true", help="keep the stores")
    parser.add_argument("--peers", action="store_true", help="fit implicit's models too")
    parser.add_argument("--ratings", type=Path, help="compare quality on this file instead")
    found = parser.parse_args()
    if found.dir is None and found.ratings is None:
        parser.error("--dir is needed")
    return found


def _run(folder: Path, readers: int, articles: int, events: int) -> None:
    folder.mkdir(parents=True)
    here = Runtime(settings.load({"home": str(folder)}))
    print(f"\n{readers:,} readers, {articles:,} articles, {events:,} events, store {here.store.id[:8]}")
    fill_articles(here.settings.store_path, articles)
    file = folder / "events.csv"
    write_events(file, readers, articles, events)
    with _timed("import", events, "events"):
        Importer(here.store, lambda *_: None).run(str(file), sys.stdin.buffer, max_errors=0)
    file.unlink()
    given, now = here.recommender, datetime.now(UTC)
    marks: list[tuple[str, float]] = []
    begun = time.perf_counter()
    with _timed("fit, tuning and reading included", 1, "model"):
        plan = recommend_all.learn(
            given,
            here.settings.fit_options(),
            "bench",
            now,
            lambda *step: marks.append((step[2], time.perf_counter())),
        )
    for (name, at), (_, end) in zip(marks, [*marks[1:], ("", time.perf_counter())], strict=True):
        print(f"    {name:20} {end - at:7.1f} s")
    print(f"    parameters {plan.parameters}, after {time.perf_counter() - begun:.1f} s; peak {_peak():,} MB")
    _time_lists(given, plan, readers, now)
    here.close()


def _time_lists(given: Recommender, plan: recommend_all.Plan, readers: int, now: datetime) -> None:
    with (
        _timed(f"all lists, {WORKERS} workers", readers, "lists"),
        ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as workers,
    ):
        peaks = list(workers.map(partial(_lists, given.home, now), plan.chunks))
    print(f"    a worker's peak {max(peaks):,} MB")
    # From the middle: those who came first read most. The first one pays for loading the model.
    some = given.readers.list(LISTS_TIMED, readers // 2)
    given.refresh(some[0], now=now)
    with _timed("one reader's refresh", LISTS_TIMED, "refreshes"):
        for reader in some:
            given.refresh(reader, now=now)
    with _timed("a kept list read", LISTS_TIMED, "reads"):
        for reader in some:
            given.show(reader.id, now=now, record=False)
    size = (given.home / recommender_model.FILE).stat().st_size
    print(f"    model {size / 1e6:.0f} MB, peak {_peak():,} MB")


def _lists(home: Path, now: datetime, chunk: tuple[int, int]) -> int:
    """What a worker does with a chunk of readers; its peak memory in MB."""
    recommend_all.make_lists(_recommender(home), *chunk, 20, now, lambda *_: None)
    return _peak()


@cache
def _recommender(home: Path) -> Recommender:
    """A worker's process keeps the model from one job to the next."""
    return Runtime(settings.load({"home": str(home)})).recommender


def _processor() -> float:
    """Seconds of this process and of the children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


class _timed:
    """Wall and processor time of a block, and of each of its parts."""

    def __init__(self, what: str, count: int, noun: str) -> None:
        self.what, self.count, self.noun = what, count, noun

    def __enter__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), _processor()

    def __exit__(self, *_: object) -> None:
        wall, cpu = time.perf_counter() - self.wall, _processor() - self.cpu
        rate = f"{self.count / wall:12,.0f} {self.noun}/s, {cpu / self.count * 1e3:.3f} ms of processor each"
        print(f"  {self.what:34} {wall:8.1f} s ({cpu:.1f} s of processor) {rate}")


def _peak() -> int:
    """MB; getrusage would give a worker the peak of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1000


if __name__ == "__main__":
    main()
