"""What is known of the timetable's entries and slots, and what is decided of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.timetable import GRACE, Entry, Overlap, Skipped, due, next_slot

# A clock that was set forward while a scheduler ran has skipped these slots, nobody was down: they run. One that
# was set back by more was wrong before. Vixie cron draws the same line, at three hours.
CLOCK_STEP = timedelta(hours=3)


class Outcome(StrEnum):
    """What became of a slot."""

    ENQUEUED = "enqueued"
    SKIPPED = "skipped"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class SlotRun:
    """A slot, decided. `slots` is how many it stands for, `slot` being the last; `slot` None: run by hand."""

    outcome: Outcome
    slot: datetime | None
    slots: int = 1
    job: JobSpec | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EntryState:
    """What the store knows of an entry. `switched` is an operator's switch, None: as the file says.

    Every slot up to `mark` is decided; `next_at` is what the leading scheduler reckoned.
    """

    name: str
    active: bool
    switched: bool | None
    mark: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What one entry's slots up to `mark` become. It stands only if the entry's mark is still `before`."""

    name: str
    before: datetime
    mark: datetime
    next_at: datetime | None
    runs: tuple[SlotRun, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a timetable changed, by the names of its entries, against the one before."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def any(self) -> bool:
        """Whether something changed."""
        return bool(self.added or self.changed or self.removed)


def timing(entry: Entry) -> str:
    """What the entry's slots depend on, as text; another text means other slots."""
    every = entry.every.total_seconds() if entry.every else None
    # Without task and arguments: a change of these moves no slot, and the mark stays.
    return json.dumps([entry.cron, every, entry.timezone])


def is_active(entry: Entry, switched: bool | None) -> bool:
    """Whether the entry runs: an operator's switch goes before the file."""
    return entry.enabled if switched is None else switched


MakeJob = Callable[[Entry, datetime], JobSpec]


def decide(
    entry: Entry, mark: datetime, now: datetime, *, steady: bool, busy: str | None, make: MakeJob
) -> Decision | None:
    """What becomes of the entry's slots between its mark and now; None when there are none.

    `steady`: a scheduler ran all the while, so that what seems late is a clock set forward. `busy` is the job of an
    earlier slot that has not ended. `make` makes a slot's job.
    """
    owed = due(entry, mark, now, grace=CLOCK_STEP if steady else GRACE)
    runs = [_missed(entry, owed.skipped)] if owed.skipped else []
    for slot in owed.run:
        # Only a job of an earlier turn counts, or slots that are caught up would skip each other.
        if busy is not None and entry.overlap is Overlap.SKIP:
            runs.append(SlotRun(Outcome.SKIPPED, slot, reason=f"overlap: job {busy} has not ended"))
        else:
            late = "caught up" if slot in owed.caught_up else None
            runs.append(SlotRun(Outcome.ENQUEUED, slot, job=make(entry, slot), reason=late))
    if not runs:
        return None
    # Missed slots are decided as well, or they would be found again at every turn.
    last = max(run.slot for run in runs if run.slot is not None)
    return Decision(entry.name, mark, last, next_slot(entry, last), tuple(runs))


def _missed(entry: Entry, skipped: Skipped) -> SlotRun:
    more = "at least " if skipped.more else ""
    reason = (
        f"missed: {more}{skipped.count} since {skipped.first:%Y-%m-%dT%H:%MZ}, catch_up is {entry.catch_up}"
    )
    return SlotRun(Outcome.MISSED, skipped.last, slots=skipped.count, reason=reason)


def corrected(states: Mapping[str, EntryState], now: datetime) -> Sequence[str]:
    """The entries whose mark lies so far ahead that the clock must have been wrong when it was set."""
    return [name for name, state in states.items() if state.mark - now > CLOCK_STEP]
