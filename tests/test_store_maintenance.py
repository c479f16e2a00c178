"""Check, backup, migrate, tidy and the summary for `status`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mingus_lib.domain.models import ArticleStatus, ItemOutcome, Outcome
from mingus_lib.errors import NotFound, Refused, StoreUnavailable, UsageError
from mingus_lib.store.articles import Articles
from mingus_lib.store.backups import backup
from mingus_lib.store.database import SCHEMA_VERSION, Store
from mingus_lib.store.maintenance import check, empty_log, migrate, tidy, write_anew
from mingus_lib.store.steps import STEP_SECONDS, Steps
from mingus_lib.store.summary import read_summary
from tests.conftest import wait_for
from tests.store_samples import NOW, draft, prose


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        for number in range(30):
            new = draft(f"https://e.org/{number}", prose(f"w{number}x"))
            Articles(opened).record(new, job_id="j", position=number, now=NOW)
        yield opened


def test_healthy_store(store: Store) -> None:
    found = check(store.path)
    assert found.healthy
    assert (found.facts["journal_mode"], found.facts["auto_vacuum"]) == ("wal", "2")


def test_the_log_is_not_cut_while_much_of_it_is_still_being_read(store: Store) -> None:
    log = store.path.with_name("mingus.db-wal")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM articles").fetchone()
        store.execute("INSERT INTO meta VALUES ('much', ?)", ("x" * 2_000_000,))
        assert not empty_log(store)
        assert log.stat().st_size > 2_000_000
    wait_for(lambda: empty_log(store), "a moment in which the disk is quick")
    assert log.stat().st_size == 0


def test_a_pause_is_as_many_times_as_long_as_its_step() -> None:
    now, pauses = 0.0, list[float]()

    def work(_size: int) -> None:
        nonlocal now
        now += 2 * STEP_SECONDS

    steps = Steps(8, clock=lambda: now, sleep=pauses.append, pause=3)
    steps.step(work)
    assert pauses == [pytest.approx(6 * STEP_SECONDS)]
    assert steps.size == 4


def test_check_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        check(tmp_path / "none.db")


def test_check_tells_loose_modes(store: Store) -> None:
    store.path.chmod(0o644)
    assert check(store.path).problems == (
        f"{store.path} is open to every user of the machine: chmod o-rwx {store.path}",
    )


def test_check_tells_a_search_index_that_does_not_fit_and_tidy_mends_it(store: Store) -> None:
    # Behind the triggers' back, as a broken tool would.
    store.execute("DELETE FROM article_texts WHERE article_id = 3")
    in_use = check(store.path)
    store.close()
    alone = check(store.path)
    assert in_use.facts["search_index"] != alone.facts["search_index"]
    for found in (in_use, alone):
        assert any("mingus db vacuum --rebuild" in line for line in found.problems)
    tidy(store, rebuild=True)
    assert check(store.path).healthy


def test_check_tells_lost_parents(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("INSERT INTO article_raw VALUES (999, 'zlib', x'00', NULL, NULL, NULL)")
        other.commit()
    assert any("article_raw" in line for line in check(store.path).problems)


def test_check_tells_damage_instead_of_failing(store: Store) -> None:
    store.close()
    size = store.path.stat().st_size
    with store.path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))
    problems = check(store.path).problems
    assert problems
    assert "damage" in problems[0]


def test_check_of_a_locked_store_is_a_failure_not_a_finding(store: Store) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        store.close()
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            check(store.path, busy_timeout=0.01)


def test_backup_is_a_whole_private_store(store: Store, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    copy = tmp_path / "copy.db"
    made = backup(store, copy, progress=lambda done, total: seen.append((done, total)))
    assert made.rows["articles"] == 30
    assert made.size == copy.stat().st_size
    assert copy.stat().st_mode & 0o777 == 0o600
    assert seen[-1][0] == seen[-1][1] > 0
    assert sorted(each.name for each in tmp_path.glob("copy*")) == ["copy.db"]
    with Store.open(copy, create=False) as opened:
        assert Articles(opened).counts() == Articles(store).counts()
        assert opened.value("PRAGMA journal_mode") in ("wal", "delete")
    assert check(copy).healthy


def test_backup_never_overwrites_by_itself(store: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    with pytest.raises(Refused, match="exists"):
        backup(store, copy)
    assert copy.read_text() == "precious"
    backup(store, copy, overwrite=True)
    assert check(copy).healthy


def test_backup_refuses_impossible_places(store: Store, tmp_path: Path) -> None:
    for place in (store.path, tmp_path, tmp_path / "missing" / "copy.db"):
        with pytest.raises(UsageError):
            backup(store, place, overwrite=True)


def test_interrupted_backup_leaves_nothing(store: Store, tmp_path: Path) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(store, tmp_path / "copy.db", progress=interrupt)
    assert list(tmp_path.glob("copy*")) == []


def test_migrate_tells_both_versions(tmp_path: Path) -> None:
    assert migrate(tmp_path / "new.db") == (0, SCHEMA_VERSION)
    assert migrate(tmp_path / "new.db") == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_tidy_gives_space_back(store: Store) -> None:
    store.execute("DELETE FROM articles WHERE id > 1")
    store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    assert tidy(store) > 0
    assert store.value("PRAGMA freelist_count") == 0
    assert check(store.path).healthy


def test_a_file_written_anew_has_no_gaps(store: Store) -> None:
    store.execute("DELETE FROM articles WHERE id % 2")
    tidy(store)
    gained = write_anew(store)
    assert gained > 0
    assert store.value("PRAGMA auto_vacuum") == 2
    assert check(store.path).healthy


def test_summary(store: Store) -> None:
    failed = ItemOutcome("https://e.org/x", Outcome.FAILED, None, "timeout: 30 s")
    Articles(store).note_outcome("j", 40, failed, NOW)
    store.execute(
        """INSERT INTO job_runs
           (id, task, queue, args, state, origin, created_at, ended_at, reason) VALUES
           ('d', 'ping', 'analytics', '{}', 'dead', 'cli', ?, '2026-03-02T00:00:00+00:00', 'boom: yes')""",
        (NOW.isoformat(),),
    )
    summary = read_summary(store.path)
    assert summary.store_id == store.id
    assert summary.articles[ArticleStatus.PUBLISHED] == 30
    assert summary.size > store.path.stat().st_size / 2
    assert [(each.what, each.job_id, each.reason) for each in summary.failures] == [
        ("ping", "d", "boom: yes"),
        ("https://e.org/x", "j", "timeout: 30 s"),
    ]


def test_summary_of_an_older_store_says_what_to_do(store: Store) -> None:
    store.execute("PRAGMA user_version=0")
    with pytest.raises(StoreUnavailable, match="mingus db migrate"):
        read_summary(store.path)
