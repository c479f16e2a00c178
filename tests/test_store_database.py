"""Opening, migrating, locking and failing: on real files, with real processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Migrations

from mingus_lib.domain.library import ArticleFilter, HostPolicy
from mingus_lib.domain.models import ArticleStatus, ItemOutcome, Outcome
from mingus_lib.errors import MingusError, NotFound, PermanentError, StoreUnavailable, UsageError
from mingus_lib.store import schema
from mingus_lib.store.articles import Articles
from mingus_lib.store.backups import backup
from mingus_lib.store.database import SCHEMA_VERSION, Store
from mingus_lib.store.followups import FollowUps
from mingus_lib.store.hosts import Hosts
from mingus_lib.store.maintenance import tidy
from mingus_lib.store.summary import read_summary
from tests.store_samples import NOW, draft, prose

ROOT = Path(__file__).resolve().parent.parent
spawning = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mingus.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, busy_timeout=0.05) as opened:
        yield opened


def test_new_store_has_what_later_migrations_cannot_add(store: Store) -> None:
    assert store.value("PRAGMA journal_mode") == "wal"
    assert store.value("PRAGMA auto_vacuum") == 2
    assert store.value("PRAGMA foreign_keys") == 1
    newest = max(int(each.name[1:4]) for each in schema.migrations._migrations)
    assert store.value("PRAGMA user_version") == SCHEMA_VERSION == newest
    loose = store.rows("""SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%STRICT%'
                          AND name NOT LIKE '%fts%' AND name NOT LIKE '%sqlite%'""")
    assert loose == []


def test_files_are_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        with Store.open(path) as store:
            Articles(store).record(draft("https://e.org/1", prose("a")), job_id=None, position=0, now=NOW)
            modes = {name.name: name.stat().st_mode & 0o777 for name in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("mingus.db", "mingus.db-wal", "mingus.db-shm", "mingus.db.lock"), 384)


def test_mode_can_be_wider_for_a_group(path: Path) -> None:
    path.parent.chmod(0o2770)
    Store.open(path).close()
    modes = {name.name: name.stat().st_mode & 0o777 for name in path.parent.iterdir()}
    assert modes == dict.fromkeys(("mingus.db", "mingus.db.lock"), 0o660)


def test_id_stays(path: Path) -> None:
    with Store.open(path) as store:
        first = store.id
    with Store.open(path) as store:
        assert store.id == first
    with Store.open(path.with_name("other.db")) as other:
        assert other.id != first


def test_opening_a_current_store_does_not_import_sqlite_utils(store: Store) -> None:
    code = f"""
import sys, pathlib
from mingus_lib.store.database import Store
from mingus_lib.store.articles import Articles
from mingus_lib.store.summary import read_summary
path = pathlib.Path({str(store.path)!r})
Articles(Store.open(path)).list()
read_summary(path)
heavy = {{"sqlite_utils", "numpy", "requests", "rq", "redis"}} & set(sys.modules)
sys.exit(str(heavy) if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_missing_store_is_not_made_when_only_looking(path: Path) -> None:
    looks: list[Callable[[], object]] = [
        lambda: Store.open(path, create=False),
        lambda: read_summary(path),
        lambda: tidy(Store(path, create=False)),
        lambda: backup(Store(path, create=False), path.with_name("copy.db")),
    ]
    for look in looks:
        with pytest.raises(NotFound, match="mingus db migrate") as raised:
            look()
        assert raised.value.code == "no-store"
    assert not path.exists()


# Races


def _open_and_add(path: Path, start: threading.Event, results: multiprocessing.Queue[object]) -> None:
    start.wait(30)
    articles = Articles(Store.open(path))
    item = articles.record(draft("https://e.org/1", prose("a")), job_id=None, position=0, now=NOW)
    results.put((articles.store.id, item.outcome, item.article_id))


def test_processes_racing_to_create_and_add_make_one_store_and_one_article(path: Path) -> None:
    start, results = spawning.Event(), spawning.Queue()
    racers = [spawning.Process(target=_open_and_add, args=(path, start, results)) for _ in range(4)]
    for racer in racers:
        racer.start()
    start.set()
    found = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert len({store_id for store_id, _, _ in found}) == 1
    assert sorted(outcome for _, outcome, _ in found) == ["added", *["duplicate"] * 3]
    assert {article_id for _, _, article_id in found} == {1}


def test_forked_child_gets_its_own_connection(store: Store) -> None:
    articles = Articles(store)
    articles.record(draft("https://e.org/1", prose("a")), job_id=None, position=0, now=NOW)
    with store.transaction():
        child = os.fork()
        if child == 0:
            code = 0 if articles.get(1).title and store._connection not in (None, *_inherited()) else 1
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert articles.get(1).canonical_url == "https://e.org/1"


def _inherited() -> list[sqlite3.Connection]:
    from mingus_lib.store import database

    return database._inherited


def test_killed_in_the_middle_of_a_transaction_leaves_nothing(store: Store) -> None:
    child = os.fork()
    if child == 0:
        with store.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('half', 'done')")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert store.value("SELECT value FROM meta WHERE key = 'half'") is None


# Transactions


def test_transactions_are_all_or_nothing_and_nest(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction(durable=True) as outer:
        outer.execute("INSERT INTO meta VALUES ('a', '1')")
        with store.transaction() as inner:
            assert inner is outer
            inner.execute("INSERT INTO meta VALUES ('b', '2')")
        1 / 0  # noqa: B018
    assert store.rows("SELECT 1 FROM meta WHERE key IN ('a', 'b')") == []
    assert store.value("PRAGMA synchronous") == 2


def test_ordinary_transactions_do_not_wait_for_the_disk(store: Store) -> None:
    with store.transaction(durable=True):
        pass
    with store.transaction():
        assert store.value("PRAGMA synchronous") == 1


def test_threads_take_turns(store: Store) -> None:
    store.execute("INSERT INTO meta VALUES ('n', '0')")

    def add() -> None:
        for _ in range(50):
            with store.transaction() as connection:
                value = int(connection.execute("SELECT value FROM meta WHERE key = 'n'").fetchone()[0])
                connection.execute("UPDATE meta SET value = ? WHERE key = 'n'", (str(value + 1),))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.value("SELECT value FROM meta WHERE key = 'n'") == "200"


def test_a_bug_in_sql_keeps_its_traceback(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store.rows("SELECT * FROM no_such")


# Trouble


def writes(store: Store) -> dict[str, Callable[[], object]]:
    articles, hosts, follow_ups = Articles(store), Hosts(store), FollowUps(store)
    failed = ItemOutcome("https://e.org/9", Outcome.FAILED, None, "timeout: 30 s")
    new = draft("https://e.org/2", prose("b"))
    return {
        "record": lambda: articles.record(new, job_id="j", position=0, now=NOW),
        "update": lambda: articles.update(1, new, now=NOW),
        "touch": lambda: articles.touch(1, "e", None, NOW),
        "note_outcome": lambda: articles.note_outcome("j", 0, failed, NOW),
        "archive": lambda: articles.archive([1], NOW),
        "restore": lambda: articles.restore([1], NOW),
        "hosts.set": lambda: hosts.set("e.org", HostPolicy.DENY),
        "follow_ups.record": lambda: follow_ups.record("t", {}, "j", NOW),
        "follow_ups.mark": lambda: follow_ups.mark(1, "j", NOW),
        "tidy": lambda: tidy(store),
        "transaction": lambda: store.transaction().__enter__(),
        "execute_many": lambda: store.execute_many("INSERT INTO meta VALUES (?, ?)", [("a", "b")]),
    }


def reads(store: Store) -> dict[str, Callable[[], object]]:
    articles = Articles(store)
    return {
        "known": lambda: articles.known("https://e.org/1"),
        "get": lambda: articles.get(1),
        "find": lambda: articles.find("https://e.org/1"),
        "raw": lambda: articles.raw(1),
        "list": lambda: articles.list(ArticleFilter()),
        "search": lambda: articles.search("a1"),
        "counts": articles.counts,
        "outcomes": lambda: articles.outcomes("j"),
        "export": lambda: list(articles.export()),
        "hosts": lambda: Hosts(store).policy("nytimes.com"),
        "follow_ups": lambda: FollowUps(store).pending(),
        "summary": lambda: read_summary(store.path, busy_timeout=0.05),
        "id": lambda: store.id,
    }


def test_what_is_no_text_is_named(store: Store) -> None:
    with pytest.raises(UsageError, match=r"'caf\\udce9' is not text in UTF-8: write it so"):
        Articles(store).list(ArticleFilter(domain="caf\udce9"))
    with pytest.raises(UsageError, match="UTF-8"):
        Hosts(store).deny("e.org", note="\ud800")


@pytest.fixture
def filled(store: Store) -> Store:
    Articles(store).record(draft("https://e.org/1", prose("a")), job_id="j", position=0, now=NOW)
    Hosts(store).policy("nytimes.com")
    return store


def test_every_write_on_a_locked_store_says_so(filled: Store) -> None:
    with closing(sqlite3.connect(filled.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for name, call in writes(filled).items():
            with pytest.raises(StoreUnavailable) as raised:
                call()
            assert raised.value.code == "store-locked", name
            assert str(filled.path) in str(raised.value), name
    Articles(filled).touch(1, "e", None, NOW)


def test_reading_goes_on_while_another_process_writes(filled: Store) -> None:
    with closing(sqlite3.connect(filled.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for call in reads(filled).values():
            call()


def test_every_call_on_an_exclusively_locked_store_says_so(path: Path) -> None:
    with Store.open(path) as store:
        Articles(store).record(draft("https://e.org/1", prose("a")), job_id="j", position=0, now=NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        names = [*writes(Store(path)), *reads(Store(path))]
        for name in names:
            store = Store(path, busy_timeout=0.01)
            with pytest.raises(StoreUnavailable) as raised:
                (writes(store) | reads(store))[name]()
            assert raised.value.code == "store-locked", name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match="check the path"):
        Store.open(tmp_path / "mingus.db")


def _as_nobody(path: Path, results: multiprocessing.Queue[object]) -> None:
    with Store.open(path.parent / "scratch" / "mingus.db") as scratch:
        # Once where everything may be read: modules and data are loaded before rights are given up.
        _outcomes_of_writes(scratch)
        read_summary(scratch.path)
    path.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    results.put(_outcomes_of_writes(Store(path, busy_timeout=0.05)))
    results.put(read_summary(path).articles)


def _outcomes_of_writes(store: Store) -> list[tuple[str, str, bool]]:
    found = []
    for name, call in writes(store).items():
        try:
            call()
        except MingusError as error:
            found.append((name, type(error).__name__, str(store.path) in str(error)))
    return found


def test_read_only_store_and_folder_refuse_every_write(path: Path) -> None:
    with Store.open(path) as store:
        Articles(store).record(draft("https://e.org/1", prose("a")), job_id="j", position=0, now=NOW)
    for parent in itertools.takewhile(lambda folder: folder != Path(tempfile.gettempdir()), path.parents):
        parent.chmod(parent.stat().st_mode | 0o055)
    path.chmod(0o444)
    results: multiprocessing.Queue[Any] = spawning.Queue()
    process = spawning.Process(target=_as_nobody, args=(path, results))
    process.start()
    found = results.get(timeout=60)
    looked = results.get(timeout=60)
    process.join()
    path.parent.chmod(0o700)
    assert looked[ArticleStatus.PUBLISHED] == 1
    assert found == [(name, "StoreUnavailable", True) for name in writes(Store(path))]


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"file/mingus\.db"):
        Store.open(tmp_path / "file" / "mingus.db")


def test_full_store_says_so_and_stays_whole(filled: Store) -> None:
    filled.execute(f"PRAGMA max_page_count={filled.value('PRAGMA page_count')}")
    big = draft("https://e.org/2", prose("b", 20_000))
    with pytest.raises(StoreUnavailable, match="free some space") as raised:
        Articles(filled).record(big, job_id="j2", position=0, now=NOW)
    assert raised.value.code == "store-full"
    assert Articles(filled).outcomes("j2") == []
    filled.execute("PRAGMA max_page_count=1000000")
    assert Articles(filled).record(big, job_id="j2", position=0, now=NOW).outcome is Outcome.ADDED


def _fill_the_disk(path: Path, results: multiprocessing.Queue[object]) -> None:
    articles = Articles(Store.open(path))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        for number in range(1000):
            new = draft(f"https://e.org/{number}", prose(f"w{number}x"))
            articles.record(new, job_id="j", position=number, now=NOW)
    except MingusError as error:
        results.put((error.code, type(error).__name__, number))


def test_disk_that_takes_no_more_keeps_what_was_committed(path: Path) -> None:
    results: multiprocessing.Queue[tuple[str, str, int]] = spawning.Queue()
    process = spawning.Process(target=_fill_the_disk, args=(path, results))
    process.start()
    code, kind, stored = results.get(timeout=60)
    process.join()
    assert kind == "StoreUnavailable"
    assert code in ("store-io", "store-full")
    with Store.open(path) as store:
        assert len(Articles(store).outcomes("j")) == sum(Articles(store).counts().values()) == stored


def test_not_a_database(path: Path) -> None:
    path.write_bytes(b"these are not the pages you are looking for " * 200)
    for look in (lambda: Store.open(path), lambda: read_summary(path)):
        with pytest.raises(PermanentError, match="mingus doctor") as raised:
            look()
        assert raised.value.code == "store-corrupt"


def test_damaged_pages(path: Path) -> None:
    with Store.open(path) as store:
        for number in range(20):
            new = draft(f"https://e.org/{number}", prose(f"w{number}x"))
            Articles(store).record(new, job_id="j", position=number, now=NOW)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(PermanentError) as raised:
        Articles(Store.open(path)).list()
    assert raised.value.code == "store-corrupt"


def test_newer_store_is_left_alone(path: Path) -> None:
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    for look in (lambda: Store.open(path), lambda: read_summary(path)):
        with pytest.raises(UsageError, match="upgrade mingus") as raised:
            look()
        assert raised.value.code == "store-newer"


def test_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    with pytest.raises(UsageError) as raised:
        Store.open(path)
    assert raised.value.code == "not-a-store"


def test_failed_migration_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(db: object) -> None:
        raise ZeroDivisionError

    migrations = Migrations("mingus")
    migrations(name="m001_library")(schema.m001_library)
    migrations(name="m002_broken")(broken)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(schema, "migrations", migrations)
        Store.open(path)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == []
    with Store.open(path) as store:
        assert store.value("PRAGMA user_version") == SCHEMA_VERSION


def test_too_old_a_sqlite_is_told_before_anything_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(UsageError, match=r"wants 3\.37 or later"):
        Store.open(path)
    assert path.stat().st_size == 0


def test_migration_waits_for_another_and_gives_up_with_a_reason(path: Path) -> None:
    import fcntl

    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(StoreUnavailable, match="migrated or restored by another process"):
        Store.open(path, busy_timeout=0.05)
    os.close(lock)
    Store.open(path, busy_timeout=0.05).close()


def test_backup_of_a_locked_store_still_works(filled: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(filled.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        backup(filled, tmp_path / "copy.db")
    with Store.open(tmp_path / "copy.db", create=False) as copy:
        assert Articles(copy).get(1).canonical_url == "https://e.org/1"
