"""Hosts: the one spelling of a name or number, and the domain that somebody registered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from mingus_lib.errors import UsageError

MAX_HOST_CHARACTERS = 253
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY = re.compile(r"https?://(?:[^/?#@]*@)?(\[[^]/?#]*\]|[^/?#:]*)", re.IGNORECASE)


def host_of(url: str) -> str:
    """The host of an http(s) address: lower case, no port, IPv6 without brackets.

    Raises UsageError when there is none.
    """
    found = _AUTHORITY.match(url)
    if found is None or not found[1]:
        raise UsageError(f"{url[:80]!r} has no host; an address begins with https://")
    return found[1].strip("[]").lower()


def domains_of(host: str) -> Iterator[str]:
    """A host and every domain above it, the nearest first: whole labels, so that t.co is not in nerdwallet.com."""
    labels = host.split(".")
    return (".".join(labels[start:]) for start in range(len(labels)))


def plain_host(text: str) -> str:
    """A host that somebody typed as addresses have it: lower case, IDNA; what is no host stays what it is."""
    name = text.strip().lower().rstrip(".")
    # Only then: a name of ASCII is looked up for every address.
    if not name.isascii():
        with suppress(ValueError):
            return normal_host(name)
    return name


def normal_host(text: str) -> str:
    """A host as it stands in a canonical address: punycode, dotted IPv4, compressed IPv6 in brackets.

    Names follow UTS 46 (non-transitional) and the IDNA 2008 tables; numbers are read as browsers
    do (WHATWG URL, "ends in a number"), so that 0x7f.1 does not pass for a name. Raises
    ValueError for anything else.
    """
    if text.startswith("["):
        return _ipv6(text)
    # One more for the dot at the end.
    if not 0 < len(text) <= MAX_HOST_CHARACTERS + 1:
        raise ValueError("the host is empty or too long")
    name = (text if text.isascii() else _punycode(text)).lower().removesuffix(".")
    if not _NAME.fullmatch(name) or len(name) > MAX_HOST_CHARACTERS:
        raise ValueError("the host is not a valid name")
    # Resolvers take a name that ends in a number for an address, as inet_aton does.
    return _ipv4(name) if _NUMBER.fullmatch(name.rpartition(".")[2]) else name


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The part of a host that somebody registered: bbc.co.uk of news.bbc.co.uk.

    By the Public Suffix List with its private part, so that two users of one blog host stay
    apart. Addresses of numbers, single labels and suffixes themselves come back as given;
    under an unlisted top-level domain the last two labels count, as the list's default rule says.
    """
    if _is_number(host) or "." not in host:
        return host
    from tld import get_fld

    # With the private part of the list: get_fld searches it unless it is told not to.
    listed = get_fld(f"http://{host}", fail_silently=True)
    return listed or ".".join(host.split(".")[-2:])


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _punycode(text: str) -> str:
    import idna

    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise ValueError("the host is not a valid international name") from error


def _ipv6(text: str) -> str:
    # Python takes fe80::1%eth0 for an address; a zone means something on one machine only.
    if not text.endswith("]") or "%" in text:
        raise ValueError("the host is not an IPv6 address")
    try:
        return f"[{IPv6Address(text[1:-1])}]"
    except ValueError as error:
        raise ValueError("the host is not an IPv6 address") from error


def _ipv4(text: str) -> str:
    """Dotted form of up to four decimal, octal (0...) or hexadecimal (0x...) numbers."""
    *leading, last = [_number(part) for part in text.split(".")]
    if len(leading) > 3 or any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        raise ValueError("the host is a number, but no IPv4 address")
    value = sum(number << 8 * (3 - position) for position, number in enumerate(leading)) + last
    return str(IPv4Address(value))


def _number(text: str) -> int:
    # int() alone would read 1_0 as 10, which no browser does.
    if not _NUMBER.fullmatch(text):
        raise ValueError("the host is a number, but no IPv4 address")
    try:
        if text.startswith("0x"):
            # To browsers a bare 0x is nought, too.
            return int(text[2:] or "0", 16)
        return int(text, 8 if text.startswith("0") else 10)
    except ValueError as error:
        raise ValueError("the host is a number, but no IPv4 address") from error
