"""The canonical spelling of a web address (RFC 3986, section 6, and what browsers do with hosts).

Two spellings that servers must treat alike become one; parameters that only track a reader are
dropped; AMP copies and search-engine redirects give way to the page they stand for. The order of
query parameters is kept: servers may tell `a=1&b=2` from `b=2&a=1`, and guessing wrong loses a page.
Fragments are dropped, `#!` too: no page fetched without scripts depends on them.
"""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from functools import cache
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mingus_lib.domain.urls.hosts import normal_host
from mingus_lib.domain.urls.unwrap import inner_address
from mingus_lib.errors import UsageError

MAX_CHARACTERS = 2048
MAX_TYPED_CHARACTERS = 8192

DEFAULT_PORTS = {"http": 80, "https": 443}
_SUB_DELIMITERS = "!$&'()*+,;="
_PATH_SAFE = f"-._~{_SUB_DELIMITERS}:@/"
_QUERY_SAFE = f"{_PATH_SAFE}?"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CREDENTIALS = re.compile(r"//[^/?#\s]*@")
_BARE_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?([/?#]|$)")
_AMP_YES = ("", "1", "true")


def canonical(url: str) -> str:
    """The one spelling of `url`: printable ASCII, at most 2,048 characters, the same when applied twice.

    Raises UsageError, one line that names the address and the fix, when it is not an http(s)
    address that could be fetched.
    """
    address = _one_layer(url)
    # Every layer is shorter than the one around it, so this ends.
    while (inner := inner_address(address)) is not None:
        try:
            address = _one_layer(inner)
        except UsageError:
            break
    return address


def _one_layer(url: str) -> str:
    text = url.strip()
    parts = _split(text)
    host, port = _authority(parts, text)
    path = _without_dot_segments(_escaped(parts.path, _PATH_SAFE)) or "/"
    query = _query(parts.query)
    address = f"{parts.scheme}://{host}{port}{path}{'?' if query else ''}{query}"
    if len(address) > MAX_CHARACTERS:
        raise _refused(text, f"is longer than {MAX_CHARACTERS} characters; no article needs that")
    return address


def _split(text: str) -> SplitResult:
    if len(text) > MAX_TYPED_CHARACTERS:
        raise _refused(text, f"is longer than {MAX_TYPED_CHARACTERS} characters; one address at a time")
    if any(c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text):
        raise _refused(text, "holds white space or control characters; write one plain address")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _refused(text, "is not a web address; write https://host/path") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused(text, _scheme_fix(text))
    return parts


def _scheme_fix(text: str) -> str:
    if _BARE_HOST.match(text):
        return f"has no scheme; write https://{_shown(text)}"
    return "is not a web address; only http:// and https:// can be fetched"


def _authority(parts: SplitResult, text: str) -> tuple[str, str]:
    if "@" in parts.netloc:
        raise _refused(text, "holds a user name or password; leave them out")
    try:
        host, port = normal_host(parts.hostname or ""), parts.port
    except ValueError as error:
        raise _refused(text, f"has no usable host or port ({error}); write https://host/path") from error
    if port == 0:
        raise _refused(text, "has the port 0; leave the port out")
    return host, "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"


def _escaped(text: str, safe: str) -> str:
    """Percent-encoding as RFC 3986 likes it: unreserved characters bare, the rest upper-case escapes."""
    text = _STRAY_PERCENT.sub("%25", text)
    text = _ESCAPE.sub(_normal_escape, text)
    return quote(text, safe=safe + "%")


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _without_dot_segments(path: str) -> str:
    # RFC 3986, 5.2.4, on a path that begins with a slash or is empty.
    kept: list[str] = []
    segments = path.split("/")
    for position, segment in enumerate(segments[1:], 2):
        last = position == len(segments)
        if segment == "..":
            kept = kept[:-1]
        if segment not in (".", ".."):
            kept.append(segment)
        elif last:
            kept.append("")
    return "/" + "/".join(kept) if len(segments) > 1 else path


def _query(query: str) -> str:
    pieces = (_escaped(piece, _QUERY_SAFE) for piece in query.split("&") if piece)
    return "&".join(piece for piece in pieces if not _is_tracking(piece))


def _is_tracking(piece: str) -> bool:
    name, _, value = piece.partition("=")
    name = unquote(name).lower()
    if name == "amp":
        return value.lower() in _AMP_YES
    exact, prefixes = _tracking_names()
    return name in exact or name.startswith(prefixes)


@cache
def _tracking_names() -> tuple[frozenset[str], tuple[str, ...]]:
    text = (importlib.resources.files("mingus_lib.data") / "tracking_params.txt").read_text("utf-8")
    names = [line.strip().lower() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    exact = frozenset(name for name in names if not name.endswith("*"))
    return exact, tuple(name.removesuffix("*") for name in names if name.endswith("*"))


def _refused(text: str, complaint: str) -> UsageError:
    return UsageError(f"{_shown(text)!r} {complaint}", code="bad-address")


def _shown(text: str) -> str:
    short = _CREDENTIALS.sub("//***@", text[:MAX_TYPED_CHARACTERS])
    short = short if len(short) <= 80 else short[:77] + "..."
    return short.encode("ascii", "backslashreplace").decode()
