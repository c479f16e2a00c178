"""Hosts: their one spelling, and the domain somebody registered."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

MAX_HOST_CHARACTERS = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def host_of(canonical_url: str) -> str:
    """The host of a canonical address: lower-case ASCII, without port or brackets."""
    return urlsplit(canonical_url).hostname or ""


def registrable_domain(host: str) -> str:
    """The domain that somebody registered (public suffix list, private part included).

    Addresses by number, single labels and unknown suffixes are returned as they are.
    """
    if ":" in host or host.replace(".", "").isdigit() or "." not in host:
        return host
    from tld import get_fld

    found = get_fld(host, fix_protocol=True, fail_silently=True, search_private=True)
    return str(found) if found else host


def normal_host(host: str) -> str:
    """One spelling of a host, as browsers find it (WHATWG URL, "host parsing"); IPv6 in brackets.

    Raises ValueError with a short reason.
    """
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]" if "%" not in host else _refuse("an address with a zone")
    name = _ascii(host).removesuffix(".")
    if not name or len(name) > MAX_HOST_CHARACTERS:
        raise ValueError("an empty or overlong host")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("a host with impossible characters")
    return name


def _refuse(reason: str) -> str:
    raise ValueError(reason)


def _ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    if len(host) > MAX_HOST_CHARACTERS:
        raise ValueError("an overlong host")
    import idna

    try:
        return idna.encode(host, uts46=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError("an international name that is not valid") from error


def _ipv4(labels: list[str]) -> str:
    # Decimal, octal and hexadecimal, with one to four parts: 0x7f.1 is 127.0.0.1 to a browser.
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise ValueError("a host that ends in a number but is no address")
    *first, last = [_number(label) for label in labels]
    if any(part > 255 for part in first) or last >= 256 ** (5 - len(labels)):
        raise ValueError("an address with parts that are too large")
    value = last + sum(part << (8 * (3 - place)) for place, part in enumerate(first))
    return str(ipaddress.IPv4Address(value))


def _number(label: str) -> int:
    if len(label) > 16:
        raise ValueError("an address with parts that are too large")
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if len(label) > 1 and label.startswith("0") else int(label)
