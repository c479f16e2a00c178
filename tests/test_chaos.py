"""Chaos: workers, their children and keepers killed at random, Redis killed and emptied, while articles come in.

Bounded in the normal run; 3,000 jobs with MINGUS_TEST_CRASH=1 (`make crash`).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from mingus_lib import runtime, settings
from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues import agreement, embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.delivery import Delivery
from mingus_lib.queues.enqueue import new_job
from mingus_lib.runtime import Runtime
from mingus_lib.store.history import JobFilter
from tests.conftest import ROOT, CommandLine, wait_for
from tests.crash_lab import WHOLE
from tests.sites import Reply, Site, Sites
from tests.test_services_ingest import page

JOBS = 3000 if WHOLE else 100
WORKERS = 4
CHUNK = 100
KILLS = 80 if WHOLE else 3
REDIS_KILLS = 6 if WHOLE else 1
FLUSHES = 2 if WHOLE else 1
# A job that is killed three times is dead by rights: no two kills in so short a time.
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 1800.0 if WHOLE else 90.0
SEED = int(os.environ.get("MINGUS_TEST_SEED", "1"))


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@dataclass
class Crew:
    """Four `mingus worker`s, each a supervisor with a keeper, a worker and its child; the dead are replaced."""

    mingus: CommandLine
    log: Path
    queues: Sequence[str] = ("article_processing", "ai_classification")
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)

    def fill(self) -> None:
        """Start as many as are missing."""
        self.running = [each for each in self.running if each.poll() is None]
        while len(self.running) < WORKERS:
            with self.log.open("ab") as stream:
                self.running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "cli", "worker", *(f"--queue={name}" for name in self.queues)],
                        stdin=subprocess.DEVNULL,
                        stdout=stream,
                        stderr=stream,
                        env=self.mingus.environment(),
                        cwd=ROOT,
                    )
                )

    def kill_one(self, dice: random.Random) -> None:
        """KILL or TERM any process of one of them: the supervisor, its keeper, its worker, or the child."""
        tree = list(_tree(dice.choice(self.running).pid))
        level, pid = dice.choice(tree)
        how = dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        with suppress(ProcessLookupError):
            os.kill(pid, how)
            self.killed[f"{how.name} {level}"] += 1

    def stop(self) -> None:
        """Let all of them end."""
        for each in self.running:
            each.terminate()
        for each in self.running:
            each.communicate(timeout=60)


def _tree(pid: int, level: int = 0) -> Iterator[tuple[str, int]]:
    yield ("supervisor", "worker or keeper", "child", "below")[min(level, 3)], pid
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _tree(int(each), level + 1)


def word(number: int) -> str:
    """A word of letters that no other number gets."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:05d}") + "q"


def serve(sites: Sites) -> list[str]:
    """A page for every job, on a few hosts; their addresses."""
    hosts: list[Site] = [sites.add() for _ in range(8)]
    urls = []
    for number in range(JOBS):
        site = hosts[number % len(hosts)]
        site.on(f"/{word(number)}", Reply(page(word(number))))
        urls.append(site.url(f"/{word(number)}"))
    return urls


@dataclass
class Producer:
    """Enqueues a chunk at a time; what was refused is enqueued anew."""

    here: Runtime
    waiting: list[str]
    accepted: dict[str, str] = field(default_factory=dict)

    def next_chunk(self) -> None:
        chunk, self.waiting = self.waiting[:CHUNK], self.waiting[CHUNK:]
        specs = [new_job("process_new_articles", {"urls": [url]}) for url in chunk]
        try:
            ids = self.here.enqueuer.submit(specs)
        except RedisUnavailable:
            self.waiting += chunk
            return
        self.accepted.update(zip(ids, chunk, strict=True))


def schedule(dice: random.Random) -> list[str]:
    """What happens, in which order."""
    events = ["kill"] * KILLS + ["kill redis"] * REDIS_KILLS
    dice.shuffle(events)
    for number in range(FLUSHES):
        events.insert(len(events) * (number + 1) // (FLUSHES + 1), "flush")
    return events


def test_every_article_is_there_once(mingus: CommandLine, sites: Sites, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    mingus.home.mkdir()
    (mingus.home / "mingus.toml").write_text(
        '[tasks.classify_article_batch]\nrate_limit = "off"\n'
        '[tasks.process_new_articles]\nrate_limit = "off"\nbackoff = 1\nretries = 10\n'
    )
    here = runtime.use(Runtime(settings.load({}, mingus.environment())))
    producer = Producer(here, serve(sites))
    crew = Crew(mingus, tmp_path / "log")
    crew.fill()
    try:
        _endure(here, producer, crew, schedule(dice), dice)
    finally:
        crew.stop()
    _check(here, producer, crew)


def _endure(
    here: Runtime, producer: Producer, crew: Crew, events: Sequence[str], dice: random.Random
) -> None:
    begun, left, last = time.monotonic(), list(events), 0.0
    while True:
        if producer.waiting:
            producer.next_chunk()
        done = len(here.history.briefs(JobFilter(states=(JobState.FINISHED,))))
        # Events are spread over the work, not over the time.
        due = left and done >= JOBS * (len(events) - len(left) + 1) / (len(events) + 2)
        if due and time.monotonic() - last >= PAUSE_SECONDS:
            last = time.monotonic()
            _happen(left.pop(0), here.settings.home, crew, dice)
        crew.fill()
        if not producer.waiting and not left and not any(here.ledger.open_pages(1)):
            return
        if time.monotonic() - begun > PATIENCE_SECONDS:
            open_jobs = [str(each) for page in here.ledger.open_pages(500) for each in page]
            pytest.fail(
                f"{done} done, {len(open_jobs)} open: {open_jobs[:3]}\n{crew.log.read_text()[-3000:]}"
            )
        time.sleep(0.05)


def _happen(event: str, home: Path, crew: Crew, dice: random.Random) -> None:
    if event == "kill":
        crew.kill_one(dice)
        return
    crew.killed[event] += 1
    if event == "flush":
        client = connect(embedded.url(home))
        wait_for(lambda: _flushed(client), "a Redis to be emptied")
        client.close()
    else:
        pid = int((home / "redis" / "redis.pid").read_text())
        # Until it is started again, the number may be another process's.
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().startswith("redis"):
                os.kill(pid, signal.SIGKILL)


def _flushed(client: Any) -> bool:
    try:
        return bool(client.flushall())
    except (OSError, RedisError):
        return False


def _check(here: Runtime, producer: Producer, crew: Crew) -> None:
    assert len(producer.accepted) == JOBS
    runs = {job_id: here.history.get(job_id) for job_id in producer.accepted}
    assert Counter(run.state for run in runs.values() if run) == {JobState.FINISHED: JOBS}
    refused = {
        each.id for each in here.history.briefs(JobFilter(task="process_new_articles"))
    } - producer.accepted.keys()
    states = [here.history.get(each) for each in refused]
    assert {(run.state, run.attempts) for run in states if run} <= {(JobState.CANCELLED, 0)}
    titles = Counter(str(row[0]) for row in here.store.rows("SELECT title FROM articles"))
    assert titles == {word(number): 1 for number in range(JOBS)}
    found = agreement.look(Delivery(here.redis, "test"), here.ledger)
    assert found.whole, found
    again = Counter(a.state for run in runs.values() if run for a in run.history if a.state != "finished")
    unexplained = [run for run in runs.values() if run and run.attempts != len(run.history)]
    assert not unexplained, unexplained[:3]
    print(
        f"chaos: {JOBS} jobs, all articles once; {dict(crew.killed)}; runs that failed or were lost: {dict(again)}"
    )
