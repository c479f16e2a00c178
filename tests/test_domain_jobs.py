"""Failed attempts: sorted by consequence, spaced by backoff."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.jobs import (
    ENDED,
    MAX_BACKOFF_SECONDS,
    OPEN,
    JobRun,
    JobSpec,
    JobState,
    RetryPolicy,
    Standing,
    Start,
    StartVerdict,
    backoff_delay,
    decide_failure,
    decide_start,
)
from mingus_lib.errors import PermanentError, TransientError

unit = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 50)


@given(attempts, st.floats(0.1, 7200), unit)
def test_a_delay_lies_between_the_base_and_an_hour(attempt: int, base: float, randomness: float) -> None:
    delay = backoff_delay(attempt, base=base, randomness=randomness)
    assert min(base, MAX_BACKOFF_SECONDS) <= delay <= max(base, MAX_BACKOFF_SECONDS)


@given(unit)
def test_the_first_retry_comes_after_the_base(randomness: float) -> None:
    assert backoff_delay(1, base=60, randomness=randomness) == 60


@given(attempts, st.integers(0, 10), unit)
def test_only_transient_errors_with_attempts_left_are_retried(
    attempt: int, retries: int, randomness: float
) -> None:
    policy = RetryPolicy(retries=retries)
    verdict = decide_failure(TransientError("x"), tries=attempt, policy=policy, randomness=randomness)
    assert (verdict.delay is not None) == (attempt <= retries)
    for error in (PermanentError("x"), ValueError("x")):
        assert decide_failure(error, tries=attempt, policy=policy, randomness=randomness).delay is None


def test_a_provider_s_wish_is_heard() -> None:
    error = TransientError("busy", retry_after=500)
    assert decide_failure(error, tries=1, policy=RetryPolicy(), randomness=0).delay == 500


def test_only_a_bug_keeps_its_traceback() -> None:
    def verdict(error: BaseException) -> bool:
        return decide_failure(error, tries=9, policy=RetryPolicy(), randomness=0).keep_traceback

    assert verdict(KeyError("x"))
    assert not verdict(PermanentError("x"))
    assert not verdict(TransientError("x"))
    once = decide_failure(TransientError("x"), tries=1, policy=RetryPolicy(), randomness=0)
    assert once.delay and not once.keep_traceback


def test_the_bound_of_the_delay_doubles_with_each_try() -> None:
    assert [backoff_delay(tries, base=60, randomness=0.5) for tries in (1, 2, 3, 4)] == [60, 90, 150, 270]
    assert backoff_delay(7, base=60, randomness=0.5) == 60 + (MAX_BACKOFF_SECONDS - 60) / 2
    assert backoff_delay(2000, base=60, randomness=0) == 60


def test_a_wish_for_less_than_the_backoff_is_not_followed() -> None:
    error = TransientError("busy", retry_after=5)
    assert decide_failure(error, tries=1, policy=RetryPolicy(backoff=90), randomness=0).delay == 90


def test_a_failure_tells_its_reason() -> None:
    def reason(error: BaseException, tries: int = 2) -> str:
        return decide_failure(error, tries=tries, policy=RetryPolicy(retries=2), randomness=0).reason

    assert reason(TransientError("busy", code="http-503")) == "http-503: busy"
    assert reason(TransientError("busy", code="http-503"), 3) == "gave-up: after 3 attempts: http-503: busy"
    assert reason(PermanentError("no such page", code="http-404")) == "http-404: no such page"
    assert reason(ValueError("x")) == "bug: ValueError: x"
    assert len(reason(ValueError("x" * 1000))) == 500


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Standing(JobState.QUEUED), StartVerdict(Start.RUN, 1, 1)),
        (Standing(JobState.SCHEDULED, 2, 2, 1), StartVerdict(Start.RUN, 3, 3, 1)),
        (Standing(JobState.QUEUED, timeout=30), StartVerdict(Start.RUN, 1, 1, timeout=30)),
        # Its worker died; the third time it is buried.
        (Standing(JobState.STARTED, 1, 1), StartVerdict(Start.RUN, 2, 2, 1, lost=True)),
        (Standing(JobState.STARTED, 2, 2, 1, timeout=9), StartVerdict(Start.RUN, 3, 3, 2, True, timeout=9)),
        (
            Standing(JobState.STARTED, 3, 3, 2),
            StartVerdict(Start.BURY, 3, 3, 3, True, "killed-its-worker: 3 times, the last time they died"),
        ),
        # Delivered again after its end, or refused: nothing runs.
        (Standing(JobState.FINISHED, 1, 1), StartVerdict(Start.LET_GO, ended=JobState.FINISHED)),
        (
            Standing(JobState.CANCELLED, cancel_requested=True),
            StartVerdict(Start.LET_GO, ended=JobState.CANCELLED),
        ),
        (Standing(JobState.DEAD, refused=True), StartVerdict(Start.LET_GO, ended=JobState.DEAD)),
        (
            Standing(JobState.STARTED, 1, 1, cancel_requested=True),
            StartVerdict(Start.CANCEL, deaths=1, reason="cancelled: by an operator", lost=True),
        ),
        (
            Standing(JobState.QUEUED, cancel_requested=True),
            StartVerdict(Start.CANCEL, reason="cancelled: by an operator"),
        ),
        # Somebody requeued it: all tries and lives anew, the numbers of the attempts go on.
        (Standing(JobState.DEAD, 4, 4, 3, timeout=7), StartVerdict(Start.RUN, 5, 1, timeout=7)),
    ],
)
def test_what_becomes_of_a_job_that_was_delivered(seen: Standing, verdict: StartVerdict) -> None:
    assert decide_start(seen) == verdict


def test_three_states_are_ends() -> None:
    assert {JobState.FINISHED, JobState.DEAD, JobState.CANCELLED} == ENDED
    assert OPEN == (JobState.QUEUED, JobState.SCHEDULED, JobState.STARTED)
    assert {state for state in JobState if job(state).ended} == ENDED


def test_the_words_in_the_store_stay() -> None:
    assert " ".join(JobState) == "queued scheduled started finished dead cancelled"
    assert " ".join(Start) == "run let-go cancel bury"


def job(state: JobState) -> JobRun:
    unsaid: dict[str, Any] = dict.fromkeys(field.name for field in fields(JobRun) if field.name != "history")
    return JobRun(**{**unsaid, "state": state})


def test_a_new_job_has_nothing_behind_it() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert JobSpec("a", "ping", "cleanup", {}, now) == JobSpec(
        "a", "ping", "cleanup", {}, now, "cli", None, None, None, attempts=0, timeout=None
    )
    assert Standing(JobState.QUEUED) == Standing(JobState.QUEUED, 0, 0, 0, False, False, None, None)
    assert StartVerdict(Start.RUN) == StartVerdict(Start.RUN, 0, 0, 0, False, None, None, None)
    assert RetryPolicy() == RetryPolicy(retries=3, backoff=60.0)
    assert job(JobState.QUEUED).history == ()


def test_a_server_that_asks_for_no_patience_gets_the_backoff() -> None:
    policy = RetryPolicy(backoff=0.5)
    for error in (TransientError("busy"), TransientError("busy", retry_after=0)):
        assert decide_failure(error, tries=1, policy=policy, randomness=0).delay == 0.5


def test_a_base_beyond_the_hour_is_an_hour() -> None:
    assert backoff_delay(1, base=7200, randomness=0.5) == backoff_delay(3, base=3600, randomness=0.5) == 3600
    # The doubling stops, or a float would overflow.
    assert backoff_delay(40, base=1e-7, randomness=0.5) == pytest.approx(1e-7 * (1 + (2**32 - 1) / 2))
