"""Percent-encoding and dot segments in their normal form (RFC 3986, section 6.2.2)."""

from __future__ import annotations

import re

_UNRESERVED = r"A-Za-z0-9._~\-"
_SEGMENT = _UNRESERVED + "!$&'()*+,;=:@"
_PATH = re.compile(rf"%([0-9A-Fa-f]{{2}})|[^{_SEGMENT}/]")
_QUERY = re.compile(rf"%([0-9A-Fa-f]{{2}})|[^{_SEGMENT}/?]")
_IS_UNRESERVED = re.compile(f"[{_UNRESERVED}]")


def normal_path(path: str) -> str:
    """A path that is empty or starts with a slash: encoded one way, without `.` and `..`."""
    # Decoding goes first: %2E%2E is a dot segment too.
    return _without_dot_segments(_PATH.sub(_normal, path or "/"))


def normal_query(query: str) -> str:
    """A query encoded one way, without its empty parts."""
    return "&".join(pair for pair in _QUERY.sub(_normal, query).split("&") if pair)


def _normal(found: re.Match[str]) -> str:
    """An escape decoded if it need not be one, else in capitals; any other character encoded."""
    if found[1] is None:
        return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8"))
    character = chr(int(found[1], 16))
    return character if _IS_UNRESERVED.match(character) else found[0].upper()


def _without_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    # The path ends in a folder: /a/b/.. is /a/, with the slash.
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
