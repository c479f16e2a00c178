"""How good a list is: figures that can be checked by hand, and what they may never do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mingus_lib.domain.recommend import metrics

SECOND, THIRD = 1 / math.log2(3), 1 / 2


def one_list(*marks: int) -> metrics.Hits:
    return np.array([marks], bool)


def count(number: int) -> NDArray[np.int64]:
    return np.array([number], np.int64)


@pytest.mark.parametrize(
    ("marks", "wanted", "ndcg", "recall", "precision"),
    [
        ((1, 0, 0), 1, 1, 1, 1),
        ((0, 1, 0), 1, SECOND, 1, 1 / 2),
        ((0, 0, 1), 1, THIRD, 1, 1 / 3),
        ((0, 1, 1), 2, (SECOND + THIRD) / (1 + SECOND), 1, (1 / 2 + 2 / 3) / 2),
        ((1, 0, 0), 4, 1 / (1 + SECOND + THIRD), 1 / 4, 1 / 3),
        # More was wanted than a list can hold: a full list is as good as it gets, but does not recall everything.
        ((1, 1, 1), 6, 1, 1 / 2, 1),
        # Nothing was wanted.
        ((0, 0, 0), 0, 0, 0, 0),
    ],
)
def test_the_figures_of_one_list(
    marks: tuple[int, ...], wanted: int, ndcg: float, recall: float, precision: float
) -> None:
    hits = one_list(*marks)
    assert metrics.ndcg(hits, count(wanted)) == pytest.approx([ndcg])
    assert metrics.recall(hits, count(wanted)) == pytest.approx([recall])
    assert metrics.average_precision(hits, count(wanted)) == pytest.approx([precision])
    assert metrics.hit_rate(hits).tolist() == [any(marks)]


@given(st.lists(st.booleans(), min_size=2, max_size=12), st.integers(0, 20), st.data())
def test_a_hit_that_moves_up_never_makes_a_list_worse(
    marks: list[bool], others: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(marks) - 1))
    better = list(marks)
    if marks[at] and not marks[at - 1]:
        better[at - 1], better[at] = True, False
    wanted = count(sum(marks) + others)
    for figure in (metrics.ndcg, metrics.average_precision, metrics.recall):
        low, high = figure(one_list(*marks), wanted)[0], figure(one_list(*better), wanted)[0]
        assert 0 <= low <= high + 1e-12 <= 1 + 1e-9
        assert high > low or better == marks or figure is metrics.recall


@pytest.mark.parametrize(
    ("ranked", "bits"),
    [
        ([0], 0),  # read by all 8
        ([1], 2),  # read by 2 of 8
        ([2], 3),  # read by nobody, which counts as once
        ([1, 2], 2.5),
        ([1, -1, -1], 2),
        ([-1, -1], 0),
    ],
)
def test_novelty_is_the_mean_surprise_of_what_is_shown(ranked: list[int], bits: float) -> None:
    popularity = np.array([8.0, 2.0, 0.0])
    # Beside another list it is the same.
    found = metrics.novelty(np.array([ranked, [0] * len(ranked)]), popularity, 8)
    assert found == pytest.approx([bits, 0])


def test_without_readers_nothing_is_a_surprise() -> None:
    assert metrics.novelty(np.array([[0]]), np.array([0.0]), 0) == pytest.approx([0])


@pytest.mark.parametrize(
    ("level", "found"), [(0.4, (0.5, 0.5)), (0.6, (0, 1)), (0.95, (0, 1)), (0, (0.5, 0.5))]
)
def test_the_interval_of_a_coin_thrown_twice(level: float, found: tuple[float, float]) -> None:
    # Of two values drawn anew the mean is 0, 0, 1/2, 1/2, 1/2, 1/2, 1, 1 in eighths of the cases.
    assert metrics.interval(np.array([0.0, 1.0]), 7, level=level) == found


def test_an_interval_is_the_same_for_one_seed_and_narrower_for_more_readers() -> None:
    few, many = np.array([0.0, 1.0] * 8), np.array([0.0, 1.0] * 200)
    fine = np.sqrt(np.arange(50, dtype=np.float64))
    assert metrics.interval(fine, 1) == metrics.interval(fine, 1) != metrics.interval(fine, 2)
    # One round has one mean, and other seeds draw other readers.
    assert len({metrics.interval(many, seed, rounds=1) for seed in range(9)}) > 1
    assert all(low == high for low, high in [metrics.interval(many, 1, rounds=1)])
    (low, high), (lower, higher) = metrics.interval(many, 1), metrics.interval(few, 1)
    assert lower < low < 0.5 < high < higher
    # By the normal distribution it is 1.96 standard errors to either side.
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(len(many)), rel=0.1)


def test_an_interval_of_nothing_is_0() -> None:
    assert metrics.interval(np.array([]), 0) == (0, 0)
