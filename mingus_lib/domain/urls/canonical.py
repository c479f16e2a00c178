"""One spelling for each page."""

from __future__ import annotations

from dataclasses import replace

from mingus_lib.domain.urls.parts import Parts, take_apart
from mingus_lib.domain.urls.tracking import without_tracking
from mingus_lib.domain.urls.wrappers import wrapped_address
from mingus_lib.errors import UsageError


def canonical(url: str) -> str:
    """The address by which a page is known, at most 8,000 characters of ASCII; idempotent.

    Scheme and host in lower case, international names in punycode, no default port, no trailing
    dot of the host, no dot segments, one percent-encoding (RFC 3986, 6.2.2), no tracking
    parameters (data/tracking_params.toml), no empty query; AMP caches and Google's redirects are
    replaced by the address they carry.

    Fragments are dropped, `#!` ones too: a server never sees them, so what is fetched is the
    page without them. Parameters keep their order, because some servers read it and because an
    address nobody has published may not work; two orders that show one page are found by its text.

    Raises UsageError (code `bad-address`), one line with the address and the fix, for everything
    that is not an http(s) address, holds credentials, spaces or control characters, or is too long.
    """
    return str(canonical_parts(url))


def canonical_parts(url: str) -> Parts:
    """The same, taken apart."""
    parts = _normal(url)
    while (inner := _unwrapped(parts)) is not None:
        parts = inner
    return parts


def _normal(url: str) -> Parts:
    parts = take_apart(url)
    return replace(parts, query=without_tracking(parts.host, parts.query)) if parts.query else parts


def _unwrapped(parts: Parts) -> Parts | None:
    target = wrapped_address(parts)
    if target is None:
        return None
    try:
        inner = _normal(target)
    except UsageError:
        # What is inside is no address: then the wrapper itself is the page.
        return None
    # Always so for honest wrappers; for the others it makes sure that unwrapping ends.
    return inner if len(str(inner)) < len(str(parts)) else None
