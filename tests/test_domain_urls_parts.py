"""Hosts, parts and tracking parameters of addresses, each by itself: bounds, and what people are told."""

from __future__ import annotations

import pytest

from mingus_lib.domain.urls import Parts, canonical, domains_of, host_of, shown, take_apart
from mingus_lib.domain.urls.canonical import canonical_parts
from mingus_lib.domain.urls.hosts import normal_host
from mingus_lib.domain.urls.parts import MAX_CHARACTERS
from mingus_lib.domain.urls.tracking import TrackingRules, tracking_rules, without_tracking
from mingus_lib.errors import UsageError

LONGEST = ".".join(["a" * 63] * 3 + ["b" * 61])  # 253 characters


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("Example.COM.", "example.com"),
        ("a_b-c", "a_b-c"),
        (LONGEST, LONGEST),
        (LONGEST + ".", LONGEST),
        ("B\u00fccher.DE", "xn--bcher-kva.de"),
        # As browsers read numbers: four, or the last one for what is missing.
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.772", "1.2.3.4"),
        ("1.131844", "1.2.3.4"),
        ("16909060", "1.2.3.4"),
        ("0X1.02.0x3.4.", "1.2.3.4"),
        ("0x", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("255.255.65535", "255.255.255.255"),
        ("255.16777215", "255.255.255.255"),
        ("a1", "a1"),
        ("1.a", "1.a"),
        ("[2001:DB8::A]", "[2001:db8::a]"),
    ],
)
def test_a_host_has_one_spelling(host: str, normal: str) -> None:
    assert normal_host(host) == normal
    assert normal_host(normal) == normal


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("", "the host is empty or too long"),
        (LONGEST + "bb", "the host is empty or too long"),
        (LONGEST + "b", "the host is not a valid name"),
        ("a" * 64, "the host is not a valid name"),
        ("a..b", "the host is not a valid name"),
        ("a b", "the host is not a valid name"),
        (".", "the host is not a valid name"),
        ("\u200b", "the host is not a valid international name"),
        ("1.2.3.4.5", "the host is a number, but no IPv4 address"),
        ("256.2.3.4", "the host is a number, but no IPv4 address"),
        ("1.2.3.256", "the host is a number, but no IPv4 address"),
        ("1.2.65536", "the host is a number, but no IPv4 address"),
        ("1.16777216", "the host is a number, but no IPv4 address"),
        ("4294967296", "the host is a number, but no IPv4 address"),
        ("a.1", "the host is a number, but no IPv4 address"),
        ("1_0.1.1.1", "the host is a number, but no IPv4 address"),
        ("1.2.3.09", "the host is a number, but no IPv4 address"),
        ("[::1", "the host is not an IPv6 address"),
        ("[::1%eth0]", "the host is not an IPv6 address"),
        ("[1.2.3.4]", "the host is not an IPv6 address"),
    ],
)
def test_what_is_no_host_is_told(host: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        normal_host(host)
    assert str(caught.value) == told


def test_the_domains_of_a_host_are_whole_labels() -> None:
    assert list(domains_of("a.b.example")) == ["a.b.example", "b.example", "example"]
    assert list(domains_of("localhost")) == ["localhost"]


def test_an_address_without_a_host_is_named_and_cut() -> None:
    with pytest.raises(UsageError) as caught:
        host_of("x" * 90)
    assert str(caught.value) == f"'{'x' * 80}' has no host; an address begins with https://"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("HTTPS://Example.com", Parts("https", "example.com", None, "/", "")),
        (" http://example.com:8080/a/?b=c#d ", Parts("http", "example.com", 8080, "/a/", "b=c")),
        ("http://example.com:80?b", Parts("http", "example.com", None, "/", "b")),
        ("https://example.com:80/", Parts("https", "example.com", 80, "/", "")),
        ("https://example.com:65535/", Parts("https", "example.com", 65_535, "/", "")),
        ("https://[::1]:1/?a?b", Parts("https", "[::1]", 1, "/", "a?b")),
        ("https://example.com/a:b@c", Parts("https", "example.com", None, "/a:b@c", "")),
        ("https://example.com#?a", Parts("https", "example.com", None, "/", "")),
    ],
)
def test_parts(url: str, parts: Parts) -> None:
    assert take_apart(url) == parts
    assert take_apart(str(parts)) == parts


def test_parts_are_written_as_an_address() -> None:
    assert str(Parts("http", "a.example", 8080, "/b", "c=d")) == "http://a.example:8080/b?c=d"
    assert str(Parts("https", "a.example", None, "/", "")) == "https://a.example/"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is not a web address; write it in full, like https://example.com/page"),
        ("word", "'word' is not a web address; write it in full, like https://example.com/page"),
        ("a.example", "'a.example' is not a web address; write https://a.example"),
        ("a.example:80/b?c", "'a.example:80/b' is not a web address; write https://a.example:80/b"),
        ("a b", "'a b' holds spaces or control characters; write a space as %20"),
        ("ftp://a.example/", "ftp://a.example/: only http and https addresses can be read, not ftp"),
        (
            "abcdefghijklmnopqrstuvwxyz:b",
            "abcdefghijklmnopqrstuvwxyz:b: only http and https addresses can be read, not abcdefghijklmnopqrst",
        ),
        ("HTTP:///b", "HTTP:///b: the host is missing; write it like http://example.com/"),
        (
            "https://a@b.example/",
            "https://b.example/: the address holds credentials; remove what stands before the @",
        ),
        ("https://a..b/", "https://a..b/: the host is not a valid name; check its spelling"),
        ("https://a.example:0/", "https://a.example:0/: the port is out of range; check its spelling"),
        (
            "https://a.example:65536/",
            "https://a.example:65536/: the port is out of range; check its spelling",
        ),
        (
            "https://a.example/" + "b" * 8_000,
            f"https://a.example/{'b' * 79}... is longer than 8000 characters; shorten the address",
        ),
        (
            "https://a.example/?" + "\u00e4" * 2_000,
            "https://a.example/ is longer than 8000 characters; shorten the address",
        ),
    ],
)
def test_what_is_wrong_with_an_address_is_told_with_the_fix(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        take_apart(text)
    assert (str(caught.value), caught.value.code) == (told, "bad-address")


def test_an_address_is_measured_as_it_is_stored() -> None:
    start = "https://a.example/"
    whole = start + "b" * (MAX_CHARACTERS - len(start) - 6) + "\u00e4"
    assert len(str(take_apart(whole))) == MAX_CHARACTERS
    with pytest.raises(UsageError, match="longer than"):
        take_apart(whole + "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/b#c?d", "https://a.example/b"),
        ("https://u:p/q@r@a.example/b", "https://a.example/b"),
        ("https://t@a.example//b@c", "https://a.example//b@c"),
        ("https://a.example//" + "b" * MAX_CHARACTERS + "@c", "https://"),
        ("x" * 98 + "\t\t", "x" * 98 + "??"),
    ],
)
def test_what_messages_show_of_an_address(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_wrapper_is_a_page_when_nothing_shorter_is_inside() -> None:
    assert canonical_parts("https://www.google.com/url?q=https://a.example/b&utm_source=c") == Parts(
        "https", "a.example", None, "/b", ""
    )
    for inside in ("ftp://a.example/", "https://a@b.example/", "https://a..b/"):
        url = f"https://www.google.com/url?q={inside}"
        assert canonical(url) == url
    # One sign of four characters; in punycode the name is longer than the wrapper around it.
    grows, wrapper = "%E3%8D%BF.", "http://google.de/url?q=http://"
    assert canonical(f"{wrapper}{grows * 2}de/") == "http://xn--6oqv20b1zgzxr.xn--6oqv20b1zgzxr.de/"
    assert canonical(f"{wrapper}{grows * 3}de/") == f"{wrapper}{grows * 3}de/"


RULES = TrackingRules(
    names=frozenset({"click"}),
    prefixes=("utm_", "mc_"),
    pairs=frozenset({"amp=1"}),
    hosts={"b.example": frozenset({"source"}), "example": frozenset({"ref"})},
)


def test_names_are_removed_on_a_host_and_below_it() -> None:
    assert RULES.names_on("a.b.example") == {"click", "source", "ref"}
    assert RULES.names_on("b.example") == {"click", "source", "ref"}
    assert RULES.names_on("c.example") == {"click", "ref"}
    assert RULES.names_on("ab.org") == {"click"}


@pytest.mark.parametrize(
    ("pair", "covered"),
    [
        ("click=1", True),
        ("Click", True),
        ("clicks=1", False),
        ("UTM_x=1=2", True),
        ("mc_", True),
        ("x_utm_=1", False),
        ("a=utm_b", False),
        ("AMP=1", True),
        ("amp=12", False),
        ("amp", False),
        ("source=1", False),
        ("", False),
    ],
)
def test_names_beginnings_and_whole_pairs_tell_tracking(pair: str, covered: bool) -> None:
    assert RULES.cover(RULES.names, pair) is covered


def test_what_is_left_of_a_query_keeps_its_order_and_spelling() -> None:
    query = "b=%C3%A4&utm_source=x&A=2&fbclid=y&b=1"
    assert without_tracking("a.example", query) == "b=%C3%A4&A=2&b=1"
    assert without_tracking("blog.medium.com", "source=x&b=1") == "b=1"
    assert without_tracking("a.example", "utm_source=x") == ""
    assert tracking_rules() is tracking_rules()
