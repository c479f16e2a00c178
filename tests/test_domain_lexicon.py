"""The matcher: whole words, plurals, phrases before words, negation, places; and what a bad lexicon is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import lexicon
from mingus_lib.domain.lexicon import NEGATED, TITLE, Lexicon, fold, totals, words_of
from mingus_lib.domain.wordlists import lists, topic_lists
from mingus_lib.errors import UsageError


def made(**labels: dict[str, float]) -> Lexicon:
    return lexicon.read(labels, "test.toml")


def found(words: Lexicon, text: str, **how: Any) -> list[str]:
    return [hit.term for hit in words.hits([fold(word) for word in words_of(text)], **how)]


def test_words_are_whole_words() -> None:
    words = made(mind={"mental": 1}, tax={"tax": 1})
    assert found(words, "a fundamental taxi instrument") == []
    assert found(words, "Mental. TAX!") == ["mental", "tax"]


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("salaries", "salary"),
        ("taxes", "tax"),
        ("bonds", "bond"),
        ("bank's", "bank"),
        ("businesses", "business"),
    ],
)
def test_plurals_match_their_singular(written: str, listed: str) -> None:
    assert found(made(a={listed: 1}), written) == [listed]


@pytest.mark.parametrize(
    ("written", "listed"), [("news", "new"), ("bus", "bu"), ("this", "thi"), ("glass", "glas")]
)
def test_not_every_s_is_a_plural(written: str, listed: str) -> None:
    assert found(made(a={listed: 1}), written) == []


def test_the_longest_phrase_counts_alone() -> None:
    words = made(estate={"estate": 1, "estate tax": 2, "real estate": 3}, tax={"tax": 1})
    assert found(words, "the estate tax and real estate and an estate") == [
        "estate tax",
        "real estate",
        "estate",
    ]


def test_a_star_stands_for_any_ending() -> None:
    words = made(a={"invest*": 1, "code switch*": 1})
    assert found(words, "Investing investors; invested vest code-switching") == ["invest*"] * 3 + [
        "code switch*"
    ]


def test_a_denied_word_counts_less_and_says_so() -> None:
    words = made(a={"stock": 2.0})
    (plain,), (denied,) = (words.hits(words_of(text)) for text in ("a stock", "it is not a stock"))
    assert (plain.negated, denied.negated) == (False, True)
    assert denied.weights == (("a", 2.0 * NEGATED),)


def test_a_title_weighs_more_than_a_body() -> None:
    words = made(a={"stock": 2.0})
    assert words.hits(["stock"], in_title=True)[0].weights == (("a", 2.0 * TITLE),)


def test_a_term_again_counts_less_each_time() -> None:
    words = made(a={"stock": 1.0}, b={"bond": 1.0})
    once, often = (totals(words.hits(["stock"] * n), ("a", "b"))["a"] for n in (1, 10))
    assert once == 1.0
    assert 3.0 < often < 4.0


def test_proper_names_are_no_identity_words() -> None:
    assert found(lists("culture"), "Blackstone sells on Black Friday; investment income of a million") == []
    assert found(lists("culture"), "Black professionals and HBCUs") == ["black professional", "hbcus"]


@pytest.mark.parametrize(
    ("tables", "names"),
    [
        ({}, "no table"),
        ({"a": 3}, "'a' is no table"),
        ({"a": {}}, "'a' is no table"),
        ({"a": {"x": "much"}}, "a weight is a number"),
        ({"a": {"x": True}}, "a weight is a number"),
        ({"a": {"x": float("nan")}}, "a weight is between"),
        ({"a": {"!!": 1}}, "needs a letter"),
    ],
)
def test_a_bad_lexicon_is_refused_with_its_place(tables: Any, names: str) -> None:
    with pytest.raises(UsageError, match=names):
        lexicon.read(tables, "lex.toml")


@given(st.text())
def test_any_text_can_be_matched(text: str) -> None:
    words = [fold(word) for word in words_of(text)]
    for hit in topic_lists().hits(words):
        assert 0 <= hit.word < len(words)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzs'", min_size=1))
def test_folding_shortens_and_settles(word: str) -> None:
    assert len(fold(word)) <= len(word)
