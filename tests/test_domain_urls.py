"""One address for each page: its normal form, what is taken off, what is refused, what is believed."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from mingus_lib.domain.urls import (
    accept_declared,
    canonical,
    host_of,
    registrable_domain,
    shown,
    without_login,
)
from mingus_lib.domain.urls.parts import MAX_CHARACTERS
from mingus_lib.domain.urls.tracking import tracking_rules
from mingus_lib.errors import UsageError

SAME_PAGE = [
    ("HTTP://Example.COM/A", "http://example.com/A"),
    ("  https://example.com/a\n", "https://example.com/a"),
    ("\u2068https://example.com/a\u200b\u2069\n", "https://example.com/a"),
    ("\ufeffhttps://example.com/a?b=1\u200e", "https://example.com/a?b=1"),
    ("https://example.com", "https://example.com/"),
    ("http://example.com:80/", "http://example.com/"),
    ("https://example.com:443/", "https://example.com/"),
    ("https://example.com:/a", "https://example.com/a"),
    ("https://example.com:0443/a", "https://example.com/a"),
    ("http://example.com:443/", "http://example.com:443/"),
    ("https://example.com./a", "https://example.com/a"),
    ("https://example.com/a#part", "https://example.com/a"),
    ("https://example.com/#!/a/1", "https://example.com/"),
    ("https://example.com/a#:~:text=words", "https://example.com/a"),
    ("https://example.com/a?", "https://example.com/a"),
    ("https://example.com/a?&&", "https://example.com/a"),
    ("https://example.com?q=1", "https://example.com/?q=1"),
    ("https://example.com/a?b=2&a=1&b=1", "https://example.com/a?b=2&a=1&b=1"),
    ("https://example.com/a?x&y=", "https://example.com/a?x&y="),
    ("https://example.com/a/./b/../c", "https://example.com/a/c"),
    ("https://example.com/../../a", "https://example.com/a"),
    ("https://example.com/a/..", "https://example.com/"),
    ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
    ("https://example.com/a//b/../c", "https://example.com/a//c"),
    ("https://example.com/%7Euser/%2fx/%c3%a4", "https://example.com/~user/%2Fx/%C3%A4"),
    ("https://example.com/ä?q=ü|[x]", "https://example.com/%C3%A4?q=%C3%BC%7C%5Bx%5D"),
    ("https://example.com/100%", "https://example.com/100%25"),
    ("https://example.com/%%34%31", "https://example.com/%2541"),
    ("https://example.com/a\\b", "https://example.com/a%5Cb"),
    ("https://example.com/a?q=a+b%20c", "https://example.com/a?q=a+b%20c"),
]
HOSTS = [
    ("https://bücher.de/", "https://xn--bcher-kva.de/"),
    ("https://BÜCHER.de/", "https://xn--bcher-kva.de/"),
    ("https://straße.de/", "https://xn--strae-oqa.de/"),
    ("https://例え。jp/", "https://xn--r8jz45g.jp/"),
    ("https://xn--bcher-kva.de/", "https://xn--bcher-kva.de/"),
    ("https://my_blog.example.com/", "https://my_blog.example.com/"),
    ("http://localhost:8000/", "http://localhost:8000/"),
    ("http://2130706433/", "http://127.0.0.1/"),
    ("http://0x7f.1/", "http://127.0.0.1/"),
    ("http://0177.0.0.01/", "http://127.0.0.1/"),
    ("http://127.1/", "http://127.0.0.1/"),
    ("http://１２７.0.0.1/", "http://127.0.0.1/"),
    ("http://[0:0:0:0:0:0:0:1]:8080/", "http://[::1]:8080/"),
    ("http://[2001:DB8::00A]/", "http://[2001:db8::a]/"),
]
TRACKED = [
    ("https://example.com/a?utm_source=x&id=7&UTM_Medium=y", "https://example.com/a?id=7"),
    ("https://example.com/a?utm_source=x=y&id=7=8", "https://example.com/a?id=7=8"),
    ("https://example.com/a?fbclid=1&gclid=2&mc_cid=3", "https://example.com/a"),
    ("https://example.com/a?utm%5Fsource=x", "https://example.com/a"),
    ("https://example.com/a?amp=1&page=2", "https://example.com/a?page=2"),
    ("https://example.com/a?amp=7", "https://example.com/a?amp=7"),
    ("https://example.com/a?source=x", "https://example.com/a?source=x"),
    ("https://blog.medium.com/a?source=x", "https://blog.medium.com/a"),
    ("https://notmedium.com/a?source=x", "https://notmedium.com/a?source=x"),
    (
        "https://www.nytimes.com/a.html?smid=x&searchResultPosition=1",
        "https://www.nytimes.com/a.html?searchResultPosition=1",
    ),
]
WRAPPED = [
    ("https://www.google.com/amp/s/www.example.com/a/amp", "https://www.example.com/a/amp"),
    ("https://google.co.uk/amp/example.com/a?page=2", "http://example.com/a?page=2"),
    ("https://www.google.com/amp/s/example.com/a%3famp=1%26id=2", "https://example.com/a?amp=1%26id=2"),
    ("https://example-com.cdn.ampproject.org/c/s/example.com/a?amp_js_v=0.1&usqp=x", "https://example.com/a"),
    ("https://example-com.cdn.ampproject.org/v/example.com/a?id=1", "http://example.com/a?id=1"),
    (
        "https://www.google.com/url?sa=t&url=https%3A%2F%2Fexample.com%2Fa%3Fb%3D1%26utm_source%3Dx",
        "https://example.com/a?b=1",
    ),
    ("https://www.google.de/url?q=https://example.com/a&sa=D", "https://example.com/a"),
    (
        "https://www.google.com/url?q=https%3A%2F%2Fwww.google.com%2Famp%2Fs%2Fexample.com%2Fa",
        "https://example.com/a",
    ),
    ("https://www.google.com/url?q=ftp://a.org/", "https://www.google.com/url?q=ftp://a.org/"),
    ("https://www.google.com/url?q=/search", "https://www.google.com/url?q=/search"),
    ("https://www.google.com/amp/guitar", "https://www.google.com/amp/guitar"),
    ("https://notgoogle.com/url?q=https://example.com/", "https://notgoogle.com/url?q=https://example.com/"),
    (
        "https://google.evil.com/url?q=https://example.com/",
        "https://google.evil.com/url?q=https://example.com/",
    ),
    ("https://example.com/guitar/amp", "https://example.com/guitar/amp"),
]
NO_ADDRESS = [
    "",
    "   ",
    "word",
    "example.com/page",
    "example.com:8080/page",
    "//example.com/page",
    "/page",
    "http:example.com",
    "http:/example.com",
    "http:///page",
    "http://?x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "mailto:me@example.com",
    "http://user@example.com/",
    "http://1_0.1.1.1/",
    "http://user:secret@example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:8a/",
    "http://example.com:" + "0" * 5000 + "/",
    "http://example.com:" + "9" * 5000 + "/",
    "http://example.com:٨/",
    "http://exa mple.com/",
    "http://example.com/a b",
    "http://example.com/a\tb",
    "http://example.com/a\x00b",
    "http://example.com/a\u2028b",
    "http://example.com/\ud800",
    "http://example.com\\@evil.com/",
    "http://ex%61mple.com/",
    "http://a..b/",
    "http://.a/",
    "http://example.com../",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 127 + "com/",
    "http://" + "ü" * 5000 + ".com/",
    "http://\u200b/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://4294967296/",
    "http://08.1.1.1/",
    "http://1.2.0xg.4/",
    "http://[::1/",
    "http://[::1%25eth0]/",
    "http://[v1.a]/",
    "http://[1.2.3.4]/",
    "http://example.com/" + "a" * MAX_CHARACTERS,
    "http://example.com/" + "ä" * 4000,
]


@pytest.mark.parametrize(("given_", "expected"), SAME_PAGE + HOSTS + TRACKED + WRAPPED)
def test_one_address_for_each_page(given_: str, expected: str) -> None:
    assert canonical(given_) == expected


@pytest.mark.parametrize("text", NO_ADDRESS, ids=lambda text: ascii(text[:40]))
def test_what_is_no_address_gets_one_line_that_names_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        canonical(text)
    message = str(caught.value)
    assert caught.value.code == "bad-address"
    assert message.isprintable()
    assert len(message) < 260
    assert "secret" not in message
    assert text.strip()[:7].split("@")[0] in message or not text.isprintable()


def test_a_missing_scheme_is_named_with_the_fix() -> None:
    with pytest.raises(UsageError, match=r"write https://example\.com:8080/page$"):
        canonical("example.com:8080/page")


def test_an_address_may_be_as_long_as_the_bound() -> None:
    url = "https://example.com/".ljust(MAX_CHARACTERS, "a")
    assert canonical(url) == url


def test_wrappers_around_wrappers_come_off() -> None:
    assert canonical("https://" + "www.google.com/amp/s/" * 300 + "example.com/a") == "https://example.com/a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:secret@example.com/a?token=1#x", "https://example.com/a"),
        ("https://user:sec/ret@example.com/a", "https://example.com/a"),
        ("https://medium.com/@writer/a", "https://medium.com/@writer/a"),
        ("https://example.com:8080/@writer", "https://example.com:8080/@writer"),
        ("https://example.com/\x1b[31m\n", "https://example.com/?[31m?"),
        ("https://user:1234@example.com/a@b", "https://example.com/a@b"),
        ("https://token@example.com/a@b", "https://example.com/a@b"),
        ("https://token@example.com/" + "a" * 9_000 + "@b", "https://"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 97 + "..."),
    ],
)
def test_messages_show_no_secrets(text: str, expected: str) -> None:
    assert shown(text) == expected


# --- properties

text_like_urls = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="htps:/.@?#[]%&=ag0xL\\ \t\né％。-_~+|:", max_size=60).map("http://".__add__),
    st.text(alphabet="ab./%2eE5Ff?&=:@\\#~", max_size=60).map("https://example.com/".__add__),
    st.text(alphabet="/amps.urlcq?=%3FA2xE:&", max_size=60).map("https://www.google.com".__add__),
)
segment = st.text(alphabet="abcXYZ019-._~!$'()*+,;:@ %äß漢&/?#[]", min_size=1, max_size=8)
values = st.text(alphabet="abcXYZ019-._~ %äß漢&=+/?#", max_size=8)
names = st.text(alphabet="bdfhXYZ019 ä&=+", min_size=1, max_size=5)


@given(text_like_urls)
@example("https://www.google.com/amp/s/ex.com%3Fx?utm_source=1")
@example("http://example.com/%%34%31")
@example("http://0x.0/")
def test_canonical_is_idempotent_and_fails_in_one_way_only(text: str) -> None:
    try:
        once = canonical(text)
    except UsageError as error:
        assert str(error).isprintable()
        return
    assert canonical(once) == once
    assert once.isascii()
    assert once.isprintable()
    assert " " not in once
    assert len(once) <= MAX_CHARACTERS


@given(text_like_urls)
def test_all_parsers_agree_on_the_host(text: str) -> None:
    try:
        url = canonical(text)
    except UsageError:
        assume(False)
    split, other = urlsplit(url), parse_url(url)
    assert split.username is None
    assert host_of(url) == split.hostname == (other.host or "").strip("[]")
    assert split.port == other.port
    assert split.scheme in ("http", "https")


@given(st.lists(segment, max_size=5), st.lists(st.tuples(names, values), max_size=5))
def test_what_the_server_reads_stays_the_same(path: list[str], pairs: list[tuple[str, str]]) -> None:
    assume(not {".", ".."} & set(path))
    encoded = "/".join(quote(part, safe="") for part in path)
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    result = urlsplit(canonical(f"https://example.com/{encoded}?{query}"))
    assert [unquote_to_bytes(part) for part in result.path.split("/")[1:]] == (
        [part.encode() for part in path] or [b""]
    )
    assert parse_qsl(result.query, keep_blank_values=True) == pairs


@given(
    st.lists(st.tuples(names, values), max_size=4), st.sampled_from(sorted(tracking_rules().names)), st.data()
)
def test_tracking_changes_nothing_wherever_it_stands(
    pairs: list[tuple[str, str]], tracker: str, data: st.DataObject
) -> None:
    kept = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs]
    place = data.draw(st.integers(0, len(kept)))
    tracked = [*kept[:place], f"{tracker}=x", *kept[place:]]
    plain = canonical("https://example.com/a?" + "&".join(kept))
    assert canonical("https://example.com/a?" + "&".join(tracked)) == plain


@given(st.integers(0, 2**32 - 1))
def test_all_spellings_of_a_number_are_one_host(value: int) -> None:
    a, b, c, d = value.to_bytes(4)
    spellings = {
        f"{value}",
        f"{value:#x}",
        f"0{value:o}",
        f"{a}.{value & 0xFFFFFF}",
        f"{a:#x}.{b}.0{c:o}.{d}",
    }
    assert {canonical(f"http://{spelling}/") for spelling in spellings} == {f"http://{a}.{b}.{c}.{d}/"}


# --- hosts and declared addresses


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com:8080/a", "example.com"),
        ("HTTPS://example.com/a", "example.com"),
        ("http://[::1]:80/", "::1"),
        ("http://user:p@example.com/", "example.com"),
        ("http://127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("text", ["", "example.com", "ftp://example.com/", "http://", "https:///a"])
def test_no_host(text: str) -> None:
    with pytest.raises(UsageError):
        host_of(text)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("news.bbc.co.uk", "bbc.co.uk"),
        ("bbc.co.uk", "bbc.co.uk"),
        ("co.uk", "co.uk"),
        ("www.example.com", "example.com"),
        ("writer.github.io", "writer.github.io"),
        ("a.writer.blogspot.com", "writer.blogspot.com"),
        ("www.xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("a.b.unlisted-tld", "b.unlisted-tld"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("page", "declared", "believed"),
    [
        ("https://amp.example.com/a", "https://www.example.com/a?utm_source=x", "https://www.example.com/a"),
        ("https://example.com/a/amp", "/a", "https://example.com/a"),
        ("https://example.com/a", "http://example.com/a", "https://example.com/a"),
        ("http://example.com/a", "https://example.com/a", "https://example.com/a"),
        ("https://example.com/?p=7", "https://example.com/title", "https://example.com/title"),
        ("https://example.com/", "https://www.example.com/", "https://www.example.com/"),
        ("https://example.com/a", "https://other.com/a", None),
        ("https://evil.github.io/a", "https://good.github.io/a", None),
        ("https://evil.co.uk/a", "https://good.co.uk/a", None),
        ("https://example.com.evil.com/a", "https://example.com/a", None),
        ("https://example.com/a", "https://example.com/", None),
        ("https://example.com/a", "https://example.com/?utm_source=x", None),
        ("https://example.com/a", "https://example.com:8443/a", None),
        ("https://example.com/a", "https://user:p@example.com/b", None),
        ("https://example.com/a/b", "undefined", None),
        ("https://example.com/a", "https://example.com/null", None),
        ("https://example.com/null", "/null", "https://example.com/null"),
        ("https://example.com/a", "{{page.url}}", None),
        ("https://example.com/a/b", "https://example.com/a/example.com/a/b", None),
        ("https://www.example.com/a", "www.example.com/a", None),
        ("https://example.com/a", "www.example.com/a", None),
        ("https://www.example.com/a", "example.com/a", None),
        ("https://amp.example.com/a", "https://www.example.com/example.com/a", None),
        ("https://example.com/a", "${url}", None),
        ("https://example.com/a", "https://example.com/$%7Burl%7D", None),
        ("https://example.com/a", "/www.example.org/$5", "https://example.com/www.example.org/$5"),
        ("https://example.com/a", "http://[", None),
        ("https://example.com/a", "javascript:alert(1)", None),
        ("https://example.com/a", "", None),
        ("https://example.com/a", None, None),
        ("http://127.0.0.1:80/a", "http://127.0.0.2/a", None),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:9000/b", None),
        ("http://127.0.0.1:8000/a", "/b", "http://127.0.0.1:8000/b"),
        ("http://[::1]:8000/a", "/b", "http://[::1]:8000/b"),
        ("https://example.com/a", "https://www.google.com/amp/s/example.com/b", "https://example.com/b"),
        ("https://example.com/a", "https://example.com/b#!x", "https://example.com/b"),
    ],
)
def test_a_page_speaks_for_its_own_site_only(page: str, declared: str | None, believed: str | None) -> None:
    assert accept_declared(page, declared) == believed


@given(text_like_urls, text_like_urls)
def test_a_declared_address_never_leaves_the_site(page: str, declared: str) -> None:
    accepted = accept_declared(page, declared)
    if accepted is not None:
        assert canonical(accepted) == accepted
        domains = {registrable_domain(host_of(url)) for url in (accepted, canonical(page))}
        assert len(domains) == 1


def test_the_rules_are_lower_case_and_hosts_have_no_www() -> None:
    rules = tracking_rules()
    assert all(name == name.lower() for name in (*rules.names, *rules.prefixes, *rules.pairs))
    assert not [host for host in rules.hosts if host.startswith("www.")]
    assert not {"q", "url", "id", "p", "page"} & rules.names


def test_an_address_is_checked_without_loading_libraries() -> None:
    code = "import sys; from mingus_lib.domain.urls import canonical; canonical('http://a.com/?utm_x=1'); "
    code += "print(*({'idna', 'tld', 'requests', 'urllib3'} & set(sys.modules)))"
    shown_ = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown_.stdout.strip() == ""


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://user:secret@host.example/", "https://***@host.example/"),
        ("https://user:se@cret@host.example/a@b", "https://***@host.example/a@b"),
        ("https://t.example/?u=https://user:secret@h/x", "https://t.example/?u=https://***@h/x"),
        (
            "https://t.example/?u=https%3A%2F%2Fuser%3Asecret%40h.example%2Fx",
            "https://t.example/?u=https%3A%2F%2F***%40h.example%2Fx",
        ),
        ("https://pages.example/@name?mail=a@b.example", "https://pages.example/@name?mail=a@b.example"),
        ("mailto:somebody@example.com", "mailto:somebody@example.com"),
    ],
)
def test_a_login_in_an_address_is_not_kept(address: str, kept: str) -> None:
    assert without_login(address) == kept
