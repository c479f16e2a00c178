"""What each site allows: fetches robots.txt once, keeps it, and answers for every address."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from mingus_lib.clients import body, robots
from mingus_lib.clients.requester import OutOfTime, Requester, redirect_of
from mingus_lib.clients.target import Target, parse
from mingus_lib.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mingus_lib.domain.models import FetchPolicy

# Parsed rules are kept this long, so that not every page asks the shared cache and parses again.
PARSED_SECONDS = 120.0
PARSED_SITES = 512
# What is true of the whole site for a while, and not of one request.
_UNREACHABLE = frozenset({"timeout", "connection", "dns"})
# Where nobody may go, whatever the rules of the site.
_NO_PLACE = frozenset({"blocked-address", "blocked-port"})


class Sites:
    """The robots.txt rules of all sites a Web meets; safe from many threads."""

    def __init__(
        self, requester: Requester, cache: robots.RobotsCache, agent: str, policy: FetchPolicy
    ) -> None:
        self._requester = requester
        self._cache = cache
        self._agent = agent
        self._policy = policy
        self._parsed: dict[str, tuple[float, robots.Rules]] = {}
        # A lock goes with its last holder, so that no list of sites grows for ever.
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    def interval_for(self, target: Target, deadline: float | None) -> float:
        """Seconds to leave after a request for `target`, when its site allows it.

        Raises PermanentError `robots` when it does not; TransientError (`robots`, or what made
        robots.txt unreachable) when that is not known now.
        """
        rules = self._rules(target, deadline)
        if not rules.allow(target.url):
            raise PermanentError(f"{target.label} is disallowed by the site's robots.txt", code="robots")
        return max(self._policy.interval, rules.delay)

    def _rules(self, target: Target, deadline: float | None) -> robots.Rules:
        if rules := self._recent(target.origin):
            return rules
        with self._only_one(target, deadline):
            # Another thread may have brought them while this one waited.
            if rules := self._recent(target.origin):
                return rules
            status, text = self._cache.get(target.origin) or self._fetch(target, deadline)
            rules = self._read(target, status, text)
            self._remember(target.origin, rules)
        return rules

    def _recent(self, origin: str) -> robots.Rules | None:
        until, rules = self._parsed.get(origin, (0.0, None))
        return rules if until > time.monotonic() else None

    def _read(self, target: Target, status: int, text: bytes) -> robots.Rules:
        # A dead site is not waited for again by each of its pages.
        if status == 0:
            code = text.decode("ascii", "replace")
            raise TransientError(
                f"{target.host}: robots.txt could not be fetched a moment ago",
                code=code if code in _UNREACHABLE else "robots",
            )
        if status >= 500 or status == 429:
            raise TransientError(
                f"{target.host}: its robots.txt answers {status}",
                code="robots",
                retry_after=robots.KEEP_FAILURE_SECONDS,
            )
        return robots.rules_of(status, text, self._agent)

    def _remember(self, origin: str, rules: robots.Rules) -> None:
        with self._guard:
            self._parsed.pop(origin, None)
            self._parsed[origin] = (time.monotonic() + PARSED_SECONDS, rules)
            while len(self._parsed) > PARSED_SITES:
                del self._parsed[next(iter(self._parsed))]

    @contextmanager
    def _only_one(self, target: Target, deadline: float | None) -> Iterator[None]:
        """One thread fetches a site's robots.txt, the others wait for it."""
        with self._guard:
            lock = self._locks.setdefault(target.origin, threading.Lock())
        # It is held for one bounded fetch, so that waiting without a deadline ends too.
        patience = -1 if deadline is None else max(0.0, deadline - time.monotonic())
        if not lock.acquire(timeout=patience):
            raise OutOfTime(f"{target.host}: its robots.txt did not come in time")
        try:
            yield
        finally:
            lock.release()

    def _fetch(self, target: Target, deadline: float | None) -> tuple[int, bytes]:
        """Ask the site, and keep the answer or the failure."""
        try:
            status, text = self._ask(parse(f"{target.origin}/robots.txt"), deadline)
        except TransientError as error:
            if error.code in _UNREACHABLE:
                self._cache.put(target.origin, 0, error.code.encode(), robots.KEEP_FAILURE_SECONDS)
            raise
        # 429 is a 4xx, but a site that is overrun has not said that all is allowed.
        failed = status >= 500 or status == 429
        ttl = robots.KEEP_FAILURE_SECONDS if failed else robots.KEEP_SECONDS
        self._cache.put(target.origin, status, text, ttl)
        return status, text

    def _ask(self, target: Target, deadline: float | None) -> tuple[int, bytes]:
        """Status and body after all redirects; too many are a missing file (RFC 9309, 2.3.1.2).

        So is one that leads where nobody may go: the site's pages are not to fail for it.
        """
        first = target
        for _ in range(self._policy.max_redirects + 1):
            try:
                answer = self._hop(target, deadline)
            except PermanentError as error:
                # What could not be had is no missing file: all would be allowed.
                if target is first or error.code not in _NO_PLACE:
                    raise
                break
            if not isinstance(answer, Target):
                return answer
            target = answer
        return 404, b""

    def _hop(self, target: Target, deadline: float | None) -> Target | tuple[int, bytes]:
        self._requester.admit(target)
        with self._requester.get(target, {}, deadline=deadline, interval=self._policy.interval) as response:
            try:
                onward = redirect_of(response, target)
            except PermanentError:
                return 404, b""
            if onward is not None:
                return onward
            if not 200 <= response.status_code < 300:
                return response.status_code, b""
            return response.status_code, body.read_start(response, robots.MAX_ROBOTS_BYTES, target.label)
