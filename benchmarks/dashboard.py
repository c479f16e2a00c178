"""The dashboard over a large library: how long each page takes, beside the same page over an empty one.

    python benchmarks/dashboard.py [--jobs 1000000] [--queued 100000] [--rounds 40] [--json]

The history is written straight into the ledger, over thirty days, all tasks, with a hundredth dead; what is queued
is in Redis too. Pages are asked one after the other over HTTP, as a browser does; the figure is the 95th percentile.
Beside it stands the server's own CPU time a page, which other work on the machine does not change.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
import psutil
import requests
from claims import Claim, publish

LIMIT_SECONDS = 0.15
DAYS = 30
PAGES = (
    "/",
    "/jobs",
    "/jobs?state=dead&task=ping",
    "/jobs?state=finished",
    "/jobs?text=http-503",
    "/jobs?text=no+job+has+this",
    "/jobs?state=dead&text=no+job+has+this",
    "/tasks",
    "/tasks/ping",
    "/workers",
    "/articles",
    "/health",
    "/metrics",
    "/rq/0/data/queues.json",
    "/rq/0/data/jobs/cleanup/queued/8/dsc/1.json",
)
WARM_UP = 8
Figures = dict[str, float]
Rows = Iterator[tuple[Any, ...]]


def history(jobs: int, queued: int) -> Rows:
    """Rows of job_runs, the oldest first."""
    from mingus_lib.queues import catalog

    tasks, chance, now = list(catalog.load().values()), random.Random(1), datetime.now(UTC)
    for number in range(jobs):
        task, state = tasks[number % len(tasks)], "dead" if number % 97 == 0 else "finished"
        created = now - timedelta(days=DAYS) * ((jobs - number) / jobs)
        started = created + timedelta(seconds=chance.random())
        ended = started + timedelta(seconds=chance.lognormvariate(0, 1.2))
        arguments = json.dumps({"urls": [f"https://example.com/articles/{chance.getrandbits(32)}"] * 3})
        common = (f"{chance.getrandbits(64):016x}", task.name, task.queue or "cleanup", arguments)
        if number >= jobs - queued:
            yield (*common, "queued", created.isoformat(), None, None, None, 0)
        else:
            reason = "http-503: it answered 503" if state == "dead" else None
            yield (*common, state, created.isoformat(), started.isoformat(), ended.isoformat(), reason, 1)


def fill(environment: dict[str, str], jobs: int, queued: int) -> None:
    """Write the history, and push what is queued."""
    from mingus_lib import runtime, settings

    here = runtime.Runtime(settings.load(env=environment))
    with here.store.transaction() as connection:
        connection.executemany(
            "INSERT INTO job_runs (id, task, queue, args, state, created_at, confirmed_at, started_at, ended_at, "
            "reason, attempts, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, 'cli')",
            history(jobs, queued),
        )
        connection.execute(
            "INSERT INTO job_attempts (job_id, attempt, started_at, ended_at, state, reason) "
            "SELECT id, 1, started_at, ended_at, state, reason FROM job_runs WHERE ended_at IS NOT NULL"
        )
    for page in here.ledger.open_pages(500):
        here.enqueuer.requeue([spec for spec, _, _ in page])
    here.close()


@contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """`mingus dashboard` over the library; its address and process."""
    command = [sys.executable, "-m", "cli", "dashboard", "--port", "0"]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, env=environment, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr.readline().split()[-1].rstrip("/"), psutil.Process(process.pid)
        process.send_signal(signal.SIGTERM)


def times(base: str, server: psutil.Process, rounds: int) -> tuple[Figures, Figures]:
    """The 95th percentile and the mean CPU time of each page, in seconds, without the first rounds."""
    session = requests.Session()
    taken: dict[str, list[float]] = {page: [] for page in PAGES}
    cpu = dict.fromkeys(PAGES, 0.0)
    for number in range(rounds + WARM_UP):
        for page in PAGES:
            before, begun = sum(server.cpu_times()[:2]), time.perf_counter()
            answer = session.get(base + page, timeout=60)
            if number >= WARM_UP:
                taken[page].append(time.perf_counter() - begun)
                cpu[page] += sum(server.cpu_times()[:2]) - before
            assert answer.status_code in (200, 503), f"{page}: {answer.status_code}"
    p95 = {page: statistics.quantiles(found, n=20)[-1] for page, found in taken.items()}
    return p95, {page: spent / rounds for page, spent in cpu.items()}


def measure(jobs: int, queued: int, rounds: int) -> tuple[Figures, Figures]:
    """Every page over a library of that size."""
    with processes.library() as environment:
        fill(environment, jobs, queued)
        with served({**os.environ, **environment}) as (base, server):
            return times(base, server, rounds)


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    empty, _ = measure(0, 0, told.rounds)
    full, cpu = measure(told.jobs, told.queued, told.rounds)
    claims = [Claim(f"p95 of {page}", 1000 * full[page], "<", 1000 * LIMIT_SECONDS, " ms") for page in PAGES]
    figures = {
        "p95 over an empty library, s": empty,
        f"p95 over {told.jobs:,} jobs, s": full,
        f"CPU of the server a page over {told.jobs:,} jobs, s": cpu,
    }
    publish(claims, figures, as_json=told.json)


if __name__ == "__main__":
    main()
