"""Web sites on loopback that do as they are told: slow, wrong, hostile or well behaved.

    with Sites() as sites:
        site = sites.add()                        # http://127.0.0.1:PORT, another host at each call
        site.on("/a", Reply(b"<p>hi", latency=0.2))
        site.on("/b", redirect("/a"))
        ...
        assert [seen.path for seen in site.seen] == ["/b", "/a"]

All sites of one Sites run on one thread (asyncio), so that hundreds of them cost a test little.
Paths without a reply answer 404, /robots.txt too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from mingus_lib.clients.sockets import Candidate
from mingus_lib.clients.web import MemoryPacer, MemoryRobotsCache, Pacer, Resolver, RobotsCache, Web
from mingus_lib.domain.models import FetchPolicy

HTML = "text/html; charset=utf-8"
PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a site saw it; `at` is time.monotonic(), `connection` counts per site from 1."""

    path: str
    headers: Mapping[str, str]
    at: float
    connection: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a path answers.

    `latency`: seconds before the first byte. `drip`: seconds after each byte of the body,
    `drip_head` of the head. `chunked` sends chunks of `piece` bytes; `cut` closes after that many
    bytes of the body; `endless` repeats the body for ever; `raw` replaces everything that is sent;
    `etag` answers 304 when the request has it; `close` ends the connection; `tunnel` (host, port)
    is for CONNECT.
    """

    body: bytes = b"<!doctype html><title>t</title><p>hello"
    status: int = 200
    content_type: str | None = HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    drip: float = 0.0
    drip_head: float = 0.0
    chunked: bool = False
    piece: int = PIECE
    cut: int | None = None
    endless: bool = False
    raw: bytes | None = None
    etag: str | None = None
    close: bool = False
    tunnel: tuple[str, int] | None = None


Answer = Reply | Callable[[Request], Reply]


def redirect(location: str, status: int = 302) -> Reply:
    """A redirect with a short body."""
    return Reply(b"moved", status, headers={"Location": location})


def packed(body: bytes, encoding: str = "gzip", **more: object) -> Reply:
    """A page packed as `gzip`, `deflate` (with zlib's wrapper) or `raw-deflate`."""
    data = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    if encoding == "raw-deflate":
        data, encoding = data[2:-4], "deflate"
    return Reply(data, headers={"Content-Encoding": encoding}, **more)  # type: ignore[arg-type]


def bomb(megabytes: int) -> Reply:
    """Zeros of that size behind a thousandth of it in gzip."""
    engine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = b"\0" * 1_000_000
    data = b"".join(engine.compress(block) for _ in range(megabytes)) + engine.flush()
    return Reply(data, headers={"Content-Encoding": "gzip"})


class Site:
    """One host and port. `seen` are its requests in order, `connections` how many were opened."""

    def __init__(self, host: str, tls: bool) -> None:
        self.host = host
        self.port = 0
        self.seen: list[Request] = []
        self.connections = 0
        self.default: Answer = Reply(b"nothing here", 404)
        self._scheme = "https" if tls else "http"
        self._replies: dict[str, Answer] = {}

    def on(self, path: str, answer: Answer) -> str:
        """Answer `path` (with its query) so from now on; returns its address."""
        self._replies[path] = answer
        return self.url(path)

    def robots(self, text: str) -> None:
        """Serve this robots.txt."""
        self.on("/robots.txt", Reply(text.encode(), content_type="text/plain"))

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The address of a path, under another name of the host if given."""
        name = host or self.host
        return f"{self._scheme}://{f'[{name}]' if ':' in name else name}:{self.port}{path}"

    @property
    def pages_seen(self) -> list[str]:
        """Paths asked for, without robots.txt."""
        return [request.path for request in self.seen if request.path != "/robots.txt"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        number = self.connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            return
        # Sites is being left; passed on, asyncio would print a traceback for each idle connection.
        except asyncio.CancelledError:
            return
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        request = _parse(await reader.readuntil(b"\r\n\r\n"), number)
        self.seen.append(request)
        answer = self._replies.get(request.path, self.default)
        reply = answer if isinstance(answer, Reply) else answer(request)
        await asyncio.sleep(reply.latency)
        if reply.tunnel:
            await _tunnel(reader, writer, reply.tunnel)
            return False
        return await _send(writer, reply, request)


class Sites:
    """Starts and stops sites; a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="sites")
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def add(self, host: str | None = None, *, port: int = 0, tls: ssl.SSLContext | None = None) -> Site:
        """A new site; without `host` the next of 127.0.0.1, 127.0.0.2 ..."""
        number = len(self._servers) + 1
        site = Site(host or f"127.0.{number >> 8}.{number & 255}", tls is not None)
        start = asyncio.start_server(site.serve, site.host, port, ssl=tls)
        server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        site.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)
        return site

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parse(head: bytes, connection: int) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(first.split(" ")[1], headers, time.monotonic(), connection)


async def _send(writer: asyncio.StreamWriter, reply: Reply, request: Request) -> bool:
    """Send the reply; True when the connection stays open."""
    if reply.raw is not None:
        await _write(writer, reply.raw, reply.drip)
        return False
    unchanged = reply.etag is not None and request.headers.get("if-none-match") == reply.etag
    await _write(writer, _head(reply, unchanged), reply.drip_head)
    if unchanged:
        return True
    async for piece in _pieces(reply):
        await _write(writer, piece, reply.drip)
    return reply.cut is None and not reply.close


def _head(reply: Reply, unchanged: bool) -> bytes:
    lines = [f"HTTP/1.1 {304 if unchanged else reply.status} Said"]
    if reply.content_type is not None:
        lines.append(f"Content-Type: {reply.content_type}")
    if reply.etag is not None:
        lines.append(f"ETag: {reply.etag}")
    if reply.chunked:
        lines.append("Transfer-Encoding: chunked")
    elif not reply.endless and not unchanged:
        lines.append(f"Content-Length: {len(reply.body)}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


async def _pieces(reply: Reply) -> AsyncIterator[bytes]:
    body = reply.body if reply.cut is None else reply.body[: reply.cut]
    while True:
        for start in range(0, len(body), reply.piece):
            piece = body[start : start + reply.piece]
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece
        if not reply.endless:
            break
    if reply.chunked and reply.cut is None:
        yield b"0\r\n\r\n"


async def _write(writer: asyncio.StreamWriter, data: bytes, drip: float) -> None:
    step = 1 if drip else max(1, len(data))
    for start in range(0, len(data), step):
        if writer.is_closing():
            raise ConnectionResetError
        writer.write(data[start : start + step])
        await writer.drain()
        # Also without a pause: a loop that never yields would not see the other side leave.
        await asyncio.sleep(drip)


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
) -> None:
    far_reader, far_writer = await asyncio.open_connection(*target)
    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(PIECE):
        sink.write(data)
        await sink.drain()
    sink.close()


@contextlib.contextmanager
def loopback_web(
    *,
    pacer: Pacer | None = None,
    robots: RobotsCache | None = None,
    resolve: Resolver = socket.getaddrinfo,
    tls: ssl.SSLContext | None = None,
    **policy: Any,
) -> Iterator[Web]:
    """A fetch client that may go to loopback and does not pause, unless `policy` says otherwise."""
    given = {"interval": 0.0, "timeout": 20.0, "allow_networks": ("127.0.0.0/8", "::1/128"), **policy}
    web = Web(
        FetchPolicy("mingus/0.1 (+https://library.example/bot)", **given),
        pacer=pacer or MemoryPacer(),
        robots=robots or MemoryRobotsCache(),
        resolve=resolve,
        tls=tls,
    )
    try:
        yield web
    finally:
        web.close()


class Names:
    """A resolver of made-up names: each lookup takes the name's next address, the last one for ever."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.lookups: list[str] = []
        self._addresses = {name.replace("_", "."): list(given) for name, given in addresses.items()}

    def add(self, name: str, *addresses: str) -> None:
        """One more name."""
        self._addresses[name] = list(addresses)

    def __call__(self, host: str, port: int, **_: object) -> Sequence[Candidate]:
        """In the form of socket.getaddrinfo."""
        self.lookups.append(host)
        left = self._addresses.get(host)
        if not left:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        address = left.pop(0) if len(left) > 1 else left[0]
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
