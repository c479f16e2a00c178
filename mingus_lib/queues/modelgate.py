"""Whether the paid model may be asked now, and how fast: the breaker and the pace that all workers share.

A request waits for its turn, then takes a permit at the moment it leaves. Turns keep requests in line and evenly
apart; the permits alone hold the rate, however late a thread wakes up: see domain.rates.Window.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

from mingus_lib.domain.rates import Window
from mingus_lib.errors import RedisUnavailable, TransientError
from mingus_lib.queues.limits import COOLDOWN_SECONDS, FAILURES_TO_OPEN, Limits
from mingus_lib.queues.pacing import RedisPacer
from mingus_lib.queues.permits import Permits

log = logging.getLogger("mingus.labels")

NAME = "openai"
# How long the one that tries a broken dependency may take.
PROBE_SECONDS = 120.0
# A request that is on its way out tells no time at which its place comes free.
LOOK_SECONDS = 0.02


class OutOfTime(TransientError):
    """The next turn at the provider comes too late for this job."""

    code = "out-of-time"


class SharedGate:
    """The gate of all workers, in Redis. Every method may raise RedisUnavailable."""

    def __init__(self, limits: Limits, pacer: RedisPacer, per_second: float) -> None:
        self._limits = limits
        self._pacer = pacer
        self._window = Window.of(per_second)
        self._permits = Permits(limits.client, NAME, self._window, limits.where)

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
        patience = until - time.monotonic()
        wait = self._pacer.reserve(NAME, self._window.width / self._window.most, patience)
        if wait > patience:
            raise OutOfTime(f"the next turn at the model's server is {wait:.0f} s away")
        time.sleep(wait)
        _wait_out(lambda: self._pacer.held(NAME), until)

    def hold(self, seconds: float) -> None:
        """Nobody's turn before so many seconds."""
        self._pacer.hold(NAME, seconds)

    def enter(self, until: float) -> str:
        """The permit to send now, which holds its place until `left` is called. Raises OutOfTime."""
        return _entered(self._permits.enter, self._window, until)

    def left(self, permit: str) -> None:
        """The request is out."""
        try:
            self._permits.left(permit)
        except RedisUnavailable as error:
            # The request is sent and has to be read and booked; its place comes free when its lease runs out.
            log.warning("%s", error)


class OwnGate:
    """The gate of one process, where jobs run in place."""

    def __init__(self, per_second: float) -> None:
        self._window = Window.of(per_second)
        self._lock = threading.Lock()
        self._next = 0.0
        self._held_until = 0.0
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
            self._next = start + self._window.width / self._window.most
        # Outside the lock, so that the next thread can take the turn after this one.
        time.sleep(max(0.0, start - time.monotonic()))
        _wait_out(lambda: max(0.0, self._held_until - time.monotonic()), until)

    def hold(self, seconds: float) -> None:
        """See SharedGate."""
        with self._lock:
            # A shorter wish that comes late takes a longer one not back.
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def enter(self, until: float) -> str:
        """See SharedGate."""
        return _entered(self._try_to_enter, self._window, until)

    def _try_to_enter(self, permit: str) -> float:
        with self._lock:
            return self._window.enter(permit, time.monotonic())

    def left(self, permit: str) -> None:
        """See SharedGate."""
        with self._lock:
            self._window.left(permit, time.monotonic())


def _wait_out(held: Callable[[], float], until: float) -> None:
    """Sleep for what the provider asked us to wait meanwhile."""
    while (seconds := held()) > 0:
        if time.monotonic() + seconds > until:
            raise OutOfTime(f"the model's server asks us to wait for {seconds:.0f} s")
        time.sleep(seconds)


def _entered(enter: Callable[[str], float], window: Window, until: float) -> str:
    permit = uuid.uuid4().hex
    while (wait := enter(permit)) > 0:
        pause = wait if wait <= window.width else LOOK_SECONDS
        if time.monotonic() + pause > until:
            raise OutOfTime("the requests before this one fill the model server's rate")
        time.sleep(pause)
    return permit
