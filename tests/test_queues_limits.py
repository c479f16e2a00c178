"""Rate limits and circuit breakers, over all workers."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues import catalog, scripts
from mingus_lib.queues.connection import connect
from mingus_lib.queues.limits import FAILURES_TO_OPEN, Limits
from tests.runtime_parts import Parts


@pytest.fixture
def limits(redis: Any) -> Limits:
    return Limits(redis, "test")


def limited(rate: tuple[int, int]) -> catalog.Task:
    return dataclasses.replace(catalog.find("ping"), rate=rate)


def test_so_many_start_and_the_others_are_told_their_time(limits: Limits) -> None:
    task = limited((3, 60))
    waits = [limits.wait_for_slot(task, f"job{n}", f"e{n}") for n in range(8)]
    assert waits[:3] == [0, 0, 0]
    assert all(55 < wait <= 60 for wait in waits[3:6])
    assert all(115 < wait <= 120 for wait in waits[6:])


def test_a_task_without_a_rate_asks_nobody(tmp_path: Path) -> None:
    away = Limits(connect(f"unix://{tmp_path}/none.sock"), "test")
    assert away.wait_for_slot(catalog.find("ping"), "job", "e") == 0
    with pytest.raises(RedisUnavailable):
        away.wait_for_slot(limited((1, 60)), "job", "e")


def test_a_slot_is_kept_for_its_job(limits: Limits) -> None:
    task = limited((1, 60))
    limits.wait_for_slot(task, "first", "e")
    wait = limits.wait_for_slot(task, "second", "e")
    limits.wait_for_slot(task, "third", "e")
    assert wait - 1 < limits.wait_for_slot(task, "second", "e") <= wait


def test_a_withdrawn_job_gives_its_slot_back(parts: Parts, limits: Limits) -> None:
    task = limited((1, 60))
    limits.wait_for_slot(task, "first", "e")
    job_id = parts.ping(delay=60)
    wait = limits.wait_for_slot(task, job_id, "e")
    parts.delivery.withdraw("cleanup", [job_id], 60)
    assert limits.wait_for_slot(task, "another", "e") == pytest.approx(wait, abs=1)


@given(jobs=st.integers(1, 5), period=st.integers(1, 100), count=st.integers(1, 30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_window_has_more_starts_than_allowed(redis: Any, jobs: int, period: int, count: int) -> None:
    redis.flushall()
    limits = Limits(redis, "test")
    now = redis.time()[0]
    slots = sorted(now + limits.wait_for_slot(limited((jobs, period)), f"j{n}", "e") for n in range(count))
    for first, last in zip(slots, slots[jobs:], strict=False):
        assert last - first >= period - 2, "the clock of Redis goes on meanwhile"


def test_a_job_over_its_rate_waits_without_an_attempt(
    parts: Parts, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalog._tasks, "ping", limited((1, 60)))
    first, second = parts.ping(), parts.ping()
    parts.worker().work()
    waiting = parts.job(second)
    assert parts.job(first).state is JobState.FINISHED
    assert (waiting.state, waiting.attempts, waiting.reason) == (
        JobState.SCHEDULED,
        0,
        "rate-limit: 1 in 60 s",
    )
    assert redis.zscore("rq:scheduled:cleanup", second) is not None
    assert redis.hget(f"rq:job:{second}", "status") == b"scheduled"


def test_a_limited_task_does_not_hold_up_the_queue(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog._tasks, "ping", limited((1, 60)))
    ids = [parts.ping(token=str(n)) for n in range(5)]
    parts.worker().work()
    assert [parts.job(each).state for each in ids] == [JobState.FINISHED, *[JobState.SCHEDULED] * 4]


def test_five_failures_open_a_breaker_and_one_job_probes(limits: Limits, redis: Any) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        limits.failed("openai", "http-500: down")
    assert limits.wait_for("openai", 600) == 0
    limits.failed("openai", "http-500: down")
    assert 59 < limits.wait_for("openai", 600) <= 60
    (breaker,) = limits.breakers()
    assert (breaker.state, breaker.failures, breaker.reason) == ("open", 5, "http-500: down")
    redis.hincrbyfloat("mingus:breaker:openai", "opened_at", -60)
    assert limits.breakers()[0].state == "half-open"
    assert limits.wait_for("openai", 600) == 0
    assert limits.wait_for("openai", 600) > 0, "one probe at a time"
    limits.failed("openai", "http-500: still down")
    assert limits.wait_for("openai", 600) > 50
    redis.hincrbyfloat("mingus:breaker:openai", "opened_at", -60)
    assert limits.wait_for("openai", 600) == 0
    limits.reset("openai")
    assert limits.breakers() == []
    assert limits.wait_for("openai", 600) == 0


def test_a_success_forgives_failures(limits: Limits) -> None:
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            limits.failed("openai", "x")
        limits.reset("openai")
    assert limits.wait_for("openai", 1) == 0


def break_down(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pings need what has just failed too often."""
    task = dataclasses.replace(catalog.find("ping"), dependency="openai")
    monkeypatch.setitem(catalog._tasks, "ping", task)
    for _ in range(FAILURES_TO_OPEN):
        limits.failed("openai", "x")


def test_jobs_that_need_what_is_broken_are_scheduled_not_failed(
    parts: Parts, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_down(limits, monkeypatch)
    waiting = parts.run()
    assert (waiting.state, waiting.attempts) == (JobState.SCHEDULED, 0)
    assert waiting.reason == "breaker-open: openai fails"


def test_a_breaker_closes_when_its_probe_succeeds(
    parts: Parts, limits: Limits, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_down(limits, monkeypatch)
    redis.hincrbyfloat("mingus:breaker:openai", "opened_at", -60)
    assert parts.run().state is JobState.FINISHED
    assert limits.breakers() == []


@pytest.mark.parametrize("how", ["cancelled", "crash", "permanent"])
def test_a_probe_that_tells_nothing_holds_nobody_back(
    parts: Parts, limits: Limits, redis: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    break_down(limits, monkeypatch)
    redis.hincrbyfloat("mingus:breaker:openai", "opened_at", -60)
    if how == "cancelled":
        job_id = parts.ping()
        parts.ledger.cancel([job_id], "not wanted", datetime.now(UTC))
        parts.worker().work()
        assert parts.job(job_id).state is JobState.CANCELLED
    else:
        assert parts.run(fail=how).state is JobState.DEAD
    assert limits.wait_for("openai", 600) == 0


def test_every_script_compiles(redis: Any) -> None:
    texts = [text for name, text in vars(scripts).items() if name.isupper() and not name.startswith("_")]
    assert len(texts) >= 8
    for text in texts:
        assert len(redis.script_load(text)) == 40
