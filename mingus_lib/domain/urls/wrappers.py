"""Addresses that carry another one: AMP caches and viewers, Google's redirect.

A trailing /amp is left alone: on other sites it is a topic. Such a page declares its real address
itself (see declared.py).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from mingus_lib.domain.urls.parts import Parts

# With the domains of countries: google.de, google.co.uk, google.com.br.
_GOOGLE = re.compile(r"(?:www\.)?google\.(?:com?\.)?[a-z]{2,3}")
_VIEWER = re.compile(r"/amp/(s/)?([^/]+\..*)")
_CACHE = re.compile(r"/(?:c|v|wp)/(s/)?([^/]+\..*)")


def wrapped_address(parts: Parts) -> str | None:
    """The address inside, unchecked; None when `parts` is a page of its own."""
    if parts.host.endswith(".cdn.ampproject.org"):
        return _from_path(_CACHE.fullmatch(parts.path), parts.query)
    if not _GOOGLE.fullmatch(parts.host):
        return None
    if parts.path == "/url":
        return _from_query(parts.query)
    return _from_path(_VIEWER.fullmatch(parts.path), parts.query)


def _from_path(found: re.Match[str] | None, query: str) -> str | None:
    """`/c/s/host/path`: the `s` stands for https; the query may be part of the path, encoded."""
    if found is None:
        return None
    rest = f"{found[2]}?{query}" if query else re.sub("%3F", "?", found[2], count=1)
    return f"{'https' if found[1] else 'http'}://{rest}"


def _from_query(query: str) -> str | None:
    pairs = [pair.partition("=") for pair in query.split("&")]
    # Reversed, so that of several of one name the first counts.
    values = {name: value for name, _, value in reversed(pairs) if value}
    target = values.get("q") or values.get("url")
    return unquote(target) if target else None
