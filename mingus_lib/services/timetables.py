"""The timetable as operators see and change it: read, checked, listed, run by hand, switched on and off."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mingus_lib.domain import datafiles
from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.slots import Changes, EntryState, is_active
from mingus_lib.domain.timetable import Entry, TaskFacts, Timetable, slots
from mingus_lib.domain.timetable_file import LARGEST, parse
from mingus_lib.domain.timetable_values import spoken
from mingus_lib.domain.words import nearest
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.queues import catalog
from mingus_lib.queues.enqueue import Submits, new_job

if TYPE_CHECKING:
    from mingus_lib.settings import Settings
    from mingus_lib.store.slots import Slots

FILE = "schedules.toml"
MISSED_DAYS = 7
# Nothing is planned further ahead.
FAR = timedelta(days=36_525)


def locate(settings: Settings) -> Path:
    """The timetable in use: MINGUS_SCHEDULES, else the state directory's, else the one that is shipped."""
    if settings.schedules is not None:
        return settings.schedules
    # A file that an operator has put there wins, also over a newer one that is shipped.
    own = settings.home / FILE
    return own if own.exists() else shipped()


def shipped() -> Path:
    """The timetable that comes with mingus."""
    return datafiles.FOLDER / FILE


def stamp(path: Path) -> object:
    """What changes when the file does: which file, its inode, size and time; only which, if it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return (path, None)
    # The change time tells of new permissions, too, and of a copy that keeps the time of its original.
    return (path, found.st_ino, found.st_size, found.st_ctime_ns)


def read(path: Path) -> Timetable:
    """The timetable of a file, whole and checked. Raises UsageError naming file and line."""
    try:
        # tomllib refuses the byte-order mark that some editors begin a file with.
        with path.open(encoding="utf-8-sig") as file:
            # A device or a wrong file may have no end; one character too many is refused by `parse`.
            text = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise UsageError(f"there is no timetable {path}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8") from error
    except OSError as error:
        raise UsageError(f"cannot read the timetable {path}: {error.strerror}") from error
    return parse(text, known_tasks(), queues=catalog.QUEUES, source=str(path))


def known_tasks() -> dict[str, TaskFacts]:
    """What a timetable must know of every task of the catalog."""
    return {name: TaskFacts(task.queue, task.hard, task.validate) for name, task in catalog.load().items()}


def compare(before: Timetable | None, now: Timetable) -> Changes:
    """What is new, changed or gone."""
    old = before.entries if before else {}
    # Where an entry stands in the file is no change of it.
    same = {name for name, entry in now.entries.items() if name in old and _bare(entry) == _bare(old[name])}
    return Changes(
        added=tuple(name for name in now.entries if name not in old),
        changed=tuple(name for name in now.entries if name in old and name not in same),
        removed=tuple(name for name in old if name not in now.entries),
        unchanged=len(same),
    )


def _bare(entry: Entry) -> Entry:
    return replace(entry, line=0)


def entry_of(timetable: Timetable, name: str) -> Entry:
    """The entry of that name; NotFound suggests the nearest."""
    if name not in timetable.entries:
        near = nearest(name, tuple(timetable.entries))
        raise NotFound(
            f"no entry named {name[:80]!r} in {timetable.source}{near}; `mingus schedule list` shows them"
        )
    return timetable.entries[name]


def upcoming(
    timetable: Timetable, states: Mapping[str, EntryState], now: datetime, count: int
) -> list[dict[str, Any]]:
    """The next slots of all entries that are on, by time: the documented shape of `schedule next --json`."""
    active = [entry for entry in timetable.entries.values() if _on(entry, states)]
    # Lazily: an entry of every minute has fifty million slots before FAR.
    # With a key, since entries have no order: of two that are due at once the name decides.
    merged = heapq.merge(*(_stream(entry, now) for entry in active), key=lambda each: (each[0], each[1].name))
    return [_slot_row(slot, entry) for slot, entry in islice(merged, count)]


def _stream(entry: Entry, now: datetime) -> Iterator[tuple[datetime, Entry]]:
    return ((slot, entry) for slot in slots(entry, now, now + FAR))


def _slot_row(slot: datetime, entry: Entry) -> dict[str, Any]:
    local = slot.astimezone(ZoneInfo(entry.timezone))
    return {"slot": slot.isoformat(), "local": local.isoformat(), "name": entry.name, "task": entry.task}


def _on(entry: Entry, states: Mapping[str, EntryState]) -> bool:
    state = states.get(entry.name)
    return is_active(entry, state.switched if state else None)


def listed(timetable: Timetable, memory: Slots, now: datetime) -> list[dict[str, Any]]:
    """One row an entry, the documented shape of `schedule list --json`."""
    states, last = memory.states(), memory.last_runs(tuple(timetable.entries))
    missed = memory.missed(now - timedelta(days=MISSED_DAYS))
    return [
        _row(entry, states.get(name), last.get(name), missed.get(name, 0), now)
        for name, entry in timetable.entries.items()
    ]


def _row(
    entry: Entry, state: EntryState | None, last: Mapping[str, Any] | None, missed: int, now: datetime
) -> dict[str, Any]:
    switched = state.switched if state else None
    on = is_active(entry, switched)
    following = list(slots(entry, now, now + FAR, limit=3)) if on else []
    zone = ZoneInfo(entry.timezone)
    return {
        "name": entry.name,
        "task": entry.task,
        "queue": entry.queue,
        "when": _when(entry),
        "timezone": entry.timezone,
        "enabled": on,
        "switched_by_hand": switched is not None,
        "next": [slot.isoformat() for slot in following],
        "next_local": [slot.astimezone(zone).isoformat() for slot in following],
        "last": _last(last) if last else None,
        "missed_in_7_days": missed,
        "catch_up": str(entry.catch_up),
        "overlap": str(entry.overlap),
        "jitter_seconds": entry.jitter.total_seconds(),
        "timeout_seconds": entry.timeout,
        "description": entry.description,
    }


def _last(run: Mapping[str, Any]) -> dict[str, Any]:
    """A slot's run: `lag_seconds` from the slot to its job's start, `seconds` from that to its end."""
    started, ended = _time(run["started_at"]), _time(run["ended_at"])
    # A run by hand has no slot: it was due when it was asked for.
    due = _time(run["slot"]) or _time(run["decided_at"])
    return {
        "slot": run["slot"],
        "outcome": run["outcome"],
        "manual": run["slot"] is None,
        "job_id": run["job_id"],
        "state": run["state"],
        "reason": run["reason"],
        "lag_seconds": _seconds(due, started),
        "seconds": _seconds(started, ended),
    }


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def checked(timetable: Timetable) -> list[dict[str, Any]]:
    """One row an entry, the documented shape of `schedule check --json`."""
    return [
        {
            "name": entry.name,
            "line": entry.line,
            "task": entry.task,
            "queue": entry.queue,
            "when": _when(entry),
            "timezone": entry.timezone,
            "enabled": entry.enabled,
        }
        for entry in timetable.entries.values()
    ]


def _when(entry: Entry) -> str:
    return f"every {spoken(entry.every)}" if entry.every else entry.cron or ""


def run_now(entry: Entry, memory: Slots, enqueuer: Submits) -> str:
    """Enqueue the entry's job once, now, whatever its switch and overlap say; the job's id."""
    job = new_job(entry.task, entry.args, queue=entry.queue, origin=f"schedule:{entry.name}:manual")

    def record(jobs: Sequence[JobSpec]) -> None:
        memory.by_hand(entry.name, jobs[0], datetime.now(UTC))

    return enqueuer.submit([replace(job, timeout=entry.timeout)], record=record)[0]


def switch(timetable: Timetable, names: list[str], memory: Slots, *, on: bool | None) -> list[dict[str, Any]]:
    """Switch entries on or off for good, whatever the file says, or (None) let the file say again; a row each.

    Raises NotFound before any change.
    """
    entries = [entry_of(timetable, name) for name in dict.fromkeys(names)]
    now = datetime.now(UTC)
    return [
        {"name": each.name, "enabled": is_active(each, on), "changed": memory.switch(each, on, now)}
        for each in entries
    ]
