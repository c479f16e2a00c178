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


def test_a_trend_is_told_with_its_ends_and_its_slope() -> None:
    up = [10, 20, 30, 40, 50, 60, 70, 80, 90]
    (found,) = trends.judged([100] * 9, {("topic", "a"): up})
    assert (found.kind, found.name, found.readings, found.word) == ("topic", "a", 450, "rising")
    assert (found.first, found.last) == pytest.approx((0.2, 0.8))
    assert found.slope == pytest.approx(0.1)
    # One of two orders of nine weeks, and the only series there is.
    assert found.p == found.q == pytest.approx(2 / 362_880)


def test_fifty_readings_in_eight_weeks_are_enough_and_fewer_are_not() -> None:
    def word(everything: list[int], numbers: list[int]) -> str:
        (found,) = trends.judged(everything, {("topic", "a"): numbers})
        return found.word

    assert word([100] * 8, [0, 1, 3, 5, 7, 9, 11, 14]) == "rising"
    assert word([100] * 8, [0, 1, 3, 5, 7, 9, 11, 13]) == "too few"
    assert word([100] * 7, [0, 10, 30, 50, 70, 90, 99]) == "too few"
    # A week in which nothing was read is none of the eight.
    assert word([100] * 7 + [0], [0, 10, 30, 50, 70, 90, 99, 0]) == "too few"
    assert word([100] * 8 + [0], [14, 11, 9, 7, 5, 3, 1, 0, 0]) == "falling"


def test_the_clearest_come_first_and_the_few_last_by_their_number() -> None:
    found = trends.judged(
        [1000] * 8,
        {
            ("topic", "few"): [1] * 8,
            ("topic", "some"): [6] * 8,
            ("host", "few"): [1] * 8,
            ("topic", "clear"): [10, 20, 30, 40, 50, 60, 70, 80],
            ("topic", "unclear"): [30, 10, 20, 40, 60, 50, 80, 70],
            ("topic", "more"): [9] * 8,
        },
    )
    assert [(each.kind, each.name) for each in found] == [
        ("topic", "clear"),
        ("topic", "unclear"),
        ("topic", "more"),
        ("topic", "some"),
        ("host", "few"),
        ("topic", "few"),
    ]


def test_few_weeks_have_ends_too() -> None:
    (two,) = trends.judged([10, 10], {("topic", "a"): [1, 3]})
    assert (two.first, two.last) == pytest.approx((0.1, 0.3))
    (none,) = trends.judged([0, 0], {("topic", "a"): [0, 0]})
    assert (none.first, none.last) == (0.0, 0.0)
