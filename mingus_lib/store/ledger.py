"""The ledger: every job, written before Redis sees it and at every end (tables job_runs, job_attempts).

It is the history, and the source of `jobs` and `job ID` when Redis is away or has forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.jobs import Attempt, JobRun, JobSpec, JobState
from mingus_lib.store.database import Row, Store

_OPEN = "state IN ('queued', 'scheduled', 'started')"
_COLUMNS = (
    "id, task, queue, args, state, origin, parent_id, root_id, created_at, confirmed_at, scheduled_for, "
    "started_at, ended_at, attempts, worker, result, reason, traceback, progress_done, progress_total, "
    "progress_text"
)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; every field narrows."""

    state: JobState | None = None
    task: str | None = None
    queue: str | None = None

    def where(self) -> tuple[str, list[str]]:
        """The SQL condition and its parameters."""
        given = [
            (name, value)
            for name, value in (("state", self.state), ("task", self.task), ("queue", self.queue))
            if value is not None
        ]
        conditions = [f"{name} = ?" for name, _ in given]
        return " AND ".join(conditions) or "1", [str(value) for _, value in given]


class Ledger:
    """Jobs on the record. Every method may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, specs: Sequence[JobSpec]) -> None:
        """Write the jobs as queued or scheduled: one transaction, on the disk when it returns."""
        with self._store.transaction(durable=True) as connection:
            connection.executemany(_INSERT, [_new_row(spec) for spec in specs])

    def confirm(self, ids: Sequence[str], now: datetime) -> None:
        """Say that Redis has taken them."""
        self._store.execute_many(
            "UPDATE job_runs SET confirmed_at = ? WHERE id = ?", [(now.isoformat(), job_id) for job_id in ids]
        )

    def start(self, spec: JobSpec, *, worker: str, now: datetime) -> int | None:
        """Begin an attempt: its number from 1, or None when the job has ended already.

        A job that another program pushed gets its row here.
        """
        with self._store.transaction() as connection:
            connection.execute(_INSERT + " ON CONFLICT (id) DO NOTHING", _new_row(spec))
            row = connection.execute(
                _START,
                (now.isoformat(), worker, spec.id),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "INSERT INTO job_attempts (job_id, attempt, worker, started_at, state) "
                "VALUES (?, ?, ?, ?, 'started')",
                (spec.id, row[0], worker, now.isoformat()),
            )
            return int(row[0])

    def finish(self, job_id: str, result: Any, now: datetime) -> None:
        """The attempt succeeded; `result` is JSON."""
        self._end(job_id, JobState.FINISHED, now, result=json.dumps(result))

    def reschedule(self, job_id: str, when: datetime, reason: str, now: datetime) -> None:
        """The attempt failed and another follows at `when`."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE job_runs SET state = 'scheduled', scheduled_for = ?, reason = ? WHERE id = ?",
                (when.isoformat(), reason, job_id),
            )
            _close_attempt(connection, job_id, JobState.DEAD, now, reason, None)

    def bury(self, job_id: str, reason: str, now: datetime, *, traceback: str | None = None) -> None:
        """The job is dead, with its reason."""
        self._end(job_id, JobState.DEAD, now, reason=reason, traceback=traceback)

    def cancel(self, ids: Iterable[str], reason: str, now: datetime) -> int:
        """End jobs that have not ended; how many were changed."""
        return self._store.execute_many(
            f"UPDATE job_runs SET state = 'cancelled', reason = ?, ended_at = ?, scheduled_for = NULL "  # noqa: S608
            f"WHERE id = ? AND {_OPEN}",
            [(reason, now.isoformat(), job_id) for job_id in ids],
        )

    def progress(self, job_id: str, done: int, total: int, text: str) -> None:
        """Note how far the running attempt is."""
        self._store.execute(
            "UPDATE job_runs SET progress_done = ?, progress_total = ?, progress_text = ? WHERE id = ?",
            (done, total, text, job_id),
        )

    def get(self, job_id: str) -> JobRun | None:
        """One job with its attempts."""
        row = self._store.row(f"SELECT {_COLUMNS} FROM job_runs WHERE id = ?", (job_id,))  # noqa: S608
        return _run(row, self._attempts(job_id)) if row else None

    def ids_starting(self, prefix: str, limit: int = 3) -> list[str]:
        """Job ids that begin with `prefix`, at most `limit`."""
        rows = self._store.rows(
            "SELECT id FROM job_runs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (prefix, prefix + "\x7f", limit),
        )
        return [row[0] for row in rows]

    def newest(self, chosen: JobFilter, limit: int = 50) -> list[JobRun]:
        """The newest jobs first."""
        condition, parameters = chosen.where()
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM job_runs WHERE {condition} ORDER BY created_at DESC, id LIMIT ?",  # noqa: S608
            [*parameters, limit],
        )
        return [_run(row) for row in rows]

    def families(self, root_ids: Sequence[str]) -> list[JobRun]:
        """The jobs and all that they caused, oldest first."""
        wanted = json.dumps(list(root_ids))
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM job_runs WHERE id IN (SELECT value FROM json_each(?1)) "  # noqa: S608
            "OR root_id IN (SELECT value FROM json_each(?1)) ORDER BY created_at, id",
            (wanted,),
        )
        return [_run(row) for row in rows]

    def _attempts(self, job_id: str) -> tuple[Attempt, ...]:
        rows = self._store.rows(
            "SELECT attempt, worker, started_at, ended_at, state, reason, traceback "
            "FROM job_attempts WHERE job_id = ? ORDER BY attempt",
            (job_id,),
        )
        return tuple(
            Attempt(row[0], row[1], row[2], row[3], JobState(row[4]), row[5], row[6]) for row in rows
        )

    def _end(
        self,
        job_id: str,
        state: JobState,
        now: datetime,
        *,
        reason: str | None = None,
        traceback: str | None = None,
        result: str | None = None,
    ) -> None:
        with self._store.transaction() as connection:
            # A job that has ended keeps its end, whatever a dying worker says later.
            changed = connection.execute(
                _END, (state.value, now.isoformat(), reason, traceback, result, job_id)
            ).rowcount
            if changed:
                _close_attempt(connection, job_id, state, now, reason, traceback)


_START = (
    "UPDATE job_runs SET state = 'started', started_at = ?, worker = ?, reason = NULL, "  # noqa: S608
    f"attempts = attempts + 1, scheduled_for = NULL WHERE id = ? AND {_OPEN} RETURNING attempts"
)
_END = (
    "UPDATE job_runs SET state = ?, ended_at = ?, reason = ?, traceback = ?, scheduled_for = NULL, "  # noqa: S608
    f"result = ? WHERE id = ? AND {_OPEN}"
)
_INSERT = (
    "INSERT INTO job_runs (id, task, queue, args, state, origin, parent_id, root_id, created_at, "
    "scheduled_for, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _new_row(spec: JobSpec) -> tuple[Any, ...]:
    later = spec.scheduled_for
    state = JobState.SCHEDULED if later else JobState.QUEUED
    return (
        spec.id, spec.task, spec.queue, json.dumps(spec.args), state.value, spec.origin, spec.parent_id,
        spec.root_id, spec.created_at.isoformat(), later.isoformat() if later else None, spec.attempts,
    )  # fmt: skip


def _close_attempt(
    connection: Any, job_id: str, state: JobState, now: datetime, reason: str | None, traceback: str | None
) -> None:
    connection.execute(
        "UPDATE job_attempts SET state = ?, ended_at = ?, reason = ?, traceback = ? "
        "WHERE job_id = ? AND ended_at IS NULL",
        (state.value, now.isoformat(), reason, traceback, job_id),
    )


def _run(row: Row, history: tuple[Attempt, ...] = ()) -> JobRun:
    values = dict(zip(row.keys(), row, strict=True))
    values["args"] = json.loads(values["args"])
    values["state"] = JobState(values["state"])
    values["result"] = json.loads(values["result"]) if values["result"] is not None else None
    return JobRun(**values, history=history)
