"""What a leading scheduler does with the timetable: reads the file again when it changes, turns due slots into jobs."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from mingus_lib.domain import slots as deciding
from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.slots import Changes, Decision, EntryState, Outcome, SlotRun
from mingus_lib.domain.timetable import Entry, Timetable, jittered, next_slot, slot_job_id
from mingus_lib.domain.words import some
from mingus_lib.errors import RedisUnavailable, UsageError
from mingus_lib.queues.enqueue import new_job
from mingus_lib.services import timetables
from mingus_lib.store.slots import Slots

log = logging.getLogger("mingus.scheduler")

# So many entries and jobs a tick, so that one never takes long; the next follows at once.
ENTRIES_A_TICK = 100
JOBS_A_TICK = 200
# A scheduler that ticked so lately ran all the while: what seems late is a clock that was set.
STEADY_SECONDS = 15.0
# A file that changed is read when it has stayed the same so long: an editor or a copy may be half-way through it.
SETTLED_SECONDS = 1.0
IDLE_SECONDS = 1.0
# A line of the log names so many entries: a timetable may have thousands.
NAMES_TOLD = 20


def boot_seconds() -> float:
    """Seconds since the machine started, with the time it slept where the system counts that."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Pushes(Protocol):
    """What brings recorded jobs to Redis."""

    def push(self, specs: Sequence[JobSpec]) -> None:
        """Push and confirm jobs that are on the record."""


@dataclass
class Timekeeper:
    """The timetable under way. `now` is the wall clock; `steady` counts seconds that no setting of it changes."""

    find: Callable[[], Path]
    slots: Slots
    pushes: Pushes
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    steady: Callable[[], float] = boot_seconds
    reload_wanted: bool = True
    timetable: Timetable | None = field(default=None, init=False)
    _seen: object = field(default=None, init=False)
    _noticed: tuple[object, float] = field(default=(None, 0.0), init=False)
    _fence: int | None = field(default=None, init=False)
    _version: int = field(default=-1, init=False)
    _states: dict[str, EntryState] = field(default_factory=dict, init=False)
    _waiting: list[tuple[datetime, str]] = field(default_factory=list, init=False)
    _ticked: tuple[datetime, float] | None = field(default=None, init=False)
    _steady: bool = field(default=False, init=False)
    _fault: str | None = field(default=None, init=False)

    def load(self) -> Changes | None:
        """Read the file if it changed (or was asked for). Raises UsageError; the timetable before stays.

        What changed is None when the file did not. The store learns of it at the next tick of the leader.
        """
        path = self.find()
        seen = timetables.stamp(path)
        if not self.reload_wanted and (seen == self._seen or not self._settled(seen)):
            return None
        self._seen, self.reload_wanted = seen, False
        before = self.timetable
        # Noted as seen even if this raises: a bad file is complained of once, not every second.
        self.timetable = timetables.read(path)
        self._version, self._fault = -1, None
        return timetables.compare(before, self.timetable)

    def tick(self, fence: int) -> float:
        """Do what is due under that number; seconds until something is again. Raises LeadLost, StoreUnavailable."""
        self._follow_the_file()
        if self.timetable is None:
            return IDLE_SECONDS
        self._know(fence)
        now = self.now()
        self._steady = self._ran_steadily(now, self.steady())
        if wrong := deciding.corrected(self._active(), now):
            log.warning("the clock was set back by hours: %d entries start from now", len(wrong))
            self.slots.set_back(fence, [self._entry(name) for name in wrong], now)
            self._learn()
        self._decide(fence, now)
        return self._pause(now)

    def _settled(self, seen: object) -> bool:
        at = self.steady()
        if seen != self._noticed[0]:
            self._noticed = (seen, at)
        return at - self._noticed[1] >= SETTLED_SECONDS

    def _ran_steadily(self, now: datetime, at: float) -> bool:
        """Whether a scheduler ran, and its clock was set by no more than a step, since what is due now was not."""
        before, self._ticked = self._ticked, (now, at)
        if before is None or at - before[1] >= STEADY_SECONDS:
            return False
        passed = timedelta(seconds=at - before[1])
        # What the tick before left over is as late as it was.
        left_over = self._pause(before[0]) == 0.0
        return now - before[0] - passed <= deciding.CLOCK_STEP and (self._steady or not left_over)

    def _follow_the_file(self) -> None:
        try:
            changes = self.load()
        except UsageError as error:
            log.error(
                "%s; %s", error, "the timetable before stays" if self.timetable else "waiting for a good one"
            )
            self._fault = str(error)
            self.slots.note_fault(self._fault)
            return
        if changes is not None and changes.any:
            assert self.timetable is not None
            log.info("the timetable %s is taken over: %s", self.timetable.source, _told(changes))

    def _know(self, fence: int) -> None:
        """Take over the file and learn the entries' marks when this leader, the file or an operator changed."""
        assert self.timetable is not None
        version = self.slots.version()
        if fence == self._fence and version == self._version:
            return
        if fence != self._fence:
            # What another leader did meanwhile was not seen from here.
            self._ticked = None
        self.slots.sync(self.timetable.entries, self.now(), fence)
        # A new leader has taken over the timetable before, which makes the file no better.
        if self._fault is not None:
            self.slots.note_fault(self._fault)
        # Asked after the sync, which may have changed it.
        self._fence, self._version = fence, self.slots.version()
        self._learn()

    def _learn(self) -> None:
        self._states = self.slots.states()
        self._waiting = [
            (jittered(self._entry(name), state.next_at), name)
            for name, state in self._active().items()
            if state.next_at is not None
        ]
        # A tick looks at the entries that are due, however many there are.
        heapq.heapify(self._waiting)

    def _active(self) -> Mapping[str, EntryState]:
        assert self.timetable is not None
        known = self.timetable.entries
        return {name: state for name, state in self._states.items() if state.active and name in known}

    def _entry(self, name: str) -> Entry:
        assert self.timetable is not None
        return self.timetable.entries[name]

    def _decide(self, fence: int, now: datetime) -> None:
        names = self._take_due(now)
        if not names:
            return
        decisions = self._decisions(names, now)
        new = self.slots.decide(fence, decisions, now)
        for each in decisions:
            self._go_on(each.name, each.mark, each.next_at)
        for name in {*names} - {each.name for each in decisions}:
            # Reckoned elsewhere, by other rules of the zone.
            mark = self._states[name].mark
            self._go_on(name, mark, next_slot(self._entry(name), mark))
        for name, run in new:
            _say(name, run)
        self._push([run.job for _, run in new if run.job is not None])

    def _decisions(self, names: list[str], now: datetime) -> list[Decision]:
        """What becomes of the entries, until there are jobs enough for one tick; the others wait again."""
        busy, made, jobs = self.slots.busy(names), [], 0
        for place, name in enumerate(names):
            if jobs >= JOBS_A_TICK:
                for later in names[place:]:
                    self._wait_for(later)
                # The caller takes what is left in `names` for looked at.
                del names[place:]
                break
            decided = deciding.decide(
                self._entry(name),
                self._states[name].mark,
                now,
                steady=self._steady,
                busy=busy.get(name),
                make=slot_job,
            )
            if decided is not None:
                made.append(decided)
                jobs += len(decided.runs)
        return made

    def _take_due(self, now: datetime) -> list[str]:
        names: list[str] = []
        while self._waiting and self._waiting[0][0] <= now and len(names) < ENTRIES_A_TICK:
            names.append(heapq.heappop(self._waiting)[1])
        return names

    def _go_on(self, name: str, mark: datetime, following: datetime | None) -> None:
        self._states[name] = replace(self._states[name], mark=mark, next_at=following)
        self._wait_for(name)

    def _wait_for(self, name: str) -> None:
        following = self._states[name].next_at
        if following is not None:
            heapq.heappush(self._waiting, (jittered(self._entry(name), following), name))

    def _push(self, jobs: Sequence[JobSpec]) -> None:
        if not jobs:
            return
        try:
            self.pushes.push(jobs)
        except RedisUnavailable as error:
            # They are on the record: a keeper pushes them.
            log.warning("recorded, not pushed yet: %s", error)
            raise

    def _pause(self, now: datetime) -> float:
        if not self._waiting:
            return IDLE_SECONDS
        return max(0.0, (self._waiting[0][0] - now) / timedelta(seconds=1))


def slot_job(entry: Entry, slot: datetime) -> JobSpec:
    """The one job of a slot; it starts later by the entry's jitter."""
    made = new_job(entry.task, entry.args, queue=entry.queue, origin=f"schedule:{entry.name}")
    return replace(made, id=slot_job_id(entry.name, slot), timeout=entry.timeout)


def _say(name: str, run: SlotRun) -> None:
    facts = {"entry": name, "slot": run.slot.isoformat() if run.slot else None}
    if run.outcome is Outcome.ENQUEUED:
        assert run.job is not None
        note = f" ({run.reason})" if run.reason else ""
        log.info("enqueued%s", note, extra={**facts, "job_id": run.job.id})
    else:
        log.warning("%s", run.reason, extra=facts)


def _told(changes: Changes) -> str:
    named: Iterable[tuple[str, tuple[str, ...]]] = (
        ("new", changes.added), ("changed", changes.changed), ("gone", changes.removed)
    )  # fmt: skip
    return "; ".join(f"{word}: {some(names, NAMES_TOLD)}" for word, names in named if names)
