"""Backups: made during writes, checked, rotated, restored; and every wrong place and file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.domain.retention import backup_name
from mingus_lib.errors import MingusError, NotFound, PermanentError, StoreUnavailable, UsageError
from mingus_lib.store import backups, filelocks, restoring
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import SCHEMA_VERSION, Store
from mingus_lib.store.maintenance import check, migrate, sound
from tests.conftest import ROOT
from tests.store_samples import NOW, draft, prose


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        for number in range(30):
            new = draft(f"https://e.org/{number}", prose(f"w{number}x"))
            Articles(opened).record(new, job_id="j", position=number, now=NOW)
        yield opened


def put_back(source: Path, store: Path) -> Path | None:
    with restoring.only(store):
        return restoring.swap(restoring.prepare(source, store), store, NOW)


def test_a_backup_made_during_writes_and_restored_passes_every_check(store: Store, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with Store.open(store.path) as other:
            number = 0
            while not stop.is_set():
                page = draft(f"https://e.org/more/{number}", prose(f"m{number}x", 200))
                Articles(other).record(page, job_id="w", position=number, now=NOW)
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backups.backup(store, tmp_path / f"copy{number}.db") for number in range(4)]
    finally:
        stop.set()
        writer.join()
    assert made[0].rows["articles"] < made[-1].rows["articles"]
    for each in made:
        with sqlite3.connect(each.path) as copy:
            assert copy.execute("SELECT count(*) FROM articles").fetchone()[0] == each.rows["articles"]
    aside = put_back(made[-1].path, store.path)
    assert check(store.path).healthy
    assert aside is not None
    assert check(aside).healthy
    with Store.open(store.path) as opened:
        assert opened.value("SELECT count(*) FROM articles") == made[-1].rows["articles"]
        assert opened.value("PRAGMA journal_mode") == "wal"
        assert Articles(opened).search("w3x5").hits


def test_who_has_the_store_open_goes_on_in_the_restored_one(store: Store, tmp_path: Path) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    Articles(store).record(draft("https://e.org/later", prose("later")), job_id="j", position=1, now=NOW)
    assert store.value("SELECT count(*) FROM articles") == 31
    aside = put_back(copy, store.path)
    # The very same object: it had the old file open.
    assert store.value("SELECT count(*) FROM articles") == 30
    Articles(store).record(draft("https://e.org/newer", prose("newer")), job_id="j", position=2, now=NOW)
    store.close()
    assert check(store.path).healthy
    assert aside is not None
    with Store.open(aside) as old:
        assert old.value("SELECT count(*) FROM articles WHERE url LIKE '%later'") == 1
        assert old.value("SELECT count(*) FROM articles WHERE url LIKE '%newer'") == 0


def test_a_writer_that_waited_for_the_lock_writes_into_the_restored_store(
    store: Store, tmp_path: Path
) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    part = restoring.prepare(copy, store.path)
    begun, done = threading.Event(), threading.Event()
    other = Store.open(store.path)
    other.value("SELECT 1")

    def write() -> None:
        begun.set()
        Articles(other).record(
            draft("https://e.org/waited", prose("waited")), job_id="j", position=1, now=NOW
        )
        done.set()

    with restoring._locked(store.path):
        writer = threading.Thread(target=write)
        writer.start()
        begun.wait()
        assert not done.wait(0.1)
        aside = store.path.with_name("aside")
        aside.hardlink_to(store.path)
        restoring._log_aside(store.path, aside)
        part.replace(store.path)
    writer.join()
    other.close()
    assert store.value("SELECT count(*) FROM articles WHERE url LIKE '%waited'") == 1
    assert check(store.path).healthy


def test_nobody_opens_a_store_in_the_moment_of_the_change(store: Store, tmp_path: Path) -> None:
    """One who has the old file, and finds the log of the new one by its name, would damage both."""
    copy = backups.backup(store, tmp_path / "copy.db").path
    Articles(store).record(draft("https://e.org/later", prose("later")), job_id="j", position=1, now=NOW)
    part, seen = restoring.prepare(copy, store.path), list[int]()

    def come() -> None:
        with Store.open(store.path) as other:
            seen.append(other.value("SELECT count(*) FROM articles"))

    with filelocks.place(store.path, replaces=True):
        comer = threading.Thread(target=come)
        comer.start()
        comer.join(0.2)
        assert comer.is_alive()
        assert not seen
    comer.join()
    assert seen == [31]
    with filelocks.place(store.path):
        restorer = threading.Thread(target=restoring.swap, args=(part, store.path, NOW))
        restorer.start()
        restorer.join(0.2)
        assert restorer.is_alive()
        assert store.value("SELECT count(*) FROM articles") == 31
    restorer.join()
    come()
    assert seen == [31, 30]


COMES_AND_GOES = """
import sys
from pathlib import Path
from mingus_lib.store.database import Store
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    with Store(Path(sys.argv[1])) as store:
        store.execute("UPDATE articles SET updated_at = '2026' WHERE id % 3 = 0")
        store.rows("SELECT * FROM article_texts")
"""


def test_who_comes_and_goes_during_restores_damages_nothing(store: Store, tmp_path: Path) -> None:
    copies = [backups.backup(store, tmp_path / "few.db").path]
    for number in range(30, 90):
        new = draft(f"https://e.org/{number}", prose(f"w{number}x"))
        Articles(store).record(new, job_id="j", position=number, now=NOW)
    copies.append(backups.backup(store, tmp_path / "more.db").path)
    stop = tmp_path / "stop"
    run = [sys.executable, "-c", COMES_AND_GOES, str(store.path), str(stop)]
    others = [
        subprocess.Popen(run, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        for number in range(12):
            part = restoring.prepare(copies[number % 2], store.path)
            aside = restoring.swap(part, store.path, NOW + timedelta(seconds=number))
            assert aside is not None
            assert (sound(store.path), sound(aside)) == ([], [])
    finally:
        stop.touch()
        codes = [other.wait() for other in others]
        for other in others:
            other.communicate()
    assert codes == [0, 0]
    assert check(store.path).healthy


def test_one_restores_at_a_time(store: Store) -> None:
    with (
        restoring.only(store.path),
        pytest.raises(StoreUnavailable, match="restored by another process"),
        restoring.only(store.path),
    ):
        raise AssertionError


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_what_root_restores_stays_its_owner_s(store: Store, tmp_path: Path) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    os.chown(store.path, 12345, 12346)
    put_back(copy, store.path)
    assert (store.path.stat().st_uid, store.path.stat().st_gid) == (12345, 12346)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, 12346)
    put_back(copy, home / "mingus.db")
    Store.open(home / "mingus.db").close()
    assert {each.stat().st_uid for each in home.iterdir()} == {12345}


def test_one_who_reads_without_an_end_is_waited_for_and_told(
    store: Store, tmp_path: Path, monkeypatch: object
) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    monkeypatch.setattr(restoring, "PATIENCE_SECONDS", 0.01)  # type: ignore[attr-defined]
    part = restoring.prepare(copy, store.path)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM articles").fetchone()
        Articles(store).record(draft("https://e.org/x", prose("x")), job_id="j", position=1, now=NOW)
        with pytest.raises(StoreUnavailable, match="stop workers"):
            restoring.swap(part, store.path, NOW)
    assert store.value("SELECT count(*) FROM articles") == 31
    assert check(store.path).healthy


def test_it_is_seen_who_has_the_store_open(store: Store) -> None:
    store.value("SELECT 1")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\n"
    code += "from mingus_lib.store.restoring import in_use\nprint(in_use(Path(sys.argv[1])))"
    run = [sys.executable, "-c", code, str(store.path)]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "True\n"
    store.close()
    assert not restoring.in_use(store.path)
    assert not restoring.in_use(store.path.with_name("none.db"))


def test_a_damaged_store_is_replaced_and_kept_with_its_log(store: Store, tmp_path: Path) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    store.close()
    store.path.write_bytes(b"not a database at all" * 400)
    Path(f"{store.path}-wal").write_bytes(b"log")
    aside = put_back(copy, store.path)
    assert aside is not None
    assert aside.read_bytes().startswith(b"not a database")
    assert Path(f"{aside}-wal").read_bytes() == b"log"
    assert check(store.path).healthy


def test_where_there_is_no_store_a_backup_makes_one(store: Store, tmp_path: Path) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    there = tmp_path / "new" / "home" / "mingus.db"
    assert put_back(copy, there) is None
    assert check(there).healthy
    # A store that was deleted may have left its log, which belongs to no other file.
    there.unlink()
    Path(f"{there}-wal").write_bytes(b"log of the one that was there")
    assert put_back(copy, there) is None
    assert check(there).healthy
    assert len(list(there.parent.glob("*.before-*-wal"))) == 1


def test_a_backup_of_an_older_schema_is_migrated(store: Store, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(backups.backup(store, old).path)) as copy:
        copy.execute("DROP TABLE job_days")
        copy.execute("DROP TABLE removed_articles")
        copy.execute("DROP INDEX model_batch_items_article")
        copy.execute("DROP INDEX articles_status")
        copy.execute("CREATE INDEX articles_status ON articles (status, added_at)")
        copy.execute("ALTER TABLE articles DROP COLUMN is_kept")
        copy.execute("CREATE INDEX job_runs_told ON job_runs (created_at) WHERE reason IS NOT NULL")
        undone = ("m009_retention", "m011_choosing", "m012_reasons")
        copy.execute("DELETE FROM _sqlite_migrations WHERE name IN (?, ?, ?)", undone)
        copy.execute("PRAGMA user_version=8")
        copy.commit()
    assert restoring.facts(old).schema == 8
    put_back(old, store.path)
    assert migrate(store.path) == (8, SCHEMA_VERSION)
    assert check(store.path).healthy


def test_what_can_be_no_backup_is_refused_and_nothing_changes(store: Store, tmp_path: Path) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    newer, foreign, cut = tmp_path / "newer.db", tmp_path / "foreign.db", tmp_path / "cut.db"
    newer.write_bytes(copy.read_bytes())
    with closing(sqlite3.connect(newer)) as other:
        other.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE x (y)")
    cut.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    (tmp_path / "empty.db").touch()
    (tmp_path / "garbage.db").write_bytes(os.urandom(100_000))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.db").symlink_to(store.path)
    (tmp_path / "nowhere.db").symlink_to(tmp_path / "gone")
    refusals = {
        "newer.db": "upgrade mingus", "foreign.db": "another program", "cut.db": "backup|whole|damaged",
        "empty.db": "empty",
        "garbage.db": "no backup", "folder": "no file", "link.db": "store itself", "nowhere.db": "no file",
        "none.db": "no file", "mingus.db": "store itself",
    }  # fmt: skip
    for name, words in refusals.items():
        with pytest.raises((UsageError, PermanentError), match=words):
            put_back(tmp_path / name, store.path)
        assert sorted(each.name for each in tmp_path.glob("mingus.db.*")) == ["mingus.db.lock"]
    assert isinstance(NotFound("x"), UsageError)
    assert store.value("SELECT count(*) FROM articles") == 30
    assert check(store.path).healthy


def test_a_link_to_a_backup_is_a_backup(store: Store, tmp_path: Path) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    (tmp_path / "latest.db").symlink_to(copy)
    put_back(tmp_path / "latest.db", store.path)
    assert not store.path.is_symlink()
    assert copy.exists()


def test_a_copy_whose_rows_are_others_is_no_backup(store: Store, tmp_path: Path) -> None:
    made = backups.backup(store, tmp_path / "copy.db")
    with pytest.raises(PermanentError, match="articles has 30 rows, not 31"):
        backups.verify(made.path, {**made.rows, "articles": 31})


def test_a_damaged_page_is_found_in_the_copy_and_no_backup_appears(store: Store, tmp_path: Path) -> None:
    store.value("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    page = _page_of(store.path, "article_texts")
    with store.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(PermanentError):
        backups.backup(store, tmp_path / "copy.db")
    assert list(tmp_path.glob("copy*")) == []


def _page_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as found:
        row = found.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(row[0])


def test_no_room_is_told_before_anything_is_written(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "ROOM_LEFT", 10**18)
    with pytest.raises(StoreUnavailable, match="make room") as caught:
        backups.backup(store, tmp_path / "copy.db")
    assert caught.value.code == "backup-no-room"
    assert list(tmp_path.glob("copy*")) == []


def test_a_file_that_may_not_grow_leaves_no_backup(store: Store, tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for a disk that fills up while the copy is written."""
    code = f"import sys, resource, signal; sys.path.insert(0, {str(ROOT)!r})\n" + (
        "from pathlib import Path\nfrom mingus_lib.store import backups\nfrom mingus_lib.store.database import Store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n    backups.backup(Store(Path(sys.argv[1]), create=False), Path(sys.argv[2]))\n"
        "except Exception as error:\n    print(type(error).__name__, getattr(error, 'code', ''))\n"
    )
    store.close()
    run = [sys.executable, "-c", code, str(store.path), str(tmp_path / "copy.db")]
    shown = subprocess.run(run, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("StoreUnavailable"), shown
    assert list(tmp_path.glob("copy*")) == []
    assert check(store.path).healthy


def test_rotation_removes_only_its_own(tmp_path: Path) -> None:
    days = [datetime(2026, 3, day, 5, tzinfo=UTC) for day in range(1, 11)]
    for day in days:
        (tmp_path / backup_name(day)).touch()
    mine = tmp_path / "mine.db"
    mine.touch()
    (tmp_path / backup_name(NOW)).symlink_to(mine)
    left = tmp_path / f"{backup_name(NOW)}.part"
    left.touch()
    os.utime(left, (0, 0))
    journal = tmp_path / f"{left.name}-journal"
    journal.touch()
    (tmp_path / f"{backup_name(days[3])}.part").touch()
    newest = backups.newest(tmp_path)
    assert newest is not None
    assert newest[0] == days[-1]
    now = datetime.now(UTC)
    gone = {path.name for path in backups.rotate(tmp_path, 2, 1, now)}
    assert gone == {left.name, *(backup_name(day) for day in days[:8])}
    assert mine.exists()
    assert not journal.exists()
    assert backups.rotate(tmp_path, 2, 1, now + timedelta(hours=1)) == []
    assert backups.rotated(tmp_path / "none") == {}


def test_every_refusal_is_one_line(store: Store, tmp_path: Path) -> None:
    log = Path(f"{store.path}-wal")
    for place in (store.path, log, tmp_path, tmp_path / "none" / "copy.db", Path("/dev/null")):
        with pytest.raises(MingusError) as caught:
            backups.backup(store, place, overwrite=True)
        assert "\n" not in str(caught.value)


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from mingus_lib.store import restoring
source, store, when = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
steps = {"linked": (Path, "hardlink_to"), "log": (restoring, "_log_aside"), "settled": (restoring, "_settle")}
room, name = steps[when]
real = getattr(room, name)
def last(*arguments):
    real(*arguments)
    os._exit(9)
setattr(room, name, last)
restoring.swap(restoring.prepare(source, store), store, datetime.now(UTC))
"""


@pytest.mark.parametrize(("when", "articles"), [("linked", 31), ("log", 31), ("settled", 30)])
def test_a_kill_leaves_the_old_store_or_the_restored_one(
    store: Store, tmp_path: Path, when: str, articles: int
) -> None:
    copy = backups.backup(store, tmp_path / "copy.db").path
    Articles(store).record(draft("https://e.org/later", prose("later")), job_id="j", position=1, now=NOW)
    run = [sys.executable, "-c", KILLED, str(copy), str(store.path), when]
    done = subprocess.run(run, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 9
    assert store.value("SELECT count(*) FROM articles") == articles
    assert check(store.path).healthy
    put_back(copy, store.path)
    assert store.value("SELECT count(*) FROM articles") == 30
    assert check(store.path).healthy


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounts a disk")
def test_a_store_on_a_read_only_disk_is_read_and_the_rest_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True, check=False
    ).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        path = disk / "mingus.db"
        with Store.open(path) as store:
            Articles(store).record(draft("https://e.org/1", prose("w")), job_id="j", position=1, now=NOW)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with Store(path) as store:
            assert Articles(store).search("w5").hits
            assert backups.backup(store, tmp_path / "copy.db").rows["articles"] == 1
            with pytest.raises(StoreUnavailable) as caught:
                Articles(store).archive([1], NOW)
            assert caught.value.code == "store-read-only"
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            assert Articles(store).archive([1], NOW) == [1]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
