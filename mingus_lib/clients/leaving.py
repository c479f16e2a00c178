"""The moment a request leaves: every request of an HTTP client passes the gate there, whoever made it.

Waiting for a turn is not enough: a connection has to be made, and a thread may wake late. The HTTP library tells when
the first byte is about to go and when the last one went (its `trace` extension); the permit spans just that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

# For requests about nothing urgent, such as how a batch stands, seconds.
PATIENCE_SECONDS = 30.0


class Gate(Protocol):
    """The pace of a server, which many processes may share. `until` is a time.monotonic() value."""

    def turn(self, until: float) -> None:
        """Wait for the next turn, or raise a TransientError."""

    def enter(self, until: float) -> str:
        """The permit to send now, or a TransientError."""

    def left(self, permit: str) -> None:
        """What the permit was for is sent."""


@dataclass(frozen=True, slots=True)
class _Errand:
    until: float
    leaving: Callable[[], None]


class Door:
    """Where the requests of one client go out; safe from many threads."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        # One client serves many threads, and its hook is not told on whose behalf it is called.
        self._here = threading.local()

    @contextmanager
    def errand(self, until: float, leaving: Callable[[], None]) -> Iterator[None]:
        """Requests of this thread may wait until then; each calls `leaving` just before its permit is taken."""
        self._here.errand = _Errand(until, leaving)
        try:
            yield
        finally:
            del self._here.errand

    def on_request(self, request: Any) -> None:
        """The HTTP client's hook for a request that is about to be made. Raises what the gate raises."""
        errand = getattr(self._here, "errand", None) or _Errand(
            time.monotonic() + PATIENCE_SECONDS, lambda: None
        )
        self._gate.turn(errand.until)
        request.extensions["trace"] = _Watch(self._gate, errand).saw


class _Watch:
    """Takes the permit for one request, and tells when it is out."""

    def __init__(self, gate: Gate, errand: _Errand) -> None:
        self._gate = gate
        self._errand = errand
        self._permit: str | None = None

    def saw(self, event: str, info: dict[str, Any]) -> None:
        """The HTTP library's `trace`: events are called like `http11.send_request_body.complete`."""
        step = event.partition(".")[2]
        # CONNECT to a proxy is no request of the model's server.
        if step == "send_request_headers.started" and info["request"].method != b"CONNECT":
            self._errand.leaving()
            self._permit = self._gate.enter(self._errand.until)
        # Also after a failure: a permit that is kept holds a place in the pace for nobody.
        elif self._permit and step in (
            "send_request_body.complete",
            "send_request_body.failed",
            "send_request_headers.failed",
        ):
            self._gate.left(self._permit)
            self._permit = None
