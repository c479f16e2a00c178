"""SQLite's errors in our words: what an operator sees and can do about it.

Locked, full, read-only and disk trouble are worth another try (StoreUnavailable); a damaged file is
not (PermanentError, code `store-corrupt`). Anything else is a bug and passes through untouched.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mingus_lib.errors import MingusError, NotFound, PermanentError, StoreUnavailable, UsageError

_BUSY = ("store-locked", "another process holds it; try again, or stop what is writing to it")
_READ_ONLY = ("store-read-only", "it or its folder may not be written; check owner, mode and mount")
_CANNOT_OPEN = (
    "store-unreadable",
    "it cannot be opened; check that the folder exists, its owner and mode, and its mount",
)
_DISK = ("store-io", "the disk refused a read or a write; check it (dmesg, smartctl) and its quota")
_INDEXES = (
    "store-indexing",
    "events are being imported, or an import was cut short: wait for it, or give it the same file again, "
    "or run `mingus report update`",
)
_FULL = ("store-full", "the disk or quota is full; free some space")

_UNAVAILABLE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    # What a race of many processes to open the log may end in.
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _CANNOT_OPEN,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_FULL: _FULL,
}
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Turn a sqlite3 error about `path` into ours; raises StoreUnavailable or PermanentError.

    Raises UsageError `not-text` for a value that SQLite cannot take as text: bytes of another encoding, typed or read.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{ascii(error.object)[:80]} is not text in UTF-8: write it so", code="not-text"
        ) from error
    except sqlite3.Error as error:
        ours = translated(error, path)
        if ours is None:
            raise
        raise ours from error


@contextmanager
def files_in_our_words(path: Path) -> Iterator[None]:
    """The same for the operating system's errors, around code that only touches the store's files."""
    try:
        yield
    except OSError as error:
        message = (
            f"the store {path}: {error.strerror or error}: check the path, its owner, mode and free space"
        )
        raise StoreUnavailable(message, code="store-unreadable") from error


def translated(error: sqlite3.Error, path: Path) -> MingusError | None:
    """Our error for SQLite's, or None when it is a bug."""
    # Extended result codes keep the primary code in the low byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _CORRUPT:
        return corrupt(path, str(error))
    if code in _UNAVAILABLE:
        kind, fix = _FULL if code == sqlite3.SQLITE_IOERR and _disk_is_full(path) else _UNAVAILABLE[code]
        return StoreUnavailable(f"the store {path}: {error}: {fix}", code=kind)
    # Statements name these indexes (INDEXED BY), and only a large import takes them away.
    if str(error).startswith("no such index: events_"):
        return StoreUnavailable(f"the store {path}: {_INDEXES[1]}", code=_INDEXES[0])
    return None


def _disk_is_full(path: Path) -> bool:
    # SQLite calls a log that cannot grow an input/output error.
    try:
        return os.statvfs(path.parent).f_bavail < 64
    except OSError:
        return False


def absent(path: Path) -> NotFound:
    """No file is there."""
    return NotFound(f"there is no store at {path}: `mingus db migrate` creates it", code="no-store")


def corrupt(path: Path, what: str) -> PermanentError:
    """The file is damaged, or was never a store."""
    fix = "`mingus doctor` leads through recovery"
    return PermanentError(f"the store {path} is damaged ({what}): {fix}", code="store-corrupt")


def newer(path: Path, found: int, known: int) -> UsageError:
    """The file was written by a later release."""
    message = f"the store {path} has schema {found}, this mingus knows up to {known}: upgrade mingus"
    return UsageError(message, code="store-newer")


def foreign(path: Path) -> UsageError:
    """A healthy SQLite file, but another program's."""
    return UsageError(f"{path} is a database of another program, not a mingus store", code="not-a-store")
