"""The pace of one process, and Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.pacing import MAX_RETRY_AFTER, MemoryPacer, retry_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_slots_follow_each_other_per_host() -> None:
    pacer = MemoryPacer(Clock())
    assert [pacer.reserve("a", 2.0, 60) for _ in range(3)] == [0.0, 2.0, 4.0]
    assert pacer.reserve("b", 2.0, 60) == 0.0


def test_a_slot_beyond_patience_is_not_taken() -> None:
    clock = Clock()
    pacer = MemoryPacer(clock)
    pacer.reserve("a", 10.0, 60)
    assert pacer.reserve("a", 10.0, 5.0) == 10.0
    assert pacer.reserve("a", 10.0, 10.0) == 10.0
    assert pacer.reserve("a", 10.0, 60) == 20.0


def test_an_unused_host_is_free_at_once() -> None:
    clock = Clock()
    pacer = MemoryPacer(clock)
    pacer.reserve("a", 2.0, 60)
    clock.now += 100
    assert pacer.reserve("a", 2.0, 60) == 0.0


def test_a_hold_delays_every_slot_and_never_shrinks() -> None:
    clock = Clock()
    pacer = MemoryPacer(clock)
    pacer.hold("a", 30)
    pacer.hold("a", 10)
    assert pacer.held("a") == 30.0
    assert pacer.reserve("a", 2.0, 60) == 30.0
    assert pacer.reserve("a", 2.0, 60) == 32.0
    assert pacer.held("b") == 0.0
    clock.now += 31
    assert pacer.held("a") == 0.0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 10), st.floats(0, 20)), max_size=40))
def test_no_two_slots_of_a_host_are_closer_than_the_interval(calls: list[tuple[str, float, float]]) -> None:
    clock = Clock()
    pacer = MemoryPacer(clock)
    taken: dict[str, float] = {}
    for host, pause, patience in calls:
        clock.now += pause
        wait = pacer.reserve(host, 3.0, patience)
        if wait <= patience:
            assert clock.now + wait >= taken.get(host, 0.0) + 3.0 - 1e-6
            taken[host] = clock.now + wait


def test_forgotten_hosts_do_not_pile_up() -> None:
    clock = Clock()
    pacer = MemoryPacer(clock)
    for number in range(10_000):
        clock.now += 10
        pacer.reserve(f"host{number}", 2.0, 60)
    assert len(pacer._next) < 5_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 400, MAX_RETRY_AFTER),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=365), usegmt=True), MAX_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:00:30", 30.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=80))
def test_retry_after_is_bounded_whatever_it_says(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER
