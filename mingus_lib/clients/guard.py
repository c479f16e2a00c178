"""Which network addresses may be connected to (the guard against server-side request forgery).

The rule is applied to the address a socket is about to connect to, so that a name which resolves
to something else a moment later gains nothing. Only global unicast is open; the tables are the
special-purpose registries of RFC 6890 and IANA, written out because the standard library's
`is_global` differs between patch releases of Python.

With a proxy, the proxy resolves names and connects: it has to hold the rule itself. mingus then
still checks scheme, credentials, port, addresses written as numbers, and names that resolve here.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from mingus_lib.errors import PermanentError, UsageError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CLOSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's wire server, although global
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Everything outside 2000::/3 is closed, so that a range assigned later starts out refused.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
# 6to4 and Teredo lie in 2000::/3 and are closed by name above.
_V4_IN_LAST_32_BITS = tuple(IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))


class Guard:
    """The network rule of one FetchPolicy: `ports` for global addresses, all ports in `allow_networks`."""

    def __init__(self, allow_networks: Iterable[str], ports: Iterable[int]) -> None:
        self._allowed: tuple[Network, ...] = tuple(_network(text) for text in allow_networks)
        self._ports = frozenset(ports)

    def check(self, host: str, address: str, port: int) -> None:
        """Raise PermanentError (`blocked-address`, `blocked-port`) unless it may be connected to."""
        # The zone of fe80::1%eth0 is no part of the address.
        candidate = ip_address(address.partition("%")[0])
        if self._is_allowed(candidate):
            return
        if not is_global(candidate):
            raise PermanentError(
                f"{host} is not fetched: {candidate} is not a public address", code="blocked-address"
            )
        self._check_port(host, port)

    def check_literal(self, host: str, port: int) -> None:
        """The same for what can be seen without resolving: a host written as a number, in any form."""
        if address := literal(host):
            self.check(host, address, port)
        # A name may still turn out to lie in an allowed network, where all ports are open.
        elif not self._allowed:
            self._check_port(host, port)

    def _check_port(self, host: str, port: int) -> None:
        if port not in self._ports:
            named = ", ".join(map(str, sorted(self._ports)))
            raise PermanentError(
                f"{host} is not fetched: port {port} is not one of {named}", code="blocked-port"
            )

    def _is_allowed(self, address: Address) -> bool:
        if not any(address in network for network in self._allowed):
            return False
        # Allowing the NAT64 prefix must not open the private addresses it can spell.
        inner = embedded_ipv4(address)
        return inner is None or is_global(inner) or self._is_allowed(inner)


def _network(text: str) -> Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise UsageError(
            f"fetch_allow_networks: {text!r} is not a network; write 10.0.0.0/8 or fd00::/8"
        ) from None


def is_global(address: Address) -> bool:
    """True for an address anyone on the Internet may serve pages from; never for a translated one."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def embedded_ipv4(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv4-mapped, -compatible or NAT64 (RFC 6052) address stands for."""
    if isinstance(address, IPv6Address) and any(address in network for network in _V4_IN_LAST_32_BITS):
        return IPv4Address(int(address) & 0xFFFFFFFF) if int(address) > 1 else None
    return None


def literal(host: str) -> str | None:
    """The address a host stands for without DNS: IPv6, dotted, short, decimal, octal or hex IPv4."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        # inet_aton reads what resolvers read: short, decimal, octal and hex forms.
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
