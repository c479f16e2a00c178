"""The one SQLite file: opening it, its transactions, and its errors in our words.

Threads: a Store has one connection, guarded by a re-entrant lock; any thread may use it, one at a time,
and a transaction holds the lock until it ends. Processes: a forked child opens its own connection on
first use (SQLite connections must not cross a fork).

Durability: WAL with synchronous=NORMAL. A commit survives any crash or kill of a process; a power cut may
take the latest commits, always newest first, never a part of one. `transaction(durable=True)` waits for
the disk: the ledger uses it to accept a job, because after a power cut nobody else remembers that job,
while the effects of jobs are simply made again.

Longer than 300 lines on purpose: one connection's life, from opening through transactions to a restored file.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mingus_lib.sharing import share
from mingus_lib.store import failures, filelocks

SCHEMA_VERSION = 12
APPLICATION_ID = 0x4D4E4753  # "MNGS": tells our files from other programs' databases
BUSY_TIMEOUT = 30.0

# Connections inherited through a fork stay referenced for ever: closing one in the child could
# checkpoint or unlink the parent's log.
_inherited: list[sqlite3.Connection] = []

# Those of a connection, which the file does not remember.
_PRAGMAS = (
    # Off in every new connection, whatever the file was made with.
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=NORMAL",
    # Negative: kB, not pages.
    "PRAGMA cache_size=-16000",
    # Overwrites what is deleted where that costs no further page; forgetting a reader does the rest.
    "PRAGMA secure_delete=FAST",
    # Pages, the 64 MB of the next line: a log that a long reader let grow is cut back to that.
    "PRAGMA wal_autocheckpoint=16000",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA temp_store=MEMORY",
)

Row = sqlite3.Row
Parameters = Sequence[Any] | dict[str, Any]


class Store:
    """A library's file. Opens on first use; `path` must be on a local disk.

    When a backup is restored there, it is opened anew at the next use; on a read-only disk it can be read.

    Every method may raise StoreUnavailable (locked, full, read-only, disk), PermanentError
    `store-corrupt`, UsageError `store-newer` or `not-a-store`, NotFound `no-store` (create=False).
    """

    def __init__(self, path: Path, *, create: bool = True, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self.create = create
        self.busy_timeout = busy_timeout
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._depth = 0
        self._held = 0
        self._durable = False
        self._name = os.fspath(path)  # looked at for every statement: a Path takes twice the time
        self._file: tuple[int, int] | None = None
        self._frozen = False

    @classmethod
    def open(cls, path: Path, *, create: bool = True, busy_timeout: float = BUSY_TIMEOUT) -> Store:
        """Open now: create the file if asked, bring its schema up to date; `busy_timeout` in seconds."""
        store = cls(path, create=create, busy_timeout=busy_timeout)
        with store._reached():
            return store

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one; the next use opens it again."""
        if self._pid != os.getpid():
            self._leave_parent()
        with self._lock:
            self._disconnect()

    @property
    def id(self) -> str:
        """The uuid this file got at its creation."""
        return str(self.value("SELECT value FROM meta WHERE key = 'store_id'"))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for several reading statements; other threads wait."""
        with self._reached() as connection:
            yield connection

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a statement."""
        with self._reached() as connection:
            return connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row, or None."""
        with self._reached() as connection:
            found: Row | None = connection.execute(sql, parameters).fetchone()
            return found

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one writing statement (its own transaction unless one is open); rows changed."""
        with self._reached() as connection:
            return connection.execute(sql, parameters).rowcount

    def execute_many(self, sql: str, parameters: Iterable[Parameters]) -> int:
        """Run one writing statement for each set of parameters, in one transaction; rows changed."""
        with self.transaction() as connection:
            return connection.executemany(sql, parameters).rowcount

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All or nothing, with the write lock taken at once (BEGIN IMMEDIATE); nested calls join in.

        `durable` waits until the commit is on the disk (see above); it counts on the outermost call.
        """
        # Only a look under the write lock tells whether the path still leads to this file: see _begun.
        with self._reached(looks=False) as connection:
            if self._depth:
                yield connection
                return
            connection = self._begun(durable)
            with self._outermost(connection):
                yield connection

    def _begun(self, durable: bool) -> sqlite3.Connection:
        """The connection with the write lock of the file that the path leads to."""
        while True:
            connection = self._connected()
            # Before it begins: inside a transaction SQLite refuses to change this.
            if durable is not self._durable:
                connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            # A deferred one that reads first fails at its first write, without waiting, if others wrote meanwhile.
            connection.execute("BEGIN IMMEDIATE")
            # A backup was restored while this waited for the lock: what it writes belongs into the new file.
            if self._held > 1 or not self._moved():
                return connection
            connection.execute("ROLLBACK")
            self._disconnect()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything in the block as it was at one moment; nobody waits for it. For reading alone."""
        with self._reached() as connection:
            if self._depth:
                yield
                return
            # Deferred: it takes no lock of a writer, and its moment is that of the first read.
            connection.execute("BEGIN")
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    @contextmanager
    def _outermost(self, connection: sqlite3.Connection) -> Iterator[None]:
        self._depth += 1
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may already have rolled back by itself; the first error is the one to tell.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1

    @contextmanager
    def _reached(self, *, looks: bool = True) -> Iterator[sqlite3.Connection]:
        if self._pid != os.getpid():
            self._leave_parent()
        with self._lock, failures.in_our_words(self.path):
            # Not below a caller that holds the connection: it would go on with a closed one.
            if looks and not self._held and self._connection is not None and self._moved():
                self._disconnect()
            self._held += 1
            try:
                yield self._connected()
            finally:
                self._held -= 1

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # Looked at before, so that a file that comes in between is taken for another one.
            before = _identity(self._name)
            self._connection = connect(self.path, self.create, self.busy_timeout)
            # A new connection is at NORMAL again, as _PRAGMAS leave it.
            self._durable = False
            self._file = before or _identity(self._name)
            self._frozen = is_frozen(self.path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _moved(self) -> bool:
        """Whether the path leads to another file: a backup was restored. One that is gone is not another one."""
        there = _identity(self._name)
        # A disk that can be written again ends a connection that reads without locks.
        return there is not None and (there != self._file or (self._frozen and not is_frozen(self.path)))

    def _leave_parent(self) -> None:
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection, self._depth, self._held = None, 0, 0
        # A new lock: another thread may have held the old one at the fork, and is not here to let go.
        self._pid, self._lock = os.getpid(), threading.RLock()


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116 - for every statement
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path, create: bool, busy_timeout: float) -> sqlite3.Connection:
    """A ready connection to an up-to-date store; migrates (and then only imports sqlite_utils) if needed."""
    with failures.files_in_our_words(path):
        _make_file(path, create)
    with filelocks.place(path):
        connection = raw_connection(path, busy_timeout)
        try:
            _bring_up_to_date(connection, path, busy_timeout)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection


def raw_connection(
    path: Path, busy_timeout: float, *, read_only: bool = False, immutable: bool = False
) -> sqlite3.Connection:
    """A bare connection to an existing file: rows by name, no implicit transactions, no schema check.

    `immutable` reads without locks or a log: only for a file that nobody has open. One on a read-only disk is.
    """
    frozen = is_frozen(path)
    # Never rwc: who makes a file gives it its mode and owner (_make_file).
    mode = "ro" if read_only or frozen else "rw"
    address = f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' * (immutable or frozen)}"
    with filelocks.place(path):
        # No isolation level: Python would begin transactions by itself, deferred ones.
        connection = sqlite3.connect(
            address, timeout=busy_timeout, isolation_level=None, check_same_thread=False, uri=True
        )
        connection.row_factory = sqlite3.Row
        # SQLite opens the log at the first read. What is wrong with the file, the caller's own statement tells.
        with suppress(sqlite3.DatabaseError):
            connection.execute("PRAGMA schema_version").fetchone()
        return connection


def is_frozen(path: Path) -> bool:
    """Whether the store is on a disk that is read-only now, and whole without its log: it can still be read."""
    try:
        if not os.statvfs(path).f_flag & os.ST_RDONLY:
            return False
        return not os.stat(f"{path}-wal").st_size  # noqa: PTH116 - beside the store
    except FileNotFoundError:
        return path.exists()
    except OSError:
        return False


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version marker, 0 for an empty file; raises UsageError for a newer or a foreign one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    # A new file bears no mark yet, but has no tables either.
    if application != APPLICATION_ID and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise failures.foreign(path)
    if version > SCHEMA_VERSION:
        raise failures.newer(path, version, SCHEMA_VERSION)
    return version


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, busy_timeout: float) -> None:
    if schema_version(connection, path) < SCHEMA_VERSION:
        from mingus_lib.store import migrating

        migrating.migrate(connection, path, busy_timeout)


def _make_file(path: Path, create: bool) -> None:
    if path.exists():
        return
    if not create:
        raise failures.absent(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # O_CREAT without O_EXCL: two processes may start at once. SQLite gives -wal and -shm the same mode.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    share(handle, path)
    os.close(handle)
