"""The small regression behind the offline engine: from features to probabilities, and how it is fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.softmax import Softmax, fit, from_table, softmax, standardised

LOG_3 = math.log(3)
# A step up of one spread makes `up` three times as likely as before; the second feature says nothing.
MODEL = Softmax(("up", "down"), (10.0, 5.0), (2.0, 1.0), ((LOG_3, 0.0), (0.0, 0.0)), (0.0, 0.0))


@pytest.mark.parametrize(
    ("scores", "shares"),
    [
        ([7.0], [1.0]),
        ([0.0, 0.0], [0.5, 0.5]),
        ([0.0, LOG_3], [0.25, 0.75]),
        ([1000.0, 1000.0 + LOG_3], [0.25, 0.75]),
        ([-1000.0, -1000.0 + LOG_3], [0.25, 0.75]),
        ([0.0, 5000.0], [0.0, 1.0]),
    ],
)
def test_shares_go_by_the_distances_of_the_scores(scores: list[float], shares: list[float]) -> None:
    assert softmax(scores) == pytest.approx(shares)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6))
def test_shares_add_up_to_one_in_the_order_of_the_scores(scores: list[float]) -> None:
    shares = softmax(scores)
    assert sum(shares) == pytest.approx(1)
    assert shares[scores.index(max(scores))] == max(shares)


@pytest.mark.parametrize(
    ("value", "found"), [(10, 0), (12, 1), (7, -1.5), (18, 4), (18.1, 4), (1e9, 4), (2, -4), (-1e9, -4)]
)
def test_features_are_counted_in_spreads_from_the_mean_up_to_four(value: float, found: float) -> None:
    assert standardised([value], [10], [2]) == [found]


@pytest.mark.parametrize(
    ("features", "up"),
    [((10, 5), 1 / 2), ((12, 5), 3 / 4), ((8, 5), 1 / 4), ((14, 5), 9 / 10), ((12, 8), 3 / 4)],
)
def test_a_model_says_how_likely_each_label_is(features: Sequence[float], up: float) -> None:
    assert MODEL.probabilities(features) == pytest.approx({"up": up, "down": 1 - up})


def test_every_feature_and_the_bias_add_to_the_score() -> None:
    model = Softmax(("up", "down"), (0.0, 0.0), (1.0, 1.0), ((1.0, -2.0), (0.5, 0.0)), (0.25, -LOG_3 + 0.5))
    # For (2, 1): up 2 - 2 + 0.25 = 0.25; down 1 + 0 + 0.5 - log 3 = 1.5 - log 3.
    odds = math.exp(0.25 - 1.5) * 3
    assert model.probabilities((2, 1))["up"] == pytest.approx(odds / (1 + odds))


def test_a_file_keeps_four_digits_and_gives_the_model_back() -> None:
    model = Softmax(("a", "b"), (1.23456,), (0.98765,), ((0.11119,), (-2.0,)), (3.00004, -0.55556))
    table = {
        "labels": ["a", "b"],
        "means": [1.2346],
        "spreads": [0.9877],
        "weights": [[0.1112], [-2.0]],
        "bias": [3.0, -0.5556],
    }
    assert model.as_table() == table
    assert from_table(table) == Softmax(
        ("a", "b"), (1.2346,), (0.9877,), ((0.1112,), (-2.0,)), (3.0, -0.5556)
    )
    assert from_table(model.as_table(digits=5)) == model
    assert hash(from_table(table))


def test_a_fit_keeps_the_mean_and_the_spread_of_each_feature() -> None:
    model = fit([[1, 7, 0], [3, 7, 0], [5, 7, 6], [7, 7, 6]], list("aabb"), "ab")
    assert model.labels == ("a", "b")
    assert model.means == (4, 7, 3)
    # One that never changes is counted in ones.
    assert model.spreads == pytest.approx((math.sqrt(5), 1, 3))


def test_features_that_say_nothing_leave_the_shares_of_the_labels() -> None:
    model = fit([[5], [5], [5], [5]], list("baaa"), "ab")
    assert model.weights == ((0,), (0,))
    assert model.probabilities([5]) == pytest.approx({"a": 3 / 4, "b": 1 / 4})


def test_the_penalty_holds_the_weights_down() -> None:
    # Weights -w and w give b the odds exp(2 w): at odds of 3, w is half of log 3, and the quarter that is missing is
    # what the penalty takes, w times the penalty.
    model = fit([[-1], [1]], "ab", "ab", penalty=0.25 / (LOG_3 / 2))
    assert [weight for (weight,) in model.weights] == pytest.approx([-LOG_3 / 2, LOG_3 / 2])
    assert model.probabilities([1]) == pytest.approx({"a": 1 / 4, "b": 3 / 4})


ROWS = [[1.0, 9.0], [2.0, 3.0], [4.0, 4.0], [5.0, 0.0], [7.0, 8.0], [9.0, 2.0], [3.0, 5.0]]
NAMES = ["a", "b", "a", "c", "c", "b", "a"]


@pytest.mark.parametrize("penalty", [0.1, 0.5])
def test_at_the_end_no_slope_is_left(penalty: float) -> None:
    model = fit(ROWS, NAMES, "abc", penalty=penalty)
    for place, label in enumerate("abc"):
        misses = [
            model.probabilities(row)[label] - (name == label) for row, name in zip(ROWS, NAMES, strict=True)
        ]
        assert sum(misses) == pytest.approx(0, abs=1e-6)
        for index, weight in enumerate(model.weights[place]):
            values = [standardised(row, model.means, model.spreads)[index] for row in ROWS]
            slope = sum(miss * value for miss, value in zip(misses, values, strict=True)) / len(ROWS)
            assert slope + penalty * weight == pytest.approx(0, abs=1e-6)


def test_the_order_of_the_labels_is_that_of_the_model_alone() -> None:
    one, other = fit(ROWS, NAMES, "abc"), fit(ROWS, NAMES, "cab")
    assert other.labels == ("c", "a", "b")
    assert one == fit(ROWS, NAMES, "abc")
    for row in ROWS:
        assert one.probabilities(row) == pytest.approx(other.probabilities(row))


def test_numbers_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError):
        MODEL.probabilities([10])
    with pytest.raises(ValueError):
        fit([[1, 2], [3]], "ab", "ab")
    with pytest.raises(ValueError):
        fit([[1], [2], [3]], "ab", "ab")
    with pytest.raises(ValueError):
        fit([[1], [2]], "ac", ["a", "b"])
