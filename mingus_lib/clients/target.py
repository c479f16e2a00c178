"""Where a request goes: an address taken apart once, by the parser that will also connect to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from requests import PreparedRequest
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from mingus_lib.errors import PermanentError

MAX_URL_CHARACTERS = 8_192
MAX_HOST_CHARACTERS = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)
# Parsers disagree on backslashes and control characters; nobody needs them in an address.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Target:
    """One http(s) address, normalised. `host` has no brackets and no trailing dot; it names the pace."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """`scheme://host`, with the port unless it is the scheme's own (RFC 6454)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def label(self) -> str:
        """The address as it may be shown: without its query."""
        return shown(self.url)

    def beside(self, location: str) -> Target:
        """The target of a redirect answered here; `location` may be relative."""
        try:
            return parse(urljoin(self.url, location))
        except ValueError as error:
            raise PermanentError(f"{self.label} redirects to no address", code="bad-response") from error


def parse(url: str) -> Target:
    """Take `url` apart and normalise it.

    Raises PermanentError: `blocked-address` for another scheme than http(s) or for credentials in
    the address, `bad-address` for what is none.
    """
    text = url.strip().partition("#")[0]
    _check_form(text)
    parts = _prepare(text)
    host = (parts.host or "").strip("[]").rstrip(".").lower()
    if not host or len(host) > MAX_HOST_CHARACTERS or parts.scheme not in _DEFAULT_PORTS:
        raise PermanentError(f"{shown(text)} is not an http address", code="bad-address")
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    return Target(parts.url, parts.scheme, host, port)


def shown(url: str) -> str:
    """An address for messages: one line, without credentials, query and fragment, cut at 200 characters."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    # Secrets travel in queries and credentials, and messages end in logs.
    bare = re.sub(r"//[^/]*@", "//", bare)
    return re.sub(r"[^\x21-\x7e]+", "_", bare)[:200]


def _check_form(text: str) -> None:
    if len(text) > MAX_URL_CHARACTERS:
        raise PermanentError(
            f"{shown(text[:80])}... has more than {MAX_URL_CHARACTERS} characters", code="bad-address"
        )
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in _DEFAULT_PORTS:
        raise PermanentError(f"{shown(text)} is not fetched: only http and https are", code="blocked-address")
    if not scheme or _FORBIDDEN.search(text):
        raise PermanentError(f"{shown(text)} is not an http address", code="bad-address")


def _prepare(text: str) -> Url:
    request = PreparedRequest()
    try:
        written = parse_url(text)
        # requests would quietly turn port 0 into the default.
        if written.port == 0:
            raise ValueError("port 0")
        if written.auth is not None or "@" in (written.netloc or ""):
            raise PermanentError(
                f"{shown(text)} is not fetched: it carries credentials", code="blocked-address"
            )
        request.prepare_url(text, None)
        return parse_url(request.url or "")
    except (RequestException, HTTPError, ValueError) as error:
        raise PermanentError(f"{shown(text)} is not an http address", code="bad-address") from error
