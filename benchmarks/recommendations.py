"""The recommender at scale: import, fit, all lists, one refresh; with --peers beside implicit on the same data.

    python benchmarks/recommendations.py [--readers 100000 --articles 50000 --events 10000000] [--peers] [--json]

Three sizes are run, a tenth, a third and the whole: the claims are of the whole, and of how cost grows up to it.
Import, fit, lists and refreshes run in processes of their own, as a command and the workers do; each one's peak
memory is told.
--peers fits implicit's BM25 and ALS, installed into an environment of its own under build/, on the readings of the
whole. How good the lists are is another matter: benchmarks/quality.py.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import recommendation_peers
from claims import Claim, publish
from readers_made_up import fill_articles, write_events

from mingus_lib import settings
from mingus_lib.domain.recommend.parameters import FitOptions
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
PEAKS = {
    step: f"peak memory of {step}, MB" for step in ("the import", "the fit", "a worker's lists", "a refresh")
}


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
        Claim("the most memory of a process", max(whole[peak] for peak in PEAKS.values()), "<", 1_500, " MB"),
        Claim("fit and lists grow with the library to the power of", growth, "<=", 1.15),
    ]


def _run(folder: Path, readers: int, articles: int, events: int) -> dict[str, Any]:
    folder.mkdir(parents=True)
    with closing(Runtime(settings.load({"home": str(folder)}))) as here:
        print(f"store {here.store.id[:8]}", file=sys.stderr)
        store, options = here.settings.store_path, here.settings.fit_options()
    file, now = folder / "events.csv", datetime.now(UTC)
    _apart(fill_articles, store, articles)
    _apart(write_events, file, readers, articles, events)
    imported = _apart(_import, folder, file)
    file.unlink()
    fit = _apart(_fit, folder, options, now)
    return {
        IMPORTED: events / imported.wall,
        "events imported a second of processor": events / imported.cpu,
        FIT: fit.wall,
        FIT_CPU: fit.cpu,
        PEAKS["the import"]: imported.peak,
        PEAKS["the fit"]: fit.peak,
        **_lists(folder, fit.made, readers, now),
        "parameters": fit.made.parameters,
    }


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work made, and took: seconds by the clock and of the processor, and its process's peak of MB."""

    made: Any
    wall: float
    cpu: float
    peak: int


def _apart(work: Callable[..., Any], *given: Any) -> Cost:
    """The work in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as one:
        cost = one.submit(_measured, work, *given).result()
    print(
        f"  {work.__name__}: {cost.wall:.1f} s, {cost.cpu:.1f} s of processor, {cost.peak:,} MB",
        file=sys.stderr,
        flush=True,
    )
    return cost


def _measured(work: Callable[..., Any], *given: Any) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work(*given)
    return Cost(made, time.perf_counter() - wall, time.process_time() - cpu, _peak())


def _import(home: Path, file: Path) -> None:
    with closing(Runtime(settings.load({"home": str(home)}))) as here:
        Importer(here.store, lambda *_: None).run(str(file), sys.stdin.buffer, max_errors=0)


def _fit(home: Path, options: FitOptions, now: datetime) -> recommend_all.Plan:
    return recommend_all.learn(_recommender(home), options, "bench", now, lambda *_: None)


def _lists(home: Path, plan: recommend_all.Plan, readers: int, now: datetime) -> dict[str, Any]:
    begun = time.perf_counter()
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as workers:
        costs = list(workers.map(partial(_measured, _chunk, home, now), plan.chunks))
    wall = time.perf_counter() - begun
    one = _apart(_refresh, home, now, readers)
    return {
        LISTS: wall,
        LISTS_CPU: sum(each.cpu for each in costs) / readers * 1e3,
        PEAKS["a worker's lists"]: max(each.peak for each in costs),
        REFRESH: one.made[0],
        READ: one.made[1],
        PEAKS["a refresh"]: one.peak,
        "model, MB": (home / recommender_model.FILE).stat().st_size / 1e6,
    }


def _chunk(home: Path, now: datetime, chunk: tuple[int, int]) -> None:
    """What a worker does with a chunk of readers."""
    recommend_all.make_lists(_recommender(home), *chunk, 20, now, lambda *_: None)


def _refresh(home: Path, now: datetime, readers: int) -> tuple[float, float]:
    """Milliseconds to make a reader's list anew, with the model loaded, and to read a kept one."""
    given = _recommender(home)
    # From the middle: those who came first read most. The first one pays for loading the model.
    some = given.readers.list(LISTS_TIMED, readers // 2)
    given.refresh(some[0], now=now)
    made = _measured(lambda: [given.refresh(reader, now=now) for reader in some])
    read = _measured(lambda: [given.show(reader.id, now=now, record=False) for reader in some])
    return made.wall / len(some) * 1e3, read.wall / len(some) * 1e3


@cache
def _recommender(home: Path) -> Recommender:
    """A worker's process keeps the model from one job to the next."""
    return Runtime(settings.load({"home": str(home)})).recommender


def _peak() -> int:
    """MB; getrusage would give a worker the peak of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1000


if __name__ == "__main__":
    main()
