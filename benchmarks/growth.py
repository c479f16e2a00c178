"""How cost grows with size: jobs on the record, articles in the store, readers with lists, worker processes.

    python benchmarks/growth.py [--quick] [--json]

Each line is one cost over four sizes, in its own unit; the claim is that none grows faster than the size does.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import processes
import store as articles_store
from claims import Claim, publish
from queues import pings, rate_of_mingus
from readers_made_up import fill_articles, write_events

Line = dict[str, float]
# Log-log slope between neighbouring sizes: n log n and noise are allowed, n squared is not.
STEEPEST = 1.25


def jobs(sizes: tuple[int, ...]) -> Mapping[str, Line]:
    """Seconds to enqueue so many pings through the command line, to show them, and to purge them."""
    lines: dict[str, Line] = {"enqueue them, s": {}, "status with them waiting, s": {}, "purge them, s": {}}
    for size in sizes:
        with processes.library() as environment:
            steps = (
                ("enqueue", "ping", "--queue", "analytics", "--lines", "-", "-q"),
                ("status", "--json"),
                ("purge", "analytics", "--yes", "--json"),
            )
            for line, step in zip(lines.values(), steps, strict=True):
                given = pings(size) if step[0] == "enqueue" else None
                begun = time.perf_counter()
                processes.run(environment, *step, given=given)
                line[f"{size:,}"] = time.perf_counter() - begun
    return lines


def articles(sizes: tuple[int, ...]) -> Mapping[str, Line]:
    """Milliseconds of a search and of the slowest list, and one article's adding, in stores of so many."""
    lines: dict[str, Line] = {"search, p95, ms": {}, "slowest list, ms": {}, "add one, ms": {}}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            figures, _ = articles_store.measure(Path(folder), size)
            adding, searching, lists = figures.values()
            found = (
                searching["two words of a title, p95"],
                max(lists.values()),
                1000 / adding["added one by one"],
            )
            for line, value in zip(lines.values(), found, strict=True):
                line[f"{size:,}"] = value
    return lines


def readers(sizes: tuple[int, ...]) -> Mapping[str, Line]:
    """Seconds to import the events of so many readers (100 each), to learn from them and to make all lists."""
    from mingus_lib import settings
    from mingus_lib.runtime import Runtime
    from mingus_lib.services import recommend_all
    from mingus_lib.services.reader_import import Importer

    lines: dict[str, Line] = {"import, s": {}, "learn, s": {}, "all lists, s": {}}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            here = Runtime(settings.load({"home": folder}))
            count = max(200, size // 2)
            # Its tables are made when it is first asked for something.
            here.store.rows("SELECT 1")
            fill_articles(here.settings.store_path, count)
            file = Path(folder) / "events.csv"
            write_events(file, size, count, size * 100)
            marks = [time.perf_counter()]
            with file.open("rb") as stream:
                Importer(here.store, lambda *_: None).run(str(file), stream, max_errors=0)
            marks.append(time.perf_counter())
            now = datetime.now(UTC)
            plan = recommend_all.learn(
                here.recommender, here.settings.fit_options(), "bench", now, lambda *_: None
            )
            marks.append(time.perf_counter())
            for first, last in plan.chunks:
                recommend_all.make_lists(here.recommender, first, last, 20, now, lambda *_: None)
            marks.append(time.perf_counter())
            here.close()
        for line, begun, ended in zip(lines.values(), marks, marks[1:], strict=False):
            line[f"{size:,}"] = ended - begun
    return lines


def workers(sizes: tuple[int, ...], count: int) -> Line:
    """Pings a second, from first start to last end, by worker processes on this machine's cores."""
    rates: Line = {}
    for size in sizes:
        with processes.library() as environment:
            rates[str(size)] = rate_of_mingus(environment, count, size)
    return rates


def steepest(line: Line) -> float:
    """The log-log slope between the two greatest sizes: start-up no longer hides it there."""
    points = [(float(size.replace(",", "")), max(cost, 1e-9)) for size, cost in line.items()]
    (x, y), (far, high) = points[-2], points[-1]
    return math.log(high / y) / math.log(far / x)


def main() -> None:
    """Run the four parts and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    parts: dict[str, Callable[[], Mapping[str, Any]]] = {
        "Jobs": lambda: jobs((300, 1_000, 3_000) if given.quick else (1_000, 10_000, 100_000, 1_000_000)),
        "Articles": lambda: articles((1_000, 3_000, 10_000) if given.quick else (10_000, 100_000, 1_000_000)),
        "Readers": lambda: readers((100, 300, 1_000) if given.quick else (1_000, 10_000, 100_000)),
    }
    figures: dict[str, Any] = {title: measure() for title, measure in parts.items()}
    claims = [
        Claim(
            f"{title.lower()}: {name.rpartition(',')[0]}, power of size at the end",
            steepest(line),
            "<=",
            STEEPEST,
        )
        for title, lines in figures.items()
        for name, line in lines.items()
    ]
    figures["Pings a second, by workers"] = workers(
        (1, 2) if given.quick else (1, 2, 4, 8), 1_000 if given.quick else 5_000
    )
    publish(claims, figures, as_json=given.json)


if __name__ == "__main__":
    main()
