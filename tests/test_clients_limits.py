"""What a hostile server may cost: bytes, memory, time."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import pytest

from mingus_lib.clients.sockets import Candidate
from mingus_lib.errors import MingusError, PermanentError, TransientError
from tests.sites import Reply, Site, Sites, bomb, loopback_web, packed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SHORT = 0.4


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@pytest.fixture
def site(sites: Sites) -> Site:
    return sites.add()


def refusal(url: str, **policy: object) -> MingusError:
    with loopback_web(**policy) as web, pytest.raises(MingusError) as caught:  # type: ignore[arg-type]
        web.fetch(url)
    return caught.value


def test_a_page_of_exactly_the_limit_passes(site: Site) -> None:
    body = b"<p>" + b"a" * 99_997
    with loopback_web(max_bytes=100_000) as web:
        for number, reply in enumerate((Reply(body), Reply(body, chunked=True), packed(body))):
            assert len(web.fetch(site.on(f"/{number}", reply)).body) == 100_000


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"a" * 100_001),
        Reply(b"a" * 100_001, chunked=True),
        Reply(b"a" * 1000, chunked=True, endless=True),
        Reply(b"a" * 1000, endless=True),
        packed(b"a" * 100_001),
        packed(b"a" * 100_001, "deflate"),
        packed(b"a" * 100_001, "raw-deflate"),
        Reply(raw=OK + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n"),
        Reply(raw=OK + b"Content-Length: 100001\r\n\r\n"),
    ],
)
def test_a_larger_page_is_refused_and_not_tried_again(site: Site, reply: Reply) -> None:
    error = refusal(site.on("/", reply), max_bytes=100_000)
    assert (type(error), error.code) == (PermanentError, "too-large")


def test_a_length_in_other_digits_says_nothing(site: Site) -> None:
    with loopback_web(max_bytes=100_000) as web:
        page = web.fetch(site.on("/", Reply(raw=OK + b"Content-Length: \xb2\r\n\r\n<p>hello")))
    assert page.body == b"<p>hello"


def test_a_bomb_costs_no_memory(site: Site) -> None:
    url = site.on("/", bomb(500))
    tracemalloc.start()
    error = refusal(url, max_bytes=5_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.code == "too-large"
    assert peak < 20_000_000


@pytest.mark.parametrize("status", [302, 404, 429, 503])
def test_a_bomb_behind_another_status_is_not_unpacked(site: Site, status: int) -> None:
    reply = bomb(200)
    headers = {**reply.headers, "Location": "/after"}
    url = site.on("/", Reply(reply.body, status, headers=headers))
    site.on("/after", Reply())
    tracemalloc.start()
    with loopback_web() as web:
        try:
            web.fetch(url)
        except MingusError as error:
            assert error.code == f"http-{status}"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_gzip_members_without_end(site: Site) -> None:
    reply = Reply(gzip.compress(b"") * 10_000, headers={"Content-Encoding": "gzip"})
    assert refusal(site.on("/", reply)).code == "bad-response"


def test_tiny_chunks_without_end(site: Site) -> None:
    many = Reply(raw=CHUNKED + b"1\r\na\r\n" * 210_000)
    assert refusal(site.on("/", many)).code == "bad-response"


@pytest.mark.parametrize(
    "raw",
    [
        CHUNKED + b"1;" + b"x" * 2_000_000,
        CHUNKED + b"0\r\n" + b"X: " + b"y" * 2_000_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        OK + (b"X: " + b"y" * 60_000 + b"\r\n") * 20,
    ],
    ids=["chunk-extension", "trailer", "continue", "headers"],
)
def test_everything_around_the_body_is_bounded_too(site: Site, raw: bytes) -> None:
    error = refusal(site.on("/", Reply(raw=raw)), max_bytes=100_000)
    assert isinstance(error, PermanentError)
    assert error.code in ("too-large", "bad-response")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(latency=60),
        Reply(b"a" * 10_000, drip=0.05),
        Reply(b"a" * 10_000, drip_head=0.05),
        Reply(b"a" * 10_000, chunked=True, drip=0.05),
        Reply(gzip.compress(b"a" * 10_000), headers={"Content-Encoding": "gzip"}, drip=0.05),
        Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, drip=0.05),
        Reply(raw=CHUNKED + b"0\r\nX: " + b"y" * 1000, drip=0.05),
    ],
    ids=["silent", "body", "head", "chunked", "gzip", "continue", "trailer"],
)
def test_a_slow_drip_ends(site: Site, reply: Reply) -> None:
    site.robots("")
    started = time.monotonic()
    error = refusal(site.on("/", reply), timeout=SHORT)
    assert isinstance(error, TransientError)
    assert error.code == "timeout"
    assert time.monotonic() - started < 20


def test_a_drip_behind_a_refusal_does_not_delay_it(site: Site) -> None:
    error = refusal(site.on("/", Reply(b"a" * 10_000, 404, drip=0.5)), timeout=60)
    assert error.code == "http-404"


def test_each_response_has_the_whole_time(site: Site) -> None:
    site.on("/robots.txt", Reply(b"", 404, latency=0.3))
    with loopback_web(timeout=0.5) as web:
        assert web.fetch(site.on("/", Reply(latency=0.3))).status == 200


def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = refusal(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=SHORT)
    assert (type(error), error.code) == (TransientError, "timeout")


def test_a_name_server_that_says_nothing() -> None:
    asked = threading.Event()

    def silent(host: str, port: int, **_: object) -> Sequence[Candidate]:
        asked.wait(60)
        return ()

    error = refusal("http://slow.example/", timeout=SHORT, resolve=silent)
    asked.set()
    assert (type(error), error.code) == (TransientError, "timeout")


def test_the_next_candidate_is_tried_when_the_first_is_dead(site: Site) -> None:
    site.on("/", Reply())
    dead, alive = _numeric("127.0.0.77"), _numeric(site.host)
    with loopback_web(resolve=lambda host, port, **_: [*dead(port), *alive(port)]) as web:
        assert web.fetch(site.url("/", "two.example")).status == 200


def _numeric(address: str) -> Callable[[int], Sequence[Candidate]]:
    return lambda port: socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
