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


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("boxes", "box"),
        ("watches", "watch"),
        ("crashes", "crash"),
        ("losses", "loss"),
        ("buzzes", "buzz"),
        ("houses", "house"),
        ("cities", "city"),
        ("cars", "car"),
        ("gas", "gas"),
        ("it's", "it"),
        ("basis", "basis"),
    ],
)
def test_the_endings_of_plurals(word: str, folded: str) -> None:
    assert fold(word) == folded


@pytest.mark.parametrize(
    "word", ["news", "always", "series", "species", "plus", "thus", "perhaps", "sometimes", "politics"]
)
def test_words_that_look_like_plurals_stay(word: str) -> None:
    assert fold(word) == word


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("R\u00e9sum\u00e9", "resume"),
        ("re\u0301sume\u0301", "resume"),
        ("\ufb01nancial", "financial"),
        ("gener\u00adational", "generational"),
        # Signs behind a word are no part of it.
        ("savings\u00b9", "savings"),
        ("TurboTax\u2122", "turbotax"),
        ("\u0130stanbul", "istanbul"),
    ],
)
def test_accents_joined_letters_and_soft_hyphens_break_no_word(written: str, word: str) -> None:
    assert words_of(f"a {written}, then") == ["a", word, "then"]


def test_a_curly_apostrophe_is_one() -> None:
    assert words_of("Don\u2019t stop: A2 isn't 'ours'") == ["don't", "stop", "a2", "isn't", "ours"]


@pytest.mark.parametrize(
    "word", ["not", "no", "never", "without", "cannot", "neither", "nor", "isn't", "don't", "aren't"]
)
def test_each_denial_reaches_three_words(word: str) -> None:
    words = made(a={"debt": 4})
    hits = [words.hits([word, *["x"] * between, "debt"])[0] for between in range(4)]
    assert [hit.negated for hit in hits] == [True, True, True, False]
    assert [hit.weights for hit in hits] == [(("a", 1.0),)] * 3 + [(("a", 4.0),)]
    assert not words.hits(["debt", word])[0].negated


def test_a_denied_word_in_a_title_is_both() -> None:
    (hit,) = made(a={"debt": 4}, b={"debt": -2}).hits(["no", "debt"], in_title=True)
    assert (hit.term, hit.word, hit.in_title, hit.negated) == ("debt", 1, True, True)
    assert hit.weights == (("a", 3.0), ("b", -1.5))


def test_a_phrase_needs_all_its_words() -> None:
    words = made(a={"real estate tax": 1, "code switch*": 1})
    assert words.hits(["real", "estate"]) == []
    assert words.hits(["real", "estat", "tax"]) == []
    assert words.hits(["code"]) == []
    assert words.hits(["cod", "switch"]) == []
    assert [hit.word for hit in words.hits(["x", "real", "estate", "tax", "code", "switcher"])] == [1, 4]


def test_words_of_a_longer_term_begin_no_other() -> None:
    words = made(a={"real estate": 1, "estate tax": 1, "tax": 1})
    assert found(words, "real estate tax") == ["real estate", "tax"]


def test_plurals_in_a_list_are_their_singular_but_not_before_a_star() -> None:
    assert found(made(a={"Student Loans": 1}), "a student's loan") == ["student loan"]
    assert found(made(a={"glasses*": 1}), "glass, glassesque") == ["glasses*"]


@pytest.mark.parametrize("weight", [1000, -1000, 0, 1.5])
def test_weights_up_to_a_thousand_are_taken(weight: float) -> None:
    assert made(a={"x": weight}).hits(["x"])[0].weights == (("a", weight),)


@pytest.mark.parametrize("weight", [1000.5, -1000.5, float("inf")])
def test_a_weight_beyond_a_thousand_is_refused(weight: float) -> None:
    with pytest.raises(UsageError, match=r"lex.toml: \[a\] 'x' = .*between -1000 and 1000"):
        lexicon.read({"a": {"x": weight}}, "lex.toml")


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"a": {"x": "y"}}, r"^lex.toml:8: \[a\] 'x' = 'y'"),
        ({"a": {"z": True}}, r"^lex.toml: \[a\] 'z' = True"),
        ({"a": {"!": 1}}, r"^lex.toml:9: \[a\] '!': "),
        ({"a": {}}, r"^lex.toml:7: 'a' "),
    ],
)
def test_an_error_names_its_line_where_it_is_known(tables: Any, place: str) -> None:
    with pytest.raises(UsageError, match=place):
        lexicon.read(tables, "lex.toml", {("a",): 7, ("a", "x"): 8, ("a", "!"): 9})


def test_points_are_the_strongest_hit_and_a_little_for_each_more() -> None:
    words = made(a={"x": -4.0, "y": 1.0}, b={"y": 2.0}, c={"z": 1.0})
    assert words.labels == ("a", "b", "c")
    hits = words.hits(["x", "y", "no", "x"])
    # x counts -4 and, denied, -1: the stronger, times 1 + ln 2; y once for a and for b.
    assert totals(hits, words.labels) == {
        "a": pytest.approx(1 - 4 * 1.6931472),
        "b": 2.0,
        "c": 0.0,
    }


@pytest.mark.parametrize(
    ("text", "term"),
    [("invested", "invest*"), ("invoice", "inv*"), ("investor", "investor"), ("invest bank", "invest bank")],
)
def test_the_most_particular_term_is_found_whatever_the_order_of_the_file(text: str, term: str) -> None:
    terms = ["inv*", "invest*", "investor", "invest bank", "invest ban*"]
    for order in (terms, terms[::-1]):
        assert [hit.term for hit in made(a=dict.fromkeys(order, 1.0)).hits(text.split())] == [term]


def test_what_a_text_said_before_changes_no_later_hit() -> None:
    words = made(a={"invest*": 1, "investor day": 2})
    first = words.hits(["investor", "day", "investor"])
    assert words.hits(["investor", "day", "investor"]) == first
    assert [hit.term for hit in first] == ["investor day", "invest*"]
    assert words == made(a={"invest*": 1, "investor day": 2})
