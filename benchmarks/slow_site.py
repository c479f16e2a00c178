"""Fifty hosts on loopback that take their time: a server in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from articles_made_up import page

HOSTS = 50
LATENCY_SECONDS = 0.2
ROBOTS = b"User-agent: *\nDisallow: /private/\n"
STOP = "stop"


@dataclass(slots=True)
class Served:
    """What the server saw."""

    pages: int = 0
    robots: int = 0
    connections: int = 0
    at_once: int = 0
    cpu_seconds: float = 0.0


@dataclass(slots=True)
class Site:
    """A running server; `served` is filled when it has stopped."""

    addresses: list[str]
    served: Served = field(default_factory=Served)


@contextmanager
def serve(size: str, pages: int) -> Iterator[Site]:
    """The pages' addresses, spread over the hosts, answered until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, size, pages), daemon=True)
    process.start()
    theirs.close()
    ports: list[int] = ours.recv()
    site = Site([_address(number, ports[number % HOSTS]) for number in range(pages)])
    try:
        yield site
    finally:
        ours.send(STOP)
        site.served = ours.recv()
        process.join()


def _address(number: int, port: int) -> str:
    # Not the number alone: of a mail's links /1000 and up are taken for the lists of a year.
    return f"http://127.0.0.{number % HOSTS + 1}:{port}/story-{number}"


def _run(pipe: Connection, size: str, pages: int) -> None:
    for number in range(pages):
        page(size, number)
    asyncio.run(_Server(size).run(pipe))


class _Server:
    def __init__(self, size: str) -> None:
        self.size = size
        self.served = Served()
        self.busy = 0

    async def run(self, pipe: Connection) -> None:
        servers = [
            await asyncio.start_server(self.talk, f"127.0.0.{host + 1}", 0, backlog=256)
            for host in range(HOSTS)
        ]
        before = time.process_time()
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        self.served.cpu_seconds = time.process_time() - before
        pipe.send(self.served)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until the client hangs up."""
        self.served.connections += 1
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self.answer(request.split(b" ", 2)[1].decode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self, path: str) -> bytes:
        """The whole response, after the latency."""
        self.busy += 1
        self.served.at_once = max(self.served.at_once, self.busy)
        await asyncio.sleep(LATENCY_SECONDS)
        self.busy -= 1
        if path == "/robots.txt":
            self.served.robots += 1
            return _response(b"text/plain", ROBOTS)
        self.served.pages += 1
        return _response(b"text/html; charset=utf-8", page(self.size, int(path.removeprefix("/story-"))))


def _response(kind: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
    return head + body
