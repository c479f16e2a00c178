"""Where a request goes: an address taken apart once, by the rules that also make it canonical.

Every address that is fetched can be stored: no redirect leads to one that domain.urls refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from mingus_lib.domain.urls import take_apart
from mingus_lib.domain.urls.parts import DEFAULT_PORTS
from mingus_lib.errors import PermanentError, UsageError

_OTHER_SCHEME_OR_CREDENTIALS = re.compile(r"(?!https?:)[a-z][a-z0-9+-]*:|https?://[^/?#\\]*@", re.IGNORECASE)


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
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def label(self) -> str:
        """The address as it may be shown: without its query."""
        return shown(self.url)

    def beside(self, location: str) -> Target:
        """The target of a redirect answered here; `location` may be relative."""
        try:
            # Servers do send spaces; browsers read them so.
            return parse(urljoin(self.url, location.strip().replace(" ", "%20")))
        except ValueError as error:
            raise PermanentError(f"{self.label} redirects to no address", code="bad-response") from error


def parse(url: str) -> Target:
    """Take `url` apart and normalise it.

    Raises PermanentError: `blocked-address` for another scheme than http(s) or for credentials in
    the address, `bad-address` for what is none.
    """
    try:
        parts = take_apart(url)
    except UsageError as error:
        refused = _OTHER_SCHEME_OR_CREDENTIALS.match(url.strip())
        code = "blocked-address" if refused else "bad-address"
        raise PermanentError(str(error), code=code) from error
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return Target(str(parts), parts.scheme, parts.host.strip("[]"), port)


def shown(url: str) -> str:
    """An address for messages: one line, without credentials, query and fragment, cut at 200 characters."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    # Secrets travel in queries and credentials, and messages end in logs.
    bare = re.sub(r"//[^/]*@", "//", bare)
    return re.sub(r"[^\x21-\x7e]+", "_", bare)[:200]
