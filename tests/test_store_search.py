"""Search: what is found, in which order, and that no text typed can break it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mingus_lib.domain.library import MARK_END, MARK_START
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.store import search
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from tests.store_samples import NOW, draft, prose, rejected

TEXTS = {
    "Emergency funds": "An emergency fund pays for the unexpected. Save three months of costs.",
    "Café talk": "What you earn matters less than what stays, says a naïve saver of money, Olú\u1e63\u1eb9\u0301gun.",
    "Salary negotiation": "Negotiate your salary. Negotiating a salary is a skill; money follows.",
    "Money": "Nothing else here.",
}


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Articles]:
    with Store.open(tmp_path_factory.mktemp("search") / "mingus.db") as store:
        library = Articles(store)
        for number, (title, text) in enumerate(TEXTS.items()):
            new = draft(f"https://example.org/{number}", f"{text} {prose(f'w{number}x', 60)}", title=title)
            library.record(new, job_id=None, position=0, now=NOW + timedelta(minutes=number))
        yield library


def titles(articles: Articles, typed: str) -> list[str]:
    return [hit.article.title for hit in articles.search(typed).hits]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("emergencies", ["Emergency funds"]),
        ("EMERGENCY", ["Emergency funds"]),
        ("cafe", ["Café talk"]),
        ("naive café", ["Café talk"]),
        ('"salary is a skill"', ["Salary negotiation"]),
        ('"skill a is"', []),
        ("Ol\u00fa\u1e63\u1eb9\u0301gun", ["Café talk"]),
        ("money -salary -nothing", ["Café talk"]),
        ("money nowhere", []),
        ("", []),
        ("🎷 * ^ -", []),
    ],
)
def test_finds(articles: Articles, typed: str, found: list[str]) -> None:
    assert titles(articles, typed) == found


def test_a_word_in_the_title_counts_most(articles: Articles) -> None:
    result = articles.search("money")
    assert result.hits[0].article.title == "Money"
    assert result.exact
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 3


def test_snippets_mark_the_words(articles: Articles) -> None:
    snippet = articles.search("negotiating").hits[0].snippet
    assert f"{MARK_START}Negotiate{MARK_END} your salary" in snippet


def test_limit(articles: Articles) -> None:
    assert len(articles.search("money", limit=1).hits) == 1
    assert articles.search("money", limit=0).hits == ()


@pytest.fixture(autouse=True)
def few_are_common(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "common" in request.node.name:
        monkeypatch.setattr(search, "COMMON", 2)


def test_common_words_give_titles_first_then_the_newest(articles: Articles) -> None:
    result = articles.search("money")
    assert [hit.article.title for hit in result.hits] == ["Money", "Salary negotiation", "Café talk"]
    assert not result.exact


def test_common_words_only_filter_among_rarer_ones(articles: Articles) -> None:
    result = articles.search("money salary")
    assert [hit.article.title for hit in result.hits] == ["Salary negotiation"]
    assert not result.exact
    assert result.hits[0].score > 0
    assert articles.search("money emergency").hits == ()
    assert [hit.article.title for hit in articles.search("money skill -café").hits] == ["Salary negotiation"]


def test_only_wanted_statuses_are_searched(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        articles = Articles(store)
        for number, make in enumerate((draft, draft, rejected)):
            new = make(f"https://example.org/{number}", f"jazz {prose(f'w{number}x')}")
            articles.record(new, job_id=None, position=0, now=NOW)
        articles.archive([1], NOW)
        assert [hit.article.id for hit in articles.search("jazz").hits] == [2]
        archived = articles.search("jazz", statuses=[ArticleStatus.ARCHIVED])
        assert [hit.article.id for hit in archived.hits] == [1]
        assert articles.search("jazz", statuses=[]).hits == ()


hostile = st.one_of(
    st.text(),
    st.text(alphabet="\"*^-+:(){}[]\\'; \x00NEARORDab%_"),
    st.lists(
        st.sampled_from(["NEAR(", "AND", "OR", "NOT", '"', "*", "^", "a", "-", "title:", "money", ")"])
    ).map(" ".join),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=hostile)
def test_no_typed_text_breaks_it(articles: Articles, typed: str) -> None:
    assert len(articles.search(typed, limit=3).hits) <= 3


@pytest.mark.parametrize(
    "typed", ["q " * 500_000, "x" * 1_000_000, '"' * 1_000_000, "\x00" * 1000, "-a" * 9999]
)
def test_very_long_text_is_answered(articles: Articles, typed: str) -> None:
    assert articles.search(typed).hits == ()
