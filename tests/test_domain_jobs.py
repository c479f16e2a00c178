"""Failed attempts: sorted by consequence, spaced by backoff."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.jobs import MAX_BACKOFF_SECONDS, RetryPolicy, backoff_delay, decide_failure
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
