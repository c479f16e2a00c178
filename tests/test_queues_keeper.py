"""The keeper: orphans, losses, what producers and other tools leave behind; with a clock moved by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from mingus_lib.domain.jobs import JobState
from mingus_lib.queues import admission, lookup
from mingus_lib.queues import keeper as keeping
from mingus_lib.queues.delivery import BEATS, RUNNING, Taken
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.keeper import GRACE_SECONDS, PAGE, SILENCE_SECONDS, Keeper
from mingus_lib.queues.owner import Process, this_host
from tests.runtime_parts import Parts

GONE = Process(this_host(), 2**22 - 1, 1)
ELSEWHERE = Process("another-host.1", 42, 1)


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(parts: Parts, clock: Clock) -> Keeper:
    return parts.keeper(clock=clock)


def a_whole_round(keeper: Keeper) -> None:
    """Ticks until the slow round is through."""
    keeper._slow_at = 0.0
    keeper.tick()
    while keeper.busy:
        keeper.tick()


def taken_by(parts: Parts, process: Process, worker: str = "w", **arguments: Any) -> str:
    """A job in the hands of that process, its attempt begun."""
    job_id = parts.ping(**arguments)
    _, job = parts.delivery.turn(process, worker, "e" * 32, ["cleanup"], None)
    assert isinstance(job, Taken)
    assert job.id == job_id
    spec = new_job("ping", arguments, queue="cleanup")
    parts.ledger.start(replace(spec, id=job_id), worker=worker, now=datetime.now(UTC))
    return job_id


def queued(redis: Any) -> list[str]:
    return [raw.decode() for raw in redis.lrange("rq:queue:cleanup", 0, -1)]


def test_a_dead_process_s_job_goes_back_at_once_and_first(parts: Parts, keeper: Keeper, redis: Any) -> None:
    job_id = taken_by(parts, GONE)
    waiting = parts.ping()
    assert keeper.reap() == 1
    assert queued(redis) == [job_id, waiting]
    assert redis.hlen(RUNNING) == 0
    assert redis.zcard("rq:wip:cleanup") == 0
    assert keeper.reap() == 0


def test_a_cancelled_job_s_deaths_are_counted(parts: Parts, keeper: Keeper) -> None:
    job_id = taken_by(parts, GONE)
    assert parts.ledger.lose(job_id, 1, "killed", datetime.now(UTC)) is JobState.QUEUED
    assert keeper.reap() == 1
    _, job = parts.delivery.turn(GONE, "w", "f" * 32, ["cleanup"], None)
    assert job is not None
    parts.ledger.start(admission.admit(job, parts.keyring.keys).spec, worker="w", now=datetime.now(UTC))
    parts.ledger.request_cancel([job_id])
    assert keeper.reap() == 1
    parts.worker().work()
    ended = parts.job(job_id)
    assert (ended.state, ended.deaths) == (JobState.CANCELLED, 2)
    assert [each.state for each in ended.history] == ["lost", "lost"]


def test_a_living_process_keeps_its_job(parts: Parts, keeper: Keeper, clock: Clock) -> None:
    taken_by(parts, Process.this())
    clock.now += 10 * SILENCE_SECONDS
    assert keeper.reap() == 0


def test_another_host_is_dead_when_it_has_been_silent_for_long(
    parts: Parts, keeper: Keeper, clock: Clock, redis: Any
) -> None:
    job_id = taken_by(parts, ELSEWHERE)
    redis.hset(BEATS, "w", 7)
    assert keeper.reap() == 0
    clock.now += SILENCE_SECONDS - 1
    redis.hset(BEATS, "w", 8)
    assert keeper.reap() == 0
    clock.now += SILENCE_SECONDS - 1
    assert keeper.reap() == 0
    clock.now += 1
    assert keeper.reap() == 1
    assert queued(redis) == [job_id]


def test_an_orphan_that_had_ended_is_settled_as_the_ledger_says(
    parts: Parts, keeper: Keeper, redis: Any
) -> None:
    finished, dead = taken_by(parts, GONE, token="f"), taken_by(parts, GONE, token="d")
    parts.ledger.finish(finished, 1, '"f"', datetime.now(UTC))
    parts.ledger.bury(dead, 1, "x: y", datetime.now(UTC))
    assert keeper.reap() == 2
    assert queued(redis) == []
    assert redis.zscore("rq:finished:cleanup", finished) is not None
    told = lookup.job(redis, "test", finished)
    assert told is not None
    assert (told["state"], told["result"]) == ("finished", "f")
    assert redis.zscore("rq:failed:cleanup", dead) == -1


def test_an_owner_that_is_none_holds_nothing(parts: Parts, keeper: Keeper, redis: Any) -> None:
    redis.hset(RUNNING, "x", "not a token")
    redis.hset(RUNNING, "y", f"{this_host()} {'9' * 5000} 1 w e cleanup")
    redis.hset(RUNNING, "z", f"{ELSEWHERE} w e cleanup")
    redis.hset(BEATS, "w", "9" * 5000)
    assert keeper.reap() == 2
    redis.delete(BEATS)
    redis.hdel(RUNNING, "z")
    assert redis.hlen(RUNNING) == 0


def test_killed_workers_leave_rq_s_lists(parts: Parts, keeper: Keeper, redis: Any) -> None:
    for name, process in (("dead", GONE), ("alive", Process.this())):
        redis.hset(
            f"rq:worker:{name}", mapping={"process": str(process), "queues": "cleanup", "last_heartbeat": "x"}
        )
        redis.sadd("rq:workers", f"rq:worker:{name}")
        redis.sadd("rq:workers:cleanup", f"rq:worker:{name}")
    # Killed on another host, its hash has expired.
    redis.sadd("rq:workers", "rq:worker:expired")
    redis.sadd("rq:workers:cleanup", "rq:worker:expired")
    a_whole_round(keeper)
    assert redis.smembers("rq:workers") == redis.smembers("rq:workers:cleanup") == {b"rq:worker:alive"}


def settle_in(keeper: Keeper, clock: Clock) -> None:
    """Make this Redis known as the one that holds the jobs."""
    a_whole_round(keeper)
    clock.now += GRACE_SECONDS
    a_whole_round(keeper)
    assert keeper.ledger.redis_mark() is not None


def test_after_flushall_everything_open_is_queued_again(
    parts: Parts, keeper: Keeper, clock: Clock, redis: Any
) -> None:
    ended = parts.run(token="x").id
    waiting, later, started = parts.ping(), parts.ping(delay=600), taken_by_first(parts)
    settle_in(keeper, clock)
    redis.flushall()
    a_whole_round(keeper)
    assert waiting in queued(redis)
    assert ended not in queued(redis)
    assert started not in queued(redis), "its worker has not had its say yet"
    assert 590 < redis.zscore("rq:scheduled:cleanup", later) - datetime.now(UTC).timestamp() <= 600
    clock.now += GRACE_SECONDS
    a_whole_round(keeper)
    assert queued(redis).count(started) == queued(redis).count(waiting) == 1
    a_whole_round(keeper)
    assert len(queued(redis)) == 2


def taken_by_first(parts: Parts) -> str:
    """A job on a queue of its own, taken by a process that is gone."""
    job_id = parts.ping("analytics")
    _, job = parts.delivery.turn(GONE, "w", "e" * 32, ["analytics"], None)
    assert job is not None
    spec = new_job("ping", {}, queue="cleanup")
    parts.ledger.start(replace(spec, id=job_id), worker="w", now=datetime.now(UTC))
    parts.store.execute("UPDATE job_runs SET queue = 'cleanup' WHERE id = ?", (job_id,))
    return job_id


def test_a_living_worker_says_after_a_loss_that_it_holds_its_job(
    parts: Parts, keeper: Keeper, clock: Clock, redis: Any
) -> None:
    job_id = parts.ping()
    _, job = parts.delivery.turn(Process.this(), "w", "e" * 32, ["cleanup"], None)
    assert job is not None
    settle_in(keeper, clock)
    redis.flushall()
    assert parts.delivery.beat("w", {"state": "busy"}, 60, job) == (False, True)
    clock.now += GRACE_SECONDS
    a_whole_round(keeper)
    clock.now += GRACE_SECONDS
    a_whole_round(keeper)
    assert queued(redis) == []
    assert redis.hexists(RUNNING, job_id)


def test_what_a_dead_producer_recorded_is_pushed(parts: Parts, keeper: Keeper, redis: Any) -> None:
    spec = new_job("ping", {"token": "late"}, queue="cleanup")
    old = replace(spec, created_at=datetime.now(UTC) - timedelta(minutes=1))
    parts.ledger.record([old])
    a_whole_round(keeper)
    a_whole_round(keeper)
    assert queued(redis) == [old.id]
    parts.worker().work()
    assert parts.job(old.id).result == "late"


def test_jobs_of_tasks_that_no_release_here_has_hold_nothing_back(
    parts: Parts, keeper: Keeper, redis: Any
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    known = replace(new_job("ping", {}, queue="cleanup"), created_at=long_ago)
    strange = [
        replace(
            known,
            id=f"strange-{number}",
            task="of_the_next_release",
            created_at=long_ago - timedelta(hours=1),
        )
        for number in range(PAGE)
    ]
    parts.ledger.record([*strange, known])
    a_whole_round(keeper)
    assert queued(redis) == [known.id]


def test_what_a_living_producer_is_about_to_push_is_left_to_it(
    parts: Parts, keeper: Keeper, redis: Any
) -> None:
    parts.ledger.record([new_job("ping", {}, queue="cleanup")])
    a_whole_round(keeper)
    assert queued(redis) == []


@pytest.mark.parametrize("tool", ["empty", "delete", "cancel"])
def test_what_another_tool_removes_ends_as_cancelled_and_never_comes_back(
    parts: Parts, keeper: Keeper, clock: Clock, redis: Any, tool: str
) -> None:
    from rq.job import Job
    from rq.queue import Queue
    from rq.serializers import JSONSerializer

    removed, kept = parts.ping("analytics"), parts.ping("cleanup")
    settle_in(keeper, clock)
    if tool == "empty":
        queue: Any = Queue("analytics", connection=redis, serializer=JSONSerializer)
        queue.empty()
    else:
        getattr(Job.fetch(removed, connection=redis, serializer=JSONSerializer), tool)()
    for _ in range(3):
        a_whole_round(keeper)
    ended = parts.job(removed)
    assert (ended.state, ended.reason) == (JobState.CANCELLED, "cancelled: removed in Redis")
    assert parts.job(kept).state is JobState.QUEUED
    assert redis.llen("rq:queue:analytics") == 0


def test_due_jobs_move_and_no_worker_s_clock_matters(parts: Parts, keeper: Keeper, redis: Any) -> None:
    due, later = parts.ping(delay=600), parts.ping(delay=600)
    redis.zadd("rq:scheduled:cleanup", {due: redis.time()[0] - 1})
    keeper.tick()
    assert queued(redis) == [due]
    assert redis.zscore("rq:scheduled:cleanup", later) is not None


def test_a_keeper_waits_for_redis_and_goes_on(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    from mingus_lib.errors import RedisUnavailable

    ticks: list[str] = []

    caplog.set_level("INFO")

    class Flaky:
        busy = False
        trouble = ""

        def tick(self) -> None:
            ticks.append("tick")
            if len(ticks) < 3:
                raise RedisUnavailable("away")

    opened: list[Any] = []

    def open_keeper() -> Any:
        opened.append(1)
        return Flaky()

    keeping.keep(open_keeper, lambda _seconds: len(ticks) >= 4)
    assert len(ticks) == 4
    assert len(opened) == 3, "each failure makes it look for Redis afresh"
    assert caplog.messages == ["away; trying again", "all is well again"]


def test_rq_info_counts_what_is_there(parts: Parts, redis: Any) -> None:
    parts.ping()
    parts.run(fail="permanent")
    parts.ping(delay=600)
    rq = str(sys.executable).replace("python", "rq")
    shown = subprocess.run(
        [rq, "info", "--raw", "--url", parts.url], capture_output=True, text=True, check=True
    )
    assert "queue cleanup 0, 0 executing, 1 finished, 1 failed" in shown.stdout


def test_an_orphan_that_waits_for_its_retry_goes_on_waiting(parts: Parts, keeper: Keeper, redis: Any) -> None:
    job_id = taken_by(parts, GONE)
    now = datetime.now(UTC)
    parts.ledger.retry_later(job_id, 1, now + timedelta(hours=1), "busy: later", now)
    assert keeper.reap() == 1
    assert queued(redis) == []
    assert 3500 < redis.zscore("rq:scheduled:cleanup", job_id) - now.timestamp() <= 3601


def test_keys_of_the_wrong_kind_do_not_stop_the_keeper(parts: Parts, keeper: Keeper, redis: Any) -> None:
    job_id = taken_by(parts, GONE)
    redis.set("rq:scheduled:analytics", "x")
    redis.set("rq:finished:analytics", "x")
    redis.set("rq:workers", "x")
    a_whole_round(keeper)
    assert queued(redis) == [job_id]


def test_a_job_run_in_place_is_no_keeper_s_business(
    parts: Parts, keeper: Keeper, clock: Clock, redis: Any
) -> None:
    spec = new_job("ping", {}, queue="cleanup")
    parts.ledger.record([replace(spec, origin="eager")])
    parts.ledger.confirm([spec.id], datetime.now(UTC))
    settle_in(keeper, clock)
    a_whole_round(keeper)
    a_whole_round(keeper)
    assert queued(redis) == []
    assert parts.job(spec.id).state is JobState.QUEUED


def test_an_orphan_that_was_cancelled_is_not_run_again(parts: Parts, keeper: Keeper, redis: Any) -> None:
    job_id = taken_by(parts, GONE)
    parts.ledger.stop(job_id, 1, "cancelled: not wanted", datetime.now(UTC))
    assert keeper.reap() == 1
    assert queued(redis) == []
    assert redis.zscore("rq:canceled:cleanup", job_id) is not None
    assert redis.hlen(RUNNING) == 0


def test_a_job_that_ends_while_the_keeper_looks_keeps_its_end(
    parts: Parts, keeper: Keeper, clock: Clock, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = parts.ping()
    settle_in(keeper, clock)
    redis.delete("rq:queue:cleanup", f"rq:job:{job_id}")
    a_whole_round(keeper)
    second_look = keeper._sweep(keeper._mark())
    next(second_look)
    parts.ledger.cancel([job_id], "not wanted", datetime.now(UTC))
    assert list(second_look) == []
    assert parts.job(job_id).reason == "not wanted"
    assert "removed in Redis" not in caplog.text


class Forgetful(redis_py.Redis):
    """A Redis that is emptied before each look, or evicts what it holds."""

    def get(self, name: Any) -> Any:
        self.delete(name)
        return super().get(name)


def test_a_redis_that_keeps_nothing_is_said_and_ends_no_job(
    parts: Parts, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = parts.ping()
    client = Forgetful.from_url(parts.url)
    keeper = Keeper(client, parts.ledger, parts.keyring.own, "test", clock=clock)
    for _ in range(3):
        a_whole_round(keeper)
    client.close()
    assert "Redis at test lost a key that was just written" in caplog.text
    assert parts.job(job_id).state is JobState.QUEUED
