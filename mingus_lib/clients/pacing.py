"""One request per host per interval: the pace that all workers share, and one of a single process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

# Longest pause a server may ask of us, seconds.
MAX_RETRY_AFTER = 3_600.0
_FORGET_ABOVE_HOSTS = 4_096


class Pacer(Protocol):
    """Hands out a host's slots; safe from many threads (and, in Redis, from many processes)."""

    def reserve(self, host: str, interval: float, patience: float) -> float:
        """Take the host's next slot and return the seconds until it; the following one is `interval` later.

        When it is more than `patience` seconds away nothing is taken, and the seconds are returned.
        """

    def hold(self, host: str, seconds: float) -> None:
        """No slot of the host before `seconds` from now."""

    def held(self, host: str) -> float:
        """Seconds left of a hold; a slot reserved before it waits for this too. 0 when there is none."""


class MemoryPacer:
    """The Pacer of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._holds: dict[str, float] = {}

    def reserve(self, host: str, interval: float, patience: float) -> float:
        """See Pacer."""
        with self._lock:
            now = self._clock()
            start = max(now, self._next.get(host, now), self._holds.get(host, now))
            if start - now <= patience:
                self._next[host] = start + interval
                # Under the lock and rarely: only when the table has grown.
                self._forget(now)
            return start - now

    def hold(self, host: str, seconds: float) -> None:
        """See Pacer."""
        with self._lock:
            now = self._clock()
            self._holds[host] = max(self._holds.get(host, now), now + seconds)

    def held(self, host: str) -> float:
        """See Pacer."""
        with self._lock:
            now = self._clock()
            return max(0.0, self._holds.get(host, now) - now)

    def _forget(self, now: float) -> None:
        for times in (self._next, self._holds):
            if len(times) > _FORGET_ABOVE_HOSTS:
                for host in [host for host, until in times.items() if until <= now]:
                    del times[host]


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds a Retry-After header asks for (RFC 9110: seconds or a date), 0-3600; None if unreadable."""
    text = (header or "").strip()
    # isdigit alone accepts digits of other scripts.
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
        # A date without a zone is in GMT (RFC 9110, 5.6.7).
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, float(math.ceil(seconds))), MAX_RETRY_AFTER)
