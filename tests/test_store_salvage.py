"""What can be read of a damaged store is saved, and nothing more is said to be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mingus_lib.errors import NotFound, PermanentError, Refused, UsageError
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.maintenance import check
from mingus_lib.store.salvage import salvage
from mingus_lib.store.summary import read_summary
from tests.store_samples import NOW, draft, prose

COUNT = 300


def nothing(_done: int, _total: int, _text: str) -> None:
    """No progress is shown."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "mingus.db") as store:
        articles = Articles(store)
        with store.transaction():
            for n in range(COUNT):
                page = draft(f"https://e.org/{n}", prose(f"w{n}x", 100))
                articles.record(page, job_id="j", position=n, now=NOW)
        store.execute("INSERT INTO readers (id, created_at) VALUES ('ada', '2026')")
        store.execute_many(
            "INSERT INTO events (reader, id, article, kind, at) VALUES (1, ?, ?, 'viewed', '2026-03-02')",
            [(f"e{n:05}", n) for n in range(2_000)],
        )
    return tmp_path / "mingus.db"


def leaves(path: Path, table: str) -> list[int]:
    """The leaf pages of a table."""
    with closing(sqlite3.connect(path)) as found:
        sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path"
        return [row[0] for row in found.execute(sql, (table,))]


def spoil(path: Path, *pages: int) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)


def test_a_whole_store_is_copied_whole(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        before = {row[0]: row[1] for row in store.rows("SELECT status, articles FROM article_counts")}
        identity = store.id
    tables = {each.table: each for each in salvage(path, tmp_path / "new.db", nothing)}
    assert not any(each.damaged for each in tables.values())
    assert (tables["articles"].rows, tables["events"].rows) == (COUNT, 2_000)
    assert check(tmp_path / "new.db").healthy
    with Store.open(tmp_path / "new.db") as store:
        assert store.id == identity
        assert {row[0]: row[1] for row in store.rows("SELECT status, articles FROM article_counts")} == before
        assert Articles(store).search("w7x5").hits
        # Its triggers are there again.
        Articles(store).archive([1], NOW)
        assert store.value("SELECT articles FROM article_counts WHERE status = 'archived'") == 1


@pytest.mark.parametrize(
    "table", ["articles", "article_texts", "events", "article_aliases", "fingerprint_bands"]
)
def test_what_is_not_on_the_damaged_pages_is_saved(path: Path, tmp_path: Path, table: str) -> None:
    pages = leaves(path, table)
    if len(pages) < 4:
        spoil(path, *pages[:1])
    else:
        spoil(path, pages[len(pages) // 3], pages[2 * len(pages) // 3])
    assert check(path).problems
    tables = {each.table: each for each in salvage(path, tmp_path / "new.db", nothing)}
    assert check(tmp_path / "new.db").healthy
    assert tables[table].damaged
    others = {name for name, each in tables.items() if each.damaged}
    assert others == {table}
    if table == "articles":
        # Of three parts between two gaps in numbered rows all are found.
        assert COUNT * 0.7 < tables["articles"].rows < COUNT
        assert tables["article_texts"].rows == tables["articles"].rows
    if table == "events":
        assert 0 < tables["events"].rows < 2_000


@pytest.mark.parametrize("several", [True, False])
def test_of_numbered_rows_only_those_on_damaged_pages_are_lost(
    path: Path, tmp_path: Path, several: bool
) -> None:
    with closing(sqlite3.connect(path)) as found:
        sql = "SELECT pageno, ncell FROM dbstat WHERE name = 'articles' AND pagetype = 'leaf' ORDER BY path"
        pages = found.execute(sql).fetchall()
    # Three in a row are stepped over by far too much, and behind the last page there is nothing to come back from.
    middle = len(pages) // 2
    gone = [*(pages[middle : middle + 3] if several else ()), pages[-1]]
    spoil(path, *(page for page, _ in gone))
    tables = {each.table: each for each in salvage(path, tmp_path / "new.db", nothing)}
    assert tables["articles"].rows == COUNT - sum(cells for _, cells in gone)
    assert tables["articles"].damaged


def test_the_damaged_store_and_its_log_stay_as_they_are(path: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed.db"
    log = Path(f"{killed}-wal")
    with Store.open(path) as store:
        store.execute("INSERT INTO readers (id, created_at) VALUES ('in the log', '2026')")
        # As a kill leaves them: the latest change is in the log alone.
        killed.write_bytes(path.read_bytes())
        log.write_bytes(Path(f"{path}-wal").read_bytes())
    before = killed.read_bytes(), log.read_bytes()
    tables = {each.table: each.rows for each in salvage(killed, tmp_path / "new.db", nothing)}
    assert tables["readers"] == 2
    assert (killed.read_bytes(), log.read_bytes()) == before


def test_a_store_whose_id_is_lost_gets_a_new_one(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        identity = store.id
    spoil(path, *leaves(path, "meta"))
    tables = {each.table: each for each in salvage(path, tmp_path / "new.db", nothing)}
    assert tables["meta"].damaged
    found = read_summary(tmp_path / "new.db")
    assert len(found.store_id) == len(identity)
    assert found.store_id != identity


def test_when_nothing_can_be_read_that_is_said(path: Path, tmp_path: Path) -> None:
    spoil(path, 1)
    with pytest.raises(PermanentError, match="nothing can be read"):
        salvage(path, tmp_path / "new.db", nothing)
    assert list(tmp_path.glob("new.db*")) == []


def test_wrong_places(path: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        salvage(tmp_path / "none.db", tmp_path / "new.db", nothing)
    with pytest.raises(Refused):
        salvage(path, path, nothing)
    with pytest.raises(UsageError):
        salvage(path, tmp_path / "none" / "new.db", nothing)
