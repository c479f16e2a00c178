"""Looking after the file: check, migrate, tidy up. Copies of it are in backups.py."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from mingus_lib.domain.library import StoreCheck
from mingus_lib.errors import MingusError, PermanentError, StoreUnavailable
from mingus_lib.store import failures, search
from mingus_lib.store.database import (
    BUSY_TIMEOUT,
    SCHEMA_VERSION,
    Store,
    is_frozen,
    raw_connection,
    schema_version,
)
from mingus_lib.store.restoring import in_use
from mingus_lib.store.steps import Steps
from mingus_lib.store.summary import size

Report = Callable[[int, int, str], None]

# Nobody waits for it: three quarters of the time are others'.
PAUSE = 3.0
FREE_WANTED = 200_000_000
_SHOWN = 10
_RESTORE = "restore the latest backup"
_MERGE_STEP = 16
# Of empty_log: 250 pages are 1 MB, and what is left to be copied is copied while writers wait.
_CUT_TRIES = 10
_CUT_PAGES = 250
_CUT_SECONDS = 0.05
_CUT_PAUSE_SECONDS = 0.1
_CUT_PATIENCE_MS = 50
# SQLite's manual recommends 100 to 1000 rows of each index, however large it is.
_SAMPLE_ROWS = 400
# The index's own list of articles against theirs.
_MISFIT = """
SELECT EXISTS (SELECT id FROM article_fts_docsize EXCEPT SELECT id FROM article_search)
  OR EXISTS (SELECT id FROM article_search EXCEPT SELECT id FROM article_fts_docsize)
"""
_INDEXED = "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'index' ORDER BY tbl_name"


def migrate(path: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> tuple[int, int]:
    """Create the store or bring it up to date; the schema versions before and after (0: it was not there)."""
    before = 0
    if path.exists():
        with failures.in_our_words(path), closing(raw_connection(path, busy_timeout)) as connection:
            before = schema_version(connection, path)
    Store.open(path, busy_timeout=busy_timeout).close()
    return before, SCHEMA_VERSION


def unseen(_done: int, _total: int, _text: str) -> None:
    """A report that nobody reads."""


def check(path: Path, *, busy_timeout: float = BUSY_TIMEOUT, report: Report = unseen) -> StoreCheck:
    """Read the whole file and look for damage; takes about a second for each GB, and longer for the search index.

    While others have the store open, the index is compared with the articles by number alone: word by word would
    keep writers waiting.
    Damage, a wrong schema, loose modes and a full disk are problems of the answer, not exceptions.
    Raises NotFound `no-store`, StoreUnavailable.
    """
    if not path.exists():
        raise failures.absent(path)
    facts = {"path": str(path), "size": str(size(path)), "free": str(shutil.disk_usage(path.parent).free)}
    problems = [*_file_problems(path)]
    # The check of an index word by word is a write to SQLite: not beside writers, nor on a read-only disk.
    alone = not (is_frozen(path) or in_use(path))
    facts["search_index"] = "compared word by word" if alone else "compared by number: the store is in use"
    try:
        with failures.in_our_words(path), closing(raw_connection(path, busy_timeout)) as connection:
            facts |= _facts(connection)
            problems += _schema_problems(connection, path) or _content_problems(connection, alone, report)
    except StoreUnavailable:
        # What cannot be read just now is no damage, and worth another try.
        raise
    except MingusError as error:
        problems.append(str(error))
    return StoreCheck(facts, tuple(problems))


def _file_problems(path: Path) -> Iterator[str]:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        # The group may be meant to share the store (mode 2770); everybody never is.
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


def _content_problems(connection: sqlite3.Connection, alone: bool, report: Report) -> list[str]:
    report(0, 2, "reading every page")
    damage = _damage(connection)
    report(1, 2, "comparing the search index")
    if not alone:
        return damage + ([_misfit("article_fts")] if connection.execute(_MISFIT).fetchone()[0] else [])
    return damage + [line for name in search.INDEXES for line in _index_problems(connection, name)]


def _damage(connection: sqlite3.Connection) -> list[str]:
    lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_SHOWN})")]
    problems = [f"damage: {line}: {_RESTORE}" for line in lines if line != "ok"]
    for row in connection.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN):
        problems.append(f"damage: row {row[1]} of {row[0]} refers to a missing row of {row[2]}: {_RESTORE}")
    return problems


def _index_problems(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    try:
        # Rank 1: compare with the articles too, not only the index with itself.
        connection.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")  # noqa: S608
    except sqlite3.DatabaseError as error:
        if isinstance(failures.translated(error, Path(name)), StoreUnavailable):
            yield f"the search index {name} could not be checked ({error}): try again when nobody writes"
        else:
            yield _misfit(name)


def _misfit(name: str) -> str:
    return f"the search index {name} does not fit the articles: `mingus db vacuum --rebuild` makes it anew"


def tidy(
    store: Store, *, rebuild: bool = False, deadline: float | None = None, report: Report = unseen
) -> int:
    """Give free pages back to the disk, merge search indexes, empty the log; bytes gained.

    In short transactions: others need not wait. `rebuild` makes the search indexes anew and merges them wholly, which
    is one transaction for each (minutes for a million articles).
    """
    before = size(store.path)
    for name in search.INDEXES if rebuild else ():
        report(0, 3, f"making {name} anew")
        store.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")  # noqa: S608
        store.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")  # noqa: S608
    report(0, 3, "merging the search index")
    # In this order: merging frees pages, and giving pages back fills the log.
    merge_indexes(store, Steps(_MERGE_STEP, deadline=deadline, pause=PAUSE))
    report(1, 3, "giving free pages back")
    give_back(store, Steps(deadline=deadline, pause=PAUSE))
    report(2, 3, "emptying the log")
    empty_log(store)
    return max(0, before - size(store.path))


def write_anew(store: Store) -> int:
    """Write the file anew, without the gaps in its pages; bytes gained. Others wait; it takes as much room again."""
    before = size(store.path)
    with store.reading() as connection:
        connection.execute("VACUUM")
    empty_log(store)
    return max(0, before - size(store.path))


def merge_indexes(store: Store, steps: Steps) -> int:
    """Merge the parts of the search indexes that wait for it, a few pages at a time; pages asked for."""
    asked = 0
    for name in search.INDEXES:
        sql = f"INSERT INTO {name} ({name}, rank) VALUES ('merge', ?)"  # noqa: S608
        while not steps.over and steps.step(lambda pages, sql=sql: _changes(store, sql, pages)) > 1:  # type: ignore[misc]
            asked += steps.size
    return asked


def _changes(store: Store, sql: str, pages: int) -> int:
    # Fewer than two rows changed: there was nothing to merge (FTS5's documentation of 'merge').
    with store.transaction() as connection:
        before = connection.total_changes
        connection.execute(sql, (pages,))
        return connection.total_changes - before


def give_back(store: Store, steps: Steps) -> int:
    """Give free pages to the disk; how many. What was deleted meanwhile goes, too."""
    before = free_pages(store)
    while not steps.over and free_pages(store):
        steps.step(lambda pages: _vacuum(store, pages))
    return max(0, before - free_pages(store))


def free_pages(store: Store) -> int:
    """Pages of the file that hold nothing."""
    return int(store.value("PRAGMA freelist_count"))


def _vacuum(store: Store, pages: int) -> None:
    with store.reading() as connection:
        # execute would take one step of it, which is one page.
        connection.executescript(f"PRAGMA incremental_vacuum({pages})")


def empty_log(store: Store) -> bool:
    """Bring the log into the file and cut it; False when others were at it just then: they go on.

    Cutting keeps writers waiting, for readers and for what is still to be copied and brought to the disk. So it is
    tried for a moment only, when next to nothing is left to be copied and the disk has just been quick.
    """
    for _ in range(_CUT_TRIES):
        if _cut(store):
            return True
        time.sleep(_CUT_PAUSE_SECONDS)
    return False


def _cut(store: Store) -> bool:
    with store.reading() as connection:
        begun = time.monotonic()
        busy, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if busy or pages - copied > _CUT_PAGES or time.monotonic() - begun > _CUT_SECONDS:
            return False
        # The cut waits for readers with the writers' lock in its hand.
        connection.execute(f"PRAGMA busy_timeout={_CUT_PATIENCE_MS}")
        try:
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout={int(store.busy_timeout * 1000)}")


def gather_statistics(store: Store, steps: Steps) -> int:
    """Tell SQLite's planner how the tables look (ANALYZE, a sample of each index); tables looked at."""
    names = [row[0] for row in store.rows(_INDEXED)]

    def some(chunk: Sequence[str]) -> None:
        with store.reading() as connection:
            connection.execute(f"PRAGMA analysis_limit={_SAMPLE_ROWS}").fetchone()
            for name in chunk:
                connection.execute(f'ANALYZE "{name}"')

    return steps.through(names, some)


def sound(path: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> list[str]:
    """What is damaged in the store itself, nothing if it is whole; a second for each GB, and nobody waits."""
    try:
        with (
            failures.in_our_words(path),
            closing(raw_connection(path, busy_timeout, read_only=True)) as found,
        ):
            return _damage(found)
    except PermanentError as error:
        return [str(error)]
