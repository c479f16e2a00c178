"""What becomes of an entry's slots: run, caught up, skipped or missed; and marks that a wrong clock left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import slots
from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.slots import Changes, Decision, EntryState, Outcome, SlotRun
from mingus_lib.domain.timetable import CatchUp, Entry, Overlap

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
HOURLY = Entry("hourly", "ping", cron="0 * * * *", queue="cleanup")
ALL, NONE = replace(HOURLY, catch_up=CatchUp.ALL), replace(HOURLY, catch_up=CatchUp.NONE)


def job(entry: Entry, slot: datetime) -> JobSpec:
    return JobSpec(f"{entry.name}-{slot:%H%M}", entry.task, "cleanup", {}, slot)


def decided(
    entry: Entry, mark: datetime, now: datetime, *, steady: bool = False, busy: str | None = None
) -> Decision | None:
    return slots.decide(entry, mark, now, steady=steady, busy=busy, make=job)


def runs(
    entry: Entry, mark: datetime, now: datetime, *, steady: bool = False, busy: str | None = None
) -> tuple[SlotRun, ...]:
    found = decided(entry, mark, now, steady=steady, busy=busy)
    return found.runs if found else ()


def test_a_slot_on_time_becomes_its_job_and_the_mark_goes_on() -> None:
    run = SlotRun(Outcome.ENQUEUED, NOON, slots=1, job=job(HOURLY, NOON), reason=None)
    expected = Decision("hourly", NOON - HOUR, NOON, NOON + HOUR, (run,))
    assert decided(HOURLY, NOON - HOUR, NOON + SECOND) == expected


def test_between_two_slots_there_is_nothing_to_decide() -> None:
    assert decided(HOURLY, NOON, NOON + 59 * MINUTE) is None
    assert decided(HOURLY, NOON + HOUR, NOON) is None


def test_a_late_slot_says_that_it_is_caught_up() -> None:
    late, on_time = runs(ALL, NOON - 2 * HOUR, NOON)
    assert (late.outcome, late.slot, late.reason) == (Outcome.ENQUEUED, NOON - HOUR, "caught up")
    assert (on_time.outcome, on_time.slot, on_time.reason) == (Outcome.ENQUEUED, NOON, None)
    assert (late.job, on_time.job) == (job(ALL, NOON - HOUR), job(ALL, NOON))


def test_missed_slots_are_one_line_with_their_number_and_the_mark_passes_them() -> None:
    # 08:00 to 11:00 were missed, and it is 11:30.
    found = decided(NONE, NOON - 5 * HOUR, NOON - 30 * MINUTE)
    reason = "missed: 4 since 2026-11-25T08:00Z, catch_up is none"
    run = SlotRun(Outcome.MISSED, NOON - HOUR, slots=4, job=None, reason=reason)
    assert found == Decision("hourly", NOON - 5 * HOUR, NOON - HOUR, NOON, (run,))


def test_the_last_missed_slot_runs_and_those_before_it_do_not() -> None:
    missed, late = runs(HOURLY, NOON - 5 * HOUR, NOON - 30 * MINUTE)
    assert (missed.outcome, missed.slots, missed.slot) == (Outcome.MISSED, 3, NOON - 2 * HOUR)
    assert missed.reason == "missed: 3 since 2026-11-25T08:00Z, catch_up is last"
    assert (late.outcome, late.slot, late.reason) == (Outcome.ENQUEUED, NOON - HOUR, "caught up")


def test_of_more_than_a_thousand_missed_slots_it_says_at_least() -> None:
    every_minute = replace(NONE, cron="* * * * *")
    # The newest thousand are looked at: the one of this minute is on time, that of a minute ago, too.
    missed, *on_time = runs(every_minute, NOON - 2000 * MINUTE, NOON)
    assert (missed.slots, missed.slot) == (998, NOON - 2 * MINUTE)
    assert missed.reason == "missed: at least 998 since 2026-11-24T19:21Z, catch_up is none"
    assert [run.slot for run in on_time] == [NOON - MINUTE, NOON]


def test_an_entry_whose_last_job_has_not_ended_skips_its_slots_with_the_reason() -> None:
    found = decided(HOURLY, NOON - HOUR, NOON, busy="a-job")
    run = SlotRun(Outcome.SKIPPED, NOON, slots=1, job=None, reason="overlap: job a-job has not ended")
    assert found == Decision("hourly", NOON - HOUR, NOON, NOON + HOUR, (run,))


def test_an_entry_that_may_overlap_runs_beside_its_last_job() -> None:
    allowed = replace(HOURLY, overlap=Overlap.ALLOW)
    assert [run.outcome for run in runs(allowed, NOON - HOUR, NOON, busy="a-job")] == [Outcome.ENQUEUED]


def test_slots_that_are_caught_up_together_do_not_skip_each_other() -> None:
    assert [run.outcome for run in runs(ALL, NOON - 3 * HOUR, NOON)] == [Outcome.ENQUEUED] * 3


@pytest.mark.parametrize(
    ("late", "steady", "outcome"),
    [
        (MINUTE, False, Outcome.ENQUEUED),
        (MINUTE + SECOND, False, Outcome.MISSED),
        # While a scheduler ran, it was the clock that was set forward: by up to three hours.
        (MINUTE + SECOND, True, Outcome.ENQUEUED),
        (3 * HOUR, True, Outcome.ENQUEUED),
        (3 * HOUR + SECOND, True, Outcome.MISSED),
    ],
)
def test_how_late_is_too_late(late: timedelta, steady: bool, outcome: Outcome) -> None:
    daily = replace(NONE, cron="0 12 * * *")
    (run,) = runs(daily, NOON - HOUR, NOON + late, steady=steady)
    assert (run.outcome, run.slot, run.reason is None) == (outcome, NOON, outcome is Outcome.ENQUEUED)


@given(
    st.sampled_from(CatchUp),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.booleans(),
    st.sampled_from([None, "a-job"]),
)
def test_every_slot_is_decided_once_however_the_time_is_cut(
    catch_up: CatchUp, first: int, second: int, steady: bool, busy: str | None
) -> None:
    entry = replace(HOURLY, catch_up=catch_up)
    mark, counted = NOON, 0
    end = NOON + (first + second) * MINUTE
    for now in (NOON + first * MINUTE, end):
        if (found := decided(entry, mark, now, steady=steady, busy=busy)) is not None:
            assert found.before == mark < found.mark <= now
            assert found.next_at == found.mark + HOUR > now
            assert all((run.job is not None) == (run.outcome is Outcome.ENQUEUED) for run in found.runs)
            mark, counted = found.mark, counted + sum(run.slots for run in found.runs)
    assert counted == (end - NOON) // HOUR


def test_an_entry_with_a_mark_more_than_three_hours_ahead_had_a_wrong_clock() -> None:
    ahead = {"now": timedelta(0), "at three": 3 * HOUR, "beyond": 3 * HOUR + SECOND, "past": -9 * HOUR}
    states = {name: EntryState(name, True, None, NOON + step) for name, step in ahead.items()}
    assert slots.corrected(states, NOON) == ["beyond"]
    assert slots.corrected({}, NOON) == []


def test_other_times_are_another_timing_and_nothing_else_is() -> None:
    assert slots.timing(HOURLY) == '["0 * * * *", null, "UTC"]'
    assert slots.timing(Entry("x", every=timedelta(minutes=90))) == '[null, 5400.0, "UTC"]'
    same = replace(HOURLY, name="y", task="z", args={"a": 1}, catch_up=CatchUp.NONE, overlap=Overlap.ALLOW)
    assert slots.timing(same) == slots.timing(HOURLY)
    assert slots.timing(replace(HOURLY, timezone="Asia/Kolkata")) != slots.timing(HOURLY)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_switch_goes_before_the_file(enabled: bool) -> None:
    entry = replace(HOURLY, enabled=enabled)
    assert slots.is_active(entry, True)
    assert not slots.is_active(entry, False)
    assert slots.is_active(entry, None) is enabled


def test_a_timetable_has_changed_when_an_entry_came_changed_or_went() -> None:
    for changes in (Changes(added=("x",)), Changes(changed=("x",)), Changes(removed=("x",))):
        assert changes.any is True
    assert Changes(unchanged=3).any is False
    assert Changes() == Changes((), (), (), 0)


def test_what_is_not_told_of_a_slot_or_a_state() -> None:
    assert SlotRun(Outcome.SKIPPED, None) == SlotRun(Outcome.SKIPPED, None, 1, None, None)
    assert EntryState("x", True, None, NOON).next_at is None
    assert Decision("x", NOON, NOON, None).runs == ()


def test_the_outcomes_in_the_store_stay() -> None:
    assert " ".join(Outcome) == "enqueued skipped missed"
