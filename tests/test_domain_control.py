"""Spans, moments, rates and what may be done to a job: pure rules."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.control import Act, Brief, Did, act, by_queue, ended_word, no_retry
from mingus_lib.domain.jobs import JobState
from mingus_lib.domain.rates import JITTER_SECONDS, LEASE_SECONDS, Window, starts
from mingus_lib.domain.spans import parse_moment, parse_span
from mingus_lib.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("12h", 43_200), ("2d", 172_800), (" 2D ", 172_800)]
)
def test_spans(text: str, seconds: int) -> None:
    assert parse_span(text, "--older-than").total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "2", "2x", "-2d", "1h30m", "2.5d", "999999999d", "٣d", "d2"])
def test_what_is_no_span_is_said_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="--older-than") as caught:
        parse_span(text, "--older-than")
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_span_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_span(text, "--x") >= timedelta(0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T08:30", datetime(2026, 11, 25, 8, 30, tzinfo=UTC)),
        ("2026-11-25T08:30+02:00", datetime(2026, 11, 25, 6, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_in_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text, "--since") == moment


@pytest.mark.parametrize("text", ["yesterday", "25.11.2026", "0001-01-01T00:00+10:00", ""])
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        parse_moment(text, "--since")


def test_starts_wait_for_the_window() -> None:
    assert starts([], 0, 3, jobs=2, period=60, now=1000) == [1000, 1000, 1060]
    assert starts([990, 995], 0, 2, jobs=2, period=60, now=1000) == [1050, 1055]
    assert starts([], 2, 1, jobs=2, period=60, now=1000) == [1060]
    assert starts([1050, 1055], 0, 1, jobs=2, period=60, now=1000) == [1110]


@given(
    st.lists(st.floats(900, 1100), max_size=20),
    st.integers(0, 30),
    st.integers(1, 30),
    st.integers(1, 8),
    st.integers(1, 100),
)
def test_no_window_has_more_starts_than_the_rate(
    kept: list[float], ahead: int, count: int, jobs: int, period: int
) -> None:
    found = starts(kept, ahead, count, jobs=jobs, period=period, now=1000)
    assert len(found) == count
    assert found == sorted(found)
    assert found[0] >= 1000
    assert all(later - earlier >= period - 1e-6 for earlier, later in zip(found, found[jobs:], strict=False))


def brief(state: JobState, reason: str | None = None, *, refused: bool = False) -> Brief:
    return Brief("id", "ping", "cleanup", state, reason, "2026-11-25T08:00:00+00:00", refused)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (brief(JobState.DEAD, "ping: told to fail"), None),
        (brief(JobState.CANCELLED), None),
        (brief(JobState.SCHEDULED, "http-503: busy"), None),
        (brief(JobState.SCHEDULED, "rate-limit: 10 in 60 s"), "starts by itself at 2026-11-25"),
        (brief(JobState.SCHEDULED, "breaker-open: x fails"), "starts by itself"),
        (brief(JobState.DEAD, "refused: it is not signed", refused=True), "may not run at all: refused"),
        (brief(JobState.QUEUED), "queued already"),
        (brief(JobState.STARTED), "is running"),
        (brief(JobState.FINISHED), "it finished"),
    ],
)
def test_what_may_run_again(job: Brief, said: str | None) -> None:
    reason = no_retry(job)
    assert reason is None if said is None else said in str(reason)


def test_how_a_job_ended_is_said_once() -> None:
    assert ended_word(brief(JobState.CANCELLED, "cancelled: by an operator")) == "cancelled: by an operator"
    assert ended_word(brief(JobState.DEAD, "bug: x")) == "dead: bug: x"
    assert ended_word(brief(JobState.FINISHED)) == "finished"
    assert ended_word(brief(JobState.STARTED)) is None


@pytest.mark.parametrize(("rate", "most", "width"), [(3.5, 3, 1.0), (1.0, 1, 1.0), (0.5, 1, 2.0)])
def test_a_rate_is_whole_requests_in_a_second_or_one_in_several(rate: float, most: int, width: float) -> None:
    window = Window.of(rate)
    assert (window.most, window.width) == (most, width + JITTER_SECONDS)


def test_a_place_is_taken_until_its_time_after_the_last_byte() -> None:
    window = Window(2, 1.0)
    assert [window.enter(permit, 10.0) for permit in "ab"] == [0.0, 0.0]
    window.left("a", 10.5)
    # a comes free at 11.5; b, which has not told, only after its lease.
    assert window.enter("c", 10.75) == 0.75
    assert window.enter("c", 11.5) == 0.0
    assert window.enter("d", 11.5) == 10.0 + 1.0 + LEASE_SECONDS - 11.5
    assert window.enter("d", 10.0 + 1.0 + LEASE_SECONDS) == 0.0


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 5)), max_size=40), st.integers(1, 4))
def test_no_more_than_its_number_leave_in_any_width(pauses: list[tuple[float, float]], most: int) -> None:
    window, now, left = Window(most, 1.0), 0.0, list[float]()
    for permit, (pause, held) in enumerate(pauses):
        now += pause
        if window.enter(str(permit), now) == 0.0:
            now += held
            window.left(str(permit), now)
            left.append(now)
    assert all(later - first >= 1.0 for first, later in zip(left, left[most:], strict=False))


def test_what_came_of_a_job_is_told_with_its_queue() -> None:
    job = brief(JobState.DEAD)
    assert act(job, Did.REFUSED, "why") == Act(job.id, job.task, job.queue, Did.REFUSED, "why")
    assert act(job, Did.DROPPED).reason is None
    assert by_queue([job, job]) == {job.queue: [job.id, job.id]}
    assert [brief(state).waits for state in JobState] == [
        state in (JobState.QUEUED, JobState.SCHEDULED) for state in JobState
    ]
