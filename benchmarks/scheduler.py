"""What a scheduler costs and how punctual it is.

    python benchmarks/scheduler.py [--entries 1000] [--idle 30] [--json]

A store and a private Redis of its own. The ticks run in this process: one with nothing due, then those of a minute
at which every entry is due, each of which takes a part. Idle CPU and lateness are those of real processes: a
`mingus scheduler` with the same entries, and `mingus up` with an entry of every minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
from claims import Claim, publish
from psutil import Process

from mingus_lib import settings
from mingus_lib.queues import embedded
from mingus_lib.runtime import Runtime
from mingus_lib.services.timekeeping import Timekeeper

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
QUIET, BUSY = "tick, nothing due", "tick, its part of the entries due"


def timetable(count: int) -> str:
    """So many entries, all of them due at noon."""
    return "".join(
        f'[entry-{n}]\ntask = "ping"\nqueue = "cleanup"\ncron = "0 * * * *"\n' for n in range(count)
    )


def ticks(count: int) -> dict[str, Any]:
    """Milliseconds of ticks."""
    with tempfile.TemporaryDirectory() as folder:
        here = Runtime(settings.load({"home": folder}, {}))
        file = Path(folder) / "schedules.toml"
        file.write_text(timetable(count))
        moment = [NOON - timedelta(seconds=30)]
        keeper = Timekeeper(lambda: file, here.slots, here.schedulers_enqueuer, lambda: moment[0])
        fence = here.slots.lead()
        here.redis.ping()
        keeper.tick(fence)
        quiet = [_timed(keeper, fence)[0] for _ in range(20)]
        moment[0] = NOON
        busy: list[float] = []
        while len(busy) < count:
            taken, pause = _timed(keeper, fence)
            busy.append(taken)
            if pause:
                break
        here.close()
        embedded.stop(Path(folder))
    return {
        QUIET: statistics.median(quiet),
        f"{BUSY}, slowest of {len(busy)}": max(busy),
        "all entries, at one minute": sum(busy),
    }


def _timed(keeper: Timekeeper, fence: int) -> tuple[float, float]:
    begun = time.perf_counter()
    pause = keeper.tick(fence)
    return (time.perf_counter() - begun) * 1000, pause


def idle(count: int, seconds: float) -> float:
    """The share of a core, in percent, that an idle scheduler takes."""
    with processes.library() as environment:
        home = Path(environment["MINGUS_HOME"])
        (home / "schedules.toml").write_text(timetable(count).replace("0 * * * *", "0 0 1 1 *"))
        with subprocess.Popen([processes.script("mingus"), "scheduler"], env=environment) as process:
            time.sleep(5)
            watched = Process(process.pid)
            before = sum(watched.cpu_times()[:2])
            time.sleep(seconds)
            used = sum(watched.cpu_times()[:2]) - before
            process.terminate()
    return used / seconds * 100


def lateness(minutes: int = 2) -> list[float]:
    """Seconds from slots to the starts of their jobs."""
    with processes.library() as environment:
        home = Path(environment["MINGUS_HOME"])
        entry = '[tick]\ntask = "ping"\nqueue = "cleanup"\ncron = "* * * * *"\n'
        (home / "schedules.toml").write_text(entry)
        late = []
        with subprocess.Popen(
            [processes.script("mingus"), "up", "--loglevel", "error"], env=environment
        ) as up:
            for _ in range(minutes):
                time.sleep(60.5 - time.time() % 60)
                last = json.loads(processes.run(environment, "schedule", "list", "--json"))[0]["last"]
                late += [last["lag_seconds"]] if last else []
            up.terminate()
    return late


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--entries", type=int, default=1000)
    options.add_argument("--idle", type=float, default=30, help="seconds to watch an idle scheduler")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    taken = ticks(chosen.entries)
    share = idle(chosen.entries, chosen.idle)
    late = lateness()
    claims = [
        Claim("slowest tick", max(value for name, value in taken.items() if "tick" in name), "<", 50, " ms"),
        Claim("idle, of a core", share, "<", 0.5, " %"),
        Claim("a slot's job starts late by", max(late, default=float("inf")), "<", 1.5, " s"),
    ]
    figures = {f"{chosen.entries} entries, milliseconds": taken, "real": {"idle, %": share, "late, s": late}}
    publish(claims, figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
