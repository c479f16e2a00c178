"""Words of a text: how many, how long to read, where a preview ends, which one is near."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.words import (
    count_words,
    is_printable,
    nearest,
    normalized,
    preview,
    reading_time_minutes,
)

FORMS: tuple[Literal["NFC", "NFD", "NFKC"], ...] = ("NFC", "NFD", "NFKC")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" - \u2013 ... ", 0),
        ("one two", 2),
        ("don't don\u2019t", 2),
        ("well-known well\u2011known", 2),
        ("3.5 of example.com", 3),
        ("1,000", 2),
        ("a- -b a--b", 4),
        ("one/two_three", 2),
        ("\u00fcber \u6f22\u5b57", 2),
    ],
)
def test_words_are_letters_with_what_joins_them(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (299, 1), (300, 2), (499, 2), (501, 3), (700, 4)])
def test_two_hundred_words_are_a_minute(words: int, minutes: int) -> None:
    assert reading_time_minutes(words) == minutes


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        (" One\n\ttwo ", 7, "One two"),
        ("One. Two", 8, "One. Two"),
        # As many sentences as there is room for, to the last character.
        ("One! Two? Three.", 9, "One! Two?"),
        ("One! Two? Three.", 8, "One!"),
        ("One! Two? Three.", 4, "One!"),
        ("One! Two? Three.", 3, "On\u2026"),
        # Closing quotes and brackets belong to the sentence; a point inside a word ends none.
        ('He said "No." Then he went.', 14, 'He said "No."'),
        ("He said (no!). Then he went.", 15, "He said (no!)."),
        ("Wait... what?!", 10, "Wait..."),
        ("Version 3.5 is out", 12, "Version 3.5\u2026"),
        ("Version 3.5 is out", 11, "Version\u2026"),
        ("\u597d\u3002 \u597d\u597d", 3, "\u597d\u3002"),
        ("A bcdefgh", 4, "A\u2026"),
        # Without a space there is no word to cut after.
        ("\u597d" * 9, 4, "\u597d\u597d\u597d\u2026"),
        ("abcdef", 1, "\u2026"),
        ("abcdef", 0, ""),
        ("abcdef", -1, ""),
        # White space is folded in eight times the limit, and no further.
        (" " * 15 + "One two", 2, "O"),
        (" " * 16 + "One two", 2, ""),
    ],
)
def test_a_preview_ends_after_a_sentence_else_after_a_word(text: str, limit: int, expected: str) -> None:
    assert preview(text, limit) == expected


def test_a_preview_has_five_hundred_characters_unless_it_is_told() -> None:
    assert preview("a" * 500) == "a" * 500
    assert preview("a" * 501) == "a" * 499 + "\u2026"


@given(st.text(min_size=1), st.integers(1, 60))
def test_a_preview_is_never_longer_and_begins_as_the_text(text: str, limit: int) -> None:
    cut = preview(text, limit)
    assert len(cut) <= limit
    assert " ".join(text.split()).startswith(cut.removesuffix("\u2026"))


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("ingset", ["mail", "ingest"], ', did you mean "ingest"?'),
        ("mails", ["mailx", "mail"], ', did you mean "mail"?'),
        ("zzz", ["mail"], ""),
        ("mail", [], ""),
        ("a" * 200 + "b" * 10_000, ["a" * 200], f', did you mean "{"a" * 200}"?'),
    ],
)
def test_the_nearest_name_is_proposed(name: str, known: list[str], said: str) -> None:
    assert nearest(name, known) == said


@given(st.lists(st.text(alphabet="ab\u0301\u0316\u00e9\u00bd\ufb01", max_size=40)).map(" ".join))
def test_a_text_in_pieces_is_in_the_form_of_the_whole(text: str) -> None:
    for form in FORMS:
        assert normalized(form, text * 20 + " end") == unicodedata.normalize(form, text * 20 + " end")


def test_marks_without_end_are_no_work_without_end() -> None:
    # Put in order as one run these take a minute.
    marks = "a" + "\u0301" * 100_000 + "\u0316" * 100_000
    assert len(normalized("NFC", marks)) > 199_000


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("jane", True),
        ("\U0001f469\u200d\U0001f4bb", True),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", True),
        ("\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", True),
        ("a\u00a0b", True),
        # Nobody could tell these from jane.
        ("jane\u200d", False),
        ("ja\u200dne", False),
        ("jane\U000e0061", False),
        ("\u200bjane", False),
        ("\u00a0", False),
    ],
)
def test_what_is_printable_can_be_seen(text: str, seen: bool) -> None:
    assert is_printable(text) is seen
