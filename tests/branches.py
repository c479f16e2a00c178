"""Branch coverage by room, from coverage's JSON report: a table, and exit code 1 where a room falls short.

python -m tests.branches build/coverage/report.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = "mingus_lib"
# Rules, jobs and data: what is wrong here is seen late, or never.
HELD = ("domain", "queues", "store")
LEAST_PERCENT = 90.0


def room_of(path: str) -> str:
    """`mingus_lib/store/slots.py` -> `store`; a module of no room is its own: `runtime.py`."""
    return path.split("/")[path.split("/").index(PACKAGE) + 1]


def by_room(report: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Room -> how many branches and statements there are, and how many were run."""
    rooms: dict[str, Counter[str]] = {}
    for path, each in report["files"].items():
        rooms.setdefault(room_of(path), Counter()).update(each["summary"])
    return rooms


def percent(part: int, whole: int) -> float:
    """100 where there is nothing to run."""
    return 100 * part / whole if whole else 100.0


def main(path: str) -> int:
    """Print the table; 1 if a room of `HELD` is short of `LEAST_PERCENT`."""
    rooms = by_room(json.loads(Path(path).read_text("utf-8")))
    print(f"{'room':<14}{'branches':>10}{'run':>8}{'%':>7}{'statements':>13}{'run':>8}{'%':>7}")
    short = []
    for room, counted in sorted(rooms.items()):
        branches, run = counted["num_branches"], counted["covered_branches"]
        share = percent(run, branches)
        statements, lines = counted["num_statements"], counted["covered_lines"]
        print(
            f"{room:<14}{branches:>10}{run:>8}{share:>7.1f}"
            f"{statements:>13}{lines:>8}{percent(lines, statements):>7.1f}"
        )
        if room in HELD and share < LEAST_PERCENT:
            short.append(room)
    for room in short:
        print(f"{room}: fewer than {LEAST_PERCENT:.0f} of 100 branches are run by the tests", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
