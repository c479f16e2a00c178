"""Workers on a real Redis: every ending of a job, told in the ledger and in RQ's own registries."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rq.job import Job
from rq.registry import CanceledJobRegistry, FailedJobRegistry, FinishedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker import Worker

from jobs.arguments import Arguments
from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import DependencyDown, TransientError
from mingus_lib.queues import catalog, context, embedded, lookup, signing
from mingus_lib.queues.child import throttled
from mingus_lib.queues.connection import connect
from mingus_lib.queues.delivery import RUNNING
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.owner import WORD, start_time
from mingus_lib.queues.turns import Doing
from mingus_lib.queues.worker import worker_name
from tests.conftest import wait_for
from tests.crash_lab import impatient_keepers
from tests.runtime_parts import Parts


def registry(kind: Any, redis: Any, queue: str = "cleanup") -> list[str]:
    found: list[str] = kind(queue, connection=redis, serializer=JSONSerializer).get_job_ids(cleanup=False)
    return found


def test_a_job_finishes_with_its_result(parts: Parts, redis: Any) -> None:
    ended = parts.run(token="hello")
    assert (ended.state, ended.result, ended.attempts) == (JobState.FINISHED, "hello", 1)
    assert ended.worker == "tester"
    seen = Job.fetch(ended.id, connection=redis, serializer=JSONSerializer)
    assert (seen.get_status().value, seen.return_value()) == ("finished", "hello")
    assert registry(FinishedJobRegistry, redis) == [ended.id]


def test_nothing_is_left_behind(parts: Parts, redis: Any) -> None:
    ended = parts.run(token="x")
    left = {key.decode() for key in redis.keys("*")}
    assert left == {
        f"rq:job:{ended.id}", f"rq:results:{ended.id}", "rq:finished:cleanup", "rq:queues",
        "rq:worker:tester",
    }  # fmt: skip
    assert 3500 < redis.ttl(f"rq:job:{ended.id}") <= 3600


def test_a_permanent_error_goes_to_the_dead_letters(parts: Parts, redis: Any) -> None:
    ended = parts.run(fail="permanent")
    assert (ended.state, ended.reason, ended.traceback) == (JobState.DEAD, "ping: told to fail", None)
    assert registry(FailedJobRegistry, redis) == [ended.id]
    assert redis.ttl(f"rq:job:{ended.id}") == -1


def test_a_transient_error_waits_for_its_next_attempt(parts: Parts, redis: Any) -> None:
    waiting = parts.run(fail="transient")
    assert (waiting.state, waiting.attempts) == (JobState.SCHEDULED, 1)
    assert waiting.history[0].reason == "ping: told to fail for now"
    due = redis.zscore("rq:scheduled:cleanup", waiting.id)
    assert 50 < due - datetime.now(UTC).timestamp() <= 60


def test_after_the_last_attempt_it_is_dead(parts: Parts, redis: Any) -> None:
    job_id = parts.run(fail="transient").id
    for _ in range(3):
        redis.zadd("rq:scheduled:cleanup", {job_id: 1})
        assert parts.delivery.move_due() == 1
        parts.worker().work()
    ended = parts.job(job_id)
    assert (ended.state, ended.attempts) == (JobState.DEAD, 4)
    assert str(ended.reason).startswith("gave-up: after 4 attempts")


def test_a_job_that_kills_its_process_is_run_again_and_dead_the_third_time(parts: Parts, redis: Any) -> None:
    ended = parts.run(fail="crash")
    assert (ended.state, ended.attempts, ended.deaths) == (JobState.DEAD, 3, 3)
    assert ended.reason == (
        "killed-its-worker: 3 times, the last time killed: its process ended with signal SIGKILL"
    )
    assert [attempt.state for attempt in ended.history] == ["lost", "lost", "lost"]
    assert registry(FailedJobRegistry, redis) == [ended.id]


def test_a_cancelled_job_is_not_run(parts: Parts, redis: Any) -> None:
    job_id = parts.ping()
    parts.ledger.cancel([job_id], "not wanted", datetime.now(UTC))
    parts.worker().work()
    ended = parts.job(job_id)
    assert (ended.state, ended.attempts) == (JobState.CANCELLED, 0)
    assert registry(CanceledJobRegistry, redis) == [job_id]


def test_a_job_that_has_ended_keeps_its_end(parts: Parts) -> None:
    ended = parts.run(token="kept")
    assert not parts.ledger.bury(ended.id, 1, "killed: too late", datetime.now(UTC))
    again = parts.job(ended.id)
    assert (again.state, again.result, again.reason) == (JobState.FINISHED, "kept", None)


def test_attempts_of_an_earlier_job_count(parts: Parts) -> None:
    ended = parts.run(fail="transient", attempts=3)
    assert (ended.state, ended.attempts) == (JobState.DEAD, 4)


def test_the_soft_limit_is_not_swallowed_and_is_tried_again(parts: Parts, limits: Any) -> None:
    limits(ping={"soft": 1})
    waiting = parts.run(seconds=5)
    assert waiting.state is JobState.SCHEDULED
    assert waiting.reason == "soft-limit: it ran longer than 1 s"


@pytest.fixture
def limits() -> Any:
    """Changes limits of tasks, for one test."""
    tasks = dict(catalog.load())
    yield lambda **changes: catalog.configure(changes)
    catalog._tasks.update(tasks)


def test_the_hard_limit_kills(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    task = catalog.find("ping")
    monkeypatch.setitem(catalog._tasks, "ping", dataclasses.replace(task, soft=500, hard=1))
    begun = time.monotonic()
    waiting = parts.run(seconds=30)
    assert time.monotonic() - begun < 10
    assert waiting.state is JobState.SCHEDULED
    assert waiting.reason == "hard-limit: it ran longer than 1 s"


def test_a_runaway_is_stopped_by_its_memory(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    task = catalog.find("ping")
    monkeypatch.setitem(catalog._tasks, "ping", dataclasses.replace(task, memory=1_000_000))
    ended = parts.run(seconds=30)
    assert (ended.state, ended.reason) == (JobState.DEAD, "memory-limit: it used more than 1 MB")


def test_a_child_is_replaced_after_so_many_jobs(parts: Parts) -> None:
    ids = [parts.ping(token=str(n)) for n in range(5)]
    worker = parts.worker(jobs_per_child=2)
    worker.work()
    assert [parts.job(each).result for each in ids] == ["0", "1", "2", "3", "4"]
    assert worker.recycled == "it has run 2 jobs"


def test_a_child_is_replaced_for_its_memory(parts: Parts) -> None:
    ids = [parts.ping(token=str(n)) for n in range(2)]
    worker = parts.worker(child_memory=1_000_000)
    worker.work()
    assert [parts.job(each).state for each in ids] == [JobState.FINISHED] * 2
    assert "MB between two jobs" in worker.recycled


def test_max_jobs_ends_a_worker_in_time(parts: Parts, redis: Any) -> None:
    ids = [parts.ping() for _ in range(3)]
    parts.worker(burst=False, max_jobs=2).work()
    assert [parts.job(each).state for each in ids] == [JobState.FINISHED, JobState.FINISHED, JobState.QUEUED]
    assert redis.hlen(RUNNING) == 0


def test_queues_are_served_in_the_order_given(parts: Parts) -> None:
    later, first = parts.ping("cleanup"), parts.ping("analytics")
    parts.worker().work()
    assert str(parts.job(first).started_at) < str(parts.job(later).started_at)


def test_fair_takes_queues_in_turn(parts: Parts) -> None:
    many = [parts.ping("analytics") for _ in range(3)]
    one = parts.ping("cleanup")
    parts.worker(fair=True).work()
    assert str(parts.job(one).started_at) < str(parts.job(many[1]).started_at)


def test_a_suspended_redis_gives_nothing(parts: Parts, redis: Any) -> None:
    job_id = parts.ping()
    redis.set("rq:suspended", 1)
    parts.worker().work()
    assert parts.job(job_id).state is JobState.QUEUED


def in_background(worker: Any) -> threading.Thread:
    """Run a worker's loop in a thread; signals are delivered to it by hand."""
    from contextlib import nullcontext

    worker.attention.listening = nullcontext
    thread = threading.Thread(target=worker.work, daemon=True)
    thread.start()
    return thread


def stop(worker: Any, times: int = 1) -> None:
    for _ in range(times):
        worker.attention.note_signal(signal.SIGTERM, None)
    worker.attention.wake()


def test_the_first_signal_lets_the_job_end(parts: Parts) -> None:
    job_id = parts.ping(seconds=0.5, token="done")
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    stop(worker)
    thread.join(20)
    assert parts.job(job_id).result == "done"


def test_the_second_signal_puts_the_job_back_without_an_attempt(parts: Parts, redis: Any) -> None:
    job_id = parts.ping(seconds=60)
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    stop(worker, times=2)
    thread.join(20)
    waiting = parts.job(job_id)
    assert (waiting.state, waiting.attempts, waiting.history) == (JobState.QUEUED, 0, ())
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [job_id.encode()]


def test_a_job_is_cancelled_while_it_runs(parts: Parts, redis: Any) -> None:
    job_id = parts.ping(seconds=60)
    worker = parts.worker()
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    assert parts.ledger.request_cancel([job_id]) == 1
    thread.join(20)
    assert parts.job(job_id).state is JobState.CANCELLED
    assert registry(CanceledJobRegistry, redis) == [job_id]


def test_rq_s_stop_command_cancels(parts: Parts, redis: Any) -> None:
    from rq.command import send_stop_job_command

    job_id = parts.ping(seconds=60)
    thread = in_background(parts.worker())
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    send_stop_job_command(redis, job_id, serializer=JSONSerializer)
    thread.join(20)
    assert parts.job(job_id).state is JobState.CANCELLED


def test_rq_s_command_stops_one_execution_and_no_other(parts: Parts, redis: Any) -> None:
    from rq.command import send_command, send_stop_execution_command

    job_id = parts.ping(seconds=60)
    worker = parts.worker()
    thread = in_background(worker)
    wait_for(lambda: worker.held is not None, "the start")
    send_command(redis, "tester", "stop-execution", job_id=job_id, execution_id="another")
    assert worker.held is not None
    send_stop_execution_command(redis, job_id, worker.held.owner.execution)
    thread.join(20)
    assert parts.job(job_id).state is JobState.CANCELLED


def test_a_stop_that_comes_late_leaves_the_next_job_alone(parts: Parts) -> None:
    first, second = parts.ping(token="first"), parts.ping(token="second")
    worker = parts.worker(burst=False, max_jobs=2)
    began = worker._feed

    def feed(run: Any) -> None:
        began(run)
        if run.job.id == second:
            # As RQ's thread does for the first job, having compared its id a moment ago.
            worker._stopped_job_id = first
            worker.kill_horse()

    worker._feed = feed  # type: ignore[method-assign]
    worker.work()
    assert (parts.job(second).result, parts.job(second).deaths) == ("second", 0)


def test_a_command_that_is_none_is_ignored(parts: Parts, redis: Any) -> None:
    from rq.command import send_command

    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: redis.pubsub_numsub("rq:pubsub:tester")[0][1], "the subscription")
    redis.publish("rq:pubsub:tester", b"\xff{not json")
    redis.publish("rq:pubsub:tester", b"[]")
    redis.publish("rq:pubsub:tester", b"[" * 100_000)
    job_id = parts.ping(seconds=60)
    wait_for(lambda: worker.held is not None, "the start")
    send_command(redis, "tester", "stop-job", job_id=job_id)
    wait_for(lambda: parts.job(job_id).state is JobState.CANCELLED, "the command that is one")
    stop(worker)
    thread.join(20)


def test_rq_sees_the_worker_and_its_job(parts: Parts, redis: Any) -> None:
    job_id = parts.ping(seconds=60)
    worker = parts.worker()
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    (seen,) = Worker.all(connection=redis)
    assert (seen.name, seen.get_state(), seen.pid) == ("tester", "busy", os.getpid())
    assert seen.get_current_job_id() == job_id
    stop(worker, times=2)
    thread.join(20)
    assert Worker.all(connection=redis) == []


def test_an_enqueue_wakes_an_idle_worker(parts: Parts, redis: Any) -> None:
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: redis.pubsub_numsub("mingus:wake")[0][1], "the subscription")
    job_id = parts.ping(token="quick")
    wait_for(lambda: parts.job(job_id).result == "quick", "the job")
    run = parts.job(job_id)
    stop(worker)
    thread.join(20)
    taken = datetime.fromisoformat(str(run.started_at)) - datetime.fromisoformat(run.created_at)
    assert taken.total_seconds() < 0.9, "it waited for the poll"


# What may not run.


def push_raw(redis: Any, job_id: str, queue: str = "cleanup", **fields: Any) -> None:
    redis.hset(f"rq:job:{job_id}", mapping={"status": "queued", "origin": queue, **fields})
    redis.rpush(f"rq:queue:{queue}", job_id)


def test_an_unsigned_job_of_rq_s_own_is_refused_and_no_requeue_runs_it(
    parts: Parts, redis: Any, tmp_path: Any
) -> None:
    from rq.queue import Queue

    proof = tmp_path / "called"
    job = Queue("cleanup", connection=redis, serializer=JSONSerializer).enqueue("os.mkdir", str(proof))
    parts.worker().work()
    assert registry(FailedJobRegistry, redis) == [job.id]
    assert parts.job(job.id).reason == "refused: it is not signed"
    job.requeue()
    parts.worker().work()
    assert not proof.exists()
    assert parts.job(job.id).attempts == 0


@pytest.mark.parametrize("change", ["data", "queue", "sig", "id"])
def test_an_altered_job_is_refused(parts: Parts, redis: Any, change: str) -> None:
    job_id = parts.ping(token="original")
    fields = redis.hgetall(f"rq:job:{job_id}")
    queue = "cleanup"
    if change == "data":
        redis.hset(
            f"rq:job:{job_id}", "data", json.dumps(["jobs.diagnostics.ping", None, [], {"token": "x"}])
        )
    elif change == "sig":
        redis.hset(f"rq:job:{job_id}", "sig", "garbage")
    elif change == "queue":
        redis.delete("rq:queue:cleanup")
        redis.rpush("rq:queue:analytics", job_id)
        queue = "analytics"
    else:
        redis.delete("rq:queue:cleanup")
        push_raw(redis, "another", **{name.decode(): value for name, value in fields.items()})
        job_id = "another"
    parts.worker().work()
    ended = parts.job(job_id)
    assert ended.state is JobState.DEAD
    assert str(ended.reason).startswith("refused: ")
    assert ended.attempts == 0
    assert registry(FailedJobRegistry, redis, queue) == [job_id]


def test_an_unsigned_job_that_the_ledger_knows_runs_as_the_ledger_has_it(parts: Parts, redis: Any) -> None:
    """Jobs of a release that did not sign; what stands in Redis under their ids is not believed."""
    job_id = parts.ping(token="original")
    forged = json.dumps(["jobs.diagnostics.ping", None, [], {"token": "forged"}])
    redis.hset(f"rq:job:{job_id}", "data", forged)
    redis.hdel(f"rq:job:{job_id}", "sig")
    parts.worker().work()
    assert (parts.job(job_id).state, redis.exists(f"rq:job:{job_id}")) == (JobState.QUEUED, 0)
    with impatient_keepers():
        keeper = parts.keeper()
        keeper.tick()
        wait_for(lambda: redis.exists(f"rq:job:{job_id}") or keeper.tick(), "the keeper to push it")  # type: ignore[func-returns-value]
    parts.worker().work()
    assert (parts.job(job_id).result, parts.job(job_id).attempts) == ("original", 1)


def test_a_revoked_key_s_jobs_are_refused(parts: Parts) -> None:
    job_id = parts.ping()
    parts.keyring.revoke("local")
    parts.worker().work()
    assert parts.job(job_id).reason == "refused: signed by the key 'local', which was revoked"


def test_a_key_without_the_permission_is_refused(parts: Parts, redis: Any) -> None:
    key = parts.keyring.add("feeder", ["articles:write"])
    data = json.dumps(["jobs.diagnostics.ping", None, [], {}]).encode()
    push_raw(redis, "foreign", data=data, sig=signing.sign(key, "foreign", "cleanup", data))
    parts.worker().work()
    assert parts.job("foreign").reason == (
        "refused: the key 'feeder' lacks diagnostics:run, which ping requires"
    )


def test_a_job_of_another_machine_gets_its_row(parts: Parts, redis: Any) -> None:
    key = parts.keyring.add("far away", ["diagnostics:run"])
    data = json.dumps(["jobs.diagnostics.ping", None, [], {"token": "from afar"}]).encode()
    push_raw(redis, "foreign", data=data, sig=signing.sign(key, "foreign", "cleanup", data))
    parts.worker().work()
    run = parts.job("foreign")
    assert (run.state, run.result, run.origin) == (JobState.FINISHED, "from afar", "key:far away")


def test_an_old_signature_is_none_for_a_job_that_nobody_knows(parts: Parts, redis: Any) -> None:
    data = json.dumps(["jobs.diagnostics.ping", None, [], {}]).encode()
    signature = signing.sign(parts.keyring.own(), "old", "cleanup", data, at=int(time.time()) - 90_000)
    push_raw(redis, "old", data=data, sig=signature)
    parts.worker().work()
    assert parts.job("old").state is JobState.DEAD
    assert parts.job("old").attempts == 0


def test_a_finished_job_that_is_replayed_does_not_run_again(parts: Parts, redis: Any) -> None:
    ended = parts.run(token="once")
    redis.rpush("rq:queue:cleanup", ended.id)
    parts.worker().work()
    assert parts.job(ended.id).attempts == 1
    assert registry(FinishedJobRegistry, redis) == [ended.id]
    told = lookup.job(redis, "test", ended.id)
    assert told is not None
    assert told["result"] == "once"


def test_a_dead_job_requeued_by_rq_runs_again_with_all_its_tries(parts: Parts, redis: Any) -> None:
    dead = parts.run(fail="permanent")
    Job.fetch(dead.id, connection=redis, serializer=JSONSerializer).requeue()
    parts.worker().work()
    again = parts.job(dead.id)
    assert (again.state, again.attempts, len(again.history)) == (JobState.DEAD, 2, 2)


@pytest.mark.parametrize("name", [b"\xff\x00", b"a b", b"../../etc", b"x" * 300])
def test_ids_that_are_none_are_dropped(parts: Parts, redis: Any, name: bytes) -> None:
    redis.hset(b"rq:job:" + name, "data", b"x")
    redis.rpush("rq:queue:cleanup", name)
    good = parts.ping(token="after")
    parts.worker().work()
    assert parts.job(good).result == "after"
    assert not redis.exists(b"rq:job:" + name)


def test_keys_of_the_wrong_kind_do_not_block_a_queue(parts: Parts, redis: Any) -> None:
    redis.set("rq:job:text", "not a hash")
    redis.rpush("rq:queue:cleanup", "text", "gone")
    redis.set("rq:queue:analytics", "not a list")
    good = parts.ping(token="after")
    parts.worker().work()
    assert parts.job(good).result == "after"


def test_wrong_arguments_in_a_signed_job_are_dead(parts: Parts, redis: Any) -> None:
    data = json.dumps(["jobs.diagnostics.ping", None, [], {"seconds": "long"}]).encode()
    push_raw(redis, "wrong", data=data, sig=signing.sign(parts.keyring.own(), "wrong", "cleanup", data))
    parts.worker().work()
    assert parts.job("wrong").state is JobState.DEAD
    assert "seconds" in str(parts.job("wrong").reason)


# What happens to a job while it runs.


class Address(Arguments):
    """`address` of the Redis that the job was taken from."""

    address: str


def exit_at_once(address: str) -> None:
    """Take the process along, without a signal."""
    os._exit(3)


def need_what_is_down(address: str) -> None:
    """Need a service that does not answer."""
    raise DependencyDown("openai", "503")


def lose_its_hash(address: str) -> None:
    """Fail for now, forgotten by Redis meanwhile."""
    connect(address).delete(f"rq:job:{context.current().id}")
    raise TransientError("for now", code="busy")


@pytest.fixture
def run_own(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], Any]:
    """Works off a job of this module."""
    catalog.load()

    def run(function: Callable[..., Any]) -> Any:
        name = function.__name__
        task = catalog.Task(name, f"{__name__}.{name}", None, Address, "Try.", "diagnostics:run")
        monkeypatch.setitem(catalog._tasks, name, task)
        (job_id,) = parts.enqueuer.submit([new_job(name, {"address": parts.url}, queue="cleanup")])
        parts.worker().work()
        return parts.job(job_id)

    return run


def test_a_job_that_ends_its_process_is_dead_with_the_exit_code(run_own: Any) -> None:
    ended = run_own(exit_at_once)
    assert (ended.state, ended.deaths) == (JobState.DEAD, 3)
    assert str(ended.reason).endswith("its process ended with exit code 3")


def test_a_service_that_is_down_is_counted_by_its_breaker(run_own: Any, redis: Any) -> None:
    waiting = run_own(need_what_is_down)
    assert (waiting.state, waiting.reason) == (JobState.SCHEDULED, "dependency-down: 503")
    (breaker,) = Limits(redis, "test").breakers()
    assert (breaker.name, breaker.failures, breaker.reason) == ("openai", 1, "dependency-down: 503")


def test_a_retry_that_redis_has_forgotten_is_left_to_a_keeper(run_own: Any, redis: Any) -> None:
    waiting = run_own(lose_its_hash)
    assert (waiting.state, waiting.confirmed_at) == (JobState.SCHEDULED, None)
    assert redis.zcard("rq:scheduled:cleanup") == 0


def test_the_first_reason_to_kill_a_job_is_the_one_that_is_told(parts: Parts) -> None:
    job_id = parts.ping(seconds=60)
    worker = parts.worker()
    thread = in_background(worker)
    run = wait_for(lambda: worker._run, "the start")
    worker._doom(run, "cancelled")
    worker._doom(run, "hard-limit")
    thread.join(20)
    ended = parts.job(job_id)
    assert (ended.state, ended.reason) == (JobState.CANCELLED, "cancelled: stopped while it ran")


def test_a_job_that_another_worker_has_by_now_is_given_up_and_its_record_is_the_other_s(
    parts: Parts, redis: Any
) -> None:
    job_id = parts.ping(seconds=60)
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    pid = wait_for(lambda: worker.child, "the child").pid
    other = f"another-host.1 42 1 other {'f' * 32} cleanup"
    redis.hset(RUNNING, job_id, other)
    worker.beat_soon()
    wait_for(lambda: start_time(pid) is None, "the end of its process")
    wait_for(lambda: worker._run is None, "the worker to let go")
    stop(worker)
    thread.join(20)
    assert redis.hget(RUNNING, job_id) == other.encode()
    assert (parts.job(job_id).state, parts.job(job_id).attempts) == (JobState.STARTED, 1)


# When the ledger or Redis cannot be written.


def test_nothing_is_taken_while_no_end_could_be_written(parts: Parts, redis: Any) -> None:
    job_id = parts.ping(token="after")
    whole = parts.keyring.path.read_text()
    parts.keyring.path.write_text("garbage")
    worker = parts.worker()
    turns: list[Doing] = []
    worker._pulse = lambda doing, _jobs: turns.append(doing)
    thread = in_background(worker)

    def has_waited() -> bool:
        worker.attention.wake()
        # In the first of them what it had taken goes back.
        return turns.count(Doing.WAITING) > 3

    wait_for(has_waited, "some turns")
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [job_id.encode()]
    assert redis.hlen(RUNNING) == 0
    parts.keyring.path.write_text(whole)
    thread.join(20)
    assert parts.job(job_id).result == "after"


def test_the_second_signal_gives_back_an_end_that_the_ledger_cannot_take(parts: Parts, redis: Any) -> None:
    parts.store.busy_timeout = 0.05
    parts.store.close()
    job_id = parts.ping(seconds=0.5, token="again")
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the attempt")
    with closing(sqlite3.connect(parts.folder / "mingus.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        wait_for(lambda: worker.endings.unwritten, "the end that cannot be written")
        stop(worker, times=2)
        thread.join(20)
        assert not thread.is_alive()
        assert redis.lrange("rq:queue:cleanup", 0, -1) == [job_id.encode()]
    parts.worker().work()
    assert parts.job(job_id).result == "again"


def test_a_worker_told_to_stop_while_redis_is_away_leaves_with_the_end_on_the_record(
    home: Path, tmp_path: Path
) -> None:
    embedded.ensure_running(home)
    parts = Parts(tmp_path, connect(embedded.url(home)), embedded.url(home))
    job_id = parts.ping(seconds=0.5, token="kept")
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    embedded.stop(home)
    wait_for(lambda: worker.endings.done is not None and worker._backoff, "an end that Redis cannot be told")
    stop(worker)
    thread.join(20)
    worker.pubsub_thread.stop()
    assert not thread.is_alive()
    assert parts.job(job_id).result == "kept"
    parts.store.close()


def test_a_worker_that_is_stopped_before_it_listens_leaves_redis(parts: Parts, redis: Any) -> None:
    worker = parts.worker()
    worker.register_birth()
    assert redis.smembers("rq:workers") == {b"rq:worker:tester"}
    worker.sign_off()
    assert redis.smembers("rq:workers") == set()


def test_a_bug_in_the_thread_that_listens_is_not_taken_for_redis_being_away(parts: Parts) -> None:
    worker: Any = parts.worker()
    with pytest.raises(ZeroDivisionError):
        worker._pubsub_exception_handler(ZeroDivisionError(), worker.connection.pubsub(), None)


def test_a_locked_ledger_degrades_and_the_result_is_written_first(parts: Parts, redis: Any) -> None:
    parts.store.busy_timeout = 0.05
    parts.store.close()
    job_id, next_id = parts.ping(seconds=0.5, token="held"), parts.ping(token="next")
    worker = parts.worker()
    thread = in_background(worker)
    wait_for(lambda: redis.hexists(RUNNING, job_id), "the start")
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the attempt")
    lock = sqlite3.connect(parts.folder / "mingus.db", isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN IMMEDIATE")
    wait_for(lambda: redis.hget("rq:worker:tester", "state") == b"degraded", "the degraded state")
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [next_id.encode()]
    lock.execute("ROLLBACK")
    lock.close()
    thread.join(20)
    assert (parts.job(job_id).result, parts.job(next_id).result) == ("held", "next")


def test_progress_that_cannot_be_written_fails_no_job(parts: Parts) -> None:
    job_id = parts.ping()
    parts.store.busy_timeout = 0.01
    parts.store.close()
    report = throttled(parts.ledger, job_id)
    with closing(sqlite3.connect(parts.folder / "mingus.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        report(1, 1, "not seen")
    assert parts.job(job_id).progress_done is None
    report(1, 1, "seen")
    assert parts.job(job_id).progress_text == "seen"


def test_full_memory_in_redis_loses_nothing(parts: Parts, redis: Any) -> None:
    job_id, next_id = parts.ping(seconds=0.5, token="kept"), parts.ping(token="next")
    worker = parts.worker()
    thread = in_background(worker)
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    redis.config_set("maxmemory", "1")
    try:
        wait_for(lambda: parts.job(job_id).result == "kept", "the result in the ledger")
    finally:
        redis.config_set("maxmemory", "0")
    thread.join(20)
    assert parts.job(next_id).result == "next"
    assert redis.hlen(RUNNING) == 0


def test_a_name_in_use_is_refused(parts: Parts, redis: Any) -> None:
    from mingus_lib.errors import UsageError
    from mingus_lib.queues.owner import Process, start_time

    parent = Process(Process.this().host, os.getppid(), start_time(os.getppid()) or 0)
    redis.hset("rq:worker:tester", mapping={"process": str(parent), "state": "idle"})
    with pytest.raises(UsageError, match="runs already"):
        parts.worker().work()


def test_the_name_of_a_dead_worker_is_free(parts: Parts, redis: Any) -> None:
    from mingus_lib.queues.owner import Process

    dead = Process(Process.this().host, 2**22 - 1, 1)
    redis.hset("rq:worker:tester", mapping={"process": str(dead), "state": "busy"})
    assert parts.run(token="mine").result == "mine"


def test_an_idle_child_that_dies_costs_the_next_job_nothing(parts: Parts) -> None:
    worker = parts.worker(burst=False, max_jobs=1)
    thread = in_background(worker)
    child = wait_for(lambda: worker.child, "the child")
    os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: start_time(child.pid) is None, "its end")
    job_id = parts.ping(token="fine")
    thread.join(20)
    assert (parts.job(job_id).result, parts.job(job_id).attempts) == ("fine", 1)


def test_a_broken_file_of_keys_is_waited_out(parts: Parts, redis: Any) -> None:
    job_id = parts.ping(token="after")
    whole = parts.keyring.path.read_text()
    parts.keyring.path.write_text("garbage")
    worker = parts.worker()
    thread = in_background(worker)
    wait_for(lambda: redis.hget("rq:worker:tester", "state") == b"degraded", "the degraded state")
    parts.keyring.path.write_text(whole)
    thread.join(20)
    assert (parts.job(job_id).result, parts.job(job_id).attempts) == ("after", 1)


def test_a_postponed_job_whose_worker_died_is_scheduled_in_the_ledger(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = parts.ping()
    _, job = parts.delivery.turn(worker_process(), "gone", "e" * 32, ["cleanup"], None)
    assert job is not None
    parts.ledger.start(_spec_of(job_id), worker="gone", now=datetime.now(UTC))
    assert parts.keeper().reap() == 1
    task = dataclasses.replace(catalog.find("ping"), rate=(1, 60))
    monkeypatch.setitem(catalog._tasks, "ping", task)
    Limits(parts.client, "test").wait_for_slot(task, "another", "e")
    parts.worker().work()
    waiting = parts.job(job_id)
    assert (waiting.state, waiting.deaths) == (JobState.SCHEDULED, 1)
    assert [attempt.state for attempt in waiting.history] == ["lost"]


def worker_process() -> Any:
    """A process of this host that is gone."""
    from mingus_lib.queues.owner import Process, this_host

    return Process(this_host(), 2**22 - 1, 1)


def _spec_of(job_id: str) -> Any:
    return dataclasses.replace(new_job("ping", {}, queue="cleanup"), id=job_id)


def test_rq_s_kill_horse_command_kills_the_process_and_the_job_runs_again(parts: Parts, redis: Any) -> None:
    from rq.command import send_kill_horse_command

    job_id = parts.ping(seconds=3, token="again")
    thread = in_background(parts.worker())
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    send_kill_horse_command(redis, "tester")
    wait_for(lambda: parts.job(job_id).deaths == 1, "the death")
    thread.join(20)
    ended = parts.job(job_id)
    assert (ended.result, ended.attempts) == ("again", 2)


@pytest.mark.parametrize("host", ["library", "bücher.example.org", "a b", "", "本"])
def test_a_worker_s_name_is_read_back_from_its_token(host: str) -> None:
    assert WORD.fullmatch(worker_name(host, 1))
