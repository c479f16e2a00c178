"""How fast slots are found, beside croniter in the same run.

    python benchmarks/timetable.py [--entries 1000] [--json]

Entries of every kind, in eight time zones, from instants of a whole year. The scheduler keeps the next slot of
each entry, so a search is paid once for each slot, not at each tick.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claims import Claim, publish
from croniter import croniter

from mingus_lib.domain.timetable import CatchUp, Entry, TaskFacts, due, next_slot, slots_back
from mingus_lib.domain.timetable_file import parse

START = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
ZONES = (
    "UTC",
    "America/New_York",
    "America/Santiago",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/London",
    "Africa/Casablanca",
    "Pacific/Chatham",
)
CRONS = (
    "{m} {h} * * *",
    "*/{s} * * * *",
    "{m} * * * *",
    "{m} {h} * * MON-FRI",
    "{m} {h} 1 * *",
    "{m} {h} * * SUN",
)
FOLD = datetime(2026, 10, 25, 1, 0, 30, tzinfo=UTC)
YEAR = timedelta(days=365)
NEXT, PEER = "next slot, mean", "the same by croniter"
RARE = ("0 0 29 2 *", "0 0 */28 2 1", "0 0 * 2 MON#5")


def entries(count: int) -> list[Entry]:
    """So many entries, the same every time."""
    return [
        Entry(
            f"entry-{n}",
            "work",
            cron=CRONS[n % len(CRONS)].format(m=n % 60, h=n % 24, s=n % 29 + 1),
            timezone=ZONES[n % len(ZONES)],
        )
        for n in range(count)
    ]


def milliseconds(work: Callable[[], object]) -> float:
    """The least of three runs."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times) * 1000


def peer(entry: Entry, after: datetime) -> object:
    """croniter's next time."""
    return croniter(entry.cron or "", after.astimezone(ZoneInfo(entry.timezone))).get_next(datetime)


def searches(pairs: list[tuple[Entry, datetime]]) -> dict[str, float]:
    """What one search takes, by kind."""
    fold = Entry("fold", cron="* * * * *", timezone="Antarctica/Troll")
    old = Entry("old", cron="* * * * *", catch_up=CatchUp.ALL)
    rare = {
        f"next slot, {cron}": milliseconds(partial(next_slot, Entry("rare", cron=cron), START))
        for cron in RARE
    }
    return {
        NEXT: milliseconds(lambda: [next_slot(*pair) for pair in pairs]) / len(pairs),
        PEER: milliseconds(lambda: [peer(*pair) for pair in pairs]) / len(pairs),
        "previous slot, mean": milliseconds(lambda: [next(slots_back(*pair)) for pair in pairs]) / len(pairs),
        "next slot, each minute, in two hours that come twice": milliseconds(partial(next_slot, fold, FOLD)),
        "due, each minute, after ten years": milliseconds(partial(due, old, START, START + 10 * YEAR)),
        **rare,
    }


def reading(all_entries: list[Entry]) -> float:
    """What reading a file of all these takes."""
    text = "".join(
        f'[{e.name}]\ntask = "work"\ncron = "{e.cron}"\ntimezone = "{e.timezone}"\n' for e in all_entries
    )
    facts = {"work": TaskFacts("cleanup", 600, len)}
    return milliseconds(lambda: parse(text, facts, queues=("cleanup",), source="schedules.toml"))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description="How fast slots are found.")
    options.add_argument("--entries", type=int, default=1000)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    all_entries = entries(chosen.entries)
    each = searches([(entry, START + YEAR / chosen.entries * n) for n, entry in enumerate(all_entries)])
    whole = {"read the file": reading(all_entries)}
    claims = [
        Claim(NEXT, each[NEXT], "<", 1, " ms"),
        Claim("next slot beside croniter", each[NEXT] / each[PEER], "<", 1),
        Claim("the slowest search", max(each.values()), "<", 50, " ms"),
    ]
    figures = {"milliseconds each": each, f"milliseconds, {chosen.entries} entries": whole}
    publish(claims, figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
