"""Copies of the store, made while it is in use: whole, checked and private, or not there at all."""

# ruff: noqa: S608  (the names of tables come from the schema)
from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mingus_lib.domain.retention import backup_moment, backups_kept
from mingus_lib.errors import PermanentError, Refused, StoreUnavailable, UsageError
from mingus_lib.store import failures
from mingus_lib.store.database import Store, raw_connection, schema_version
from mingus_lib.store.summary import size

# 8 MB: so often progress is told, and a Ctrl-C heard.
_STEP = 2_000
# A disk that a backup fills stops all work.
ROOM_LEFT = 50_000_000
PART = ".part"
_SHOWN = 3
# A copy over the store's own log or lock would damage the store that is being saved.
_OF_THE_STORE = ("", "-wal", "-shm", "-journal", ".lock", ".restoring")
# Without the parts of search indexes, whose rows change with every merge and can be made anew.
TABLES = """
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%fts%'
"""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was read from end to end: its rows by table are those of the store when the copy began."""

    path: Path
    size: int
    rows: Mapping[str, int]


def backup(
    store: Store, destination: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> Backup:
    """Copy the store while it is in use, and check the copy. Readers and writers do not wait for it.

    `progress` gets pages done and pages in all. Raises Refused when `destination` exists, UsageError when it
    is the store itself or its folder is missing, StoreUnavailable when it cannot be written or there is no room,
    PermanentError `backup-unsound` when the copy is not whole: then the store or the disk is damaged.
    """
    _may_write(store, destination, overwrite)
    part = destination.with_name(destination.name + PART)
    with failures.files_in_our_words(destination), removed_on_failure(part):
        # A backup that was killed may have left one.
        remove(part)
        # Made here, because raw_connection makes no file: nobody else may read a copy, not even half of it.
        part.touch(mode=0o600)
        rows = _copy(store, part, progress)
        verify(part, rows)
        # Before it gets its name: after a power cut the name must not lead to what never reached the disk.
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(destination)
        return Backup(destination, destination.stat().st_size, rows)


def _may_write(store: Store, destination: Path, overwrite: bool) -> None:
    if not destination.parent.is_dir():
        raise UsageError(f"there is no folder {destination.parent}: make it, or name another place")
    if destination.exists() and not destination.is_file():
        raise UsageError(f"{destination} is no file: name the file of the backup")
    if destination.resolve() in {Path(f"{store.path.resolve()}{ending}") for ending in _OF_THE_STORE}:
        raise UsageError(f"{destination} is the store itself: name another file")
    if destination.exists() and not overwrite:
        raise Refused(f"{destination} exists: name another file, or overwrite it with --force")
    need, free = size(store.path) + ROOM_LEFT, shutil.disk_usage(destination.parent).free
    if free < need:
        message = f"{destination.parent} has {_mb(free)} free, a backup needs {_mb(need)}: make room there"
        raise StoreUnavailable(f"{message}, or name another place", code="backup-no-room")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _copy(store: Store, part: Path, progress: Progress | None) -> dict[str, int]:
    with closing(raw_connection(store.path, store.busy_timeout, read_only=True)) as source:
        with failures.in_our_words(store.path):
            # One snapshot for the whole copy: without it every write by others starts the copy again.
            source.execute("BEGIN")
            rows = count_rows(source)
        with failures.in_our_words(part):
            copy_pages(source, part, progress)
        return rows


def copy_pages(source: sqlite3.Connection, part: Path, progress: Progress | None) -> None:
    """Copy the store that is open there to an empty file; `progress` gets pages done and pages in all."""

    def tell(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with closing(raw_connection(part, 0)) as target:
        source.backup(target, pages=_STEP, progress=tell)
        # One file, not a file and a log.
        target.execute("PRAGMA journal_mode=DELETE")


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows by table, all of one moment."""
    names = [row[0] for row in connection.execute(TABLES)]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def verify(path: Path, rows: Mapping[str, int] | None = None) -> Mapping[str, int]:
    """Read a file that nobody has open from end to end; its rows by table, which must be `rows` where given.

    Raises PermanentError `backup-unsound`, UsageError `store-newer` or `not-a-store`, StoreUnavailable.
    """
    with (
        failures.in_our_words(path),
        closing(raw_connection(path, 0, read_only=True, immutable=True)) as copy,
    ):
        if schema_version(copy, path) == 0:
            raise UsageError(f"{path} is empty: it holds no store", code="not-a-store")
        # A badly damaged file may have a fault for every page, and a few are enough to refuse it.
        faults = [row[0] for row in copy.execute(f"PRAGMA integrity_check({_SHOWN})") if row[0] != "ok"]
        for row in copy.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN):
            faults.append(f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}")
        if not faults:
            found = count_rows(copy)
            faults = [
                f"{name} has {found.get(name)} rows, not {n}"
                for name, n in (rows or found).items()
                if found.get(name) != n
            ]
    if faults:
        message = (
            f"the copy {path} is not whole ({'; '.join(faults)}): `mingus doctor` leads through recovery"
        )
        raise PermanentError(message, code="backup-unsound")
    return found


@contextmanager
def removed_on_failure(part: Path) -> Iterator[None]:
    """Take a half-made copy away when the block ends with any error, Ctrl-C too, which goes on."""
    try:
        yield
    except BaseException:
        remove(part)
        raise


def remove(part: Path) -> None:
    """Take a copy away again, with all that SQLite and our lock put beside it."""
    for ending in ("", "-wal", "-shm", "-journal", ".lock"):
        Path(f"{part}{ending}").unlink(missing_ok=True)


def rotated(folder: Path) -> dict[datetime, Path]:
    """The backups that rotation made and may remove, by their time: never a link, a folder or another name."""
    if not folder.is_dir():
        return {}
    named = ((backup_moment(path.name), path) for path in folder.iterdir())
    return {moment: path for moment, path in named if moment and path.is_file() and not path.is_symlink()}


def rotate(folder: Path, daily: int, weekly: int, now: datetime) -> list[Path]:
    """Remove the backups that have had their time, and what killed ones have left; what was removed."""
    there = rotated(folder)
    kept = backups_kept(there, daily, weekly, now)
    going = [path for moment, path in sorted(there.items()) if moment not in kept]
    going += _left_behind(folder, now - timedelta(days=1))
    with failures.files_in_our_words(folder):
        for path in going:
            remove(path)
    return going


def _left_behind(folder: Path, before: datetime) -> Iterable[Path]:
    # One that is being written is younger.
    for path in folder.glob(f"mingus-*.db{PART}"):
        ours = backup_moment(path.name.removesuffix(PART)) is not None and not path.is_symlink()
        if ours and path.stat().st_mtime < before.timestamp():
            yield path


def newest(folder: Path) -> tuple[datetime, Path] | None:
    """The latest backup of rotation, which was whole when it was made."""
    return max(rotated(folder).items(), default=None)
