"""Workers on a real Redis: every ending of a job, told in the ledger and in RQ's own registries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rq.registry import FailedJobRegistry

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.queues import catalog, embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.enqueue import Enqueuer, new_job, rq_queue
from mingus_lib.queues.worker import MingusWorker, work_off
from mingus_lib.store.database import Store
from mingus_lib.store.ledger import Ledger

Run = Callable[..., JobRun]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Store.open(tmp_path / "mingus.db"))


@pytest.fixture
def enqueuer(redis: Any, ledger: Ledger) -> Enqueuer:
    return Enqueuer(lambda: redis, ledger, "test")


@pytest.fixture
def worker(redis_home: Path, redis: Any, ledger: Ledger, tmp_path: Path) -> MingusWorker:
    return MingusWorker(
        ["analytics", "cleanup"],
        name="tester",
        connection=connect(embedded.url(redis_home)),
        ledger=ledger,
        renew=lambda: Ledger(Store(tmp_path / "mingus.db")),
    )


@pytest.fixture
def run(worker: MingusWorker, enqueuer: Enqueuer, ledger: Ledger) -> Run:
    def enqueue_and_work(**arguments: Any) -> JobRun:
        (job_id,) = enqueuer.submit([new_job("ping", arguments, queue="cleanup")])
        work_off(worker, burst=True)
        ended = ledger.get(job_id)
        assert ended is not None
        return ended

    return enqueue_and_work


def test_a_job_finishes_with_its_result(run: Run) -> None:
    ended = run(token="hello")
    assert (ended.state, ended.result, ended.attempts, ended.worker) == (
        JobState.FINISHED,
        "hello",
        1,
        "tester",
    )


def test_a_permanent_error_goes_to_the_dead_letters(run: Run, redis: Any) -> None:
    ended = run(fail="permanent")
    assert (ended.state, ended.reason, ended.traceback) == (JobState.DEAD, "ping: told to fail", None)
    assert FailedJobRegistry(queue=rq_queue(redis, "cleanup")).get_job_ids(cleanup=False) == [ended.id]


def test_a_transient_error_waits_for_its_next_attempt(run: Run, redis: Any) -> None:
    waiting = run(fail="transient")
    assert (waiting.state, waiting.attempts) == (JobState.SCHEDULED, 1)
    assert waiting.history[0].reason == "ping: told to fail for now"
    due = redis.zscore("rq:scheduled:cleanup", waiting.id)
    assert 50 < due - datetime.now(UTC).timestamp() <= 60


def test_after_the_last_attempt_it_is_dead(
    run: Run, worker: MingusWorker, ledger: Ledger, redis: Any
) -> None:
    job_id = run(fail="transient").id
    for _ in range(3):
        redis.zadd("rq:scheduled:cleanup", {job_id: 0})
        work_off(worker, burst=True)
    ended = ledger.get(job_id)
    assert ended is not None
    assert (ended.state, ended.attempts) == (JobState.DEAD, 4)
    assert str(ended.reason).startswith("gave-up: after 4 attempts")


def test_a_killed_child_is_reported_with_its_signal(run: Run) -> None:
    ended = run(fail="crash")
    assert ended.state is JobState.DEAD
    assert "SIGKILL" in str(ended.reason)


def test_a_cancelled_job_is_not_run(
    worker: MingusWorker, enqueuer: Enqueuer, ledger: Ledger, redis: Any
) -> None:
    (job_id,) = enqueuer.submit([new_job("ping", {}, queue="cleanup")])
    ledger.cancel([job_id], "not wanted", datetime.now(UTC))
    work_off(worker, burst=True)
    ended = ledger.get(job_id)
    assert ended is not None
    assert (ended.state, ended.attempts) == (JobState.CANCELLED, 0)
    assert redis.llen("rq:queue:cleanup:intermediate") == 0


def test_what_is_not_in_the_catalog_is_never_called(worker: MingusWorker, redis: Any, tmp_path: Path) -> None:
    proof = tmp_path / "called"
    job = rq_queue(redis, "cleanup").enqueue("os.mkdir", str(proof))
    work_off(worker, burst=True)
    assert not proof.exists()
    assert FailedJobRegistry(queue=rq_queue(redis, "cleanup")).get_job_ids(cleanup=False) == [job.id]


def test_a_job_of_another_producer_gets_its_row(worker: MingusWorker, ledger: Ledger, redis: Any) -> None:
    job = rq_queue(redis, "cleanup").enqueue("jobs.diagnostics.ping", kwargs={"token": "from afar"})
    work_off(worker, burst=True)
    run = ledger.get(job.id)
    assert run is not None
    assert (run.state, run.result, run.origin) == (JobState.FINISHED, "from afar", "redis")


def test_wrong_arguments_in_redis_are_refused(worker: MingusWorker, redis: Any) -> None:
    job = rq_queue(redis, "cleanup").enqueue("jobs.diagnostics.ping", kwargs={"seconds": "long"})
    work_off(worker, burst=True)
    assert FailedJobRegistry(queue=rq_queue(redis, "cleanup")).get_job_ids(cleanup=False) == [job.id]


def test_no_copy_is_left_behind(run: Run, redis: Any) -> None:
    run(token="x")
    assert redis.llen("rq:queue:cleanup:intermediate") == 0
    assert redis.zcard("rq:wip:cleanup") == 0


def test_the_soft_limit_is_not_swallowed_and_is_tried_again(run: Run) -> None:
    tasks = dict(catalog.load())
    catalog.configure({"ping": {"soft": 1}})
    try:
        waiting = run(seconds=5)
    finally:
        catalog._tasks.update(tasks)
    assert waiting.state is JobState.SCHEDULED
    assert waiting.reason == "soft-limit: it ran longer than 1 s"


def test_a_job_that_has_ended_keeps_its_end(run: Run, ledger: Ledger) -> None:
    ended = run(token="kept")
    ledger.bury(ended.id, "killed: too late", datetime.now(UTC))
    again = ledger.get(ended.id)
    assert again is not None
    assert (again.state, again.result, again.reason) == (JobState.FINISHED, "kept", None)


def test_attempts_of_an_earlier_job_count(worker: MingusWorker, enqueuer: Enqueuer, ledger: Ledger) -> None:
    (job_id,) = enqueuer.submit([new_job("ping", {"fail": "transient"}, queue="cleanup", attempts=3)])
    work_off(worker, burst=True)
    ended = ledger.get(job_id)
    assert ended is not None
    assert (ended.state, ended.attempts) == (JobState.DEAD, 4)
