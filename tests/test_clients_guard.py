"""Which addresses may be connected to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.guard import Guard, is_global, literal
from mingus_lib.errors import PermanentError, UsageError

CLOSED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
OPEN = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1", "2a00:1450::1"]
EVERYWHERE = Guard((), (80, 443))


@pytest.mark.parametrize("address", CLOSED)
def test_a_closed_address_is_refused(address: str) -> None:
    with pytest.raises(PermanentError) as caught:
        EVERYWHERE.check("host.example", address, 80)
    assert caught.value.code == "blocked-address"
    assert "host.example" in str(caught.value)


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_passes_on_the_policys_ports(address: str) -> None:
    EVERYWHERE.check("host.example", address, 80)
    EVERYWHERE.check("host.example", address, 443)
    with pytest.raises(PermanentError) as caught:
        EVERYWHERE.check("host.example", address, 6379)
    assert caught.value.code == "blocked-port"


@given(st.ip_addresses(v=4))
def test_never_wider_than_the_standard_library_for_ipv4(address: IPv4Address) -> None:
    if is_global(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4), st.sampled_from(["::", "::ffff:0:0", "64:ff9b::", "2002::", "2001::"]))
def test_no_translated_address_is_global(address: IPv4Address, prefix: str) -> None:
    shift = 80 if prefix == "2002::" else 0
    translated = IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)
    assert not is_global(translated)


def test_an_allowed_network_is_open_on_all_ports() -> None:
    guard = Guard(("127.0.0.0/8", "fd00::/8"), (80,))
    guard.check("host.example", "127.0.0.1", 31337)
    guard.check("host.example", "fd00::1", 31337)
    with pytest.raises(PermanentError):
        guard.check("host.example", "10.0.0.1", 80)


def test_allowing_the_translated_range_does_not_open_what_is_inside() -> None:
    guard = Guard(("64:ff9b::/96",), (80,))
    guard.check("host.example", "64:ff9b::808:808", 80)
    with pytest.raises(PermanentError):
        guard.check("host.example", "64:ff9b::a9fe:a9fe", 80)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("::1", "::1"),
        ("fe80::1%25lo", "fe80::1"),
        ("example.org", None),
        ("1.2.3.4.example", None),
    ],
)
def test_numbers_are_seen_through(host: str, address: str | None) -> None:
    assert literal(host) == address


@given(st.integers(0, 2**32 - 1))
def test_every_spelling_of_an_address_is_that_address(number: int) -> None:
    expected = str(ip_address(number))
    a, b, rest = number >> 24, number >> 16 & 255, number & 0xFFFF
    for spelling in (str(number), hex(number), f"0{number:o}", f"{a}.{b}.{rest}", f"0x{a:x}.{b}.{rest}"):
        assert literal(spelling) == expected


def test_a_port_is_refused_before_any_request_only_when_no_network_is_allowed() -> None:
    with pytest.raises(PermanentError) as caught:
        EVERYWHERE.check_literal("host.example", 22)
    assert caught.value.code == "blocked-port"
    Guard(("10.0.0.0/8",), (80,)).check_literal("host.example", 22)


def test_a_wrong_network_is_named() -> None:
    with pytest.raises(UsageError, match=r"'10\.0\.0/40' is not a network"):
        Guard(("10.0.0/40",), (80,))
