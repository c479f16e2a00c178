"""Whether the paid model may be asked now, and how fast: the breaker and the pace that all workers share."""

from __future__ import annotations

import threading
import time

from mingus_lib.errors import TransientError
from mingus_lib.queues.limits import FAILURES_TO_OPEN, Limits
from mingus_lib.queues.pacing import RedisPacer

NAME = "openai"
# How long the one that tries a broken dependency may take.
PROBE_SECONDS = 120.0
COOLDOWN_SECONDS = 60.0
# Requests leave a little late or early: spaced by exactly their share of a second, one too many would fall into some.
SPACING = 1.05


class OutOfTime(TransientError):
    """The next turn at the provider comes too late for this job."""

    code = "out-of-time"


class SharedGate:
    """The gate of all workers, in Redis. Every method may raise RedisUnavailable."""

    def __init__(self, limits: Limits, pacer: RedisPacer, per_second: float) -> None:
        self._limits = limits
        self._pacer = pacer
        self._interval = SPACING / per_second

    def closed_for(self) -> float:
        """Seconds until the model may be asked; 0 may make the caller the one that tries."""
        return self._limits.wait_for(NAME, PROBE_SECONDS)

    def failed(self, reason: str) -> None:
        """Count a failure; the fifth in a row closes the gate."""
        self._limits.failed(NAME, reason)

    def trip(self, reason: str) -> None:
        """Close the gate at once."""
        self._limits.trip(NAME, reason)

    def succeeded(self) -> None:
        """Forget the failures."""
        self._limits.reset(NAME)

    def turn(self, until: float) -> None:
        """Wait for the next turn; `until` is a time.monotonic() value. Raises OutOfTime when it comes later."""
        wait_for_turn(self._pacer, self._interval, until)

    def hold(self, seconds: float) -> None:
        """Nobody's turn before so many seconds."""
        self._pacer.hold(NAME, seconds)


def wait_for_turn(pacer: RedisPacer, interval: float, until: float) -> None:
    """Reserve a turn and sleep until it comes, and for what the provider asked us to wait meanwhile."""
    patience = until - time.monotonic()
    wait = pacer.reserve(NAME, interval, patience)
    if wait > patience:
        raise OutOfTime(f"the next turn at the model's server is {wait:.0f} s away")
    time.sleep(wait)
    while (held := pacer.held(NAME)) > 0:
        if time.monotonic() + held > until:
            raise OutOfTime(f"the model's server asks us to wait for {held:.0f} s")
        time.sleep(held)


class OwnGate:
    """The gate of one process, where jobs run in place."""

    def __init__(self, per_second: float) -> None:
        self._interval = SPACING / per_second
        self._lock = threading.Lock()
        self._next = 0.0
        self._failures = 0
        self._closed_until = 0.0

    def closed_for(self) -> float:
        """See SharedGate."""
        return max(0.0, self._closed_until - time.monotonic())

    def failed(self, reason: str) -> None:
        """See SharedGate."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES_TO_OPEN:
                self._closed_until = time.monotonic() + COOLDOWN_SECONDS

    def trip(self, reason: str) -> None:
        """See SharedGate."""
        self._closed_until = time.monotonic() + COOLDOWN_SECONDS

    def succeeded(self) -> None:
        """See SharedGate."""
        with self._lock:
            self._failures, self._closed_until = 0, 0.0

    def turn(self, until: float) -> None:
        """See SharedGate."""
        with self._lock:
            start = max(time.monotonic(), self._next)
            if start > until:
                raise OutOfTime(
                    f"the next turn at the model's server is {start - time.monotonic():.0f} s away"
                )
            self._next = start + self._interval
        time.sleep(max(0.0, start - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """See SharedGate."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
