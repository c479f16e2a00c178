"""Who may come in, and by which name and origin: decided from the settings, asked at every request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import stat
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from mingus_lib.errors import UsageError
from mingus_lib.settings.kinds import Token

if TYPE_CHECKING:
    from mingus_lib.settings import Settings

# Ten guesses a minute find no word of 16 signs, and a person who mistypes is not kept waiting for long.
MAX_TRIES = 10
TRIES_SECONDS = 60.0
# A flood of addresses must not fill the memory.
MAX_CALLERS = 10_000
OPEN_FIX = (
    "write one into a file (openssl rand -hex 24 > token; chmod 600 token) and set MINGUS_DASHBOARD_TOKEN_FILE, "
    "or listen on 127.0.0.1 alone"
)


@dataclass(frozen=True)
class Access:
    """Where the dashboard listens, how people reach it, and the token they need; without one, only on loopback."""

    host: str
    port: int
    # Out of repr, which logs and tracebacks may show.
    token: str | None = field(default=None, repr=False)
    public: SplitResult | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def prefix(self) -> str:
        """The path under which a reverse proxy shows it: `/mingus`, or nothing."""
        return self.public.path.rstrip("/") if self.public else ""

    @property
    def https(self) -> bool:
        """Whether people come by https, so that cookies may be kept from plain http."""
        return self.public is not None and self.public.scheme == "https"

    def accepts(self, secret: str | None) -> bool:
        """Whether this is the token; takes the same time for every wrong one."""
        if self.token is None or secret is None:
            return False
        # Bytes: of text it compares only ASCII, and raises for the rest.
        return hmac.compare_digest(secret.encode("utf-8", "replace"), self.token.encode())

    def knows_host(self, header: str) -> bool:
        """Whether a request may name the server so.

        A page of another site can make its own name resolve to us (DNS rebinding); it cannot do that with an
        address, with `localhost`, or with the name we were given.
        """
        name = _host_of(header)
        named = {"localhost", self.host.lower(), *([self.public.hostname] if self.public else [])}
        return name is not None and (name in named or _is_address(name))

    def knows_origin(self, origin: str, host_header: str) -> bool:
        """Whether a form on a page of this origin is one of ours."""
        if self.public is not None and origin == f"{self.public.scheme}://{self.public.netloc}":
            return True
        # With its port: another server of this machine is another site.
        return origin == f"http://{host_header}" and self.knows_host(host_header)

    def form_token(self, session: str) -> str:
        """What a form must carry: only our own pages can read it."""
        return hmac.new(self.key, b"form " + session.encode(), hashlib.sha256).hexdigest()


def from_settings(settings: Settings) -> Access:
    """Checked. Raises UsageError when others than this machine could come in without a token."""
    token = _token(settings)
    public = urlsplit(settings.dashboard_public_url) if settings.dashboard_public_url else None
    if token is None and not _is_loopback(settings.dashboard_host):
        raise UsageError(
            f"whoever reaches {settings.dashboard_host} would run the queues: a token is needed; {OPEN_FIX}"
        )
    if token is None and public is not None:
        raise UsageError(
            f"whoever reaches {settings.dashboard_public_url} would run the queues: a token is needed; {OPEN_FIX}"
        )
    # From the token, so that a restart logs nobody out and another token everybody.
    key = hashlib.sha256(b"mingus dashboard " + token.encode()).digest() if token else secrets.token_bytes(32)
    return Access(settings.dashboard_host, settings.dashboard_port, token, public, key)


class Tries:
    """Counts wrong tokens by caller: more than MAX_TRIES in TRIES_SECONDS, and the caller has to wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: dict[str, deque[float]] = {}

    def wait(self, caller: str, now: float | None = None) -> float:
        """Seconds until the caller may try again; 0 when it may now."""
        # By a clock that nobody sets: one put back would keep callers waiting.
        now = time.monotonic() if now is None else now
        with self._lock:
            wrong = self._recent(caller, now)
            return 0.0 if len(wrong) < MAX_TRIES else wrong[0] + TRIES_SECONDS - now

    def note(self, caller: str, now: float | None = None) -> None:
        """One more wrong token."""
        now = time.monotonic() if now is None else now
        with self._lock:
            # Put back behind the others, so that who has tried last stays longest.
            wrong = self._wrong.pop(caller, deque(maxlen=MAX_TRIES))
            wrong.append(now)
            self._wrong[caller] = wrong
            if len(self._wrong) > MAX_CALLERS:
                del self._wrong[next(iter(self._wrong))]

    def _recent(self, caller: str, now: float) -> deque[float]:
        wrong = self._wrong.get(caller, deque())
        while wrong and wrong[0] <= now - TRIES_SECONDS:
            wrong.popleft()
        return wrong


def _token(settings: Settings) -> str | None:
    path = settings.dashboard_token_file
    if path is None:
        return settings.dashboard_token
    fix = f"write one: openssl rand -hex 24 > {path}; chmod 600 {path}"
    try:
        # A group may read it, as it may the keys of a library that services share.
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IRWXO):
            raise UsageError(f"others may read or change the token in {path}: chmod 600 {path}")
        return Token(16, 200).parse(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"no token in {path}: {error.strerror}; {fix}") from error
    except OSError as error:
        raise UsageError(
            f"cannot read the token in {path}: {error.strerror}; see who owns the file"
        ) from error
    except ValueError as error:
        raise UsageError(f"no token in {path}: it must be one word of 16 to 200 signs; {fix}") from error


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_of(header: str) -> str | None:
    """The name or address in a Host header, in lower case; None when it is none."""
    try:
        parts = urlsplit(f"//{header}")
        # urlsplit looks at the port only when it is asked for, and raises then.
        _ = parts.port
    except ValueError:
        return None
    # urlsplit takes the end of a strange header for a path or a query, and would leave it out in silence.
    return parts.hostname if parts.netloc == header and "@" not in header else None
