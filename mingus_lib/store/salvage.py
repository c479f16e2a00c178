"""What can still be read of a damaged store, in a new one: for when there is no backup.

Each table is read from both ends and, where rows have numbers, over the gap of a page that cannot be read. Rows whose
parent is lost go too; counts and search indexes are made anew. What was on the damaged pages is lost.
"""

# ruff: noqa: S608  (names of tables and columns come from the schema)
from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from mingus_lib.errors import NotFound, PermanentError, Refused, UsageError
from mingus_lib.store import failures, search
from mingus_lib.store.backups import TABLES, removed_on_failure
from mingus_lib.store.database import BUSY_TIMEOUT, Store, raw_connection

# Beyond every row's number.
_FAR = 2**62
_LOST = 'DELETE FROM "{0}" WHERE "{1}" IS NOT NULL AND "{1}" NOT IN (SELECT "{3}" FROM "{2}")'
# Redis is stamped with a store's id: the one of the lost id is refused then, and both are named.
_IDENTITY = "INSERT INTO meta VALUES ('store_id', ?) ON CONFLICT (key) DO NOTHING"
# Kept by triggers, which are off while rows are copied.
_COUNTS = {
    "article_counts": "SELECT status, count(*) FROM articles GROUP BY status",
    "job_counts": "SELECT task, state, count(*) FROM job_runs GROUP BY task, state",
}


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A table: rows that are in the new store, and whether some of the old one could not be read."""

    table: str
    rows: int
    damaged: bool


def salvage(source: Path, destination: Path, report: Callable[[int, int, str], None]) -> list[Salvaged]:
    """Write what is readable of `source` to a new store. Raises NotFound, Refused when `destination` exists,
    UsageError when its folder is missing, PermanentError when nothing at all can be read.
    """
    if not source.is_file():
        raise NotFound(f"there is no store at {source}: name its file", code="no-store")
    if destination.exists():
        raise Refused(f"{destination} exists: name another file")
    if not destination.parent.is_dir():
        raise UsageError(f"there is no folder {destination.parent}: make it, or name another place")
    Store.open(destination).close()
    with (
        removed_on_failure(destination),
        failures.in_our_words(destination),
        closing(raw_connection(destination, BUSY_TIMEOUT)) as new,
        closing(_opened(source)) as old,
    ):
        return _carry_over(old, new, report)


def _opened(source: Path) -> sqlite3.Connection:
    try:
        # Only read: the last one to close a store that it may write puts the log into the file, damage or not.
        old = raw_connection(source, BUSY_TIMEOUT, read_only=True)
        # Otherwise a damaged page may be read as rows that never were.
        old.execute("PRAGMA cell_size_check=ON")
        old.execute(TABLES).fetchall()
    except sqlite3.DatabaseError as error:
        message = f"nothing can be read of {source} ({error}): restore a backup (mingus db restore FILE)"
        raise PermanentError(message, code="store-corrupt") from error
    return old


def _carry_over(
    old: sqlite3.Connection, new: sqlite3.Connection, report: Callable[[int, int, str], None]
) -> list[Salvaged]:
    # Children may come before their parents; those without one are taken out at the end.
    new.execute("PRAGMA foreign_keys=OFF")
    triggers = new.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    tables = [row[0] for row in new.execute(TABLES)]
    there = {row[0] for row in old.execute(TABLES)}
    new.execute("BEGIN IMMEDIATE")
    # They would count and index each row as it comes, and others before their parents are there.
    for name, _ in triggers:
        new.execute(f'DROP TRIGGER "{name}"')
    damaged = set()
    for at, table in enumerate(tables):
        report(at, len(tables), table)
        # The migrations have filled some, and the new store's id must make way for the old one's.
        new.execute(f'DELETE FROM "{table}"')
        if table not in there or not _copy(old, new, table):
            damaged.add(table)
    _mend(new, tables)
    new.execute(_IDENTITY, (str(uuid.uuid4()),))
    for _, sql in triggers:
        new.execute(sql)
    report(len(tables), len(tables), "search index")
    for name in search.INDEXES:
        new.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")
    new.execute("COMMIT")
    return [
        Salvaged(table, new.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0], table in damaged)
        for table in tables
    ]


class _Rows:
    """Rows as far as they can be read; then `broken` is set."""

    def __init__(self, old: sqlite3.Connection, sql: str, values: Sequence[int] = ()) -> None:
        self._old, self._sql, self._values = old, sql, values
        self.broken = False

    def __iter__(self) -> Iterator[sqlite3.Row]:
        given = 0
        try:
            for row in self._old.execute(self._sql, self._values):
                yield row
                given += 1
        except sqlite3.DatabaseError:
            self.broken = True
            # Python steps on before it gives a row, and drops the last good one when that fails.
            with suppress(sqlite3.DatabaseError):
                yield from self._old.execute(f"{self._sql} LIMIT 1 OFFSET {given}", self._values)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> bool:
    """Copy a table's rows; False when some could not be read."""
    known = {row["name"] for row in _Rows(old, f'PRAGMA table_info("{table}")')}
    described = new.execute(f'PRAGMA table_info("{table}")').fetchall()
    columns = [f'"{row["name"]}"' for row in described if row["name"] in known]
    keys = [f'"{row["name"]}"' for row in sorted(described, key=lambda row: row["pk"]) if row["pk"]]
    # The same row may come from both ends.
    insert = (
        f'INSERT OR IGNORE INTO "{table}" ({", ".join(columns)}) VALUES ({", ".join("?" * len(columns))})'
    )
    # An index may be damaged where its table is not.
    select = f'SELECT {", ".join(columns)} FROM "{table}" NOT INDEXED'
    if "WITHOUT ROWID" in new.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]:
        return _from_both_ends(old, new, select, keys, insert)
    numbered = select.replace("SELECT ", "SELECT rowid, ", 1)
    whole, last = _over_gaps(old, new, numbered, insert, 1, -_FAR)
    # Back from the last row that was read, too: a step over a gap may go too far.
    if not whole:
        _over_gaps(old, new, numbered, insert, -1, last + 1)
    return whole


def _from_both_ends(
    old: sqlite3.Connection, new: sqlite3.Connection, select: str, keys: Sequence[str], insert: str
) -> bool:
    for direction in ("ASC", "DESC"):
        rows = _Rows(old, f"{select} ORDER BY {', '.join(f'{key} {direction}' for key in keys)}")
        for row in rows:
            _put(new, insert, row)
        if not rows.broken:
            return direction == "ASC"
    return False


def _over_gaps(
    old: sqlite3.Connection, new: sqlite3.Connection, select: str, insert: str, sign: int, at: int
) -> tuple[bool, int]:
    """Read on behind what cannot be read, in steps that double; whether there was no such gap, and the last row."""
    sql = f"{select} WHERE rowid {'> ? ORDER BY rowid' if sign > 0 else '< ? ORDER BY rowid DESC'}"
    last, step, whole = at, 1, True
    while abs(at) <= _FAR:
        rows = _Rows(old, sql, (at,))
        for row in rows:
            _put(new, insert, row[1:])
            at = last = row[0]
            step = 1
        if not rows.broken:
            break
        whole = False
        # From beyond every number no step would come back to the rows.
        at, step = (0 if abs(at) == _FAR else at) + sign * step, step * 2
    return whole, last


def _put(new: sqlite3.Connection, insert: str, row: Sequence[object]) -> None:
    # A value that its column cannot hold is damage, too: the row is left out.
    with suppress(sqlite3.IntegrityError):
        new.execute(insert, tuple(row))


def _mend(new: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Drop rows whose parent is lost, until none is left; count anew."""
    links = [
        (table, row["from"], row["table"], row["to"])
        for table in tables
        for row in new.execute(f'PRAGMA foreign_key_list("{table}")')
    ]
    while sum(new.execute(_LOST.format(*link)).rowcount for link in links):
        continue
    for table, counted in _COUNTS.items():
        new.execute(f"DELETE FROM {table}")
        new.execute(f"INSERT INTO {table} {counted}")
