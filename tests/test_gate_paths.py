"""Nobody ever sees an article above their level: every path against the rule of domain/gate.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import gate
from mingus_lib.domain.gate import LABELS, Assessment, GatePolicy, Label, Levels
from mingus_lib.domain.library import ArticleFilter
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.domain.recommend.facts import ListPolicy
from mingus_lib.domain.recommend.parameters import FitOptions
from mingus_lib.services import recommender_model
from mingus_lib.services.recommending import Recommender
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from tests.reader_samples import NOW, add_article, fill, give_label, read, recommender

COUNT = 60
WIDE = ListPolicy(per_host=1000, per_topic=1000)


class Library:
    """Articles of every label, readers with a history, and a model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(folder / "mingus.db")
        self.articles = Articles(self.store)
        self.ids = fill(self.store, LABELS, COUNT)
        for number, status in enumerate(("review", "archived", "published")):
            extra = add_article(self.store, 900 + number, ("BE", "Beginner"))
            self.store.execute(
                "UPDATE articles SET status = ?, is_active = ? WHERE id = ?",
                (status, status != "published", extra),
            )
        read(self.store, self.ids, 40)
        self.given = recommender(folder, self.store)
        options = FitOptions(tune=False)
        model = recommender_model.fit(
            self.given.readers, self.given.events, self.given.lists, options, NOW, "test"
        )
        recommender_model.save(model, folder)

    def assess(self, assessments: list[Assessment]) -> int:
        number = self.given.readers.find("reader0").number
        self.store.execute("DELETE FROM assessments WHERE reader = ?", (number,))
        self.given.readers.assess(number, assessments)
        return number

    def label(self, article: int) -> Label:
        found = self.articles.get(article).classification
        return None if found is None else (found["primary_phase"], found["difficulty_level"])

    def open_to(self, levels: Levels) -> set[int]:
        """The rule, asked article by article."""
        return {article for article in self.ids if gate.may_read(self.label(article), levels)}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    made = Library(tmp_path_factory.mktemp("gate"))
    yield made
    made.store.close()


def paths(library: Library, given: Recommender, levels: Levels) -> dict[str, set[int]]:
    """What a reader of these levels is shown on every path."""
    articles = library.articles
    wanted = ArticleFilter(reader=levels, limit=1000)
    every = tuple(ArticleStatus)
    shown = given.show("reader0", 200, now=NOW, record=False).items
    found = {
        "list": {article.id for article in articles.list(wanted)},
        "export": {row["id"] for row in articles.export(wanted)},
        "recommend": {item.article.id for item in shown},
    }
    searched = [
        articles.search(word, limit=1000, reader=levels, statuses=every) for word in ("budgeting", "host")
    ]
    found["search"] = {hit.article.id for result in searched for hit in result.hits}
    first = min(library.open_to(levels))
    found["similar"] = {item.article.id for item in given.similar(first, "reader0", 200, now=NOW)}
    return found


assessments = st.lists(
    st.builds(
        lambda be, do, have, age, valid: Assessment(be, do, have, NOW - timedelta(days=age), valid),
        *[st.sampled_from((0.0, 59.0, 60.0, 79.0, 80.0, 100.0))] * 3,
        st.integers(0, 60),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda each: each.taken_at,
)
policies = st.builds(
    GatePolicy,
    st.sampled_from((0, 50, 60, 101)),
    st.sampled_from((50, 80, 100, 101)),
    st.sampled_from((None, timedelta(days=30))),
)


@settings(max_examples=25, deadline=None)
@given(assessments, policies)
def test_no_path_shows_what_is_closed(
    library: Library, given_assessments: list[Assessment], policy: GatePolicy
) -> None:
    number = library.assess(given_assessments)
    given_ = recommender(library.folder, library.store, WIDE, policy)
    levels = given_.readers.levels(number, policy, NOW)
    allowed = library.open_to(levels)
    found = paths(library, given_, levels)
    assert {name: ids - allowed for name, ids in found.items() if ids - allowed} == {}
    assert found["list"] == found["export"] == allowed


def test_a_kept_list_is_shut_at_once(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    number = library.assess([Assessment(100, 100, 100, NOW)])
    given_ = recommender(library.folder, library.store, WIDE)
    shown = given_.show("reader0", 15, now=NOW, record=False)
    assert any(library.label(item.article.id) not in (None, ("BE", "Beginner")) for item in shown.items)
    # The row is as it was: only the thresholds have changed, which no trigger sees.
    stricter = recommender(library.folder, library.store, WIDE, GatePolicy(101, 101))
    monkeypatch.setattr(stricter, "refresh", lambda *_, **__: 0)
    again = stricter.show("reader0", 15, now=NOW, record=False)
    levels = stricter.readers.levels(number, stricter.gate_policy, NOW)
    assert {item.article.id for item in again.items} <= library.open_to(levels)
    assert again.made_at == shown.made_at
    monkeypatch.undo()
    filled = stricter.show("reader0", 15, now=NOW, record=False)
    assert filled.refreshed
    assert len(again.items) < len(filled.items)
    assert {item.article.id for item in filled.items} <= library.open_to(levels)


def test_a_new_label_closes_an_article_in_lists_already_made(library: Library) -> None:
    library.assess([])
    given_ = recommender(library.folder, library.store, WIDE)
    shown = given_.show("reader0", 5, now=NOW, record=False).items[0].article.id
    give_label(library.store, shown, ("BE", "Advanced"))
    again = given_.show("reader0", 5, now=NOW, record=False)
    assert again.refreshed
    assert shown not in {item.article.id for item in again.items}
