"""The text that Prometheus reads, line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.metrics import CONTENT_TYPE, Family, Sample, histogram, text


def test_a_whole_page() -> None:
    runs = tuple(histogram({"task": "ping"}, {0.5: 2, 1.0: 1, 60.0: 4}, (0.25, 1.0, 2.5), 90.25))
    families = [
        Family("mingus_up", "gauge", "Whether it is.", (Sample(1),)),
        Family(
            "mingus_jobs_total", "counter", "Jobs.", (Sample(3, {"queue": "a", "state": "dead"}), Sample(0))
        ),
        Family("mingus_run_seconds", "histogram", "Runs.", runs),
        Family("mingus_empty", "gauge", "Nothing yet.", ()),
    ]
    assert text(families) == (
        "# HELP mingus_up Whether it is.\n"
        "# TYPE mingus_up gauge\n"
        "mingus_up 1\n"
        "# HELP mingus_jobs_total Jobs.\n"
        "# TYPE mingus_jobs_total counter\n"
        'mingus_jobs_total{queue="a",state="dead"} 3\n'
        "mingus_jobs_total 0\n"
        "# HELP mingus_run_seconds Runs.\n"
        "# TYPE mingus_run_seconds histogram\n"
        'mingus_run_seconds_bucket{task="ping",le="0.25"} 0\n'
        'mingus_run_seconds_bucket{task="ping",le="1"} 3\n'
        'mingus_run_seconds_bucket{task="ping",le="2.5"} 3\n'
        # What no bound holds is in the last bucket alone.
        'mingus_run_seconds_bucket{task="ping",le="+Inf"} 7\n'
        'mingus_run_seconds_sum{task="ping"} 90.25\n'
        'mingus_run_seconds_count{task="ping"} 7\n'
        "# HELP mingus_empty Nothing yet.\n"
        "# TYPE mingus_empty gauge\n"
    )
    assert text([]) == ""
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_a_histogram_of_nothing_has_all_its_lines() -> None:
    assert list(histogram({}, {}, (1,), 0)) == [
        Sample(0, {"le": "1"}, "_bucket"),
        Sample(0, {"le": "+Inf"}, "_bucket"),
        Sample(0, {}, "_sum"),
        Sample(0, {}, "_count"),
    ]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0, "0"),
        (-0.0, "0"),
        (2.0, "2"),
        (True, "1"),
        (-3, "-3"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (2.5e9, "2500000000"),
    ],
)
def test_a_whole_number_has_no_point(value: float, word: str) -> None:
    assert text([Family("m", "gauge", "M.", (Sample(value),))]).splitlines()[2] == f"m {word}"


def test_quotes_are_escaped_in_labels_and_left_in_help() -> None:
    family = Family("m", "gauge", 'say "a\\b"\nhere', (Sample(1, {"a": 'say "a\\b"\nhere'}),))
    assert text([family]).splitlines() == [
        r'# HELP m say "a\\b"\nhere',
        "# TYPE m gauge",
        r'm{a="say \"a\\b\"\nhere"} 1',
    ]


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_can_be_read_again(value: str, number: float) -> None:
    line = text([Family("m", "gauge", "M.", (Sample(number, {"a": value}),))]).split("\n")[2]
    quoted, _, shown = line.removeprefix('m{a="').rpartition('"} ')
    marks = iter(quoted)
    read = "".join({"n": "\n"}.get(then := next(marks), then) if mark == "\\" else mark for mark in marks)
    assert (read, float(shown)) == (value, number)
