"""Addresses that wrap another one: click trackers, link scanners, redirects. Pure; nothing is asked.

The rules are data (data/unwrap.toml). A wrapper whose target is inside it is taken off; one whose target only
its server knows is `opaque`, and is followed when it is fetched.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, unquote_plus

from mingus_lib.domain import datafiles
from mingus_lib.domain.urls import Parts, domains_of, take_apart
from mingus_lib.errors import UsageError

MAX_DEPTH = 8
MAX_VALUE = 16_000
_WEB = re.compile(r"https?:/{1,2}[^\s/]", re.IGNORECASE)
_PROOFPOINT_RUN = re.compile(r"\*(\*.)?")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of wrapper is told and taken off.

    `hosts` cover their subdomains, `*` is any. `path` must match path and query from their start. The
    value is the first of `params`, else the group `url` of `path`; `steps` decode it. No value: opaque.
    """

    name: str
    hosts: tuple[str, ...]
    path: re.Pattern[str] | None
    params: tuple[str, ...]
    steps: tuple[str, ...]
    opaque: bool
    example: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The address inside, the rules that led to it, and whether it is still a wrapper of unknown target."""

    url: str
    rules: tuple[str, ...] = ()
    opaque: bool = False


def unwrap(url: str) -> Unwrapped:
    """Take off wrapper after wrapper, at most eight; `url` itself comes back when it is none."""
    names: list[str] = []
    address, found = url, _inside(url)
    while found is not None and len(names) < MAX_DEPTH:
        name, address = found
        names.append(name)
        found = _inside(address)
    return Unwrapped(address, tuple(names), is_tracker(address))


def is_tracker(url: str) -> bool:
    """Whether the address only leads to another one, which its server alone knows."""
    parts = _parts(url)
    return parts is not None and any(rule.opaque for rule in _matching(parts))


def _inside(url: str) -> tuple[str, str] | None:
    """The rule that fits and the address it finds inside."""
    parts = _parts(url)
    if parts is None:
        return None
    for rule in _matching(parts):
        target = None if rule.opaque else _target(rule, parts)
        # A wrapper of itself would be taken off eight times for nothing.
        if target is not None and target != url:
            return rule.name, target
    return None


def _parts(url: str) -> Parts | None:
    try:
        return take_apart(url)
    except UsageError:
        return None


def _matching(parts: Parts) -> Iterator[Rule]:
    by_host, everywhere = _index()
    where = _where(parts)
    for domain in domains_of(parts.host):
        yield from (rule for rule in by_host.get(domain, ()) if _fits(rule, where))
    # Last, since a rule of the host knows it better than one for any host.
    yield from (rule for rule in everywhere if _fits(rule, where))


def _fits(rule: Rule, where: str) -> bool:
    return rule.path is None or rule.path.match(where) is not None


def _where(parts: Parts) -> str:
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _target(rule: Rule, parts: Parts) -> str | None:
    value = _value(rule, parts)
    try:
        for step in rule.steps:
            value = STEPS[step](value[:MAX_VALUE]) if value else ""
    # It only looked like this wrapper: whatever breaks, the link stays as it is.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return _as_address(value)


def _value(rule: Rule, parts: Parts) -> str:
    """What holds the target, still encoded."""
    # Reversed, so that of several of one name the first counts.
    pairs: dict[str, str] = dict(reversed([pair.partition("=")[::2] for pair in parts.query.split("&")]))
    for name in rule.params:
        if pairs.get(name):
            return pairs[name]
    found = rule.path.match(_where(parts)) if rule.path is not None else None
    groups: dict[str, str | None] = found.groupdict() if found else {}
    return groups.get("url") or ""


def _as_address(value: str) -> str | None:
    text = value.strip()
    if not _WEB.match(text):
        return None
    # Paths lose one of two slashes on some servers.
    text = re.sub(r"\A(https?):/+", r"\1://", text, count=1, flags=re.IGNORECASE).replace(" ", "%20")
    return text if _parts(text) is not None else None


def _base64(value: str) -> str:
    """Base64 in either alphabet, with or without its padding, as text."""
    data = unquote(value).replace("-", "+").replace("_", "/").rstrip("=")
    # No base64 has one character over: it was cut, and with another one the rest decodes.
    data += "A" * (len(data) % 4 == 1)
    return base64.b64decode(data + "=" * (-len(data) % 4)).decode("utf-8", "replace")


def _json_address(value: str) -> str:
    """The address among the values of a JSON object, however deep, nested JSON in strings too."""
    # What follows the object is passed over, such as the filling that completes a cut base64.
    document, _ = json.JSONDecoder().raw_decode(value.strip())
    return next(_addresses(document, 4), "")


def _addresses(document: Any, depth: int) -> Iterator[str]:
    if isinstance(document, str):
        if _WEB.match(document):
            yield document
        elif depth and document.startswith("{"):
            yield _json_address(document)
    elif isinstance(document, dict) and depth:
        for each in document.values():
            yield from _addresses(each, depth - 1)


def _jwt_payload(value: str) -> str:
    """The claims of a JSON Web Token (RFC 7519), unchecked: only an address is wanted."""
    return _base64(value.partition(".")[2].partition(".")[0])


def _proofpoint2(value: str) -> str:
    return unquote(value.replace("-", "%").replace("_", "/"))


def _proofpoint3(value: str) -> str:
    """`https://host/a*b__;BASE64`: each `*` stands for one of the replaced characters, `**X` for a run."""
    url, _, encoded = unquote(value).partition("__;")
    replaced = iter(_base64(encoded.partition("!")[0]) if encoded else "")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    def put_back(found: re.Match[str]) -> str:
        # Runs begin at two: a single one is a plain star.
        count = alphabet.index(found[1][1]) + 2 if found[1] else 1
        return "".join(next(replaced, "*") for _ in range(count))

    return _PROOFPOINT_RUN.sub(put_back, url)


STEPS: dict[str, Callable[[str], str]] = {
    "percent": unquote,
    "form": unquote_plus,
    "base64": _base64,
    "json": _json_address,
    "jwt": _jwt_payload,
    "proofpoint2": _proofpoint2,
    "proofpoint3": _proofpoint3,
    "drop2": lambda value: value[2:],
}


@cache
def rules() -> tuple[Rule, ...]:
    """The rules of data/unwrap.toml, in their order."""
    data = datafiles.table("unwrap.toml")
    return tuple(
        _rule(each, opaque) for key, opaque in (("wrapper", False), ("tracker", True)) for each in data[key]
    )


def _rule(entry: dict[str, Any], opaque: bool) -> Rule:
    return Rule(
        name=entry["name"],
        hosts=tuple(entry["hosts"]),
        path=re.compile(entry["path"]) if "path" in entry else None,
        params=tuple(entry.get("params", ())),
        steps=tuple(entry.get("steps", ("percent",))),
        opaque=opaque,
        example=entry["example"],
        target=entry.get("target"),
    )


@cache
def _index() -> tuple[dict[str, list[Rule]], tuple[Rule, ...]]:
    # By host, since every link of every mail asks, and of a hundred rules few can fit.
    by_host: dict[str, list[Rule]] = {}
    for rule in rules():
        for host in rule.hosts:
            by_host.setdefault(host, []).append(rule)
    return by_host, tuple(by_host.pop("*", ()))
