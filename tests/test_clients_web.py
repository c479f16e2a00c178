"""Fetching from real servers on loopback: the ordinary run of things."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from mingus_lib.clients.web import MemoryPacer, MemoryRobotsCache, OutOfTime, Web
from mingus_lib.domain.models import FetchPolicy
from mingus_lib.errors import MingusError, PermanentError, TransientError, UsageError
from tests.sites import HTML, Names, Reply, Request, Site, Sites, loopback_web, packed, redirect

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@pytest.fixture
def site(sites: Sites) -> Site:
    return sites.add()


@pytest.fixture
def web() -> Iterator[Web]:
    with loopback_web() as client:
        yield client


def refusal(web: Web, url: str, **more: float) -> MingusError:
    """The error a fetch ends with; its message must be fit for a log."""
    with pytest.raises(MingusError) as caught:
        web.fetch(url, **more)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_page_comes_as_it_was_sent(site: Site, web: Web) -> None:
    url = site.on(
        "/a?b=c",
        Reply(
            "<p>é".encode("latin-1"),
            content_type="Text/HTML; charset=ISO-8859-1",
            etag='"v1"',
            headers={"Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"},
        ),
    )
    page = web.fetch(url + "#part")
    assert (page.url, page.final_url, page.status) == (url + "#part", url, 200)
    assert (page.content_type, page.charset, page.body) == ("text/html", "ISO-8859-1", b"<p>\xe9")
    assert (page.etag, page.last_modified) == ('"v1"', "Sun, 01 Mar 2026 12:00:00 GMT")
    assert abs(page.fetched_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_request_is_honest_and_spare(site: Site, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    web.fetch(site.on("/", Reply()))
    headers = site.seen[-1].headers
    assert headers["user-agent"] == "mingus/0.1 (+https://library.example/bot)"
    assert headers["accept-encoding"] == "gzip, deflate"
    assert headers["host"] == f"{site.host}:{site.port}"
    assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_cookies_are_not_kept(site: Site, web: Web) -> None:
    web.fetch(site.on("/", Reply(headers={"Set-Cookie": "a=b; Path=/"})))
    web.fetch(site.url("/"))
    assert "cookie" not in site.seen[-1].headers


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw-deflate"])
@pytest.mark.parametrize("chunked", [False, True])
def test_packed_pages_are_unpacked(site: Site, web: Web, encoding: str, chunked: bool) -> None:
    text = b"<p>" + b"word " * 50_000
    assert web.fetch(site.on("/", packed(text, encoding, chunked=chunked))).body == text


@pytest.mark.parametrize("content_type", [None, "application/octet-stream"])
def test_an_undeclared_type_is_sniffed(site: Site, web: Web, content_type: str | None) -> None:
    pdf = site.on("/a", Reply(b"%PDF-1.4 ...", content_type=content_type))
    html = site.on("/b", Reply(b"<html>..", content_type=content_type))
    image = site.on("/c", Reply(b"\x89PNG\0\0", content_type=content_type))
    assert web.fetch(pdf).content_type == "application/pdf"
    assert web.fetch(html).content_type == "text/html"
    assert refusal(web, image).code == "content-type"


def test_another_type_is_refused_unread(site: Site, web: Web) -> None:
    error = refusal(web, site.on("/a.png", Reply(b"\0", content_type="image/png", endless=True)))
    assert isinstance(error, PermanentError)
    assert error.code == "content-type"


def test_an_unchanged_page_is_a_304(site: Site, web: Web) -> None:
    url = site.on("/", Reply(etag='"v1"'))
    page = web.fetch(url, etag='"v1"', last_modified="Sun, 01 Mar 2026 12:00:00 GMT")
    assert (page.status, page.body, page.etag) == (304, b"", '"v1"')
    assert site.seen[-1].headers["if-modified-since"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    assert web.fetch(url, etag='"v0"').status == 200
    assert site.connections == 1


def test_a_304_that_was_not_asked_for_is_refused(site: Site, web: Web) -> None:
    assert refusal(web, site.on("/", Reply(b"", 304))).code == "http-304"


def test_hostile_validators_are_not_sent(site: Site, web: Web) -> None:
    url = site.on("/", Reply(headers={"ETag": '"' + "x" * 5000 + '"', "Last-Modified": "t\u00e9"}))
    page = web.fetch(url, etag="a\r\nX-Evil: 1", last_modified="\u2603")
    assert (page.etag, page.last_modified) == (None, None)
    assert not {"x-evil", "if-none-match", "if-modified-since"} & set(site.seen[-1].headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(site: Site, web: Web, status: int) -> None:
    url = site.on("/a", redirect("b?c=d", status))
    site.on("/b?c=d", Reply(b"<p>there"))
    page = web.fetch(url)
    assert (page.url, page.final_url, page.body) == (url, site.url("/b?c=d"), b"<p>there")


def test_a_redirect_to_another_host_obeys_that_hosts_robots(sites: Sites, site: Site, web: Web) -> None:
    other = sites.add()
    other.robots("User-agent: *\nDisallow: /private")
    other.on("/private", Reply())
    assert refusal(web, site.on("/a", redirect(other.url("/private")))).code == "robots"
    assert other.pages_seen == []


def test_a_redirect_may_be_written_in_utf8(site: Site, web: Web) -> None:
    site.on("/caf%C3%A9", Reply(b"<p>there"))
    assert web.fetch(site.on("/a", redirect("/café"))).body == b"<p>there"


def test_a_redirect_may_hold_spaces(site: Site, web: Web) -> None:
    site.on("/a%20b?c=%20d", Reply())
    assert web.fetch(site.on("/", redirect(" /a b?c= d "))).final_url == site.url("/a%20b?c=%20d")


def test_five_redirects_pass_and_six_do_not(site: Site, web: Web) -> None:
    for number in range(6):
        site.on(f"/{number}", redirect(f"/{number + 1}"))
    site.on("/6", Reply())
    assert web.fetch(site.url("/1")).status == 200
    error = refusal(web, site.url("/0"))
    assert (type(error), error.code) == (PermanentError, "too-many-redirects")
    assert refusal(web, site.on("/loop", redirect("/loop"))).code == "too-many-redirects"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("file:///etc/passwd", "blocked-address"),
        ("ftp://127.0.0.1/", "blocked-address"),
        ("javascript:alert(1)", "blocked-address"),
        ("http://user:secret@127.0.0.1/", "blocked-address"),
        ("http://169.254.169.254/latest/meta-data/", "blocked-address"),
        ("http://[fd00:ec2::254]/", "blocked-address"),
        ("http://10.0.0.1/", "blocked-address"),
        ("http://[::ffff:10.0.0.1]/", "blocked-address"),
        ("http://[64:ff9b::a00:1]/", "blocked-address"),
        ("http://0xa9fea9fe/", "blocked-address"),
        ("http://[broken/", "bad-response"),
        ("http://*.example/", "bad-address"),
    ],
)
def test_a_redirect_to_a_forbidden_place_ends_there(site: Site, web: Web, location: str, code: str) -> None:
    error = refusal(web, site.on("/a", redirect(location)))
    assert (type(error), error.code) == (PermanentError, code)
    assert "secret" not in str(error)


@pytest.mark.parametrize("status", [301, 300, 204, 206, 400, 401, 403, 404, 410, 451, 999])
def test_final_answers(site: Site, web: Web, status: int) -> None:
    error = refusal(web, site.on("/a?token=hidden", Reply(b"no", status)))
    assert (type(error), error.code) == (PermanentError, f"http-{status}")
    assert "hidden" not in str(error)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_passing_answers(site: Site, web: Web, status: int) -> None:
    error = refusal(web, site.on("/", Reply(b"no", status)))
    assert (type(error), error.code) == (TransientError, f"http-{status}")


def test_many_refusals_share_a_connection(site: Site, web: Web) -> None:
    for number in range(5):
        refusal(web, site.on(f"/{number}", Reply(b"no", 404)))
    assert site.connections == 1


def test_threads_share_a_client(sites: Sites, web: Web) -> None:
    many = [sites.add() for _ in range(8)]
    pages = {one.url(f"/{n}"): f"<p>{one.port} {n}".encode() for one in many for n in range(20)}
    for one in many:
        one.robots("")
        for n in range(20):
            one.on(f"/{n}", Reply(f"<p>{one.port} {n}".encode(), latency=0.01))
    with ThreadPoolExecutor(16) as pool:
        fetched = list(pool.map(web.fetch, pages))
    assert {page.url: page.body for page in fetched} == pages
    assert all(sum(seen.path == "/robots.txt" for seen in one.seen) == 1 for one in many)


def test_connections_of_a_host_are_reused(site: Site, web: Web) -> None:
    url = site.on("/", Reply())
    for _ in range(10):
        web.fetch(url)
    assert site.connections == 1


def test_a_kept_connection_that_dies_is_replaced_once(site: Site, web: Web) -> None:
    def hang_up(request: Request) -> Reply:
        return Reply() if request.connection > 1 else Reply(raw=b"")

    web.fetch(site.on("/first", Reply()))
    assert web.fetch(site.on("/second", hang_up)).status == 200
    assert site.pages_seen == ["/first", "/second", "/second"]


def test_a_fresh_connection_that_dies_is_not_tried_again(site: Site, web: Web) -> None:
    site.on("/robots.txt", Reply(b"", 404, headers={"Connection": "close"}))
    assert refusal(web, site.on("/", Reply(raw=b""))).code == "connection"
    assert site.pages_seen == ["/"]


def test_a_connection_the_server_closed_is_replaced(site: Site, web: Web) -> None:
    url = site.on("/", Reply(close=True))
    for _ in range(3):
        assert web.fetch(url).status == 200


class Waits:
    """A pacer that notes what it was asked and hands out the waits it was given."""

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits)
        self.reserved: list[tuple[str, float]] = []
        self.holds: dict[str, float] = {}

    def reserve(self, host: str, interval: float, patience: float) -> float:
        self.reserved.append((host, interval))
        return self.waits.pop(0) if self.waits else 0.0

    def hold(self, host: str, seconds: float) -> None:
        self.holds[host] = seconds

    def held(self, host: str) -> float:
        return self.holds.pop(host, 0.0)


def test_every_request_takes_a_slot_robots_and_redirects_too(sites: Sites, site: Site) -> None:
    other, pacer = sites.add(), Waits()
    with loopback_web(pacer=pacer, interval=3.0) as web:
        web.fetch(site.on("/a", redirect(other.on("/b", Reply()))))
        web.fetch(site.on("/c", Reply()))
    assert pacer.reserved == [
        (site.host, 3.0), (site.host, 3.0), (other.host, 3.0), (other.host, 3.0), (site.host, 3.0)
    ]  # fmt: skip


def test_crawl_delay_lengthens_the_interval_up_to_a_minute(site: Site) -> None:
    for delay, interval in (("7", 7.0), ("0.5", 2.0), ("86400", 60.0), ("nan", 2.0), ("-3", 2.0)):
        site.robots(f"User-agent: mingus\nCrawl-delay: {delay}")
        pacer = Waits()
        with loopback_web(pacer=pacer, interval=2.0) as web:
            web.fetch(site.on("/", Reply()))
        assert pacer.reserved == [(site.host, 2.0), (site.host, interval)]


def test_requests_wait_for_their_slot(site: Site) -> None:
    url = site.on("/", Reply())
    begun = time.monotonic()
    with loopback_web(interval=0.15) as web:
        web.fetch(url)
        web.fetch(url)
    # By our own clock: when a request arrives hangs on how busy the machine is.
    assert time.monotonic() - begun >= 0.15 * (len(site.seen) - 1) > 0.15


def test_a_slot_beyond_the_deadline_is_out_of_time_and_not_taken(site: Site) -> None:
    pacer = MemoryPacer()
    pacer.hold(site.host, 100)
    with loopback_web(pacer=pacer) as web:
        error = refusal(web, site.on("/", Reply()), deadline=time.monotonic() + 50)
    assert isinstance(error, OutOfTime)
    assert isinstance(error, TransientError)
    assert error.retry_after is not None
    assert 90 < error.retry_after <= 100
    assert site.seen == []
    assert pacer.reserve(site.host, 5, 1000) < 100.5


def test_a_long_hold_is_not_out_of_time_but_told_with_its_end(site: Site) -> None:
    pacer = MemoryPacer()
    pacer.hold(site.host, 3600)
    with loopback_web(pacer=pacer) as web:
        for more in ({}, {"deadline": time.monotonic() + 200}):
            error = refusal(web, site.on("/", Reply()), **more)
            assert (type(error), error.code) == (TransientError, "host-on-hold")
            assert isinstance(error, TransientError)
            assert 3500 < (error.retry_after or 0) <= 3600
    assert site.seen == []


def test_a_hold_made_while_waiting_is_waited_for(site: Site) -> None:
    pacer = Waits(0.0, 0.01)
    pacer.holds[site.host] = 5.0
    with loopback_web(pacer=pacer) as web:
        web.fetch(site.on("/", Reply()))
    assert len(pacer.reserved) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_the_host_and_is_told(site: Site, status: int) -> None:
    pacer = Waits()
    with loopback_web(pacer=pacer) as web:
        error = refusal(web, site.on("/", Reply(b"", status, headers={"Retry-After": "120"})))
    assert isinstance(error, TransientError)
    assert error.retry_after == 120.0
    assert pacer.holds == {site.host: 120.0}


def test_retry_after_of_a_year_is_cut_to_an_hour(site: Site) -> None:
    pacer = Waits()
    with loopback_web(pacer=pacer) as web:
        refusal(web, site.on("/", Reply(b"", 503, headers={"Retry-After": "31536000"})))
    assert pacer.holds == {site.host: 3600.0}


def test_closing_ends_a_wait(site: Site) -> None:
    pacer = MemoryPacer()
    pacer.hold(site.host, 60)
    ended: list[MingusError] = []
    with loopback_web(pacer=pacer) as client:
        thread = threading.Thread(target=lambda: ended.append(refusal(client, site.url("/"))))
        thread.start()
        client.close()
        thread.join(10)
    assert isinstance(ended[0], OutOfTime)


def test_a_name_that_does_not_resolve() -> None:
    with loopback_web(resolve=Names()) as nameless:
        error = refusal(nameless, "http://nowhere.example:8080/")
    assert (type(error), error.code) == (TransientError, "dns")
    assert "nowhere.example" in str(error)


def test_a_name_too_long_for_dns(web: Web) -> None:
    assert refusal(web, f"http://{'a' * 70}.example/").code == "bad-address"


def test_a_refused_connection(web: Web) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = refusal(web, f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (type(error), error.code) == (TransientError, "connection")
    assert "refused" in str(error)


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (Reply(cut=5), TransientError, "connection"),
        (Reply(b"x" * 100, chunked=True, cut=50), TransientError, "connection"),
        (Reply(raw=b""), TransientError, "connection"),
        (Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), PermanentError, "bad-response"),
        (Reply(raw=b"HTTP/1.1 abc\r\n\r\n"), PermanentError, "bad-response"),
        (Reply(raw=OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), PermanentError, "bad-response"),
        (Reply(raw=OK + b"" + b"X: y\r\n" * 200 + b"\r\n"), PermanentError, "bad-response"),
        (Reply(raw=OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n"), PermanentError, "bad-response"),
        (Reply(headers={"Content-Encoding": "br"}), PermanentError, "bad-response"),
        (Reply(headers={"Content-Encoding": "gzip"}), PermanentError, "bad-response"),
        (Reply(headers={"Content-Encoding": "deflate"}), PermanentError, "bad-response"),
    ],
)  # fmt: skip
def test_broken_answers(site: Site, web: Web, reply: Reply, kind: type[MingusError], code: str) -> None:
    error = refusal(web, site.on("/", reply))
    assert (type(error), error.code) == (kind, code)
    assert "SSH" not in str(error)


def test_a_reset_connection(web: Web) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def reset() -> None:
        connection, _ = listener.accept()
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    thread = threading.Thread(target=reset, daemon=True)
    thread.start()
    error = refusal(web, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    listener.close()
    assert (type(error), error.code) == (TransientError, "connection")


@pytest.mark.parametrize("name", ["", "  ", "a\r\nX: y", "müngus"])
def test_a_wrong_user_agent_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="fetch_user_agent"):
        Web(FetchPolicy(name), pacer=MemoryPacer(), robots=MemoryRobotsCache())


def test_replies_may_depend_on_the_request(site: Site, web: Web) -> None:
    def answer(request: Request) -> Reply:
        return Reply(request.path.encode(), content_type=HTML)

    site.default = answer
    site.robots("")
    assert web.fetch(site.url("/seen")).body == b"/seen"
