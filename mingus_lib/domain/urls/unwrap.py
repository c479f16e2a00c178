"""Addresses that stand for another one, which they hold in plain sight: AMP caches, search redirects."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_GOOGLE = re.compile(r"(www\.)?google\.[a-z]{2,3}(\.[a-z]{2})?")
_AMP_CACHE = ".cdn.ampproject.org"
_AMP_PATH = re.compile(r"/(?:[cv]/)?(s/)?(?P<rest>[^/]+\.[^/]+.*)")


def inner_address(canonical_url: str) -> str | None:
    """The address inside, or None. It is not checked and not canonical yet."""
    parts = urlsplit(canonical_url)
    host = parts.hostname or ""
    if host.endswith(_AMP_CACHE) and parts.path.startswith(("/c/", "/v/")):
        return _amp_target(parts.path, parts.query)
    if not _GOOGLE.fullmatch(host):
        return None
    if parts.path.startswith("/amp/"):
        return _amp_target(parts.path.removeprefix("/amp"), parts.query)
    return _redirect_target(parts.query) if parts.path == "/url" else None


def _amp_target(path: str, query: str) -> str | None:
    found = _AMP_PATH.fullmatch(path)
    if found is None:
        return None
    scheme = "https" if found[1] else "http"
    return f"{scheme}://{found['rest']}" + (f"?{query}" if query else "")


def _redirect_target(query: str) -> str | None:
    values = dict(parse_qsl(query, max_num_fields=50)) if query.count("&") < 50 else {}
    target = values.get("q") or values.get("url") or ""
    return target if target.lower().startswith(("http://", "https://")) else None
