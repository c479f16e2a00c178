"""The fetch client: one page by its address, under all rules of politeness and safety.

Every hop of a redirect passes the guard, robots.txt and the pace again. Nothing is taken from the
environment (no proxy variables, no .netrc), no cookie is kept and no credential is sent.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mingus_lib.clients import body, media
from mingus_lib.clients.pacing import MemoryPacer, Pacer
from mingus_lib.clients.requester import OutOfTime, Requester, asked_pause, redirect_of
from mingus_lib.clients.robots import MemoryRobotsCache, RobotsCache, product_token
from mingus_lib.clients.sites import Sites
from mingus_lib.clients.sockets import Resolver
from mingus_lib.clients.target import Target, parse
from mingus_lib.domain.models import FetchedPage, FetchPolicy
from mingus_lib.errors import PermanentError, TransientError, UsageError

if TYPE_CHECKING:
    from requests import Response

__all__ = ["MemoryPacer", "MemoryRobotsCache", "OutOfTime", "Pacer", "Resolver", "RobotsCache", "Web"]

# 4xx that may pass: request time-out, too early, too many requests.
PASSING = frozenset({408, 425, 429})
MAX_VALIDATOR_CHARACTERS = 512


class Web:
    """Fetches pages; one instance serves many threads, and keeps connections to each host."""

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        pacer: Pacer,
        robots: RobotsCache,
        resolve: Resolver = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`resolve` is called like socket.getaddrinfo; `tls` replaces the usual certificate authorities.

        Raises UsageError when the policy's user agent or networks cannot be used.
        """
        _check_user_agent(policy.user_agent)
        self._policy = policy
        self._requester = Requester(policy, pacer, resolve, tls)
        self._sites = Sites(self._requester, robots, product_token(policy.user_agent), policy)

    def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        deadline: float | None = None,
        onward: Callable[[str], object] | None = None,
    ) -> FetchedPage:
        """The page at `url`; status 304 and no body when `etag` or `last_modified` still holds.

        `deadline` (time.monotonic seconds) bounds the waiting for turns: OutOfTime when the next
        one lies beyond it. The response itself has the policy's timeout. `onward` is told every place
        that a redirect leads to before it is asked, and may raise. Raises TransientError
        (`timeout`, `connection`, `dns`, `robots`, `http-429`, `http-5xx` ...) or PermanentError
        (`blocked-address`, `blocked-port`, `bad-address`, `robots`, `too-large`, `content-type`,
        `too-many-redirects`, `tls`, `bad-response`, `http-4xx` ...).
        """
        target = parse(url)
        headers = _conditions(etag, last_modified)
        # The first address is no redirect.
        for _ in range(self._policy.max_redirects + 1):
            hop = self._hop(url, target, headers, deadline)
            if isinstance(hop, FetchedPage):
                return hop
            target = hop
            # A GET may do something, such as unsubscribe: who follows trackers judges each place before it is asked.
            if onward is not None:
                onward(target.url)
        raise PermanentError(
            f"{parse(url).label}: more than {self._policy.max_redirects} redirects", code="too-many-redirects"
        )

    def close(self) -> None:
        """Close all connections; waits for a turn end with OutOfTime."""
        self._requester.close()

    def _hop(
        self, url: str, target: Target, headers: dict[str, str], deadline: float | None
    ) -> FetchedPage | Target:
        self._requester.admit(target)
        interval = self._sites.interval_for(target, deadline)
        with self._requester.get(target, headers, deadline=deadline, interval=interval) as response:
            # A 304 has no Location; a 3xx without one ends below as its own refusal.
            if onward := redirect_of(response, target):
                return onward
            _check_status(response, target, conditional=bool(headers))
            return self._page(url, target, response)

    def _page(self, url: str, target: Target, response: Response) -> FetchedPage:
        header = response.headers.get("Content-Type", "")
        kind, content = "", b""
        if response.status_code != 304:
            kind, content = self._content(target, response, header)
        return FetchedPage(
            url=url,
            final_url=target.url,
            # A 203 is a 200 that came by way of a proxy (RFC 9110, 15.3.4).
            status=304 if response.status_code == 304 else 200,
            content_type=kind,
            charset=media.charset(header),
            body=content,
            etag=_validator(response.headers.get("ETag")),
            last_modified=_validator(response.headers.get("Last-Modified")),
            fetched_at=datetime.now(UTC),
        )

    def _content(self, target: Target, response: Response, header: str) -> tuple[str, bytes]:
        """The media type and the body; a type that is not accepted ends it before the body is read."""
        label, limit = target.label, self._policy.max_bytes
        # Before the body is read: a film announced as such is not downloaded.
        if kind := media.declared(header, label):
            return kind, body.read(response, limit, label)
        content = body.read(response, limit, label, accept=lambda start: media.sniffed(start, label))
        return media.sniffed(content, label), content


def _check_status(response: Response, target: Target, *, conditional: bool) -> None:
    status = response.status_code
    # Other 2xx have no page, or a part of one.
    if status in (200, 203) or (status == 304 and conditional):
        return
    message, code = f"{target.label}: the server answered {status}", f"http-{status}"
    # Statuses above 599 are private inventions, mostly of bot checks.
    if 500 <= status < 600 or status in PASSING:
        raise TransientError(message, code=code, retry_after=asked_pause(response))
    raise PermanentError(message, code=code)


def _check_user_agent(name: str) -> None:
    if not name.strip() or not name.isascii() or not name.isprintable():
        raise UsageError(f"fetch_user_agent {name!r} is not one line of plain ASCII; correct the setting")


def _conditions(etag: str | None, last_modified: str | None) -> dict[str, str]:
    asked = {"If-None-Match": _validator(etag), "If-Modified-Since": _validator(last_modified)}
    return {name: value for name, value in asked.items() if value}


def _validator(value: str | None) -> str | None:
    """A validator that is safe to send back: printable ASCII of bounded length, else none."""
    text = (value or "").strip()
    usable = text.isascii() and text.isprintable() and len(text) <= MAX_VALIDATOR_CHARACTERS
    return text if text and usable else None
