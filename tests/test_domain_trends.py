"""Trends: the test beside SciPy's, the correction for many, and what chance alone brings."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import trends


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=8, max_size=14, unique=True))
def test_without_ties_the_chance_is_scipy_s(values: list[int]) -> None:
    from scipy.stats import kendalltau

    ours = trends.chance(values)
    assert ours == pytest.approx(kendalltau(range(len(values)), values, method="exact").pvalue)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=8, max_size=30))
def test_with_ties_the_chance_is_scipy_s_but_for_the_continuity_correction(values: list[int]) -> None:
    from scipy.stats import kendalltau, norm

    if len(set(values)) == len(values):
        return
    found = abs(sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2)))
    if found == 0:
        assert trends.chance(values) == 1
        return
    theirs = kendalltau(range(len(values)), values, method="asymptotic").pvalue
    deviation = found / norm.isf(theirs / 2)
    assert trends.chance(values) == pytest.approx(2 * norm.sf((found - 1) / deviation))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_correction_is_scipy_s(chances: list[float]) -> None:
    from scipy.stats import false_discovery_control

    assert trends.corrected(chances) == pytest.approx(list(false_discovery_control(chances, method="bh")))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=20))
def test_the_slope_is_scipy_s(values: list[float]) -> None:
    from scipy.stats import theilslopes

    assert trends.slope(values) == pytest.approx(theilslopes(values).slope, abs=1e-9)


def test_what_rises_and_falls_is_seen_and_small_numbers_are_not() -> None:
    everything = [1000 + 10 * week for week in range(12)]
    found = {
        each.name: each.word
        for each in trends.judged(
            everything,
            {
                ("topic", "up"): [100 + 20 * week for week in range(12)],
                ("topic", "down"): [400 - 25 * week for week in range(12)],
                # It grows as the library does.
                ("topic", "along"): [100 + (week % 3) + week for week in range(12)],
                ("topic", "tiny"): [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0],
            },
        )
    }
    assert found == {"up": "rising", "down": "falling", "along": "steady", "tiny": "too few"}


def test_few_weeks_and_empty_weeks_are_no_trend() -> None:
    found = trends.judged([100, 0, 100, 0, 0, 100], {("host", "a"): [10, 0, 30, 0, 0, 60]})
    assert [(each.word, each.readings) for each in found] == [("too few", 100)]
    assert trends.judged([0] * 12, {}) == []


def test_of_pure_chance_little_is_called_a_trend() -> None:
    chance = random.Random(3)
    called = 0
    for _ in range(200):
        everything = [5000] * 12
        series = {("topic", str(n)): [chance.randrange(80, 120) for _ in range(12)] for n in range(30)}
        called += any(each.word in ("rising", "falling") for each in trends.judged(everything, series))
    # Where nothing rises, the share of samples with any false trend is the false discovery rate: 5 %.
    assert called <= 20
