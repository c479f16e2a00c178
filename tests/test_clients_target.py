"""Addresses taken apart, and shown without secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.target import Target, parse, shown
from mingus_lib.domain.urls import canonical, host_of
from mingus_lib.errors import PermanentError


def test_a_plain_address() -> None:
    assert parse("HTTP://News.Example:8080/a?b=c#d") == Target(
        "http://news.example:8080/a?b=c", "http", "news.example", 8080
    )


@pytest.mark.parametrize(
    ("url", "host", "port", "origin"),
    [
        ("https://example.org", "example.org", 443, "https://example.org"),
        ("http://example.org./x", "example.org", 80, "http://example.org"),
        ("http://[::1]:81/", "::1", 81, "http://[::1]:81"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, "http://xn--bcher-kva.example"),
    ],
)
def test_host_port_and_origin(url: str, host: str, port: int, origin: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.origin) == (host, port, origin)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad-address"),
        ("example.org/a", "bad-address"),
        ("//example.org/a", "bad-address"),
        ("http://", "bad-address"),
        ("http:///a", "bad-address"),
        ("http://example.org:99999/", "bad-address"),
        ("http://example.org:0/", "bad-address"),
        ("http://exa mple.org/", "bad-address"),
        ("http://example.org\\@evil.example/", "bad-address"),
        ("http://example.org/a\r\nX: y", "bad-address"),
        ("http://[::1/", "bad-address"),
        ("http://*.example.org/", "bad-address"),
        ("http://a!b.example.org/", "bad-address"),
        ("http://1.2.3.4.5/", "bad-address"),
        (f"http://{'a' * 300}.example/", "bad-address"),
        ("http://example.org/" + "a" * 9_000, "bad-address"),
        ("file:///etc/passwd", "blocked-address"),
        ("ftp://example.org/", "blocked-address"),
        ("gopher://example.org/", "blocked-address"),
        ("data:text/html,hi", "blocked-address"),
        ("javascript:alert(1)", "blocked-address"),
        ("http://user:hunter2@example.org/", "blocked-address"),
        ("http://user@example.org/", "blocked-address"),
        ("http://:@example.org/", "blocked-address"),
    ],
)
def test_what_is_not_fetched(url: str, code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(url)
    assert caught.value.code == code
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_redirect_may_be_relative_and_is_checked_again() -> None:
    here = parse("https://example.org/a/b?c=d")
    assert here.beside("../e?f#g").url == "https://example.org/e?f"
    assert here.beside("//other.example").url == "https://other.example/"
    with pytest.raises(PermanentError) as caught:
        here.beside("file:///etc/passwd")
    assert caught.value.code == "blocked-address"
    with pytest.raises(PermanentError):
        here.beside("http://[broken")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1."])
def test_all_spellings_of_a_number_are_one_host(host: str) -> None:
    assert parse(f"http://{host}/").host == "127.0.0.1"


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_a_permanent_error(text: str) -> None:
    for candidate in (text, f"http://{text}", f"https://example.org/{text}"):
        try:
            target = parse(candidate)
        except PermanentError as error:
            assert "\n" not in str(error)
        else:
            assert target.scheme in ("http", "https")
            assert target.host
            assert target.url.isprintable()
            assert parse(target.url) == target


@given(st.text(max_size=300), st.sampled_from(["", "/", "//", "http://", "https://www.google.com/amp/s/"]))
def test_what_a_redirect_leads_to_can_be_stored(text: str, start: str) -> None:
    try:
        target = parse("https://example.org/a").beside(start + text)
    except PermanentError:
        return
    assert host_of(canonical(target.url))
    assert host_of(target.url) == target.host


def test_a_redirect_too_long_to_store_is_refused() -> None:
    here = parse("https://example.org/")
    for path in ("a" * 8_000, "ä" * 2_000):
        with pytest.raises(PermanentError, match="longer than"):
            here.beside(path)


@given(st.text(max_size=300), st.text(min_size=6, alphabet="abcdefghij"))
def test_shown_has_no_query_and_no_credentials(text: str, secret: str) -> None:
    marked = f"Z{secret}Z"
    label = shown(f"https://me:{marked}@example.org/{text}?token={marked}#{marked}")
    assert marked not in label
    assert label.isascii()
    assert len(label) <= 200
