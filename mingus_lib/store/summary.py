"""The store's part of `mingus status`, read without taking a lock, migrating or writing anything."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mingus_lib.domain.states import ArticleStatus, Failure, NextSlot, StoreSummary
from mingus_lib.errors import StoreUnavailable
from mingus_lib.store import failures
from mingus_lib.store.database import SCHEMA_VERSION, raw_connection, schema_version
from mingus_lib.store.interventions import PAUSED, paused_queues
from mingus_lib.store.values import as_time

SLOTS_SHOWN = 5

_FAILED_ADDRESSES = """
SELECT url AS what, job_id, reason, at FROM article_outcomes WHERE outcome = 'failed' ORDER BY at DESC LIMIT ?
"""
_DEAD_JOBS = """
SELECT task AS what, id AS job_id, reason, ended_at AS at FROM job_runs
WHERE state = 'dead' AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?
"""

# Two halves, each of which an index answers.
_QUEUE_COUNTS = """
SELECT queue, state, count(*) AS jobs FROM job_runs
WHERE state = 'queued' OR state = 'scheduled' OR state = 'started' GROUP BY queue, state
UNION ALL
SELECT queue, state, count(*) AS jobs FROM job_runs WHERE state = 'dead' GROUP BY queue, state
"""
_NEXT_SLOTS = """
SELECT name, task, next_at FROM schedule_entries WHERE active AND next_at IS NOT NULL ORDER BY next_at, name LIMIT ?
"""


# A range, not LIKE: that one ignores case, and so walks all ids.
_IDS_BY_PREFIX = "SELECT id, state, task FROM job_runs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_FAULT = "SELECT value FROM meta WHERE key = 'schedule_fault'"
_NEWEST_IDS = "SELECT id, state, task FROM job_runs ORDER BY created_at DESC LIMIT ?"


def read_summary(path: Path, *, failures_shown: int = 5, busy_timeout: float = 2.0) -> StoreSummary:
    """What is in the store at `path`, in a few milliseconds however large it is.

    Raises NotFound `no-store`, StoreUnavailable (also `store-older`, when it wants migrating), PermanentError
    `store-corrupt`, UsageError `store-newer` or `not-a-store`.
    """
    if not path.exists():
        raise failures.absent(path)
    with failures.in_our_words(path):
        try:
            return _read(path, failures_shown, busy_timeout)
        except sqlite3.OperationalError:
            # A reader who may not write the folder cannot make the log's files; without a log none is needed.
            if os.access(path.parent, os.W_OK) or path.with_name(path.name + "-wal").exists():
                raise
            return _read(path, failures_shown, busy_timeout, immutable=True)


def read_queues(path: Path, *, busy_timeout: float = 2.0) -> tuple[dict[tuple[str, str], int], list[str]]:
    """How many jobs of each (queue, state) the ledger has, and which queues are paused, for when Redis is away.

    Raises as read_summary.
    """
    with _opened(path, busy_timeout) as connection:
        rows = connection.execute(_QUEUE_COUNTS).fetchall()
        paused = connection.execute(PAUSED).fetchone()
    counts = {(row["queue"], row["state"]): row["jobs"] for row in rows}
    return counts, paused_queues(paused[0] if paused else None)


def read_timetable_fault(path: Path, *, busy_timeout: float = 2.0) -> str | None:
    """Why the leading scheduler has refused the timetable as it is now; raises as read_summary."""
    with _opened(path, busy_timeout) as connection:
        row = connection.execute(_FAULT).fetchone()
    return None if row is None else str(row[0])


def read_job_ids(path: Path, prefix: str, *, limit: int, busy_timeout: float) -> list[tuple[str, str, str]]:
    """Id, state and task of jobs whose ids begin with `prefix`, the newest without one; raises as read_summary."""
    with _opened(path, busy_timeout) as connection:
        sql, values = (_IDS_BY_PREFIX, (prefix, f"{prefix}\x7f")) if prefix else (_NEWEST_IDS, ())
        return [tuple(row) for row in connection.execute(sql, (*values, limit))]


@contextmanager
def _opened(path: Path, busy_timeout: float) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise failures.absent(path)
    with (
        failures.in_our_words(path),
        closing(raw_connection(path, busy_timeout, read_only=True)) as connection,
    ):
        _must_be_current(connection, path)
        yield connection


def _read(path: Path, shown: int, busy_timeout: float, *, immutable: bool = False) -> StoreSummary:
    with closing(raw_connection(path, busy_timeout, read_only=True, immutable=immutable)) as connection:
        return _summary(connection, path, shown)


def size(path: Path) -> int:
    """Bytes of the file and its log. Raises NotFound `no-store`."""
    if not path.exists():
        raise failures.absent(path)
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _summary(connection: sqlite3.Connection, path: Path, failures_shown: int) -> StoreSummary:
    _must_be_current(connection, path)
    store_id = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()[0]
    articles = article_counts(connection)
    found = connection.execute(_NEXT_SLOTS, (SLOTS_SHOWN,))
    schedule = tuple(NextSlot(row["name"], row["task"], as_time(row["next_at"])) for row in found)
    return StoreSummary(
        str(path), size(path), store_id, articles, _failures(connection, failures_shown), schedule
    )


def article_counts(connection: sqlite3.Connection) -> dict[ArticleStatus, int]:
    """Articles by status, every status named, from the counters that triggers keep."""
    found = {row["status"]: row["articles"] for row in connection.execute("SELECT * FROM article_counts")}
    return {status: found.get(status, 0) for status in ArticleStatus}


def _must_be_current(connection: sqlite3.Connection, path: Path) -> None:
    version = schema_version(connection, path)
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        # Somebody is creating it this very moment.
        raise failures.absent(path)
    if version < SCHEMA_VERSION:
        raise StoreUnavailable(
            f"the store {path} is of an older schema: run `mingus db migrate`", code="store-older"
        )


def _failures(connection: sqlite3.Connection, shown: int) -> tuple[Failure, ...]:
    rows = [row for sql in (_FAILED_ADDRESSES, _DEAD_JOBS) for row in connection.execute(sql, (shown,))]
    found = [Failure(row["what"], row["job_id"], row["reason"], as_time(row["at"])) for row in rows]
    return tuple(sorted(found, key=lambda failure: failure.at, reverse=True)[:shown])
