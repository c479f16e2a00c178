"""Articles' totals: whatever order events come in, go in, or are counted in, they are what a loop counts."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain.readers import Event, Reader
from mingus_lib.services import analytics
from mingus_lib.store import reader_removal
from mingus_lib.store.article_totals import ArticleTotals
from mingus_lib.store.database import Store
from mingus_lib.store.events import Events
from mingus_lib.store.readers import Readers
from tests.brute_reports import Brute
from tests.conftest import ROOT, wait_for
from tests.made_up_month import BEGUN, KINDS

ARTICLES = 4
READERS = 3

events: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    reader=st.integers(0, READERS - 1),
    article=st.integers(1, ARTICLES),
    kind=st.sampled_from(KINDS),
    # Few moments, so that events of one second meet.
    minute=st.integers(0, 5),
    time=st.sampled_from((None, 0, 30, 90)),
    depth=st.sampled_from((None, 0, 55, 100)),
    helpful=st.sampled_from((None, True, False)),
    rating=st.sampled_from((None, 1, 3, 5)),
)
steps: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("append"), st.lists(events, min_size=1, max_size=6)),
    st.tuples(st.just("update"), st.none()),
    st.tuples(st.just("half an update"), st.integers(1, 3)),
    st.tuples(st.just("forget"), st.integers(0, READERS - 1)),
    st.tuples(st.just("doubt"), st.none()),
)


class Life:
    """A small store and what happens to it."""

    def __init__(self, store: Store) -> None:
        self.store, self.totals, self.number = store, ArticleTotals(store), 0
        self.readers: dict[int, int] = {}

    def reader(self, place: int) -> int:
        """The number of a reader, who comes again after being forgotten."""
        if place not in self.readers:
            self.readers[place] = Readers(self.store).put([Reader(f"r{place}")], BEGUN)[f"r{place}"]
        return self.readers[place]

    def append(self, given_: list[dict[str, Any]]) -> None:
        for each in given_:
            self.number += 1
            event = Event(
                f"e{self.number}", each["article"], each["kind"], BEGUN + timedelta(minutes=each["minute"]),
                each["time"], each["depth"], each["helpful"], None, None, each["rating"],
            )  # fmt: skip
            assert Events(self.store).append(self.reader(each["reader"]), [event, event]) == 1

    def update(self, _: Any = None) -> None:
        analytics.update(self.totals, lambda *_: None)

    def half_an_update(self, limit: int) -> None:
        self.totals.count_doubted(limit)
        self.totals.count_new(limit)

    def forget(self, place: int) -> None:
        if place in self.readers:
            reader_removal.forget(self.store, [(self.readers.pop(place), f"r{place}")])

    def doubt(self, _: Any) -> None:
        self.totals.doubt_all()

    def kept(self) -> dict[int, Any]:
        return {article: self.totals.of(article) for article in range(1, ARTICLES + 1)}


@cache
def _empty() -> bytes:
    """A migrated store's file: making one takes longer than a story."""
    with tempfile.TemporaryDirectory() as folder:
        Store.open(Path(folder) / "mingus.db").close()
        return (Path(folder) / "mingus.db").read_bytes()


def empty_store(folder: Path) -> Path:
    (folder / "mingus.db").write_bytes(_empty())
    return folder / "mingus.db"


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=14))
def test_totals_are_what_a_loop_counts(story: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(empty_store(Path(folder))) as store:
        life = Life(store)
        for name, what in story:
            getattr(life, name.replace(" ", "_"))(what)
        life.update()
        incremental = life.kept()
        brute = Brute(store, "UTC")
        for article, kept in incremental.items():
            expected = brute.article(article)
            assert (kept or dict.fromkeys(expected, 0) | {"last_at": None}) == expected
        assert life.totals.waiting() == (0, 0)
        analytics.rebuild(life.totals, lambda *_: None)
        assert life.kept() == incremental


def test_a_forgotten_reader_is_in_no_total_at_once(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        life = Life(store)
        one = {
            "article": 1,
            "kind": "finished",
            "minute": 0,
            "time": 9,
            "depth": 9,
            "helpful": True,
            "rating": 5,
        }
        life.append([{**one, "reader": 0}, {**one, "reader": 1}, {**one, "reader": 0, "article": 2}])
        life.update()
        life.forget(0)
        assert (life.totals.of(1) or {})["readers"] == 1
        assert life.totals.of(2) is None


def test_a_kill_at_any_moment_leaves_whole_totals(tmp_path: Path) -> None:
    path, chance = tmp_path / "mingus.db", random.Random(4)
    with Store.open(path) as store:
        life = Life(store)
        number = life.reader(0)
        rows = [(number, f"e{n}", 1 + n % 3000, chance.choice(KINDS), BEGUN.isoformat()) for n in range(9000)]
        store.execute_many("INSERT INTO events (reader, id, article, kind, at) VALUES (?, ?, ?, ?, ?)", rows)
        work = (
            "import sys; from pathlib import Path; from mingus_lib.store.database import Store\n"
            "from mingus_lib.store.article_totals import ArticleTotals; from mingus_lib.services import analytics\n"
            "analytics.rebuild(ArticleTotals(Store.open(Path(sys.argv[1]))), lambda *_: print('.', flush=True))"
        )
        for _ in range(4):
            child = subprocess.Popen(
                [sys.executable, "-c", work, str(path)], stdout=subprocess.PIPE, cwd=ROOT
            )
            assert child.stdout is not None
            for _ in range(chance.randrange(1, 6)):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
            assert check(path) == "ok"
        wait_for(lambda: analytics.update(life.totals, lambda *_: None).left == 0, "all totals")
        brute = Brute(store, "UTC")
        assert all(life.totals.of(article) == brute.article(article) for article in range(1, 3001, 97))


def check(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
