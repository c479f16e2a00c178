"""The ten numbers by which a text is easy or hard to read."""

from __future__ import annotations

import math

import pytest

from mingus_lib.domain import prose
from mingus_lib.domain.difficulty import FEATURES, features


def counted(text: str, title: str = "") -> dict[str, float]:
    return dict(zip(FEATURES, features(prose.read(title, text)), strict=True))


@pytest.mark.parametrize("text", ["", " \n", "?! ... ,;"])
def test_a_text_without_words_has_nothing_to_count(text: str) -> None:
    assert features(prose.read("A title", text)) == (0.0,) * 10


def test_an_easy_text() -> None:
    # Two sentences, of 3 and 5 words with 9 and 15 letters, each word of one syllable; six words are different.
    assert counted("The cat sat. The dog ran, and ran.") == pytest.approx(
        {
            "grade": 0.39 * 4 + 11.8 - 15.59,
            "sentence_words": 4,
            "sentence_spread": 1,
            "word_letters": 3,
            "word_syllables": 1,
            "long_words": 0,
            "variety": 6 / 8,
            "nominal_words": 0,
            "commas": 1 / 2,
            "subordinators": 0,
        }
    )


def test_a_hard_text() -> None:
    # One sentence of 6 words with 49 letters and 2 + 3 + 5 + 2 + 2 + 3 syllables.
    assert counted("Although inflation; deterioration, because city ambition.") == pytest.approx(
        {
            "grade": 0.39 * 6 + 11.8 * 17 / 6 - 15.59,
            "sentence_words": 6,
            "sentence_spread": 0,
            "word_letters": 49 / 6,
            "word_syllables": 17 / 6,
            "long_words": 3 / 6,
            "variety": 1,
            "nominal_words": 3 / 6,
            "commas": 2,
            "subordinators": 2,
        }
    )


def test_the_title_is_no_part_of_it() -> None:
    assert counted("The cat sat.", "Although inflation; deterioration") == counted("The cat sat.")


def test_the_spread_is_that_of_the_sentences_lengths() -> None:
    # 1, 2 and 6 words: 3 on average, 2, 1 and 3 away from it.
    assert counted("One. Two two. Six six six six six six.")["sentence_spread"] == pytest.approx(
        math.sqrt((4 + 1 + 9) / 3)
    )


@pytest.mark.parametrize(
    ("different", "again", "variety"),
    [(10, 0, 1), (10, 10, 1 / 2), (99, 1, 99 / 100), (100, 50, 1), (150, 0, 1)],
)
def test_variety_is_that_of_the_first_hundred_words(different: int, again: int, variety: float) -> None:
    words = [f"w{n}" for n in range(different)] + ["w0"] * again
    assert counted(" ".join(words))["variety"] == pytest.approx(variety)


@pytest.mark.parametrize(
    "word",
    ["nation", "vision", "moment", "illness", "ability", "balance", "science", "racism", "biology",
     "active", "famous", "really", "create"],
)  # fmt: skip
def test_nominal_endings_count_from_six_letters(word: str) -> None:
    assert counted(word)["nominal_words"] == 1


@pytest.mark.parametrize("word", ["unity", "plate", "given", "window", "national", "mentions"])
def test_other_words_are_not_nominal(word: str) -> None:
    assert counted(word)["nominal_words"] == 0


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("It fell, which hurt, while rates rose. However, it held. The end is near. Whereas", 4 / 4),
        ("Unless we save, it is moot whether rates fall; moreover, they rose.", 3),
        (
            "It is hard, albeit fair, insofar as those whose pay fell, nevertheless, were paid. Hence the tax.",
            5 / 2,
        ),
        ("When it rains, if it rains, then it pours.", 0),
    ],
)
def test_subordinate_clauses_count_by_the_sentence(text: str, share: float) -> None:
    assert counted(text)["subordinators"] == share
