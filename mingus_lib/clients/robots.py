"""robots.txt (RFC 9309): what a site lets us fetch, and how fast."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from protego import Protego

# RFC 9309 asks for at least 500 KiB; a cached file is good for a day, a failure for a minute.
MAX_ROBOTS_BYTES = 512_000
KEEP_SECONDS = 86_400.0
KEEP_FAILURE_SECONDS = 60.0
MAX_CRAWL_DELAY = 60.0

# As loose as parsers are: an agent that this missed would slip past _for_agent.
_AGENT_LINE = re.compile(r"\s*user[- ]?agent\s*[: ]\s*([^#]*)", re.IGNORECASE)
_OTHER_AGENT = "User-agent: someone-else"


class RobotsCache(Protocol):
    """Keeps answers to robots.txt by origin; an unreadable entry is a miss."""

    def get(self, origin: str) -> tuple[int, bytes] | None:
        """The status (0: unreachable, the body says why) and body kept for the origin."""

    def put(self, origin: str, status: int, body: bytes, ttl: float) -> None:
        """Keep an answer for `ttl` seconds."""


class MemoryRobotsCache:
    """The RobotsCache of one process; the oldest entries leave above `size` origins."""

    def __init__(self, size: int = 512, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, int, bytes]] = {}

    def get(self, origin: str) -> tuple[int, bytes] | None:
        """See RobotsCache."""
        with self._lock:
            until, status, body = self._entries.get(origin, (0.0, 0, b""))
            return (status, body) if until > self._clock() else None

    def put(self, origin: str, status: int, body: bytes, ttl: float) -> None:
        """See RobotsCache."""
        with self._lock:
            self._entries.pop(origin, None)
            self._entries[origin] = (self._clock() + ttl, status, body)
            while len(self._entries) > self._size:
                del self._entries[next(iter(self._entries))]


@dataclass(frozen=True, slots=True)
class Rules:
    """A site's rules for one user agent; `parsed` None allows everything."""

    agent: str
    parsed: Protego | None = None

    def allow(self, url: str) -> bool:
        """Whether the address may be fetched."""
        return self.parsed is None or bool(self.parsed.can_fetch(url, self.agent))

    @property
    def delay(self) -> float:
        """Crawl-delay, seconds, at most 60."""
        asked = self.parsed.crawl_delay(self.agent) if self.parsed else None
        return min(float(asked or 0.0), MAX_CRAWL_DELAY)


def rules_of(status: int, body: bytes, agent: str) -> Rules:
    """The rules in a 2xx body; any other answer allows all (RFC 9309, 2.3.1.3)."""
    if not 200 <= status < 300:
        return Rules(agent)
    # Half a rule would forbid more than the site meant.
    if len(body) >= MAX_ROBOTS_BYTES:
        body = body[:MAX_ROBOTS_BYTES].rpartition(b"\n")[0]
    text = body.decode("utf-8-sig", "replace")
    return Rules(agent, Protego.parse(_for_agent(text, agent)))


def product_token(user_agent: str) -> str:
    """The name by which robots.txt addresses us: `mingus` of `mingus/1.0 (+https://...)`."""
    # The whole header would also match groups named after words of its address.
    named = re.search(r"compatible;\s*([A-Za-z_-]+)", user_agent) or re.match(r"\s*([A-Za-z_-]+)", user_agent)
    return named[1].lower() if named else "mingus"


def _for_agent(text: str, agent: str) -> str:
    """The file with all agents that are not us made one.

    The parser copies each rule to every agent of its group: 20,000 agents times 20,000 rules fit
    in 500 KiB and would take minutes and gigabytes.
    """
    kept: list[str] = []
    for line in text.splitlines():
        named = _AGENT_LINE.match(line)
        if named and named[1].strip().rstrip("*"):
            # The version that many copy from their logs is no part of a name (RFC 9309, 2.2.1).
            name = re.split(r"[/\s]", named[1].strip().lower(), maxsplit=1)[0].rstrip("*")
            line = f"User-agent: {agent}" if name == agent else _OTHER_AGENT
        if not (kept and line is _OTHER_AGENT and kept[-1] is _OTHER_AGENT):
            kept.append(line)
    return "\n".join(kept)
