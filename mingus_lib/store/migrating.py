"""Bringing a store's schema up to date, safely when several processes start at once."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mingus_lib.errors import StoreUnavailable, UsageError
from mingus_lib.store import failures
from mingus_lib.store.database import APPLICATION_ID, SCHEMA_VERSION, schema_version

OLDEST_SQLITE = (3, 37)  # STRICT tables


def migrate(connection: sqlite3.Connection, path: Path, busy_timeout: float) -> tuple[int, int]:
    """Apply what is missing: all of it or nothing. Returns the versions before and after.

    Raises StoreUnavailable when another process is still migrating after `busy_timeout` seconds.
    """
    _require_sqlite()
    with _alone(path, busy_timeout):
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
        schema.migrations.apply(sqlite_utils.Database(connection, recursive_triggers=False))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _alone(path: Path, patience: float) -> Iterator[None]:
    # A lock beside the store: SQLite's own cannot cover the change to WAL.
    with failures.files_in_our_words(path):
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(handle, path, time.monotonic() + patience)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"the store {path} is being migrated by another process: try again when it is done"
                raise StoreUnavailable(message, code="store-locked") from None
            time.sleep(0.02)
