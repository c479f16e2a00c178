"""The timetable's memory: every slot decided once, by the leader, and the switches of operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.domain.jobs import JobSpec, JobState
from mingus_lib.domain.slots import Changes, Decision, Outcome, SlotRun
from mingus_lib.domain.timetable import Entry
from mingus_lib.errors import LeadLost
from mingus_lib.services.timekeeping import slot_job
from mingus_lib.store.database import Store
from mingus_lib.store.history import History
from mingus_lib.store.ledger import Ledger
from mingus_lib.store.slots import Slots

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURLY = Entry("hourly", "ping", {"token": "x"}, cron="0 * * * *", queue="cleanup")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        yield opened


@pytest.fixture
def slots(store: Store) -> Slots:
    return Slots(store, Ledger(store))


def decision(slots: Slots, slot: datetime, entry: Entry = HOURLY) -> Decision:
    before = slots.states()[entry.name].mark
    run = SlotRun(Outcome.ENQUEUED, slot, job=slot_job(entry, slot))
    return Decision(entry.name, before, slot, slot + timedelta(hours=1), (run,))


def test_a_new_entry_starts_now_and_owes_nothing_of_before(slots: Slots) -> None:
    changes = slots.sync({"hourly": HOURLY}, NOON + MINUTE)
    state = slots.states()["hourly"]
    assert changes == Changes(added=("hourly",))
    assert (state.mark, state.next_at) == (NOON + MINUTE, NOON + timedelta(hours=1))
    assert slots.sync({"hourly": HOURLY}, NOON + timedelta(days=1)) == Changes(unchanged=1)
    assert slots.states()["hourly"] == state


@pytest.mark.parametrize(
    "changed",
    [
        replace(HOURLY, cron="30 * * * *"),
        replace(HOURLY, timezone="Asia/Kolkata"),
        replace(HOURLY, enabled=False),
    ],
)
def test_an_entry_of_other_times_or_that_comes_back_starts_anew(slots: Slots, changed: Entry) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    later = NOON + timedelta(days=7)
    assert slots.sync({"hourly": changed}, later).changed == ("hourly",)
    slots.sync({"hourly": replace(changed, enabled=True)}, later)
    assert slots.states()["hourly"].mark == later


def test_other_arguments_leave_the_mark(slots: Slots) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    slots.sync({"hourly": replace(HOURLY, args={"token": "y"}, description="new")}, NOON + timedelta(days=7))
    assert slots.states()["hourly"].mark == NOON


def test_an_entry_that_is_gone_has_no_next_slot_and_starts_anew_when_it_returns(slots: Slots) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    assert slots.sync({}, NOON).removed == ("hourly",)
    assert slots.states() == {}
    slots.sync({"hourly": HOURLY}, NOON + timedelta(days=1))
    assert slots.states()["hourly"].mark == NOON + timedelta(days=1)


def test_a_switch_outlives_the_file(slots: Slots) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    before = slots.version()
    assert slots.switch(HOURLY, False, NOON)
    assert not slots.switch(HOURLY, False, NOON)
    assert slots.version() == before + 1
    slots.sync({"hourly": replace(HOURLY, description="other")}, NOON)
    assert not slots.states()["hourly"].active
    assert slots.switch(HOURLY, True, NOON + MINUTE)
    assert slots.states()["hourly"].mark == NOON + MINUTE
    # Switched on by hand, it stays on when the file switches it off.
    slots.sync({"hourly": replace(HOURLY, enabled=False)}, NOON)
    assert slots.states()["hourly"].active
    # Let go, it is as the file says.
    assert slots.switch(replace(HOURLY, enabled=False), None, NOON)
    assert (slots.states()["hourly"].active, slots.states()["hourly"].switched) == (False, None)


def test_a_slot_and_its_job_are_written_together_and_once(slots: Slots, store: Store) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    fence = slots.lead()
    decided = decision(slots, NOON + timedelta(hours=1))
    ((name, run),) = slots.decide(fence, [decided], NOON)
    assert (name, run.job is not None) == ("hourly", True)
    assert slots.decide(fence, [decided], NOON) == []
    job = History(store).get("cron-hourly-20261125T130000Z")
    assert job is not None
    assert (job.state, job.origin, job.confirmed_at) == (JobState.QUEUED, "schedule:hourly", None)
    assert slots.states()["hourly"].mark == NOON + timedelta(hours=1)


def test_a_slot_that_is_decided_stays_so_when_the_clock_was_set_back_by_days(slots: Slots) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    fence = slots.lead()
    slots.decide(fence, [decision(slots, NOON + timedelta(hours=1))], NOON)
    slots.set_back(fence, [HOURLY], NOON)
    assert slots.states()["hourly"].mark == NOON
    assert slots.decide(fence, [decision(slots, NOON + timedelta(hours=1))], NOON) == []


def test_what_an_old_leader_decides_is_refused(slots: Slots, store: Store) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    old = slots.lead()
    slots.lead()
    with pytest.raises(LeadLost):
        slots.decide(old, [decision(slots, NOON + timedelta(hours=1))], NOON)
    with pytest.raises(LeadLost):
        slots.sync({}, NOON, old)
    assert store.value("SELECT count(*) FROM job_runs") == 0
    assert slots.states()["hourly"].mark == NOON


def test_an_entry_is_busy_while_its_last_job_or_one_that_it_caused_is_open(
    slots: Slots, store: Store
) -> None:
    ledger = Ledger(store)
    slots.sync({"hourly": HOURLY}, NOON)
    slots.decide(slots.lead(), [decision(slots, NOON + timedelta(hours=1))], NOON)
    job_id = "cron-hourly-20261125T130000Z"
    assert slots.busy(["hourly", "other"]) == {"hourly": job_id}
    child = JobSpec("child", "ping", "cleanup", {}, NOON, parent_id=job_id, root_id=job_id)
    ledger.record([child])
    ledger.cancel([job_id], "for the test", NOON)
    assert slots.busy(["hourly"]) == {"hourly": job_id}
    ledger.cancel(["child"], "for the test", NOON)
    assert slots.busy(["hourly"]) == {}


def test_an_entry_is_busy_with_an_older_run_when_a_newer_one_has_ended(slots: Slots, store: Store) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    slots.decide(slots.lead(), [decision(slots, NOON + timedelta(hours=1))], NOON)
    slots.by_hand("hourly", replace(slot_job(HOURLY, NOON), id="by-hand"), NOON)
    Ledger(store).cancel(["by-hand"], "for the test", NOON)
    assert slots.busy(["hourly"]) == {"hourly": "cron-hourly-20261125T130000Z"}


def test_a_run_by_hand_is_no_slot(slots: Slots, store: Store) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    for number in range(2):
        slots.by_hand("hourly", replace(slot_job(HOURLY, NOON), id=f"hand-{number}"), NOON)
    last = slots.last_runs(["hourly"])["hourly"]
    assert (last["slot"], last["job_id"], last["state"]) == (None, "hand-1", "queued")
    assert slots.states()["hourly"].mark == NOON


def test_old_slots_are_forgotten(slots: Slots) -> None:
    slots.sync({"hourly": HOURLY}, NOON)
    fence = slots.lead()
    for hour in range(1, 4):
        slots.decide(fence, [decision(slots, NOON + timedelta(hours=hour))], NOON + timedelta(hours=hour))
    assert slots.forget(NOON + timedelta(hours=3), limit=1) == 1
    assert slots.forget(NOON + timedelta(hours=3)) == 1
    assert slots.last_runs(["hourly"])["hourly"]["slot"].startswith("2026-11-25T15:00")
