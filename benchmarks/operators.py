"""The operator's commands with 100,000 jobs in Redis and a million in the ledger, beside the same on an empty library.

    python benchmarks/operators.py [--jobs 1000000] [--open 100000] [--runs 9] [--json]

Every command runs once in each round on either library in turn, so that other load on the machine falls on both.
Wall time from the start of the process to its end, medians over the rounds. `top` runs for ten seconds on a
pseudo-terminal; its share of a core is its own processor time. `--help` stands beside `rq --help`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
from claims import Claim, publish

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.names import QUEUES

TASKS = ("process_new_articles", "reprocess_article", "ping")
COMMANDS = (
    "status",
    "status --json",
    "queues",
    "health",
    "jobs --state dead --task ping",
    "jobs --state dead --task reprocess_article --error http-503",
)
TOP_SECONDS = 10.0
BATCH = 20_000
_ROW = """
INSERT INTO job_runs (id, task, queue, args, state, origin, created_at, confirmed_at, started_at, ended_at, attempts,
  tries, worker, result, reason, scheduled_for) VALUES (?, ?, ?, ?, ?, 'cli', ?, ?, ?, ?, 1, 1, 'ada.1.1', ?, ?, ?)
"""


def fill_ledger(path: Path, jobs: int, opened: int) -> None:
    """Rows made up: `opened` open ones, one in fifty of the others dead, the rest finished."""
    chance = random.Random(1)
    begun = datetime.now(UTC) - timedelta(days=30)
    step = timedelta(days=30) / jobs
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    for first in range(0, jobs, BATCH):
        connection.execute("BEGIN")
        connection.executemany(
            _ROW,
            [
                _row(n, jobs - opened, begun + n * step, chance)
                for n in range(first, min(first + BATCH, jobs))
            ],
        )
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _row(number: int, closed: int, moment: datetime, chance: random.Random) -> tuple[Any, ...]:
    at = moment.isoformat(timespec="microseconds")
    task, queue = TASKS[number % 3], QUEUES[number % 6]
    args = json.dumps({"urls": [f"https://host{number % 977}.example/{number}"]})
    common = (f"{number:016x}", task, queue, args)
    if number >= closed:
        state = "scheduled" if number % 5 == 0 else "queued"
        return (*common, state, at, at, None, None, None, None, at if state == "scheduled" else None)
    if chance.random() < 0.02:
        reason = chance.choice(
            ("http-503: the server answered 503", "bug: KeyError: 'x'", "gave-up: after 4 attempts")
        )
        return (*common, "dead", at, at, at, at, None, reason, None)
    return (*common, "finished", at, at, at, at, "{}", None, None)


def fill_redis(home: Path, jobs: int, opened: int) -> None:
    """The open jobs of the ledger as RQ keeps them, without the parts that only workers read."""
    client = connect(embedded.url(home))
    now = datetime.now(UTC)
    for first in range(jobs - opened, jobs, BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number in range(first, min(first + BATCH, jobs)):
                job_id, queue, waits = f"{number:016x}", QUEUES[number % 6], number % 5 == 0
                known: dict[Any, Any] = {
                    "status": "scheduled" if waits else "queued",
                    "origin": queue,
                    "enqueued_at": now.isoformat(),
                }
                pipeline.hset(f"rq:job:{job_id}", mapping=known)
                if waits:
                    pipeline.zadd(f"rq:scheduled:{queue}", {job_id: now.timestamp() + 86_400})
                else:
                    pipeline.rpush(f"rq:queue:{queue}", job_id)
            pipeline.execute()
    client.close()


@contextlib.contextmanager
def library(jobs: int, opened: int) -> Iterator[dict[str, str]]:
    """A library with so many jobs, its Redis up, and a worker of no queue that has jobs: nothing moves."""
    with processes.library(health_max_age="1d") as environment:
        home = Path(environment["MINGUS_HOME"])
        processes.run(environment, "db", "migrate")
        processes.run(environment, "queues")
        if jobs:
            fill_ledger(home / "mingus.db", jobs, opened)
        embedded.ensure_running(home)
        if jobs:
            fill_redis(home, jobs, opened)
        yield environment


def take_turns(big: dict[str, str], empty: dict[str, str], rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds of every command on the full and on the empty library."""
    times: dict[str, tuple[list[float], list[float]]] = {line: ([], []) for line in COMMANDS}
    for number in range(rounds + 1):
        for line in COMMANDS:
            for environment, taken in zip((big, empty), times[line], strict=True):
                seconds = _timed([processes.script("mingus"), *line.split()], environment)
                if number:
                    taken.append(seconds)
    return {line: (statistics.median(full), statistics.median(none)) for line, (full, none) in times.items()}


def _timed(command: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return time.perf_counter() - begun


def help_beside_peer(environment: dict[str, str], rounds: int) -> tuple[float, float]:
    """Median seconds of `mingus --help` and `rq --help`, in turn."""
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(_timed([processes.script("mingus"), "--help"], environment))
        peer.append(_timed([processes.script("rq"), "--help"], environment))
    return statistics.median(ours), statistics.median(peer)


def top_share(environment: dict[str, str]) -> float:
    """The share of a core that `mingus top` takes, in percent, once it is up."""
    ours, theirs = pty.openpty()
    command = [processes.script("mingus"), "top"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm"}
    )
    threading.Thread(target=_read_away, args=(ours,), daemon=True).start()
    time.sleep(2)
    before = _processor_seconds(process.pid)
    time.sleep(TOP_SECONDS)
    share = (_processor_seconds(process.pid) - before) / TOP_SECONDS
    process.send_signal(signal.SIGTERM)
    process.wait()
    os.close(theirs)
    return 100 * share


def _read_away(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(descriptor, 65_536):
            pass


def _processor_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with library(given.jobs, given.open) as big, library(0, 0) as empty:
        medians = take_turns(big, empty, given.runs)
        ours, peer = help_beside_peer(empty, given.runs)
        share = top_share(big)
    claims = [
        Claim(f"mingus {line}: full / empty", full / none, "<", 1.5, " x")
        for line, (full, none) in medians.items()
    ]
    claims += [
        Claim("mingus health, full", medians["health"][0], "<", 0.3, " s"),
        Claim("mingus top, share of a core", share, "<", 5.0, " %"),
        Claim("mingus --help / rq --help", ours / peer, "<=", 1.0, " x"),
    ]
    figures = {
        "seconds, full library": {line: full for line, (full, _) in medians.items()},
        "seconds, empty library": {line: none for line, (_, none) in medians.items()},
        "seconds, help": {"mingus --help": ours, "rq --help": peer},
    }
    publish(claims, figures, as_json=given.json)


if __name__ == "__main__":
    main()
