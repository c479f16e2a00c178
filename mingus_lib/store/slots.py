"""The timetable's memory: which slots are decided, what became of them, which entries are switched on or off.

A slot and its job are written in one transaction, under the number of the scheduler that leads (a fencing token: M.
Kleppmann, "How to do distributed locking", 2016), so that neither a kill nor a second leader makes two jobs of one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.slots import Changes, Decision, EntryState, SlotRun, is_active, timing
from mingus_lib.domain.timetable import Entry, next_slot
from mingus_lib.errors import LeadLost
from mingus_lib.store.database import Row, Store
from mingus_lib.store.ledger import OPEN, Ledger
from mingus_lib.store.values import as_optional_text, as_optional_time, as_text, as_time, clean

_LEAD = """
INSERT INTO meta VALUES ('schedule_fence', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) RETURNING value
"""
_CHANGED = """
INSERT INTO meta VALUES ('schedule_changes', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)
"""
_FAULTY = """
INSERT INTO meta VALUES ('schedule_fault', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_SOUND = "DELETE FROM meta WHERE key = 'schedule_fault'"
_STATES = "SELECT name, task, timing, active, switched, mark, next_at FROM schedule_entries"
_PUT = """
INSERT INTO schedule_entries (name, task, timing, active, switched, mark, next_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET task = excluded.task, timing = excluded.timing, active = excluded.active,
  switched = excluded.switched, mark = excluded.mark, next_at = excluded.next_at
"""
# From the mark that the scheduler saw, and while it is on: whoever was quicker, an operator too, wins.
_MOVE = "UPDATE schedule_entries SET mark = ?, next_at = ? WHERE name = ? AND mark = ? AND active"
_REST = "UPDATE schedule_entries SET active = 0, next_at = NULL WHERE name = ?"
_FORGET = "DELETE FROM schedule_entries WHERE name = ? AND switched IS NULL"
_SET_BACK = "UPDATE schedule_entries SET mark = ?, next_at = ? WHERE name = ?"
_SLOT = """
INSERT INTO schedule_slots (name, slot, outcome, slots, job_id, reason, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name, slot) DO NOTHING
"""
# Of each entry the newest open job among its last hundred, which is what `catch_up = "all"` may make at once. A job
# has not ended while one that it caused has not.
_BUSY = f"""
SELECT asked.value AS name, (
  SELECT s.job_id FROM (
    SELECT id, job_id FROM schedule_slots WHERE name = asked.value AND job_id IS NOT NULL
    ORDER BY id DESC LIMIT 100) s
  WHERE EXISTS (SELECT 1 FROM job_runs WHERE id = s.job_id AND {OPEN})
    OR EXISTS (SELECT 1 FROM job_runs WHERE root_id = s.job_id AND {OPEN})
  ORDER BY s.id DESC LIMIT 1) AS job_id
FROM json_each(?1) asked
"""  # noqa: S608
_LAST_RUNS = """
SELECT s.name, s.slot, s.outcome, s.slots, s.job_id, s.reason, s.decided_at,
  j.state, j.created_at, j.started_at, j.ended_at
FROM json_each(?) asked JOIN schedule_slots s ON s.id = (
  SELECT id FROM schedule_slots WHERE name = asked.value AND outcome <> 'missed' ORDER BY id DESC LIMIT 1)
LEFT JOIN job_runs j ON j.id = s.job_id
"""
_MISSED = (
    "SELECT name, sum(slots) FROM schedule_slots WHERE outcome = 'missed' AND decided_at >= ? GROUP BY name"
)


class Slots:
    """The timetable's memory in one store. Every method may raise what Store raises."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def lead(self) -> int:
        """The number of a new leader: what an older one decides from now on is refused."""
        with self._store.transaction(durable=True) as connection:
            return int(connection.execute(_LEAD).fetchone()[0])

    def version(self) -> int:
        """A number that grows with every change by `sync` and `switch`."""
        return int(self._store.value("SELECT value FROM meta WHERE key = 'schedule_changes'") or 0)

    def states(self) -> dict[str, EntryState]:
        """All entries ever seen, by name."""
        return {row["name"]: _state(row) for row in self._store.rows(_STATES)}

    def sync(self, entries: Mapping[str, Entry], now: datetime, fence: int | None = None) -> Changes:
        """Take over a timetable. What is new, changed its times or comes back starts now: nothing is made up for.

        Raises LeadLost when it is a scheduler's, with its number, and another leads by now.
        """
        with self._store.transaction(durable=True) as connection:
            if fence is not None:
                self._must_lead(connection, fence)
            known = {row["name"]: row for row in connection.execute(_STATES)}
            put = {name: _synced(entry, known.get(name), now) for name, entry in entries.items()}
            changes = _compare(put, known)
            for name, row in put.items():
                # Also a next slot that is another by the zone's rules of today.
                if name not in known or tuple(known[name]) != row:
                    connection.execute(_PUT, row)
            for name in changes.removed:
                connection.execute(_REST, (name,))
                connection.execute(_FORGET, (name,))
            if changes.any:
                connection.execute(_CHANGED)
            connection.execute(_SOUND)
            return changes

    def note_fault(self, fault: str) -> None:
        """Keep why a timetable was refused, for those who look, until the next one is taken over."""
        with self._store.transaction() as connection:
            connection.execute(_FAULTY, (clean(fault),))

    def switch(self, entry: Entry, on: bool | None, now: datetime) -> bool:
        """Switch an entry on or off, or (None) let the file say again; whether that changed if it runs."""
        with self._store.transaction(durable=True) as connection:
            row = connection.execute(f"{_STATES} WHERE name = ?", (entry.name,)).fetchone()
            put = _row(entry, row, now, on)
            before = entry.enabled if row is None else bool(row["active"])
            if row is None or tuple(row) != put:
                connection.execute(_PUT, put)
                connection.execute(_CHANGED)
            return before is not is_active(entry, on)

    def busy(self, names: Collection[str]) -> dict[str, str]:
        """A job that has not ended, by entry, where there is one."""
        rows = self._store.rows(_BUSY, (json.dumps(list(names)),))
        return {row["name"]: row["job_id"] for row in rows if row["job_id"] is not None}

    def decide(self, fence: int, decisions: Iterable[Decision], now: datetime) -> list[tuple[str, SlotRun]]:
        """Write what is decided and record the jobs, all in one transaction; the runs that were new, by entry.

        Raises LeadLost when another scheduler leads by now.
        """
        with self._store.transaction(durable=True) as connection:
            self._must_lead(connection, fence)
            new = [
                (each.name, run)
                for each in decisions
                if connection.execute(_MOVE, _moved(each)).rowcount
                for run in each.runs
                if _put_slot(connection, each.name, run, now)
            ]
            self._ledger.record([run.job for _, run in new if run.job is not None])
            return new

    def set_back(self, fence: int, entries: Iterable[Entry], now: datetime) -> None:
        """Let entries start from now whose marks a wrong clock had set far ahead. Raises LeadLost."""
        with self._store.transaction(durable=True) as connection:
            self._must_lead(connection, fence)
            for entry in entries:
                following = as_optional_text(next_slot(entry, now))
                connection.execute(_SET_BACK, (as_text(now), following, entry.name))

    def by_hand(self, name: str, job: JobSpec, now: datetime) -> None:
        """Note a run by hand and record its job."""
        with self._store.transaction(durable=True) as connection:
            connection.execute(_SLOT, (name, None, "enqueued", 1, job.id, "manual", as_text(now)))
            self._ledger.record([job])

    def last_runs(self, names: Collection[str]) -> dict[str, dict[str, Any]]:
        """The last run of each entry and how it goes, by name; times are ISO 8601 text."""
        return {row["name"]: dict(row) for row in self._store.rows(_LAST_RUNS, (json.dumps(list(names)),))}

    def missed(self, since: datetime) -> dict[str, int]:
        """How many slots were missed, by entry, as decided since then."""
        return dict(tuple(row) for row in self._store.rows(_MISSED, (as_text(since),)))

    def forget(self, before: datetime, limit: int = 5000) -> int:
        """Delete what was decided before that time, at most so much; how many rows."""
        return self._store.execute(
            "DELETE FROM schedule_slots WHERE id IN "
            "(SELECT id FROM schedule_slots WHERE decided_at < ? ORDER BY decided_at LIMIT ?)",
            (as_text(before), limit),
        )

    def _must_lead(self, connection: sqlite3.Connection, fence: int) -> None:
        # Under the write lock: who leads next has to raise the number first, and waits for it.
        row = connection.execute("SELECT value FROM meta WHERE key = 'schedule_fence'").fetchone()
        if row is None or int(row[0]) != fence:
            raise LeadLost("another scheduler leads by now")


def _synced(entry: Entry, row: Row | None, now: datetime) -> tuple[Any, ...]:
    """The row of an entry as it is to be, its switch as it was."""
    switch = row["switched"] if row is not None else None
    return _row(entry, row, now, None if switch is None else bool(switch))


def _row(entry: Entry, row: Row | None, now: datetime, switched: bool | None) -> tuple[Any, ...]:
    active, times = is_active(entry, switched), timing(entry)
    goes_on = row is not None and row["timing"] == times and bool(row["active"]) and active
    mark = as_time(row["mark"]) if row is not None and goes_on else now
    following = next_slot(entry, mark) if active else None
    switch = None if switched is None else int(switched)
    return (entry.name, entry.task, times, int(active), switch, as_text(mark), as_optional_text(following))


def _compare(put: Mapping[str, tuple[Any, ...]], known: Mapping[str, Row]) -> Changes:
    # One that is gone stays known only for its switch.
    gone = [
        name for name, row in known.items() if name not in put and (row["active"] or row["switched"] is None)
    ]
    # All but the mark and what follows from it, which move with time.
    changed = [name for name, row in put.items() if name in known and tuple(known[name])[1:5] != row[1:5]]
    added = tuple(name for name in put if name not in known)
    return Changes(added, tuple(changed), tuple(sorted(gone)), len(put) - len(added) - len(changed))


def _moved(each: Decision) -> Sequence[Any]:
    return (as_text(each.mark), as_optional_text(each.next_at), each.name, as_text(each.before))


def _put_slot(connection: sqlite3.Connection, name: str, run: SlotRun, now: datetime) -> bool:
    job_id = run.job.id if run.job else None
    values = (name, as_optional_text(run.slot), run.outcome, run.slots, job_id, run.reason, as_text(now))
    return connection.execute(_SLOT, values).rowcount > 0


def _state(row: Row) -> EntryState:
    switched = None if row["switched"] is None else bool(row["switched"])
    mark, following = as_time(row["mark"]), as_optional_time(row["next_at"])
    return EntryState(row["name"], bool(row["active"]), switched, mark, following)
