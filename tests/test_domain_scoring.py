"""How good labels are, in numbers that can be counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import scoring
from mingus_lib.domain.scoring import ClassScore, Scores, as_json, expected_calibration_error, many, single

LABELS = st.sampled_from("abcd")
PAIRS = st.lists(st.tuples(LABELS, LABELS, st.floats(0, 1)), min_size=1, max_size=30)
SETS = st.lists(st.tuples(st.frozensets(LABELS), st.lists(LABELS, unique=True)), min_size=1, max_size=20)


def test_of_no_texts_every_score_is_none_at_all() -> None:
    assert single([], [], []) == many([], [], []) == Scores(0, 0.0, 0.0, 0.0, 0.0, {}, {})


def columns(pairs: list[tuple[str, str, float]]) -> tuple[list[str], list[str], list[float]]:
    return [was for was, _, _ in pairs], [said for _, said, _ in pairs], [sure for _, _, sure in pairs]


def test_one_label_a_text_in_full() -> None:
    # a is found once of twice, b always but said once too often, c never.
    found = single(["a", "a", "b", "b", "c"], ["a", "b", "b", "b", "d"], [0.9, 0.6, 0.8, 0.7, 0.5])
    assert found.n == 5
    assert found.accuracy == found.micro_f1 == 0.6
    assert found.per_class == {
        "a": ClassScore(1.0, 0.5, 2 / 3, 2),
        "b": ClassScore(2 / 3, 1.0, 0.8, 2),
        "c": ClassScore(0.0, 0.0, 0.0, 1),
        "d": ClassScore(0.0, 0.0, 0.0, 0),
    }
    # d is no class of the truth: three are the mean, not four.
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.8 + 0) / 3)
    # 0.9, 0.8 and 0.7 were right, 0.6 and 0.5 wrong; each stands in a bin of its own.
    assert found.ece == pytest.approx((0.1 + 0.2 + 0.3 + 0.6 + 0.5) / 5)
    assert found.confusion == {
        "a": {"a": 1, "b": 1, "c": 0, "d": 0},
        "b": {"a": 0, "b": 2, "c": 0, "d": 0},
        "c": {"a": 0, "b": 0, "c": 0, "d": 1},
        "d": {"a": 0, "b": 0, "c": 0, "d": 0},
    }


def test_labels_that_were_only_guessed_stand_last() -> None:
    found = single(["m", "b"], ["z", "a"], [1.0, 1.0])
    assert (
        list(found.per_class) == list(found.confusion) == list(found.confusion["m"]) == ["b", "m", "a", "z"]
    )


def test_many_labels_a_text_in_full() -> None:
    true = [{"a", "b"}, {"b"}, {"c"}, {"a"}]
    found = many(true, [["a", "c"], ["a", "b"], ["c"], []], [0.95, 0.85, 0.75, 0.05])
    assert found.n == 4
    # The first guesses are a, a, c and none; b has a for its first, so it is wrong.
    assert found.accuracy == 0.5
    # 3 labels are right; 5 are true and 5 said.
    assert found.micro_f1 == 0.6
    assert found.per_class == {
        "a": ClassScore(0.5, 0.5, 0.5, 2),
        "b": ClassScore(1.0, 0.5, 2 / 3, 2),
        "c": ClassScore(0.5, 1.0, 2 / 3, 1),
    }
    assert found.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 2 / 3) / 3)
    assert found.ece == pytest.approx((0.05 + 0.85 + 0.25 + 0.05) / 4)
    assert found.confusion == {}


def test_no_label_anywhere_is_nought_and_no_error() -> None:
    assert many([set()], [[]], [0.0]) == Scores(1, 0.0, 0.0, 0.0, 0.0, {}, {})


def test_nothing_sure_of_nothing_is_well_calibrated() -> None:
    assert expected_calibration_error([], []) == 0.0


@pytest.mark.parametrize(
    ("confidences", "right", "bins", "error"),
    [
        # In one bin over- and underconfidence cancel out; in two they do not.
        ([0.25, 0.75], [True, False], 1, 0.0),
        ([0.25, 0.75], [True, False], 2, 0.75),
        # 0.5 begins the upper half: (0.5 + 0.75) against 2 right, and 0.25 against none.
        ([0.25, 0.5, 0.75], [False, True, True], 2, (0.25 + 0.75) / 3),
        # 1 has no bin of its own: it shares the last one.
        ([1.0, 0.5], [False, True], 2, 0.25),
        ([0.0], [False], 2, 0.0),
        ([1.0], [False], 2, 1.0),
    ],
)
def test_the_calibration_error_by_hand(
    confidences: list[float], right: list[bool], bins: int, error: float
) -> None:
    assert expected_calibration_error(confidences, right, bins) == pytest.approx(error)


def test_there_are_ten_bins() -> None:
    # Tenths are the borders: 0.21 and 0.29 share a bin, 0.29 and 0.31 do not.
    assert expected_calibration_error([0.21, 0.29], [True, False]) == pytest.approx(0.25)
    assert expected_calibration_error([0.91, 0.99], [True, False]) == pytest.approx(0.45)
    assert expected_calibration_error([0.29, 0.31], [True, False]) == pytest.approx((0.71 + 0.31) / 2)
    assert expected_calibration_error([0.89, 0.91], [True, False]) == pytest.approx((0.11 + 0.91) / 2)
    assert scoring.BINS == 10


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        expected_calibration_error([0.5, 0.5], [True])
    with pytest.raises(ValueError, match="zip"):
        single(["a", "b"], ["a"], [0.5])
    with pytest.raises(ValueError, match="zip"):
        many([{"a"}, {"b"}], [["a"]], [0.5])


def test_the_documented_shape_to_four_places() -> None:
    third = 1 / 3
    scores = Scores(
        3,
        third,
        third / 2,
        third * 2,
        third / 4,
        {"a": ClassScore(third, third / 5, third / 7, 3)},
        {"a": {"a": 1}},
    )
    assert as_json(scores) == {
        "n": 3,
        "accuracy": 0.3333,
        "macro_f1": 0.1667,
        "micro_f1": 0.6667,
        "ece": 0.0833,
        "per_class": {"a": {"precision": 0.3333, "recall": 0.0667, "f1": 0.0476, "support": 3}},
        "confusion": {"a": {"a": 1}},
    }


@given(PAIRS)
def test_the_confusion_holds_every_text_once(pairs: list[tuple[str, str, float]]) -> None:
    true, guessed, confidences = columns(pairs)
    found = single(true, guessed, confidences)
    assert found.n == len(pairs) == sum(sum(row.values()) for row in found.confusion.values())
    assert sum(found.confusion[name][name] for name in found.confusion) == pytest.approx(
        found.accuracy * found.n
    )
    for name, score in found.per_class.items():
        assert score.support == sum(found.confusion[name].values()) == true.count(name)


@given(PAIRS)
def test_every_share_is_from_nought_to_one(pairs: list[tuple[str, str, float]]) -> None:
    found = single(*columns(pairs))
    shares = [found.accuracy, found.macro_f1, found.micro_f1, found.ece]
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares)


@given(st.lists(LABELS, min_size=1))
def test_who_is_always_right_and_sure_has_full_marks(true: list[str]) -> None:
    found = single(true, true, [1.0] * len(true))
    assert (found.accuracy, found.macro_f1, found.micro_f1, found.ece) == (1.0, 1.0, 1.0, 0.0)


@given(SETS)
def test_micro_f1_is_the_same_with_truth_and_guess_exchanged(
    texts: list[tuple[frozenset[str], list[str]]],
) -> None:
    true, guessed = [text[0] for text in texts], [text[1] for text in texts]
    sure = [0.5] * len(texts)
    assert many(true, guessed, sure).micro_f1 == many(guessed, true, sure).micro_f1


@given(PAIRS)
def test_one_label_a_text_is_the_same_as_a_set_of_one(pairs: list[tuple[str, str, float]]) -> None:
    true, guessed, confidences = columns(pairs)
    alone = single(true, guessed, confidences)
    among = many([{label} for label in true], [[label] for label in guessed], confidences)
    assert among.micro_f1 == pytest.approx(alone.accuracy)
    assert (among.n, among.accuracy, among.ece) == (alone.n, alone.accuracy, alone.ece)
    assert among.per_class == alone.per_class
    assert among.macro_f1 == pytest.approx(alone.macro_f1)
