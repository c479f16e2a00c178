"""The ledger as people read it: one job with its attempts, lists by filter, families. Works without Redis."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.control import Brief
from mingus_lib.domain.jobs import Attempt, JobRun, JobState
from mingus_lib.store.database import Row, Store
from mingus_lib.store.values import as_optional_text

COLUMNS = (
    "id, task, queue, args, state, origin, parent_id, root_id, created_at, confirmed_at, scheduled_for, "
    "started_at, ended_at, attempts, deaths, worker, result, reason, traceback, progress_done, "
    "progress_total, progress_text"
)
# The few among millions: indexes find them by their end.
BY_END = frozenset({JobState.DEAD, JobState.CANCELLED})
NAMES = tuple(COLUMNS.split(", "))
_BRIEF = "id, task, queue, state, reason, scheduled_for, refused"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; every field narrows. `error` and `arg` are parts of the reason and the arguments.

    `before` and `since` bound the time of creation; with `ended` they bound the time of the end.
    """

    states: tuple[JobState, ...] = ()
    task: str | None = None
    queue: str | None = None
    error: str | None = None
    arg: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    ended: bool = False

    @property
    def moment(self) -> str:
        """The column of the time that is bounded."""
        return "ended_at" if self.ended else "created_at"

    def where(self) -> tuple[str, list[str]]:
        """The SQL condition and its parameters."""
        conditions: list[str] = []
        values: list[str] = []
        given = (
            ("task = ?", self.task),
            ("queue = ?", self.queue),
            # instr, not LIKE: what a person types may hold % and _.
            ("instr(lower(reason), lower(?)) > 0", self.error),
            ("instr(lower(args), ?) > 0", None if self.arg is None else spelled_as_arguments(self.arg)),
            (f"{self.moment} >= ?", as_optional_text(self.since)),
            (f"{self.moment} < ?", as_optional_text(self.before)),
        )
        for condition, value in given:
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if self.states:
            # As literals, so that SQLite sees which partial index holds them all.
            any_of = " OR ".join(f"state = {state.value!r}" for state in self.states)
            conditions.append(f"({any_of})")
        return " AND ".join(conditions) or "1", values

    def order(self) -> str:
        """The SQL expression to sort by.

        The few that ended badly are found by an index of their own, and sorted: the plus keeps SQLite from walking
        all jobs of a task in their order instead, in search of the few.
        """
        few = not self.ended and self.states and BY_END.issuperset(self.states)
        return f"+{self.moment}" if few else self.moment


class History:
    """What the ledger tells. Every method may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, job_id: str) -> JobRun | None:
        """One job with its attempts."""
        # Of one moment: an attempt that ends in between would be told twice.
        with self._store.snapshot():
            row = self._store.row(f"SELECT {COLUMNS} FROM job_runs WHERE id = ?", (job_id,))
            return run_of(row, (*self._attempts(job_id), *_under_way(row))) if row else None

    def ids_starting(self, prefix: str, limit: int = 3) -> list[str]:
        """Job ids that begin with `prefix`, at most `limit`."""
        rows = self._store.rows(
            "SELECT id FROM job_runs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            # Above every sign that an id may have.
            (prefix, prefix + "\x7f", limit),
        )
        return [row[0] for row in rows]

    def newest(self, chosen: JobFilter, limit: int = 50) -> list[JobRun]:
        """The newest jobs first: by their creation, or by their end when that is what the filter bounds."""
        condition, values = chosen.where()
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM job_runs WHERE {condition} ORDER BY {chosen.order()} DESC, id LIMIT ?",
            [*values, limit],
        )
        return [run_of(row) for row in rows]

    def briefs(self, chosen: JobFilter, limit: int | None = None) -> list[Brief]:
        """The jobs chosen, oldest first."""
        condition, values = chosen.where()
        rows = self._store.rows(
            f"SELECT {_BRIEF} FROM job_runs WHERE {condition} ORDER BY created_at, id LIMIT ?",
            # To SQLite a negative LIMIT is none at all.
            [*values, -1 if limit is None else limit],
        )
        return [_brief(row) for row in rows]

    def briefs_of(self, ids: Sequence[str]) -> list[Brief]:
        """Those of the jobs that are on the record, in the order given."""
        rows = self._store.rows(
            f"SELECT {_BRIEF} FROM job_runs WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        # IN keeps no order.
        found = {row["id"]: _brief(row) for row in rows}
        return [found[job_id] for job_id in ids if job_id in found]

    def families(self, root_ids: Sequence[str]) -> list[JobRun]:
        """The jobs and all that they caused, oldest first."""
        wanted = json.dumps(list(root_ids))
        rows = self._store.rows(
            f"SELECT {COLUMNS} FROM job_runs WHERE id IN (SELECT value FROM json_each(?1)) "
            "OR root_id IN (SELECT value FROM json_each(?1)) ORDER BY created_at, id",
            (wanted,),
        )
        return [run_of(row) for row in rows]

    def _attempts(self, job_id: str) -> tuple[Attempt, ...]:
        rows = self._store.rows(
            "SELECT attempt, worker, started_at, ended_at, state, reason, traceback "
            "FROM job_attempts WHERE job_id = ? ORDER BY attempt",
            (job_id,),
        )
        return tuple(Attempt(*row) for row in rows)


def lower_ascii(text: str) -> str:
    """The text as SQLite's lower() has it, which knows ASCII alone."""
    return "".join(c.lower() if c.isascii() else c for c in text)


def spelled_as_arguments(text: str) -> str:
    """The text in small letters as the arguments have it, whose JSON is all ASCII."""
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in lower_ascii(text))


def _under_way(row: Row) -> tuple[Attempt, ...]:
    """The attempt that has not ended, which has no row in the history yet."""
    if row["state"] != JobState.STARTED:
        return ()
    return (Attempt(row["attempts"], row["worker"], row["started_at"], None, "started", None, None),)


def _brief(row: Row) -> Brief:
    job_id, task, queue, state, reason, scheduled_for, refused = row
    return Brief(job_id, task, queue, JobState(state), reason, scheduled_for, bool(refused))


def run_of(row: Row, history: tuple[Attempt, ...] = ()) -> JobRun:
    """The job of a row that begins with COLUMNS."""
    values: dict[str, Any] = {name: row[name] for name in NAMES}
    values["args"] = json.loads(values["args"])
    values["state"] = JobState(values["state"])
    values["result"] = json.loads(values["result"]) if values["result"] is not None else None
    return JobRun(**values, history=history)
