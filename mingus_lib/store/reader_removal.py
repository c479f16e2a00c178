"""Taking a person out of the store: their data as a whole, and then not a trace of it in the file.

Deleting is not enough. Freed pages keep their content, and so do the log and the gaps that are left when a
page is split. So: secure_delete overwrites what is deleted, the ledger's rows that name the reader are emptied,
VACUUM writes the file anew from what is there, and the log is emptied.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from mingus_lib.errors import StoreUnavailable
from mingus_lib.store.article_totals import ArticleTotals
from mingus_lib.store.database import Store

# Jobs of one reader: their arguments, and whatever was said about them.
_SCRUB = """
UPDATE job_runs SET args = json_object('user_id', 'forgotten'), result = NULL, reason = NULL, traceback = NULL,
  progress_text = NULL
WHERE task = 'update_user_recommendations' AND json_extract(args, '$.user_id') = ?
RETURNING id
"""
_WAITING = """
SELECT id FROM job_runs WHERE task = 'update_user_recommendations' AND json_extract(args, '$.user_id') = ?
  AND state IN ('queued', 'scheduled', 'started')
"""
_JOBS = """
SELECT count(*) FROM job_runs WHERE task = 'update_user_recommendations' AND json_extract(args, '$.user_id') = ?
"""
_OF_READER = ("assessments", "events", "recommendations", "recommended")


def export(store: Store, number: int) -> dict[str, list[dict[str, Any]]]:
    """Every row about a reader, by table."""
    with store.reading() as connection:
        found = {"readers": _rows(connection, "SELECT * FROM readers WHERE number = ?", number)}
        for table in _OF_READER:
            found[table] = _rows(connection, f"SELECT * FROM {table} WHERE reader = ?", number)  # noqa: S608
    return found


def _rows(connection: sqlite3.Connection, sql: str, number: int) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sql, (number,))]


def jobs_under_way(store: Store, reader_id: str) -> list[str]:
    """The ids of jobs of this reader that have not ended."""
    return [row[0] for row in store.rows(_WAITING, (reader_id,))]


def counted(store: Store, readers: Sequence[tuple[int, str]]) -> dict[str, int]:
    """How many rows of each table `forget` would take."""
    found = {"readers": len(readers)}
    for table in _OF_READER:
        sql = f"SELECT count(*) FROM {table} WHERE reader = ?"  # noqa: S608
        found[table] = sum(store.value(sql, (number,)) for number, _ in readers)
    return {**found, "job_runs": sum(store.value(_JOBS, (reader_id,)) for _, reader_id in readers)}


def forget(store: Store, readers: Sequence[tuple[int, str]]) -> dict[str, int]:
    """Delete all rows about these readers (number and id); how many of each table."""
    counts = dict.fromkeys(("readers", *_OF_READER, "job_runs"), 0)
    with store.reading() as connection:
        # FAST, as ever, overwrites only what costs no further page.
        connection.execute("PRAGMA secure_delete=ON")
        try:
            with store.transaction(durable=True):
                for number, reader_id in readers:
                    _forget(store, connection, number, reader_id, counts)
        finally:
            connection.execute("PRAGMA secure_delete=FAST")
    return counts


def _forget(
    store: Store, connection: sqlite3.Connection, number: int, reader_id: str, counts: dict[str, int]
) -> None:
    read = [
        row[0]
        for row in connection.execute("SELECT DISTINCT article FROM events WHERE reader = ?", (number,))
    ]
    # One by one, although deleting the reader takes them along: that would tell no counts.
    for table in _OF_READER:
        deleted = connection.execute(f"DELETE FROM {table} WHERE reader = ?", (number,))  # noqa: S608
        counts[table] += deleted.rowcount
    # At once, and not with the next update: what one person did must not be seen in what is left.
    ArticleTotals(store).count_whole(read)
    counts["readers"] += connection.execute("DELETE FROM readers WHERE number = ?", (number,)).rowcount
    scrubbed = [row[0] for row in connection.execute(_SCRUB, (reader_id,))]
    sql = "UPDATE job_attempts SET reason = NULL, traceback = NULL WHERE job_id IN (SELECT value FROM json_each(?))"
    connection.execute(sql, (json.dumps(scrubbed),))
    counts["job_runs"] += len(scrubbed)


def erase_traces(store: Store) -> None:
    """Write the file anew and empty the log; takes about a second for each 100 MB, and the store for itself.

    Raises StoreUnavailable when others keep reading: then traces may be left in the log.
    """
    with store.reading() as connection:
        # Before the log is emptied: VACUUM writes the whole new file through it.
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        message = (
            "the readers are forgotten, but others were using the store and its log could not be emptied"
        )
        raise StoreUnavailable(f"{message}: run `mingus db vacuum` when they are done", code="store-locked")
