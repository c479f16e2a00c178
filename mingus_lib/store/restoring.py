"""A backup in the place of the store: checked first, put there in one step, the old store kept aside.

Under the write lock of the old store, whose log is emptied first: until the last rename the old store is whole, from
it on the new one. Processes that have the old file open see at their next use that the path leads elsewhere
(database.py), and open it anew; nobody opens it in the moment of the change (filelocks.py).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mingus_lib.errors import NotFound, PermanentError, StoreUnavailable, UsageError
from mingus_lib.sharing import share
from mingus_lib.store import backups, failures, filelocks
from mingus_lib.store.database import raw_connection, schema_version

PATIENCE_SECONDS = 10.0
_CHANGES = (("articles", "updated_at"), ("job_runs", "created_at"), ("events", "at"))
_OPEN = "SELECT count(*) FROM job_runs WHERE state = 'queued' OR state = 'scheduled' OR state = 'started'"


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a store holds. `newest`: its last change of an article, job or event of a reader; `open_jobs` will run."""

    store_id: str
    schema: int
    articles: int
    open_jobs: int
    newest: str | None


def facts(path: Path) -> StoreFacts:
    """Read them. Raises NotFound, PermanentError for damage, UsageError for what is no store of ours."""
    if not path.exists():
        raise NotFound(f"there is no file {path}: `mingus db backup` makes one", code="no-store")
    with (
        failures.in_our_words(path),
        closing(raw_connection(path, PATIENCE_SECONDS, read_only=True)) as found,
    ):
        return _facts(found, path)


def _facts(found: sqlite3.Connection, path: Path) -> StoreFacts:
    def value(sql: str) -> object:
        return found.execute(sql).fetchone()[0]

    version = schema_version(found, path)
    if version == 0:
        raise UsageError(f"{path} is empty: it holds no store", code="not-a-store")
    tables = {row[0] for row in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    # An older schema lacks some of them.
    changes = [value(f"SELECT max({column}) FROM {table}") for table, column in _CHANGES if table in tables]  # noqa: S608
    return StoreFacts(
        str(value("SELECT value FROM meta WHERE key = 'store_id'")),
        version,
        int(str(value("SELECT count(*) FROM articles"))),
        int(str(value(_OPEN))),
        max((str(each) for each in changes if each is not None), default=None),
    )


def in_use(path: Path) -> bool:
    """Whether another process of this machine has the store open; False for one that cannot be opened at all."""
    if not path.exists():
        return False
    try:
        with closing(raw_connection(path, 0)) as probe:
            # Everybody who has a store with a log open holds a shared lock on it.
            probe.execute("PRAGMA locking_mode=EXCLUSIVE")
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
    except sqlite3.Error as error:
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


@contextmanager
def only(store: Path) -> Iterator[None]:
    """Be the only one who restores or migrates this store. Raises StoreUnavailable `store-locked` at once."""
    with failures.files_in_our_words(store):
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with filelocks.alone(store, 0):
        yield


def prepare(source: Path, store: Path, progress: backups.Progress | None = None) -> Path:
    """Copy a backup beside the store, bring nothing up to date, and check the copy; the copy. Within `only`.

    Raises NotFound, UsageError for what cannot be a backup of this release, PermanentError `backup-unsound`,
    StoreUnavailable when it cannot be read or there is no room.
    """
    _may_read(source, store)
    part = store.with_name(f"{store.name}.restoring")
    with failures.files_in_our_words(store):
        # A restore that was killed may have left one.
        backups.remove(part)
        _make(part, store)
    with backups.removed_on_failure(part):
        with closing(_opened(source)) as found, failures.in_our_words(source):
            backups.copy_pages(found, part, progress)
        backups.verify(part)
        _forget_redis(part)
    return part


def _make(part: Path, store: Path) -> None:
    # O_EXCL: a link that somebody put there would lead the copy elsewhere.
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        share(handle, store)
    finally:
        os.close(handle)


def _opened(source: Path) -> sqlite3.Connection:
    """A connection to what is a store of this release or an older one."""
    with failures.in_our_words(source):
        connection = raw_connection(source, PATIENCE_SECONDS, read_only=True)
    try:
        with failures.in_our_words(source):
            if schema_version(connection, source) > 0:
                return connection
        raise UsageError(f"{source} holds no store: name another backup", code="not-a-store")
    except PermanentError as error:
        connection.close()
        message = f"{source} is no backup, or a damaged one ({error.__cause__}): name another"
        raise UsageError(message, code="backup-unsound") from error
    except BaseException:
        connection.close()
        raise


def _may_read(source: Path, store: Path) -> None:
    if not source.exists():
        raise NotFound(
            f"there is no file {source}: name a backup (`mingus db backup` makes one)", code="no-backup"
        )
    if not source.is_file():
        raise UsageError(f"{source} is no file: name the file of the backup")
    if source.stat().st_size == 0:
        raise UsageError(f"{source} is empty: name another backup", code="not-a-store")
    if store.exists() and source.samefile(store):
        raise UsageError(f"{source} is the store itself: name a backup")


def _forget_redis(part: Path) -> None:
    """Have the next keeper look at every open job: Redis has gone on since the backup."""
    with failures.in_our_words(part), closing(raw_connection(part, 0)) as copy:
        copy.execute("DELETE FROM meta WHERE key = 'redis_mark'")
        # Stores in use have a log; the first to open it need not wait for the change.
        copy.execute("PRAGMA journal_mode=WAL")
    # Before it takes the store's name, which must not lead to what never reached the disk.
    with part.open("rb") as written:
        os.fsync(written.fileno())


def swap(part: Path, store: Path, now: datetime) -> Path | None:
    """Put the prepared copy in the store's place; where the old one is now, None when there was none.

    Raises StoreUnavailable when others keep reading or writing the old store.
    """
    aside = store.with_name(f"{store.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    with failures.files_in_our_words(store), _locked(store), filelocks.place(store, replaces=True):
        found = store.exists()
        if found:
            # Linked, not renamed: the path leads to a whole store at every moment.
            aside.hardlink_to(store)
        _log_aside(store, aside)
        part.replace(store)
        _settle(store.parent)
    return aside if found else None


def _log_aside(store: Path, aside: Path) -> None:
    """The new store must find neither log nor index of the old one, which hold something only if it was damaged."""
    with suppress(FileNotFoundError):
        log = Path(f"{store}-wal")
        log.replace(f"{aside}-wal") if log.stat().st_size else log.unlink()
    Path(f"{store}-shm").unlink(missing_ok=True)


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """Hold the old store's write lock with its log empty; a store too damaged for that, or none, is not held."""
    if not store.exists():
        yield
        return
    connection = raw_connection(store, PATIENCE_SECONDS)
    try:
        try:
            with failures.in_our_words(store):
                _empty_log(connection, store)
        except (PermanentError, StoreUnavailable) as error:
            # Otherwise it is so damaged that nobody can write to it either.
            if error.code == "store-locked":
                raise
        yield
    finally:
        connection.close()


def _empty_log(connection: sqlite3.Connection, store: Path) -> None:
    log = Path(f"{store}-wal")
    for _ in range(20):
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        connection.execute("BEGIN IMMEDIATE")
        # Somebody may have written between the two statements.
        if not busy and (not log.exists() or log.stat().st_size == 0):
            return
        connection.execute("ROLLBACK")
    message = (
        f"the store {store} is being read and written: stop workers, scheduler and dashboard, then try again"
    )
    raise StoreUnavailable(message, code="store-locked")


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # A rename is on the disk only when its folder is.
        os.fsync(handle)
    finally:
        os.close(handle)


def _second(moment: str | None) -> str:
    return f"{moment[:19].replace('T', ' ')} UTC" if moment else "no time"


def newer_than(store: Path, backup: StoreFacts) -> str | None:
    """In which way the store is newer than a backup; None for an older, a damaged or no store."""
    try:
        found = facts(store)
    except (NotFound, PermanentError):
        return None
    except UsageError as error:
        return str(error) if error.code == "store-newer" else None
    if (found.newest or "") <= (backup.newest or ""):
        return None
    return f"its last change is of {_second(found.newest)}, the backup's of {_second(backup.newest)}"
