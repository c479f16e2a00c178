"""When each entry of the timetable runs: its slots, in UTC. Pure: the time is an argument.

A slot is the instant of one run. Slots never depend on the process: not on its time zone, its start or its clock.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count, islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from mingus_lib.domain import crontimes

# A slot found this late is on time: an ordinary restart of the scheduler is no downtime.
GRACE = timedelta(minutes=1)
# However long the downtime, `catch_up = "all"` makes up for so many runs of an entry, the newest.
CAUGHT_UP_AT_MOST = 100
# Missed slots are counted, newest first, up to this number.
MISSED_COUNTED = 1000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
_LONGEST_NAME = 60
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST_NAME}}}")
# A plain name that ends like a digest could be taken for another name's.
_LIKE_A_DIGEST = re.compile(r"-[0-9a-f]{10}$")


class CatchUp(StrEnum):
    """What becomes of the slots that passed while no scheduler ran."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    """What a slot does while the run before it has not ended."""

    SKIP = "skip"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the timetable must know of a task. `queue` None: any queue. `hard`: its limit in seconds.

    `check` raises UsageError for arguments that the task does not take.
    """

    queue: str | None
    hard: int
    check: Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Exactly one of `cron` (in `timezone`) and `every` (from 1970-01-01T00:00Z) is set.

    `timeout` is seconds, None: the task's own. `line` is where the entry begins in the file. After `parse`,
    `queue` is never None.
    """

    name: str
    task: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    cron: str | None = None
    every: timedelta | None = None
    timezone: str = "UTC"
    queue: str | None = None
    enabled: bool = True
    catch_up: CatchUp = CatchUp.LAST
    overlap: Overlap = Overlap.SKIP
    jitter: timedelta = timedelta(0)
    timeout: int | None = None
    description: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Timetable:
    """All entries of a file in its order, by name. `source` is the file's name, for messages."""

    entries: Mapping[str, Entry]
    source: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Slots that were missed and will not run. `more`: there were older ones that were not counted."""

    count: int
    first: datetime
    last: datetime
    more: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """What an entry owes now: slots that are `on_time`, those missed that run late (`caught_up`), those that do not.

    Both are ascending, and every caught-up slot is before every one on time.
    """

    on_time: tuple[datetime, ...] = ()
    caught_up: tuple[datetime, ...] = ()
    skipped: Skipped | None = None

    @property
    def decided(self) -> datetime | None:
        """The last slot that is decided with this, the next `since`; None when nothing is due."""
        # What is skipped is always older than what runs.
        return self.run[-1] if self.run else self.skipped.last if self.skipped else None

    @property
    def run(self) -> tuple[datetime, ...]:
        """All slots to run now, ascending."""
        return self.caught_up + self.on_time


def slots(entry: Entry, after: datetime, until: datetime, limit: int | None = None) -> Iterator[datetime]:
    """The entry's slots with after < slot <= until, aware UTC, ascending, each once, at most `limit`.

    A local time that a zone skips runs at the first instant after the gap, all such times of a gap once;
    one that comes twice runs at the first. `enabled` and `jitter` play no part.
    """
    return islice(takewhile(lambda slot: slot <= until, _forward(entry, after)), limit)


def next_slot(entry: Entry, after: datetime) -> datetime | None:
    """The first slot after that instant; None when there is none within 50 years."""
    return next(slots(entry, after, FOREVER), None)


def slots_back(entry: Entry, until: datetime) -> Iterator[datetime]:
    """The slots at or before an instant, newest first; they end where there is none for 50 years."""
    if every := entry.every:
        return (EPOCH + number * every for number in count((until - EPOCH) // every, -1))
    return crontimes.preceding(entry.cron or "", ZoneInfo(entry.timezone), until)


def jittered(entry: Entry, slot: datetime) -> datetime:
    """When the slot's job really starts: up to `jitter` later, in whole seconds, the same in every process."""
    # A digest, since a random wait would be drawn anew by the scheduler that takes over.
    digest = hashlib.sha256(f"{entry.name} {_stamp(slot)}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    return slot + timedelta(seconds=int(entry.jitter.total_seconds() * share))


def due(entry: Entry, since: datetime, now: datetime, grace: timedelta = GRACE) -> Due:
    """What to do about the slots after `since` whose jittered time has come, by the entry's `catch_up`.

    `since` is the last slot that was decided, or the time at which the entry became known. Late by at most
    `grace` is on time and always runs. Of the missed ones, `none` runs none; `last` the newest, unless one on
    time makes up for it; `all` the newest CAUGHT_UP_AT_MOST. `since` in the future gives nothing.
    """
    # Backwards, so that years without a scheduler cost a thousand slots and not half a million.
    back = takewhile(lambda slot: slot > since, slots_back(entry, now))
    found = [*islice(back, MISSED_COUNTED)][::-1]
    # In order, so that a slot held up by jitter is not overtaken and lost.
    come = list(takewhile(lambda slot: jittered(entry, slot) <= now, found))
    missed = list(takewhile(lambda slot: now - jittered(entry, slot) > grace, come))
    on_time = come[len(missed) :]
    at_most = {CatchUp.NONE: 0, CatchUp.LAST: 0 if on_time else 1, CatchUp.ALL: CAUGHT_UP_AT_MOST}
    lost = max(0, len(missed) - at_most[entry.catch_up])
    # any(back) goes one slot further back: there may be more than were counted.
    skipped = Skipped(lost, missed[0], missed[lost - 1], any(back)) if lost else None
    return Due(tuple(on_time), tuple(missed[lost:]), skipped)


def slot_job_id(entry_name: str, slot: datetime) -> str:
    """The id of the slot's one job, such as cron-daily-report-20261125T020000Z; at most 100 characters.

    RQ takes letters, digits, `_` and `-`. A name with others, or a long one, is cut and gets a digest, so that
    two names never share an id.
    """
    name = entry_name
    if not _PLAIN_NAME.fullmatch(name) or _LIKE_A_DIGEST.search(name):
        digest = hashlib.sha256(name.encode()).hexdigest()[:10]
        name = f"{re.sub('[^A-Za-z0-9_-]', '-', name)[: _LONGEST_NAME - 11]}-{digest}"
    return f"cron-{name}-{_stamp(slot)}"


def _stamp(slot: datetime) -> str:
    return slot.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _forward(entry: Entry, after: datetime) -> Iterator[datetime]:
    """The slots after an instant, without end."""
    if every := entry.every:
        # From 1970 and not from a start, so that a restart moves no slot and two schedulers agree.
        return (EPOCH + number * every for number in count((after - EPOCH) // every + 1))
    return crontimes.following(entry.cron or "", ZoneInfo(entry.timezone), after)
