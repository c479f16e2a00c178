"""The gate's rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import gate
from mingus_lib.domain.gate import BEGINNER, DIFFICULTIES, EVERYTHING, LABELS, PHASES, Assessment, GatePolicy

NOW = datetime(2026, 3, 1, tzinfo=UTC)
scores = st.floats(0, 100)


def assessed(
    be: float = 0, do: float = 0, have: float = 0, *, days: int = 0, valid: bool = True
) -> Assessment:
    return Assessment(be, do, have, NOW - timedelta(days=days), valid)


@pytest.mark.parametrize(("score", "level"), [(0, 0), (59.9, 0), (60, 1), (79.9, 1), (80, 2), (100, 2)])
def test_the_thresholds(score: float, level: int) -> None:
    assert gate.levels(assessed(be=score), GatePolicy()) == (level, 0, 0)


def test_an_article_asks_for_its_own_phase() -> None:
    levels = gate.levels(assessed(be=90, do=70, have=10), GatePolicy())
    assert gate.may_read(("BE", "Advanced"), levels)
    assert gate.may_read(("DO", "Intermediate"), levels)
    assert not gate.may_read(("DO", "Advanced"), levels)
    assert gate.may_read(("HAVE", "Beginner"), levels)
    assert not gate.may_read(("HAVE", "Intermediate"), levels)


def test_without_labels_only_those_see_it_who_see_everything() -> None:
    assert gate.may_read(None, EVERYTHING)
    assert not gate.may_read(None, (2, 2, 1))
    best = Assessment(80, 80, 80, NOW)
    assert gate.current([best], GatePolicy(), NOW) is best
    assert gate.may_read(None, gate.levels(best, GatePolicy()))


def test_the_latest_that_counts() -> None:
    policy = GatePolicy(believed_for=timedelta(days=30))
    old, invalid, good = assessed(99, days=31), assessed(98, days=1, valid=False), assessed(70, days=20)
    assert gate.current([old, good, invalid], policy, NOW) is good
    assert gate.current([old, invalid], policy, NOW) is None
    assert gate.current([old], GatePolicy(), NOW) is old
    older = replace(good, taken_at=good.taken_at - timedelta(days=1))
    assert gate.current([older, good], policy, NOW) is gate.current([good, older], policy, NOW) is good
    ahead = replace(good, taken_at=NOW + timedelta(days=400))
    assert gate.current([ahead, good], GatePolicy(), NOW) is good
    assert gate.levels(None, policy) == BEGINNER


def test_an_assessment_counts_up_to_the_last_instant_and_a_day_of_wrong_clocks() -> None:
    instant = timedelta(microseconds=1)
    policy = GatePolicy(believed_for=timedelta(days=30))
    good = assessed(70)
    for taken_at, counts in (
        (NOW - timedelta(days=30), True),
        (NOW - timedelta(days=30) - instant, False),
        (NOW + timedelta(days=1), True),
        (NOW + timedelta(days=1) + instant, False),
    ):
        found = gate.current([replace(good, taken_at=taken_at)], policy, NOW)
        assert (found is not None) is counts, taken_at


def test_a_policy_whose_thresholds_cross_opens_nothing_advanced_below_the_first() -> None:
    policy = GatePolicy(intermediate=80, advanced=60)
    assert [gate.levels(assessed(have=score), policy)[2] for score in (59, 70, 80)] == [0, 0, 2]


@given(scores, scores, scores, scores, scores)
def test_more_score_never_closes_and_beginners_articles_are_always_open(
    low: float, high: float, other: float, first: float, second: float
) -> None:
    policy = GatePolicy(first, second)
    low, high = sorted((low, high))
    before = set(gate.open_labels(gate.levels(assessed(low, other, other), policy)))
    after = set(gate.open_labels(gate.levels(assessed(high, other, other), policy)))
    assert before <= after
    assert {(phase, DIFFICULTIES[0]) for phase in PHASES} <= before
    assert set(LABELS) == set(gate.open_labels(EVERYTHING))
