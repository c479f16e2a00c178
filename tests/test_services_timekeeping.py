"""The scheduler over real Redis and a real store: each slot one job, whatever the clock, the file or a kill does."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.jobs import JobState
from mingus_lib.queues.connection import connect
from mingus_lib.queues.enqueue import Enqueuer
from mingus_lib.queues.names import LEADER
from mingus_lib.queues.schedule import TimetableScheduler
from mingus_lib.services.timekeeping import Timekeeper
from mingus_lib.services.timetables import stamp
from mingus_lib.store.history import JobFilter
from mingus_lib.store.slots import Slots
from mingus_lib.store.summary import read_timetable_fault
from tests.conftest import wait_for
from tests.crash_lab import fork
from tests.runtime_parts import Parts

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FILE = """
[tick]
task = "ping"
queue = "cleanup"
cron = "* * * * *"
overlap = "allow"
"""


@dataclass
class Clock:
    """A wall clock that is set by hand, and seconds that only `pass_` moves."""

    now: datetime = NOON
    seconds: float = 0.0

    def pass_(self, span: timedelta) -> None:
        self.now += span
        self.seconds += span.total_seconds()

    def set_by(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Desk:
    """A timekeeper at work on a file, without a process of its own."""

    parts: Parts
    clock: Clock = field(default_factory=Clock)
    text: str = FILE
    keeper: Timekeeper = field(init=False)
    fence: int = field(init=False)

    def __post_init__(self) -> None:
        self.file = self.parts.folder / "schedules.toml"
        self.file.write_text(self.text)
        self.slots = Slots(self.parts.store, self.parts.ledger)
        self.start()

    def start(self) -> None:
        """A new scheduler process, as it were."""
        self.keeper = Timekeeper(
            lambda: self.file,
            self.slots,
            self.parts.enqueuer,
            lambda: self.clock.now,
            lambda: self.clock.seconds,
        )
        self.fence = self.slots.lead()

    def tick(self, fence: int | None = None) -> float:
        return self.keeper.tick(fence or self.fence)

    def walk(self, span: timedelta, step: timedelta = timedelta(seconds=5)) -> None:
        end = self.clock.now + span
        while self.clock.now < end:
            self.clock.pass_(step)
            self.tick()

    def minutes(self) -> list[str]:
        """The slots of the jobs there are, as HH:MM."""
        ids = [job.id for job in self.parts.history.briefs(JobFilter())]
        assert len(set(ids)) == len(ids)
        return sorted(f"{job_id[-7:-5]}:{job_id[-5:-3]}" for job_id in ids)

    def rows(self, outcome: str) -> list[Any]:
        sql = "SELECT name, slot, slots, reason FROM schedule_slots WHERE outcome = ? ORDER BY id"
        return [tuple(row) for row in self.parts.store.rows(sql, (outcome,))]


def span(start: str, count: int) -> list[str]:
    first = datetime.strptime(start, "%H:%M").replace(tzinfo=UTC)
    return [f"{first + number * MINUTE:%H:%M}" for number in range(count)]


def test_every_slot_makes_one_job_that_runs(parts: Parts) -> None:
    desk = Desk(parts)
    desk.tick()
    desk.walk(5 * MINUTE)
    assert desk.minutes() == span("12:01", 5)
    parts.worker().work()
    assert {job.state for job in parts.history.newest(JobFilter())} == {JobState.FINISHED}


def test_a_tick_says_how_long_there_is_nothing_to_do(parts: Parts) -> None:
    desk = Desk(parts)
    desk.clock.pass_(timedelta(seconds=12.5))
    assert desk.tick() == 47.5


def test_the_jobs_carry_the_schedulers_key_their_origin_and_their_own_limit(parts: Parts) -> None:
    desk = Desk(parts, text=FILE + 'timeout = 7\nargs = { token = "hello", seconds = 0.5 }\n')
    desk.keeper.pushes = Enqueuer(lambda: parts.client, parts.ledger, parts.keyring.schedulers, "test")
    desk.tick()
    desk.walk(MINUTE)
    job_id = "cron-tick-20261125T120100Z"
    key = next(key for key in parts.keyring.keys.values() if key.name == "scheduler")
    assert parts.client.hget(f"rq:job:{job_id}", "sig").startswith(key.id.encode())
    assert parts.client.hget(f"rq:job:{job_id}", "timeout") == b"7"
    assert parts.job(job_id).origin == "schedule:tick"
    parts.worker().work()
    assert parts.job(job_id).result == "hello"


def test_a_job_is_held_to_its_entrys_timeout(parts: Parts) -> None:
    desk = Desk(parts, text=FILE + "timeout = 1\nargs = { seconds = 30 }\n")
    desk.tick()
    desk.walk(MINUTE)
    parts.worker().work()
    assert "it ran longer than 1 s" in str(parts.job("cron-tick-20261125T120100Z").reason)


@pytest.mark.parametrize(
    ("catch_up", "made", "missed"),
    [("none", [], 3), ("last", ["12:30"], 2), ("all", ["12:10", "12:20", "12:30"], 0)],
)
def test_after_a_downtime_slots_are_caught_up_by_the_rule_and_the_rest_is_told(
    parts: Parts, catch_up: str, made: list[str], missed: int, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(parts, text=FILE.replace("* * * * *", "*/10 * * * *") + f'catch_up = "{catch_up}"\n')
    desk.tick()
    desk.clock.pass_(35 * MINUTE)
    desk.start()
    desk.tick()
    assert desk.minutes() == made
    assert sum(row[2] for row in desk.rows("missed")) == missed
    told = f"missed: {missed} since 2026-11-25T12:10Z, catch_up is {catch_up}"
    assert (told in caplog.text) is (missed > 0)


def test_after_a_downtime_the_entries_that_come_in_a_later_tick_are_late_too(parts: Parts) -> None:
    text = "".join(FILE.replace("tick", f"e{number}") + 'catch_up = "last"\n' for number in range(120))
    desk = Desk(parts, text=text)
    desk.tick()
    desk.clock.pass_(90 * MINUTE)
    desk.start()
    assert desk.tick() == 0.0
    assert desk.tick() > 0.0
    rows = parts.store.rows("SELECT outcome, count(*), sum(slots) FROM schedule_slots GROUP BY outcome")
    assert [tuple(row) for row in rows] == [("enqueued", 240, 240), ("missed", 120, 120 * 88)]


def test_a_next_slot_by_older_rules_of_a_zone_is_reckoned_anew(parts: Parts) -> None:
    desk = Desk(parts)
    desk.tick()
    for wrong in ("2026-11-25T12:00:30.000000+00:00", "2027-11-25T12:00:00.000000+00:00"):
        parts.store.execute("UPDATE schedule_entries SET next_at = ?", (wrong,))
        desk.start()
        assert desk.tick() == 60.0
    # Also when it was another process that reckoned it.
    parts.store.execute("UPDATE schedule_entries SET next_at = ?", ("2026-11-25T12:00:30.000000+00:00",))
    desk.keeper._learn()
    desk.clock.pass_(timedelta(seconds=40))
    assert desk.tick() == 20.0


def test_a_restart_within_the_grace_loses_nothing(parts: Parts) -> None:
    desk = Desk(parts, text=FILE + 'catch_up = "none"\n')
    desk.tick()
    desk.clock.pass_(timedelta(seconds=75))
    desk.start()
    desk.tick()
    assert desk.minutes() == ["12:01"]


def test_a_slot_is_skipped_while_the_run_before_it_has_not_ended(parts: Parts) -> None:
    desk = Desk(parts, text=FILE.replace("allow", "skip"))
    desk.tick()
    desk.walk(2 * MINUTE)
    assert desk.minutes() == ["12:01"]
    name, slot, _, reason = desk.rows("skipped")[0]
    assert (name, slot[:16]) == ("tick", "2026-11-25T12:02")
    assert reason == "overlap: job cron-tick-20261125T120100Z has not ended"
    parts.worker().work()
    desk.walk(MINUTE)
    assert desk.minutes() == ["12:01", "12:03"]


@pytest.mark.parametrize("step", [HOUR, -HOUR, 2.5 * HOUR, -2.5 * HOUR])
def test_a_clock_set_and_set_right_again_doubles_and_loses_nothing(parts: Parts, step: timedelta) -> None:
    desk = Desk(parts, text=FILE + 'catch_up = "none"\n')
    desk.tick()
    desk.walk(3 * MINUTE)
    desk.clock.set_by(step)
    desk.walk(2 * MINUTE)
    desk.clock.set_by(-step)
    desk.walk(2 * MINUTE)
    ahead = 5 * MINUTE + step if step > timedelta(0) else 7 * MINUTE
    assert desk.minutes() == span("12:01", ahead // MINUTE)
    assert desk.rows("missed") == []


def test_a_clock_set_forward_by_more_than_three_hours_is_a_downtime(parts: Parts) -> None:
    desk = Desk(parts, text=FILE + 'catch_up = "none"\n')
    desk.tick()
    desk.clock.set_by(5 * HOUR)
    desk.walk(2 * MINUTE)
    assert desk.minutes() == span("17:00", 3)
    assert [row[2] for row in desk.rows("missed")] == [299]


def test_a_clock_that_was_wrong_by_years_does_not_stop_the_timetable(parts: Parts) -> None:
    desk = Desk(parts)
    desk.clock.now = NOON.replace(year=2036)
    desk.tick()
    desk.walk(2 * MINUTE)
    desk.clock.now = NOON
    desk.walk(2 * MINUTE)
    assert len(desk.minutes()) == 4


def test_purged_and_failed_and_deleted_runs_leave_the_entry_alive(parts: Parts) -> None:
    desk = Desk(parts)
    desk.tick()
    desk.walk(MINUTE)
    parts.client.flushall()
    desk.walk(MINUTE)
    parts.client.delete("rq:job:cron-tick-20261125T120200Z")
    parts.ledger.cancel(["cron-tick-20261125T120200Z"], "purged", desk.clock.now)
    desk.start()
    desk.walk(MINUTE)
    assert desk.minutes() == span("12:01", 3)


def test_a_changed_file_is_followed_and_a_broken_one_is_not(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(parts)
    desk.tick()
    desk.file.write_text(FILE.replace("cron", "corn"))
    desk.walk(MINUTE)
    assert desk.minutes() == ["12:01"]
    assert caplog.text.count("the timetable before stays") == 1
    assert "schedules.toml:5" in caplog.text
    store = parts.folder / "mingus.db"
    assert "schedules.toml:5" in (read_timetable_fault(store) or "")
    desk.fence = desk.slots.lead()
    desk.walk(MINUTE)
    assert "schedules.toml:5" in (read_timetable_fault(store) or "")
    desk.file.write_text(FILE.replace("* * * * *", "*/2 * * * *") + "# longer\n")
    desk.walk(3 * MINUTE)
    assert desk.minutes() == ["12:01", "12:02", "12:04"]
    assert read_timetable_fault(store) is None


def test_a_file_is_read_when_it_has_settled(parts: Parts) -> None:
    desk = Desk(parts)
    desk.tick()
    before = desk.slots.states()
    for half in ("", FILE + "[half"):
        desk.file.write_text(half)
        desk.tick()
        desk.file.unlink()
        desk.tick()
    desk.file.write_text(FILE)
    desk.walk(timedelta(seconds=10))
    assert desk.slots.states() == before
    desk.file.write_text("")
    desk.keeper.reload_wanted = True
    desk.tick()
    assert desk.slots.states() == {}


def test_a_file_that_may_be_read_at_last_is_read(parts: Parts) -> None:
    desk = Desk(parts)
    before = stamp(desk.file)
    desk.file.chmod(0o640)
    assert stamp(desk.file) != before


def test_an_operators_switch_is_heard_at_once(parts: Parts) -> None:
    desk = Desk(parts)
    desk.tick()
    assert desk.keeper.timetable is not None
    entry = desk.keeper.timetable.entries["tick"]
    desk.slots.switch(entry, False, desk.clock.now)
    desk.walk(2 * MINUTE)
    assert desk.minutes() == []
    desk.slots.switch(entry, True, desk.clock.now)
    desk.walk(MINUTE)
    assert desk.minutes() == ["12:03"]


def test_a_large_backlog_is_worked_off_in_ticks_of_few_jobs(parts: Parts) -> None:
    text = "".join(FILE.replace("tick", f"e{n}") + 'catch_up = "all"\n' for n in range(5))
    desk = Desk(parts, text=text)
    desk.tick()
    desk.clock.pass_(100 * MINUTE)
    desk.start()
    made = []
    while desk.tick() == 0.0:
        made.append(parts.client.llen("rq:queue:cleanup"))
    assert made == [200, 400]
    assert parts.client.llen("rq:queue:cleanup") == 500
    assert desk.rows("missed") == []


def test_a_thousand_entries_due_at_once_are_taken_in_turns(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    text = "".join(f'[e{n}]\ntask = "ping"\nqueue = "cleanup"\ncron = "* * * * *"\n' for n in range(250))
    desk = Desk(parts, text=text)
    desk.tick()
    desk.clock.pass_(MINUTE)
    pauses = [desk.tick() for _ in range(3)]
    assert pauses == [0.0, 0.0, 60.0]
    assert "e0, e1, " in caplog.text
    assert ", e19 and 230 more" in caplog.text
    assert parts.client.llen("rq:queue:cleanup") == 250


# The scheduler as it leads.


def scheduler(parts: Parts, keeper: Timekeeper, name: str, **more: Any) -> TimetableScheduler:
    return TimetableScheduler(
        lambda: connect(parts.url),
        name=name,
        where="test",
        take_lead=keeper.slots.lead,
        tick=keeper.tick,
        **more,
    )


def test_one_leads_and_another_takes_over_when_the_lock_expires(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    desk = Desk(parts)
    seconds = [0.0]
    made = [
        scheduler(parts, desk.keeper, name, lead_seconds=0.8, clock=lambda: seconds[0]) for name in ("a", "b")
    ]
    for each in made:
        each.turn()
    assert [each.leads for each in made] == [True, False]
    assert parts.client.get(LEADER).startswith(b"a ")
    # `a` is stopped by its machine: it neither renews nor leaves.
    wait_for(lambda: not parts.client.exists(LEADER))
    seconds[0] += 1
    made[1].turn()
    made[0].turn()
    assert [each.leads for each in made] == [False, True]
    made[0].turn()
    assert [caplog.text.count(f"{name} leads; this scheduler waits") for name in "ab"] == [1, 1]


def test_a_scheduler_that_leaves_frees_the_lead_at_once(parts: Parts) -> None:
    desk = Desk(parts)
    one = scheduler(parts, desk.keeper, "one")
    one.run(lambda _seconds: one.leads)
    assert not parts.client.exists(LEADER)
    assert parts.client.hexists("mingus:scheduler:one", "death")


def test_a_leader_that_lost_the_lock_unawares_writes_nothing(parts: Parts) -> None:
    desk = Desk(parts)
    one = scheduler(parts, desk.keeper, "one")
    one.turn()
    desk.slots.lead()
    desk.clock.pass_(MINUTE)
    one.turn()
    assert not one.leads
    assert desk.minutes() == []


# Killed.

SPEED = 6000.0
SLOTS = 500


@dataclass(frozen=True)
class FastClock:
    """A wall clock that runs SPEED times as fast, the same in every process."""

    began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return NOON + timedelta(seconds=(time.monotonic() - self.began) * SPEED)


def run_fast(parts: Parts, clock: FastClock, until: datetime) -> Callable[[], None]:
    """A scheduler process on the fast clock."""

    def run() -> None:
        own = Parts(parts.folder, connect(parts.url), parts.url)
        slots = Slots(own.store, own.ledger)
        keeper = Timekeeper(
            lambda: own.folder / "schedules.toml", slots, own.enqueuer, clock.now, time.monotonic
        )
        one = scheduler(own, keeper, f"s{os.getpid()}", lead_seconds=0.2)

        def wait(seconds: float) -> bool:
            time.sleep(min(seconds / SPEED, 0.05) + 0.002)
            return clock.now() > until

        one.run(wait)

    return run


@contextmanager
def two_processes(start: Callable[[], int]) -> Iterator[list[int]]:
    pids = [start(), start()]
    yield pids
    for pid in pids:
        os.waitpid(pid, 0)


def test_two_schedulers_killed_at_random_make_500_slots_500_jobs(parts: Parts, tmp_path: Path) -> None:
    (parts.folder / "schedules.toml").write_text(FILE + 'catch_up = "all"\n')
    desk = Slots(parts.store, parts.ledger)
    clock = FastClock()
    until = NOON + (SLOTS + 60) * MINUTE
    chance = random.Random(20261125)

    def start() -> int:
        return fork(run_fast(parts, clock, until + HOUR), tmp_path / "log")

    def made() -> int:
        return int(parts.store.value("SELECT count(*) FROM schedule_slots"))

    kills = 0
    with two_processes(start) as pids:
        wait_for(lambda: "tick" in desk.states(), "the first sync")
        while clock.now() < until:
            more = made() + chance.randint(1, 25)
            wait_for(lambda more=more: made() >= more or clock.now() >= until, "some slots")  # type: ignore[misc]
            victim = chance.randrange(2)
            os.kill(pids[victim], signal.SIGKILL)
            os.waitpid(pids[victim], 0)
            pids[victim] = start()
            kills += 1
    first = parts.store.value("SELECT min(slot) FROM schedule_slots")
    rows = parts.store.rows("SELECT slot, outcome, job_id FROM schedule_slots ORDER BY slot")
    times = [datetime.fromisoformat(row["slot"]) for row in rows]
    begun = datetime.fromisoformat(first)
    assert times == [begun + number * MINUTE for number in range(len(times))], (tmp_path / "log").read_text()[
        -2000:
    ]
    assert len(times) >= SLOTS
    assert kills >= 10
    assert {row["outcome"] for row in rows} == {"enqueued"}
    ids = [job.id for job in parts.history.briefs(JobFilter())]
    assert sorted(ids) == sorted(row["job_id"] for row in rows)
