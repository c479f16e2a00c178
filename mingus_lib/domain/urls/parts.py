"""An address taken apart: strict about what a host is, so that no two parsers can disagree on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mingus_lib.domain.urls.hosts import normal_host
from mingus_lib.domain.urls.percent import normal_path, normal_query
from mingus_lib.errors import UsageError

# RFC 9110, 4.1: what every server is asked to accept; click trackers come near it.
MAX_CHARACTERS = 8_000
DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB = re.compile(r"[A-Za-z]+://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_BARE_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::[0-9]+)?(?:[/?#]|\Z)")
_WITH_PORT = re.compile(r":[0-9]*\Z")
# Refused, not removed: urlsplit drops tabs and line ends in silence, and so reads another address.
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f-\x9f\ud800-\udfff]")

# Chats and word processors put these around an address; in one they would be encoded as part of its path.
_INVISIBLE = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A normalised http(s) address without its fragment; `port` is None where it is the scheme's own."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.host}{port}{self.path}{query}"


def take_apart(url: str) -> Parts:
    """The parts of `url`, each in its normal form. Raises UsageError that names the fault and the fix."""
    text = url.strip().strip(_INVISIBLE).strip()
    scheme = _checked_scheme(text)
    found = _WEB.match(text)
    if found is None or not found[1]:
        raise bad_address(f"{shown(text)}: the host is missing; write it like {scheme}://example.com/")
    host, port = _place(text, found[1])
    parts = Parts(
        scheme,
        host,
        None if port == DEFAULT_PORTS[scheme] else port,
        normal_path(found[2]),
        normal_query(found[3] or ""),
    )
    # Measured again, since percent-encoding makes up to twelve characters of one.
    if len(str(parts)) > MAX_CHARACTERS:
        raise _too_long(text)
    return parts


# In plain, or percent-encoded as in the query of a tracker.
_LOGIN = re.compile(r"(:|%3a)(//|%2f%2f)(?:(?!%2f|%3f|%23|%26)[^/?#&\s])*(@|%40)", re.IGNORECASE)


def without_login(text: str) -> str:
    """The address as it is, but *** for a user and password in it, or in an address that its query wraps."""
    return _LOGIN.sub(r"\1\2***\3", text)


def shown(text: str) -> str:
    """An address as messages may name it: one line, no credentials, query or fragment, cut at 100."""
    bare = re.split(r"[?#]", _bounded(text), maxsplit=1)[0]
    # Where no port follows the colon, a password does, which may hold slashes: all up to the last @ goes.
    credentials = r"//.*@" if re.match(r"[^/]*//[^/@]*:[^/@]*[^0-9/@]", bare) else r"//[^/]*@"
    bare = re.sub(credentials, "//", bare, count=1, flags=re.DOTALL)
    bare = "".join(character if character.isprintable() else "?" for character in bare[:101])
    return bare if len(bare) <= 100 else bare[:97] + "..."


def _bounded(text: str) -> str:
    """What is looked at of a text that may be a megabyte: not even the host where credentials may reach further."""
    head, rest = text[:MAX_CHARACTERS], text[MAX_CHARACTERS:]
    return head.partition("//")[0] + "//" if "@" in rest else head


def bad_address(message: str) -> UsageError:
    """The error for all that is wrong with an address; its reason is kept as `bad-address: ...`."""
    return UsageError(message, code="bad-address")


def _suggested(text: str) -> str:
    """How a host without its scheme should have been written, else an example."""
    return f"https://{shown(text)}" if _BARE_HOST.match(text) else "it in full, like https://example.com/page"


def _checked_scheme(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        raise _too_long(text)
    if _FORBIDDEN.search(text):
        raise bad_address(f"{shown(text)!r} holds spaces or control characters; write a space as %20")
    found = _SCHEME.match(text)
    # example.com:8080/ looks like a scheme and is a host without one.
    if found is None or "." in found[1]:
        raise bad_address(f"{shown(text)!r} is not a web address; write {_suggested(text)}")
    if found[1].lower() not in DEFAULT_PORTS:
        raise bad_address(f"{shown(text)}: only http and https addresses can be read, not {found[1][:20]}")
    return found[1].lower()


def _place(text: str, authority: str) -> tuple[str, int | None]:
    """Host and port of the part between `//` and the path."""
    # https://bank.example@evil.example fools a reader, and a password would be stored and shown.
    if "@" in authority:
        raise bad_address(f"{shown(text)}: the address holds credentials; remove what stands before the @")
    host, _, digits = authority.rpartition(":") if _WITH_PORT.search(authority) else (authority, "", "")
    try:
        return normal_host(host), _port(digits)
    except ValueError as error:
        raise bad_address(f"{shown(text)}: {error}; check its spelling") from error


def _port(digits: str) -> int | None:
    # Leading zeros are legal; thousands of digits are never turned into a number.
    significant = digits.lstrip("0")
    if digits and not (0 < len(significant) <= 5 and int(significant) < 65_536):
        raise ValueError("the port is out of range")
    return int(significant) if significant else None


def _too_long(text: str) -> UsageError:
    return bad_address(f"{shown(text)} is longer than {MAX_CHARACTERS} characters; shorten the address")
