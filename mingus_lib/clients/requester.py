"""One polite request: guarded, paced, bounded, with its failures in mingus' words."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from requests.exceptions import ConnectionError as Disconnected
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from mingus_lib.clients.body import ACCEPT_ENCODING, drain
from mingus_lib.clients.failures import translate
from mingus_lib.clients.guard import Guard
from mingus_lib.clients.media import ACCEPT
from mingus_lib.clients.pacing import Pacer, retry_after
from mingus_lib.clients.sockets import Allowance, Resolver, spending
from mingus_lib.clients.target import Target
from mingus_lib.clients.transport import Transport
from mingus_lib.errors import MingusError, TransientError

if TYPE_CHECKING:
    from requests import Response

    from mingus_lib.domain.models import FetchPolicy

# For headers, chunk sizes and trailers on top of the body, bytes.
WIRE_OVERHEAD = 262_144
# How long a caller without a deadline waits for its turn, seconds.
DEFAULT_PATIENCE = 120.0
# A kept connection saves a handshake; no more than that is given for it.
DRAIN_SECONDS = 0.5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# With these a Retry-After asks for peace from the whole host (RFC 6585, 4; RFC 9110, 15.6.4).
HOLDING_STATUSES = frozenset({429, 503})


class OutOfTime(TransientError):
    """The host's next slot lies beyond the caller's deadline; nothing was sent.

    `retry_after` is the number of seconds until that slot.
    """

    code = "out-of-time"


class Requester:
    """Sends single requests for a Web; safe from many threads."""

    def __init__(
        self, policy: FetchPolicy, pacer: Pacer, resolver: Resolver, tls: ssl.SSLContext | None
    ) -> None:
        self._policy = policy
        self._pacer = pacer
        self._guard = Guard(policy.allow_networks, policy.ports)
        self._transport = Transport(self._guard, resolver, tls)
        self._closing = threading.Event()

    def admit(self, target: Target) -> None:
        """Refuse what can be refused without a request; raises PermanentError."""
        self._guard.check_literal(target.host, target.port)

    @contextlib.contextmanager
    def get(
        self, target: Target, headers: dict[str, str], *, deadline: float | None, interval: float
    ) -> Iterator[Response]:
        """Wait for the host's turn, send a GET; the response is usable inside the `with`.

        Every failure inside is raised as a MingusError. `interval` is the pause after this
        request, seconds; `deadline` bounds the wait for the turn, the policy's timeout the response.
        """
        self._await_turn(target, deadline, interval)
        policy = self._policy
        bound = Allowance(target.label, time.monotonic() + policy.timeout, policy.max_bytes + WIRE_OVERHEAD)
        # The allowance starts after the wait: politeness must not eat the response's time.
        with spending(bound), self._translated(target):
            self._check_behind_proxy(target)
            response = self._send(target, self._headers(headers), bound)
            try:
                self._note_hold(target, response)
                yield response
            finally:
                self._finish(response, bound)

    def close(self) -> None:
        """Close idle connections and end the waits for a turn."""
        self._closing.set()
        self._transport.close()

    def _send(self, target: Target, headers: dict[str, str], bound: Allowance) -> Response:
        """Send; again when only a kept connection failed, which the server may have closed meanwhile."""
        while True:
            try:
                return self._transport.fetch(target.url, headers, bound.seconds(), self._policy.proxy)
            # A kept connection is closed by servers at will; a GET may be repeated (RFC 9110, 9.2.2).
            except Disconnected:
                if bound.dialled:
                    raise

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {
            "User-Agent": self._policy.user_agent,
            "Accept": ACCEPT,
            "Accept-Encoding": ACCEPT_ENCODING,
            "Connection": "keep-alive",
            **more,
        }

    def _await_turn(self, target: Target, deadline: float | None, interval: float) -> None:
        """Reserve and wait; again when the host was put on hold while we waited."""
        while True:
            patience = DEFAULT_PATIENCE if deadline is None else max(0.0, deadline - time.monotonic())
            wait = self._pacer.reserve(target.host, interval, patience)
            if wait > patience:
                self._give_up_on_hold(target)
            if wait > patience or (wait > 0 and self._closing.wait(wait)):
                raise OutOfTime(f"{target.host}: its next turn is in {wait:.0f} s", retry_after=wait)
            # A slot may have been reserved before another worker was told Retry-After.
            if wait <= 0 or self._pacer.held(target.host) <= 0:
                return

    def _give_up_on_hold(self, target: Target) -> None:
        """A long Retry-After is not OutOfTime: another job, started at once, would wait just as vainly."""
        held = self._pacer.held(target.host)
        if held > DEFAULT_PATIENCE:
            raise TransientError(
                f"{target.host}: asked us to stay away for another {held:.0f} s",
                code="host-on-hold",
                retry_after=held,
            )

    @contextlib.contextmanager
    def _translated(self, target: Target) -> Iterator[None]:
        try:
            yield
        except (RequestException, HTTPError, OSError, UnicodeError) as error:
            raise translate(error, target.label, self._policy.timeout) from error

    def _check_behind_proxy(self, target: Target) -> None:
        """What our own resolver knows is refused here; the rest the proxy has to refuse."""
        # Names that only the proxy can resolve are its to judge.
        if self._policy.proxy is not None:
            with contextlib.suppress(socket.gaierror):
                self._transport.dialer.candidates(target.host, target.port)

    def _note_hold(self, target: Target, response: Response) -> None:
        if response.status_code in HOLDING_STATUSES and (asked := asked_pause(response)):
            self._pacer.hold(target.host, asked)

    def _finish(self, response: Response, bound: Allowance) -> None:
        """Empty a short rest, so that the connection is kept; the answer stands whatever happens here."""
        bound.deadline = min(bound.deadline, time.monotonic() + DRAIN_SECONDS)
        with contextlib.suppress(HTTPError, OSError, MingusError):
            drain(response)
        response.close()


def redirect_of(response: Response, target: Target) -> Target | None:
    """Where the response sends us, None when it does not; PermanentError for a place we do not go."""
    raw = response.headers.get("Location", "")
    if response.status_code not in REDIRECTS or not raw:
        return None
    return target.beside(raw.encode("latin-1", "replace").decode("utf-8", "replace"))


def asked_pause(response: Response) -> float | None:
    """The bounded Retry-After of a response, seconds."""
    return retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
