"""The ledger: every job, written before Redis sees it and at every end (tables job_runs, job_attempts).

This is the side that the queue runtime writes; history.py is the side that people read. The number of an
attempt is the fence: what a worker says of an attempt counts only while that attempt is the current one.
Longer than 300 lines on purpose: every way a job's state can change, in one place.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from mingus_lib.domain.jobs import (
    MAX_DEATHS,
    JobSpec,
    JobState,
    Standing,
    Start,
    StartVerdict,
    decide_start,
    too_deadly,
)
from mingus_lib.store.database import Row, Store
from mingus_lib.store.interventions import PAUSED, WITHDRAW, paused_queues
from mingus_lib.store.values import as_optional_time, as_text, as_time, clean

# So much of a loop that enqueues may be lost, and to a power cut alone.
SYNC_SECONDS = 0.05
OPEN = "state IN ('queued', 'scheduled', 'started')"
# A job is under way until the last of those that it caused has ended; one that waits for its time is not yet.
UNDER_WAY = f"""(state IN ('queued', 'started') OR state = 'finished'
  AND EXISTS (SELECT 1 FROM job_runs AS c WHERE c.root_id = j.id AND c.{OPEN}))"""  # noqa: S608
_MINE = "WHERE id = ? AND state = 'started' AND attempts = ?"

_INSERT = """
INSERT INTO job_runs (id, task, queue, args, state, origin, parent_id, root_id, created_at, scheduled_for,
  attempts, tries, timeout)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SPEC = (
    "id, task, queue, args, state, origin, parent_id, root_id, created_at, scheduled_for, attempts, timeout"
)
_STANDING = "state, attempts, tries, deaths, refused, cancel_requested, timeout"
# What starts was in Redis, also if its producer died before it could say so.
_START = """
UPDATE job_runs SET state = 'started', started_at = ?, ended_at = NULL, worker = ?, reason = NULL,
  traceback = NULL, attempts = ?, tries = ?, deaths = ?, scheduled_for = NULL,
  confirmed_at = coalesce(confirmed_at, ?1) WHERE id = ?
"""
# The attempt under way is in job_runs; it gets its row in the history when it ends.
_CLOSE = """
INSERT INTO job_attempts (job_id, attempt, worker, started_at, ended_at, state, reason, traceback)
SELECT id, attempts, worker, started_at, ?, ?, ?, ? FROM job_runs WHERE id = ?
ON CONFLICT (job_id, attempt) DO NOTHING
"""
_END = f"""
UPDATE job_runs SET state = ?, ended_at = ?, reason = ?, traceback = ?, result = ?, scheduled_for = NULL {_MINE}
"""  # noqa: S608
_AGAIN = f"UPDATE job_runs SET state = ?, scheduled_for = ?, reason = ?, deaths = deaths + ? {_MINE}"  # noqa: S608
# Without its arguments: those are whatever somebody wrote into Redis.
_REFUSE = """
INSERT INTO job_runs (id, task, queue, args, state, origin, created_at, confirmed_at, ended_at, reason, refused)
VALUES (?1, ?2, ?3, '{}', 'dead', 'redis', ?4, ?4, ?4, ?5, 1)
ON CONFLICT (id) DO UPDATE SET state = 'dead', ended_at = ?4, reason = ?5, refused = 1, scheduled_for = NULL
WHERE state IN ('queued', 'scheduled', 'started', 'dead')
"""
_CANCEL = f"""
UPDATE job_runs SET state = 'cancelled', reason = ?, ended_at = ?, scheduled_for = NULL WHERE id = ? AND {OPEN}
"""  # noqa: S608
_REQUEUE = """
UPDATE job_runs SET state = 'queued', reason = NULL, traceback = NULL, result = NULL, ended_at = NULL,
  scheduled_for = NULL, confirmed_at = NULL, tries = 0, deaths = 0, cancel_requested = 0
WHERE id = ? AND state IN ('dead', 'cancelled') AND NOT refused
"""
# Eager jobs run in the process that makes them: they never were in Redis, and nobody is to push them.
_OPEN_PAGE = f"""
SELECT {_SPEC}, confirmed_at, rowid FROM job_runs
WHERE {OPEN} AND origin <> 'eager' AND (queue, rowid) > (?, ?) ORDER BY queue, rowid LIMIT ?
"""  # noqa: S608
_UNCONFIRMED = f"""
SELECT {_SPEC}, confirmed_at FROM job_runs
WHERE confirmed_at IS NULL AND origin <> 'eager' AND {OPEN} AND task IN (SELECT value FROM json_each(?))
ORDER BY created_at LIMIT ?
"""  # noqa: S608


class Ledger:
    """Jobs on the record. Every method may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # The first job waits for the disk, also where the machine's clock has just begun at nought.
        self._synced = -SYNC_SECONDS

    def record(self, specs: Sequence[JobSpec]) -> None:
        """Write the jobs as queued or scheduled: one transaction, on the disk when it returns.

        Of many in a row by one process, one in SYNC_SECONDS waits for the disk: with it are those before it.
        """
        durable = time.monotonic() - self._synced >= SYNC_SECONDS
        with self._store.transaction(durable=durable) as connection:
            connection.executemany(_INSERT, [_new_row(spec) for spec in specs])
        if durable:
            self._synced = time.monotonic()

    def record_alone(self, spec: JobSpec, loose: Collection[str] = ()) -> str | None:
        """Write the job unless one of its kind is under way; that one's id. On the disk when it returns."""
        with self._store.transaction(durable=True) as connection:
            # Looked for and written under one lock: of two at once both would find none.
            other = _alike(connection, spec.task, spec.args, loose, UNDER_WAY)
            if other is None:
                connection.execute(_INSERT, _new_row(spec))
            return other

    def running_alike(
        self, job_id: str, task: str, args: Mapping[str, Any], loose: Collection[str]
    ) -> str | None:
        """An older job of the same task and arguments, those of the names in `loose` aside, that runs now."""
        # Of two that run at once the younger gives way, and never both.
        state = "state = 'started' AND rowid < (SELECT rowid FROM job_runs WHERE id = ?)"
        with self._store.reading() as connection:
            return _alike(connection, task, args, loose, state, job_id)

    def confirm(self, ids: Iterable[str], now: datetime) -> None:
        """Say that Redis has taken them."""
        self._store.execute_many(
            "UPDATE job_runs SET confirmed_at = ? WHERE id = ?", [(as_text(now), job_id) for job_id in ids]
        )

    def unconfirm(self, job_id: str) -> None:
        """Say that Redis has it no more: a keeper pushes it again."""
        self._store.execute("UPDATE job_runs SET confirmed_at = NULL WHERE id = ?", (job_id,))

    def start(self, spec: JobSpec, *, worker: str, now: datetime, known_only: bool = False) -> StartVerdict:
        """Decide by the record whether the job runs, and begin its attempt if so: one transaction.

        A job that another machine pushed gets its row here, unless `known_only`: then it is buried.
        """
        with self._store.transaction() as connection:
            row = connection.execute(
                f"SELECT {_STANDING} FROM job_runs WHERE id = ?",  # noqa: S608
                (spec.id,),
            ).fetchone()
            # Before anything is decided: what is decided is written to the row.
            if row is None:
                connection.execute(_INSERT, _new_row(spec))
            verdict = decide_start(
                _standing(row) if row else Standing(JobState.QUEUED, spec.attempts, spec.attempts)
            )
            if row is None and known_only:
                verdict = StartVerdict(Start.BURY, reason="refused: signed too long ago to be new here")
            _carry_out(connection, spec.id, verdict, worker, as_text(now))
            return verdict

    def finish(self, job_id: str, attempt: int, result: str, now: datetime) -> bool:
        """The attempt succeeded; `result` is JSON text. False when it was not the current attempt."""
        return self._end(job_id, attempt, JobState.FINISHED, now, result=result)

    def bury(
        self, job_id: str, attempt: int, reason: str, now: datetime, *, traceback: str | None = None
    ) -> bool:
        """The attempt failed and no other follows. False when it was not the current attempt."""
        return self._end(job_id, attempt, JobState.DEAD, now, reason=reason, traceback=traceback)

    def stop(self, job_id: str, attempt: int, reason: str, now: datetime) -> bool:
        """The running attempt was cancelled from outside."""
        return self._end(job_id, attempt, JobState.CANCELLED, now, reason=reason)

    def retry_later(self, job_id: str, attempt: int, when: datetime, reason: str, now: datetime) -> bool:
        """The attempt failed and another follows at `when`."""
        reason = clean(reason)
        with self._store.transaction() as connection:
            values = (JobState.SCHEDULED, as_text(when), reason, 0, job_id, attempt)
            if not connection.execute(_AGAIN, values).rowcount:
                return False
            connection.execute(_CLOSE, (as_text(now), "dead", reason, None, job_id))
            return True

    def lose(self, job_id: str, attempt: int, reason: str, now: datetime) -> JobState | None:
        """The attempt took its process with it: queued again, or dead when that has happened too often.

        None when it was not the current attempt.
        """
        reason = clean(reason)
        with self._store.transaction() as connection:
            row = connection.execute(f"SELECT deaths FROM job_runs {_MINE}", (job_id, attempt)).fetchone()  # noqa: S608
            if row is None:
                return None
            connection.execute(_CLOSE, (as_text(now), "lost", reason, None, job_id))
            deaths = int(row[0]) + 1
            if deaths < MAX_DEATHS:
                connection.execute(_AGAIN, (JobState.QUEUED, None, reason, 1, job_id, attempt))
                return JobState.QUEUED
            last = too_deadly(deaths, reason)
            connection.execute(_END, (JobState.DEAD, as_text(now), last, None, None, job_id, attempt))
            connection.execute("UPDATE job_runs SET deaths = ? WHERE id = ?", (deaths, job_id))
            return JobState.DEAD

    def put_back(self, job_id: str, attempt: int) -> bool:
        """Take the attempt off the record: it was stopped for the worker's sake, not the job's."""
        with self._store.transaction() as connection:
            changed = connection.execute(
                "UPDATE job_runs SET state = 'queued', worker = NULL, started_at = NULL, "  # noqa: S608
                f"attempts = attempts - 1, tries = max(0, tries - 1) {_MINE}",
                (job_id, attempt),
            ).rowcount
            return bool(changed)

    def postpone(self, job_id: str, when: datetime, reason: str, now: datetime) -> None:
        """A waiting job may not start before `when` (a rate limit, an open breaker): no attempt is used.

        One that is `started` has lost its worker: that attempt ends here.
        """
        with self._store.transaction() as connection:
            row = connection.execute("SELECT state FROM job_runs WHERE id = ?", (job_id,)).fetchone()
            lost = row is not None and row[0] == JobState.STARTED
            if lost:
                values = (as_text(now), "lost", "its worker died without a word", None, job_id)
                connection.execute(_CLOSE, values)
            connection.execute(
                "UPDATE job_runs SET state = 'scheduled', scheduled_for = ?, reason = ?, deaths = deaths + ? "  # noqa: S608
                f"WHERE id = ? AND {OPEN}",
                (as_text(when), clean(reason), int(lost), job_id),
            )

    def refuse(self, job_id: str, task: str, queue: str, reason: str, now: datetime) -> None:
        """Redis held what may not run under this id: dead for good, unless it ended well before."""
        self._store.execute(_REFUSE, (job_id, task, queue, as_text(now), clean(reason)))

    def cancel(self, ids: Iterable[str], reason: str, now: datetime) -> int:
        """End jobs that have not ended; how many were changed."""
        with self._store.transaction() as connection:
            return sum(_cancel(connection, clean(each), clean(reason), as_text(now)) for each in ids)

    def disown(self, ids: Iterable[str], reason: str, now: datetime) -> None:
        """Cancel jobs that Redis may not have taken; what has begun by now goes on."""
        self._store.execute_many(WITHDRAW, [(reason, as_text(now), job_id) for job_id in ids])

    def request_cancel(self, ids: Iterable[str]) -> int:
        """Ask for the end of running jobs: whoever holds them stops them; how many were running."""
        return self._store.execute_many(
            "UPDATE job_runs SET cancel_requested = 1 WHERE id = ? AND state = 'started'", [(i,) for i in ids]
        )

    def requeue(self, ids: Iterable[str]) -> list[JobSpec]:
        """Put dead and cancelled jobs back among the queued, with all their tries; those that were."""
        found: list[JobSpec] = []
        with self._store.transaction(durable=True) as connection:
            for job_id in ids:
                if connection.execute(_REQUEUE, (job_id,)).rowcount:
                    row = connection.execute(
                        f"SELECT {_SPEC} FROM job_runs WHERE id = ?",  # noqa: S608
                        (job_id,),
                    ).fetchone()
                    found.append(_spec(row))
        return found

    def progress(self, job_id: str, done: int, total: int, text: str) -> None:
        """Note how far the running attempt is."""
        self._store.execute(
            "UPDATE job_runs SET progress_done = ?, progress_total = ?, progress_text = ? WHERE id = ?",
            (done, total, clean(text), job_id),
        )

    def standings(self, ids: Iterable[str]) -> dict[str, Standing]:
        """Where these jobs stand; ids without a row are left out."""
        rows = self._store.rows(
            f"SELECT {_STANDING}, scheduled_for, id FROM job_runs "  # noqa: S608
            " WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {
            row["id"]: replace(_standing(row), scheduled_for=as_optional_time(row["scheduled_for"]))
            for row in rows
        }

    def result(self, job_id: str) -> str:
        """The result of a finished job, as JSON text; `null` when there is none."""
        found = self._store.value("SELECT result FROM job_runs WHERE id = ?", (job_id,))
        return "null" if found is None else str(found)

    def open_pages(self, size: int) -> Iterator[list[tuple[JobSpec, JobState, bool]]]:
        """Unfinished jobs, page by page: spec, state, and whether Redis confirmed it."""
        # In the order of the index of open jobs: no page sorts, or reads what was on the pages before it.
        after: tuple[str, int] = ("", 0)
        while rows := self._store.rows(_OPEN_PAGE, (*after, size)):
            yield [(_spec(row), JobState(row["state"]), row["confirmed_at"] is not None) for row in rows]
            after = (rows[-1]["queue"], rows[-1]["rowid"])

    def unconfirmed(self, tasks: Iterable[str], limit: int) -> list[JobSpec]:
        """Open jobs of these tasks that nobody has confirmed, oldest first."""
        return [_spec(row) for row in self._store.rows(_UNCONFIRMED, (json.dumps(list(tasks)), limit))]

    def redis_mark(self) -> str | None:
        """Which Redis the open jobs were last known to be in."""
        value: str | None = self._store.value("SELECT value FROM meta WHERE key = 'redis_mark'")
        return value

    def remember_redis(self, mark: str) -> None:
        """Say that every open job is in the Redis of that mark."""
        self._store.execute(
            "INSERT INTO meta VALUES ('redis_mark', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (mark,),
        )

    def paused(self) -> list[str]:
        """The queues that an operator paused."""
        return paused_queues(self._store.value(PAUSED))

    def probe(self) -> None:
        """Write something and commit it; StoreUnavailable when the ledger cannot be written."""
        with self._store.transaction(durable=True) as connection:
            connection.execute(
                "INSERT INTO meta VALUES ('probe', '') ON CONFLICT (key) DO UPDATE SET value = ''"
            )

    def _end(
        self,
        job_id: str,
        attempt: int,
        state: JobState,
        now: datetime,
        *,
        reason: str | None = None,
        traceback: str | None = None,
        result: str | None = None,
    ) -> bool:
        moment = as_text(now)
        # A job's words may hold bytes of a page or mail: its end must be told all the same.
        reason, traceback = reason and clean(reason), traceback and clean(traceback)
        with self._store.transaction() as connection:
            values = (state, moment, reason, traceback, result, job_id, attempt)
            if not connection.execute(_END, values).rowcount:
                return False
            connection.execute(_CLOSE, (moment, state, reason, traceback, job_id))
            return True


def _carry_out(
    connection: sqlite3.Connection, job_id: str, verdict: StartVerdict, worker: str, now: str
) -> None:
    if verdict.lost:
        connection.execute(_CLOSE, (now, "lost", "its worker died without a word", None, job_id))
    if verdict.kind is Start.RUN:
        connection.execute(_START, (now, worker, verdict.attempt, verdict.tries, verdict.deaths, job_id))
    elif verdict.kind is not Start.LET_GO:
        state = JobState.CANCELLED if verdict.kind is Start.CANCEL else JobState.DEAD
        connection.execute(
            "UPDATE job_runs SET state = ?, ended_at = ?, reason = ?, scheduled_for = NULL, deaths = ? WHERE id = ?",
            (state, now, verdict.reason, verdict.deaths, job_id),
        )


def _cancel(connection: sqlite3.Connection, job_id: str, reason: str, now: str) -> int:
    row = connection.execute("SELECT state FROM job_runs WHERE id = ?", (job_id,)).fetchone()
    # The attempt under way is in no row of the history yet.
    if row is not None and row[0] == JobState.STARTED:
        connection.execute(_CLOSE, (now, JobState.CANCELLED, reason, None, job_id))
    return connection.execute(_CANCEL, (reason, now, job_id)).rowcount


def _standing(row: Row) -> Standing:
    state, attempts, tries, deaths, refused, cancel, timeout = tuple(row)[:7]
    return Standing(JobState(state), attempts, tries, deaths, bool(refused), bool(cancel), timeout=timeout)


def _alike(
    connection: sqlite3.Connection,
    task: str,
    args: Mapping[str, Any],
    loose: Collection[str],
    state: str,
    *more: str,
) -> str | None:
    """The oldest such job that no other caused, with the same arguments but those of the names in `loose`."""
    sql = (
        f"SELECT id, args FROM job_runs AS j WHERE task = ? AND parent_id IS NULL AND {state} ORDER BY rowid"  # noqa: S608
    )

    # Not as text: the same arguments may come in another order, or what was left out as null.
    def strict(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name not in loose and value is not None}

    rows = connection.execute(sql, (task, *more))
    return next((str(row[0]) for row in rows if strict(json.loads(row[1])) == strict(args)), None)


def _new_row(spec: JobSpec) -> tuple[Any, ...]:
    later = spec.scheduled_for
    state = JobState.SCHEDULED if later else JobState.QUEUED
    return (
        spec.id, spec.task, spec.queue, json.dumps(spec.args), state.value, spec.origin, spec.parent_id,
        spec.root_id, as_text(spec.created_at), as_text(later) if later else None, spec.attempts, spec.attempts,
        spec.timeout,
    )  # fmt: skip


def _spec(row: Mapping[str, Any] | Row) -> JobSpec:
    later = row["scheduled_for"]
    return JobSpec(
        id=row["id"],
        task=row["task"],
        queue=row["queue"],
        args=json.loads(row["args"]),
        created_at=as_time(row["created_at"]),
        origin=row["origin"],
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        scheduled_for=as_time(later) if later else None,
        attempts=row["attempts"],
        timeout=row["timeout"],
    )
