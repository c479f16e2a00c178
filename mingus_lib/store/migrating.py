"""Bringing a store's schema up to date, safely when several processes start at once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mingus_lib.errors import UsageError
from mingus_lib.store import filelocks
from mingus_lib.store.database import APPLICATION_ID, SCHEMA_VERSION, schema_version

OLDEST_SQLITE = (3, 37)  # STRICT tables


def migrate(connection: sqlite3.Connection, path: Path, busy_timeout: float) -> tuple[int, int]:
    """Apply what is missing: all of it or nothing. Returns the versions before and after.

    Raises StoreUnavailable when another process is still migrating after `busy_timeout` seconds.
    """
    _require_sqlite()
    # SQLite's own locks cannot cover the change to WAL.
    with filelocks.alone(path, busy_timeout):
        # Looked at again: another process may have done it while this one waited.
        before = schema_version(connection, path)
        if before == 0:
            _prepare_empty(connection)
        if before < SCHEMA_VERSION:
            _apply(connection)
        return before, SCHEMA_VERSION


def _require_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        message = f"this Python has SQLite {sqlite3.sqlite_version}, the store wants {wanted} or later"
        raise UsageError(message, code="sqlite-too-old")


def _prepare_empty(connection: sqlite3.Connection) -> None:
    # auto_vacuum only takes effect before the first page is written, and WAL writes that page.
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")


def _apply(connection: sqlite3.Connection) -> None:
    import sqlite_utils

    from mingus_lib.store import schema

    # sqlite_utils nests its transactions as savepoints in this one.
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Recursive triggers stay off, as in every other connection: sqlite_utils would switch them on.
        schema.migrations.apply(sqlite_utils.Database(connection, recursive_triggers=False))
        # Within the transaction, so that a migration that is killed leaves the old number too.
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
