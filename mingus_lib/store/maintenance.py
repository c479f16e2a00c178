"""Looking after the file: check, backup, migrate, tidy up."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mingus_lib.domain.library import StoreCheck
from mingus_lib.errors import MingusError, NotFound, Refused, StoreUnavailable, UsageError
from mingus_lib.store import failures
from mingus_lib.store.database import BUSY_TIMEOUT, SCHEMA_VERSION, Store, raw_connection, schema_version
from mingus_lib.store.summary import size

FREE_WANTED = 200_000_000
_BACKUP_STEP = 2_000
_INDEXES = ("article_fts", "title_fts")
_SHOWN = 10

Progress = Callable[[int, int], None]


def migrate(path: Path, *, mode: int = 0o600, busy_timeout: float = BUSY_TIMEOUT) -> tuple[int, int]:
    """Create the store or bring it up to date; the schema versions before and after (0: it was not there)."""
    before = 0
    if path.exists():
        with failures.in_our_words(path), closing(raw_connection(path, busy_timeout)) as connection:
            before = schema_version(connection, path)
    Store.open(path, mode=mode, busy_timeout=busy_timeout).close()
    return before, SCHEMA_VERSION


def check(path: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> StoreCheck:
    """Read the whole file and look for damage; takes about a second for each GB.

    Damage, a wrong schema, loose modes and a full disk are problems of the answer, not exceptions.
    Raises NotFound `no-store`, StoreUnavailable.
    """
    if not path.exists():
        raise NotFound(f"there is no store at {path}: `mingus db migrate` creates it", code="no-store")
    facts = {"path": str(path), "size": str(size(path)), "free": str(shutil.disk_usage(path.parent).free)}
    problems = [*_file_problems(path)]
    try:
        with failures.in_our_words(path), closing(raw_connection(path, busy_timeout)) as connection:
            facts |= _facts(connection)
            problems += _schema_problems(connection, path) or _content_problems(connection)
    except StoreUnavailable:
        raise
    except MingusError as error:
        problems.append(str(error))
    return StoreCheck(facts, tuple(problems))


def _file_problems(path: Path) -> Iterator[str]:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if name.exists() and stat.S_IMODE(name.stat().st_mode) & 0o007:
            yield f"{name} is open to every user of the machine: chmod o-rwx {name}"
    if not os.access(path, os.W_OK):
        yield f"{path} may not be written by this user: check owner and mode"
    free = shutil.disk_usage(path.parent).free
    if free < FREE_WANTED:
        yield f"only {free // 1_000_000} MB are free beside {path}: make room"


def _facts(connection: sqlite3.Connection) -> dict[str, str]:
    names = ("user_version", "journal_mode", "auto_vacuum", "page_count", "freelist_count")
    return {name: str(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names}


def _schema_problems(connection: sqlite3.Connection, path: Path) -> list[str]:
    version = schema_version(connection, path)
    if version < SCHEMA_VERSION:
        return [f"schema {version} is older than this mingus ({SCHEMA_VERSION}): run `mingus db migrate`"]
    return []


def _content_problems(connection: sqlite3.Connection) -> list[str]:
    lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_SHOWN})")]
    problems = [f"damage: {line}: restore the latest backup" for line in lines if line != "ok"]
    for row in connection.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN):
        problems.append(f"damage: row {row[1]} of {row[0]} refers to a missing row of {row[2]}")
    return problems + [line for name in _INDEXES for line in _index_problems(connection, name)]


def _index_problems(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    try:
        # Rank 1: compare with the articles too, not only the index with itself.
        connection.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")  # noqa: S608
    except sqlite3.DatabaseError as error:
        if isinstance(failures.translated(error, Path(name)), StoreUnavailable):
            yield f"the search index {name} could not be checked: {error}"
        else:
            yield f"the search index {name} does not fit the articles: `mingus db vacuum` rebuilds it"


def backup(
    store: Store, destination: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> int:
    """Copy the store while it is in use; the size of the copy in bytes. The copy appears whole or not at all.

    `progress` gets pages done and pages in all. Raises Refused when `destination` exists, UsageError when it
    is the store itself or its folder is missing, StoreUnavailable when it cannot be written.
    """
    _may_write(store, destination, overwrite)
    part = destination.with_name(destination.name + ".part")
    with failures.files_in_our_words(destination), _removed_on_failure(part):
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        _copy(store, part, progress)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(destination)
        return destination.stat().st_size


def _may_write(store: Store, destination: Path, overwrite: bool) -> None:
    if not destination.parent.is_dir():
        raise UsageError(f"there is no folder {destination.parent}: make it, or name another place")
    if destination.is_dir():
        raise UsageError(f"{destination} is a folder: name the file of the backup")
    if destination.resolve() == store.path.resolve():
        raise UsageError(f"{destination} is the store itself: name another file")
    if destination.exists() and not overwrite:
        raise Refused(f"{destination} exists: name another file, or overwrite it with --force")


def _copy(store: Store, part: Path, progress: Progress | None) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with store.reading(), closing(raw_connection(store.path, store.busy_timeout, read_only=True)) as source:
        # One snapshot for the whole copy: without it every write by others starts the copy again.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM meta").fetchone()
        with failures.in_our_words(part), closing(raw_connection(part, store.busy_timeout)) as target:
            source.backup(target, pages=_BACKUP_STEP, progress=tell)
            # One file, not a file and a log.
            target.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def _removed_on_failure(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for name in (part, Path(f"{part}-wal"), Path(f"{part}-shm"), Path(f"{part}-journal")):
            name.unlink(missing_ok=True)
        raise


def tidy(store: Store, *, rebuild: bool = False, merge_pages: int = 2_000) -> int:
    """Give free pages back to the disk, merge search indexes a little, empty the log; bytes gained.

    `rebuild` makes the search indexes anew and merges them wholly (minutes for a million articles).
    """
    before = size(store.path)
    for name in _INDEXES:
        if rebuild:
            store.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")  # noqa: S608
            store.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")  # noqa: S608
        else:
            store.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('merge', ?)", (merge_pages,))  # noqa: S608
    with store.reading() as connection:
        # execute would take one step of it, which is one page.
        connection.executescript("PRAGMA incremental_vacuum")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - size(store.path))
