"""What several processes do at the same moment: keepers, workers and operators; and clocks that do not agree."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.arguments import Arguments
from mingus_lib.domain.jobs import JobState
from mingus_lib.queues import agreement, catalog, keeper
from mingus_lib.queues.catalog import Task
from mingus_lib.queues.connection import connect
from mingus_lib.queues.delivery import RUNNING, Delivery, How, Pushed
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.keeper import Keeper
from mingus_lib.queues.names import QUEUES
from mingus_lib.queues.owner import Process
from tests.conftest import wait_for
from tests.crash_lab import WHOLE, ended, fork, impatient_keepers
from tests.runtime_parts import Parts

TRIALS = 200
KEEPERS = 3
DEAD = Process(Process.this().host, 2**22 - 1, 1)


class Start:
    """Processes that wait for one moment to do the same."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def together(self, *do: Callable[[], object]) -> None:
        """Do all of it at once, each in a process of its own."""
        reading, writing = os.pipe()

        def wait_then(what: Callable[[], object]) -> None:
            os.close(writing)
            os.read(reading, 1)
            what()

        pids = [fork(lambda what=what: wait_then(what), self._log) for what in do]  # type: ignore[misc]
        os.close(reading)
        os.close(writing)
        assert [ended(pid) for pid in pids] == [0] * len(pids), self._log.read_text()[-2000:]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return Start(tmp_path / "log")


def take(parts: Parts, owner: Process = DEAD, name: str = "gone") -> str:
    """A job taken by somebody else."""
    _, job = parts.delivery.turn(owner, name, os.urandom(8).hex(), QUEUES, None)
    assert job is not None
    return job.id


def places(redis: Any, job_id: str) -> int:
    """In how many places the job waits or runs."""
    raw = job_id.encode()
    waiting = [
        each
        for queue in QUEUES
        for each in (*redis.lrange(f"rq:queue:{queue}", 0, -1), *redis.zrange(f"rq:scheduled:{queue}", 0, -1))
    ]
    return waiting.count(raw) + bool(redis.hexists(RUNNING, job_id))


def test_three_keepers_at_once_double_nothing(parts: Parts, redis: Any, start: Start) -> None:
    """Orphans, jobs that are due, unconfirmed and forgotten ones: each is queued once."""
    ready, go = os.pipe(), [os.pipe() for _ in range(KEEPERS)]

    def keep(number: int) -> None:
        guard = Keeper(connect(parts.url), parts.ledger, parts.keyring.own, "test")
        while os.read(go[number][0], 1) == b"g":
            for _ in range(2):
                guard.tick()
                while guard.busy:
                    guard.tick()
            os.write(ready[1], b"r")

    with impatient_keepers():
        pids = [fork(lambda n=n: keep(n), parts.folder / "log") for n in range(KEEPERS)]  # type: ignore[misc]
        for trial in range(TRIALS):
            ids = _four_kinds(parts, redis, forget=trial % 10 == 0)
            for _, writing in go:
                os.write(writing, b"g")
            for _ in range(KEEPERS):
                os.read(ready[0], 1)
            assert [places(redis, each) for each in ids] == [1] * len(ids), f"trial {trial}"
            parts.ledger.cancel(ids, "seen", datetime.now(UTC))
            redis.delete(*(f"rq:queue:{queue}" for queue in QUEUES))
    for _, writing in go:
        os.write(writing, b"e")
    assert [ended(pid) for pid in pids] == [0] * KEEPERS, (parts.folder / "log").read_text()[-2000:]


def _four_kinds(parts: Parts, redis: Any, *, forget: bool) -> list[str]:
    orphan = parts.ping()
    take(parts)
    later = parts.ping(delay=3600)
    redis.zadd("rq:scheduled:cleanup", {later: 1})
    spec = new_job("ping", {}, queue="cleanup")
    parts.ledger.record([spec])
    ids = [orphan, later, spec.id]
    if forget:
        ids.append(parts.ping())
        redis.flushall()
    return ids


class Effect(Arguments):
    """`path` to write the begin and the end of each run to."""

    path: str


def effect(path: str) -> None:
    """Write down when a run begins and ends."""
    with Path(path).open("a") as stream:
        for word in ("begin", "end"):
            stream.write(f"{word} {os.getpid()}\n")
            stream.flush()
            time.sleep(0.002)


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that the task `effect` writes to."""
    catalog.load()
    task = Task("effect", f"{__name__}.effect", None, Effect, "Write.", "diagnostics:run")
    monkeypatch.setitem(catalog._tasks, "effect", task)
    yield tmp_path / "effects"


def test_one_job_is_never_in_two_workers_at_once(
    parts: Parts, redis: Any, start: Start, effects: Path
) -> None:
    """Pushed, replayed and reaped while two workers look for it: one run at a time, and one in all."""
    for trial in range(20 if WHOLE else 2):
        (job_id,) = parts.enqueuer.submit([new_job("effect", {"path": str(effects)}, queue="cleanup")])
        redis.rpush("rq:queue:cleanup", job_id, job_id)
        start.together(
            lambda: parts.worker(f"a{os.getpid()}").work(), lambda: parts.worker(f"b{os.getpid()}").work()
        )
        words = [line.split()[0] for line in effects.read_text().splitlines()]
        assert words == ["begin", "end"] * (trial + 1)
        assert parts.job(job_id).attempts == 1
    assert agreement.look(parts.delivery, parts.ledger).whole


def test_a_stopped_worker_whose_job_was_given_away_writes_nothing(
    parts: Parts, redis: Any, effects: Path
) -> None:
    """The fence: a worker that was taken for dead (another host's, silent) comes back and is not believed."""
    (job_id,) = parts.enqueuer.submit([new_job("effect", {"path": str(effects)}, queue="cleanup")])
    away = Process("another.host", 1, 1)
    _, job = parts.delivery.turn(away, "far", "e1", QUEUES, None)
    assert job is not None
    (spec,) = [spec for page in parts.ledger.open_pages(10) for spec, _, _ in page]
    parts.ledger.start(spec, worker="far", now=datetime.now(UTC))
    now = [0.0]
    guard = parts.keeper(clock=lambda: now[0])
    assert guard.reap() == 0
    now[0] = keeper.SILENCE_SECONDS
    assert guard.reap() == 1
    parts.worker().work()
    assert not parts.ledger.finish(job_id, 1, '"late"', datetime.now(UTC))
    assert not parts.delivery.settle(job.raw_id, str(job.owner), How.QUEUED).ours
    assert (parts.job(job_id).result, parts.job(job_id).attempts) == (None, 2)
    assert agreement.look(parts.delivery, parts.ledger).whole


# An operator who requeues, beside workers and keepers.


def dead_job(parts: Parts) -> str:
    return parts.run(fail="permanent").id


def test_a_dead_job_that_is_requeued_once_runs_once_more(parts: Parts) -> None:
    """The keeper pushes the requeued job, it runs and dies; only then its operator's own push arrives."""
    job_id = dead_job(parts)
    specs = parts.ledger.requeue([job_id])
    with impatient_keepers():
        guard = parts.keeper()
        for _ in range(3):
            guard.tick()
    parts.worker().work()
    assert parts.job(job_id).attempts == 2
    assert parts.enqueuer.requeue(specs) == 0
    parts.worker().work()
    assert parts.job(job_id).attempts == 2
    assert agreement.look(parts.delivery, parts.ledger).whole


def test_a_job_requeued_before_redis_knew_its_end_is_not_stuck(parts: Parts, redis: Any) -> None:
    """Dead in the ledger, still running in Redis, requeued, and only then settled as failed."""
    job_id = parts.ping(fail="permanent")
    _, job = parts.delivery.turn(DEAD, "gone", "e1", QUEUES, None)
    assert job is not None
    (spec,) = [spec for page in parts.ledger.open_pages(10) for spec, _, _ in page]
    verdict = parts.ledger.start(spec, worker="gone", now=datetime.now(UTC))
    parts.ledger.bury(job_id, verdict.attempt, "told to fail", datetime.now(UTC))
    assert parts.enqueuer.requeue(parts.ledger.requeue([job_id])) == 0
    assert parts.delivery.settle(job.raw_id, str(job.owner), How.FAILED, 0, "told to fail").ours
    with impatient_keepers():
        guard = parts.keeper()
        for _ in range(4):
            guard.tick()
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [job_id.encode()]
    parts.worker().work()
    assert (parts.job(job_id).state, parts.job(job_id).attempts) == (JobState.DEAD, 2)


@pytest.mark.parametrize("damage", ["token", "no owner", "finished there"])
def test_a_job_that_redis_holds_nowhere_is_pushed_again(parts: Parts, redis: Any, damage: str) -> None:
    """Another client wrote over its owner; or a power cut took the ledger's last commits, not those of Redis."""
    job_id = parts.ping(token="in the end")
    take(parts)
    if damage == "token":
        redis.hset(RUNNING, job_id, "garbage")
    else:
        redis.hdel(RUNNING, job_id)
    if damage == "finished there":
        redis.hset(f"rq:job:{job_id}", "status", "finished")
        redis.expire(f"rq:job:{job_id}", 3600)
    redis.delete("rq:wip:cleanup", "rq:worker:gone:executions")
    with impatient_keepers():
        guard = parts.keeper()
        for _ in range(30):
            guard.tick()
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [job_id.encode()]
    parts.worker().work()
    assert (parts.job(job_id).result, parts.job(job_id).attempts) == ("in the end", 1)
    assert agreement.look(parts.delivery, parts.ledger).whole


# Clocks.


class Shifted(datetime):
    """A wall clock that is wrong."""

    by = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + cls.by


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_unconfirmed_job_is_pushed_whatever_the_clocks_say(parts: Parts, redis: Any, hours: int) -> None:
    spec = new_job("ping", {}, queue="cleanup")
    parts.ledger.record([replace(spec, created_at=spec.created_at + timedelta(hours=hours))])
    now = [100.0]
    guard = parts.keeper(clock=lambda: now[0])
    for _ in range(8):
        guard.tick()
        now[0] += 5.0
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [spec.id.encode()]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_moves_no_job(
    parts: Parts, redis: Any, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Enqueue, work and keep by a clock that is an hour off: due times are Redis' own, nothing is lost or stuck."""
    from mingus_lib.queues import enqueue, worker

    monkeypatch.setattr(Shifted, "by", timedelta(hours=hours))
    for module in (enqueue, worker, keeper):
        monkeypatch.setattr(module, "datetime", Shifted)
    at_once, later, failing = parts.ping(), parts.ping(delay=100), parts.ping(fail="transient")
    orphan = parts.ping()
    redis.lrem("rq:queue:cleanup", 1, orphan)
    redis.lpush("rq:queue:cleanup", orphan)
    assert take(parts) == orphan
    with impatient_keepers():
        guard = parts.keeper()
        for _ in range(4):
            guard.tick()
    parts.worker().work()
    seconds, micro = redis.time()
    due = {raw.decode(): score - seconds - micro / 1e6 for raw, score in _scheduled(redis)}
    assert due.keys() == {later, failing}
    assert 80 < due[later] <= 100
    assert 40 < due[failing] <= 60
    assert {parts.job(each).state for each in (at_once, orphan)} == {JobState.FINISHED}
    assert agreement.look(parts.delivery, parts.ledger).whole


def _scheduled(redis: Any) -> list[tuple[bytes, float]]:
    found: list[tuple[bytes, float]] = redis.zrange("rq:scheduled:cleanup", 0, -1, withscores=True)
    return found


# Times that were promised.


def test_an_orphan_of_this_host_starts_again_within_five_seconds(
    parts: Parts, redis: Any, start: Start
) -> None:
    job_id = parts.ping(seconds=60)
    pids = [fork(lambda n=n: parts.worker(f"w{n}", burst=False).work(), parts.folder / "log") for n in (1, 2)]  # type: ignore[misc]
    stop, going = os.pipe()
    guard = fork(lambda: _keep(parts, stop), parts.folder / "log")
    try:
        wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
        first = str(parts.job(job_id).worker)
        os.kill(pids[int(first[1]) - 1], signal.SIGKILL)
        killed = time.monotonic()
        wait_for(lambda: parts.job(job_id).attempts == 2, "the second start")
        assert time.monotonic() - killed < 5
    finally:
        os.write(going, b"e")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        assert ended(guard) == 0


def _keep(parts: Parts, stop: int) -> None:
    import select

    keeper.keep(
        lambda: Keeper(connect(parts.url), parts.ledger, parts.keyring.own, "test"),
        lambda seconds: bool(select.select([stop], [], [], seconds)[0]),
    )


def test_pushes_tell_what_became_of_them(parts: Parts, redis: Any) -> None:
    from mingus_lib.queues.enqueue import push_of

    spec = new_job("ping", {}, queue="cleanup")
    push = push_of(spec, parts.keyring.own(), 10)
    delivery = Delivery(redis, "test")
    assert delivery.push([push]) == [Pushed.DONE]
    assert delivery.push([push, push._replace(requeue=True)]) == [Pushed.THERE] * 2
    take(parts)
    assert delivery.push([push]) == [Pushed.RUNS]
