"""Durations in buckets: where they fall, and what can be said of them afterwards."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.metrics import Family, Sample, histogram, text
from mingus_lib.domain.runs import BEYOND, BOUNDS, Runs, percentile, together

durations = st.lists(st.floats(0, 5000), min_size=1, max_size=60)


def bucket(seconds: float) -> float:
    """Where the store's trigger puts a run of so many seconds."""
    return next((bound for bound in BOUNDS if seconds <= bound), BEYOND)


def counted(values: list[float]) -> Runs:
    return Runs({"finished": len(values)}, dict(Counter(map(bucket, values))), sum(values), max(values))


@given(durations, st.floats(0.01, 1))
def test_a_percentile_is_in_the_bucket_of_the_exact_one(values: list[float], share: float) -> None:
    rank = max(1, -(-len(values) * share // 1))
    exact = sorted(values)[int(rank) - 1]
    found = counted(values).percentile(share)
    assert found is not None
    lower = max((bound for bound in BOUNDS if bound < bucket(exact)), default=0.0)
    assert lower - 1e-9 <= found <= min(bucket(exact), max(values)) + 1e-9


@given(durations)
def test_percentiles_rise_and_end_at_the_longest(values: list[float]) -> None:
    runs = counted(values)
    found = [runs.percentile(share / 10) or 0 for share in range(1, 11)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(max(values))


@given(durations, durations)
def test_together_is_as_if_counted_at_once(some: list[float], more: list[float]) -> None:
    whole, parts = counted([*some, *more]), together([counted(some), counted(more)])
    assert (whole.outcomes, whole.buckets, whole.longest) == (parts.outcomes, parts.buckets, parts.longest)
    assert whole.seconds == pytest.approx(parts.seconds)


def test_nothing_has_no_percentile() -> None:
    assert percentile({}, 0.5, 0) is None
    assert Runs().failure_share == 0


def test_cancelled_runs_are_no_failures() -> None:
    runs = Runs({"finished": 6, "dead": 1, "lost": 1, "cancelled": 2})
    assert (runs.total, runs.failed, runs.failure_share) == (10, 2, 0.2)


@given(durations)
def test_a_histogram_is_cumulative(values: list[float]) -> None:
    runs = counted(values)
    samples = list(histogram({"task": "ping"}, runs.buckets, (0.01, 1, 100), runs.seconds))
    assert [sample.value for sample in samples[:3]] == [
        sum(value <= bound for value in values) for bound in (0.01, 1, 100)
    ]
    assert samples[3].labels["le"] == "+Inf"
    assert samples[3].value == samples[5].value == len(values)


def test_hostile_label_values_cannot_leave_their_quotes() -> None:
    family = Family("m", "gauge", "two\nlines", (Sample(1, {"a": 'x"} 1\n\\'}),))
    assert text([family]).splitlines() == [
        "# HELP m two\\nlines",
        "# TYPE m gauge",
        'm{a="x\\"} 1\\n\\\\"} 1',
    ]


def test_a_label_of_braces_is_kept_and_no_labels_need_none() -> None:
    family = Family("mingus_x", "gauge", "X.", (Sample(1, {"worker": "a{}b"}), Sample(2)))
    assert text([family]).splitlines()[2:] == ['mingus_x{worker="a{}b"} 1', "mingus_x 2"]
