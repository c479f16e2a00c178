"""A proxy in front of a Redis that kills at the k-th command: before Redis has it, or after Redis has done it.

It listens on a Unix socket, so that the kernel says which process is at the other end of a connection, and
counts the commands of the watched process (or of its children) alone. It passes on one command at a time, so
that "after" means: Redis has applied it, and nobody has seen the reply. What it can do at that moment: SIGKILL
processes (the one that sent the command, or any it is told, such as the Redis behind it), or only hang up.

    with Proxy(folder, upstream_socket) as proxy:
        proxy.arm(watch=pid, who="self", at=3, when="after", victims=[0])     # 0 is the sender itself
        ...
        proxy.heard()           # what was counted, and at which command it struck

It runs as a process of its own, so that tests may fork. Works with RESP 2 and 3; of a subscribed connection only
the commands are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Heard:
    """The commands counted since the proxy was armed; `struck` is the one at which it acted."""

    names: list[str]
    struck: str | None


class Proxy:
    """The proxy as a test holds it; a context manager."""

    def __init__(self, folder: Path, upstream: Path) -> None:
        self.path = folder / "proxy.sock"
        self._upstream = upstream

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.path}"

    @property
    def pid(self) -> int:
        """Its process, to be a victim of its own."""
        return self._process.pid

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.redis_proxy", str(self.path), str(self._upstream)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self._ask({})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def arm(
        self,
        *,
        watch: int,
        who: str = "self",
        at: int = 0,
        when: str = "before",
        victims: Sequence[int] = (0,),
    ) -> None:
        """Count the commands of process `watch` ("self"), its children ("child"), or all ("any") from 1 on.

        At command `at` (0: never), `when` "before" or "after", kill `victims`; none: hang up only.
        """
        order = {"watch": watch, "who": who, "at": at, "when": when, "victims": list(victims)}
        self._ask({"arm": order})

    def heard(self) -> Heard:
        """What was counted so far."""
        return Heard(**self._ask({"heard": True}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass
class Plan:
    """What the proxy was told, and what it has counted."""

    watch: int = 0
    who: str = "none"
    at: int = 0
    when: str = "before"
    victims: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    struck: str | None = None

    def counts(self, pid: int, parent: int) -> bool:
        """Whether the commands of this process are counted."""
        return {"any": True, "self": pid == self.watch, "child": parent == self.watch}.get(self.who, False)

    def strike(self, name: str, sender: int) -> None:
        """Kill. Raises ConnectionResetError, which ends the connection."""
        self.struck = name
        for victim in self.victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim or sender, signal.SIGKILL)
        raise ConnectionResetError


class Server:
    """The proxy itself."""

    def __init__(self, path: str, upstream: str) -> None:
        self._path = path
        self._upstream = upstream
        self._plan = Plan()

    async def run(self) -> None:
        """Serve until standard input ends."""
        await asyncio.start_unix_server(self._serve, self._path, limit=LIMIT)
        questions = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(questions), sys.stdin
        )
        while line := await questions.readline():
            print(json.dumps(self._answer(json.loads(line))), flush=True)

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if "arm" in question:
            self._plan = Plan(**question["arm"])
        return {"names": self._plan.names, "struck": self._plan.struck} if "heard" in question else {}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_writer: asyncio.StreamWriter | None = None
        try:
            pid = _peer(writer.get_extra_info("socket"))
            parent = _parent(pid)
            far_reader, far_writer = await asyncio.open_unix_connection(self._upstream, limit=LIMIT)
            await self._exchange(reader, writer, far_reader, far_writer, pid, parent)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            if far_writer is not None:
                far_writer.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
        pid: int,
        parent: int,
    ) -> None:
        streaming: asyncio.Task[None] | None = None
        try:
            while True:
                raw, name = await _command(reader)
                plan = self._plan
                due = plan.counts(pid, parent) and self._count(plan, name)
                if due and plan.when == "before":
                    plan.strike(name, pid)
                far_writer.write(raw)
                await far_writer.drain()
                if name in ("SUBSCRIBE", "PSUBSCRIBE") and streaming is None:
                    streaming = asyncio.create_task(_stream(far_reader, writer))
                if streaming is None:
                    reply = await _reply(far_reader)
                    if due:
                        plan.strike(name, pid)
                    writer.write(reply)
                    await writer.drain()
                elif due:
                    plan.strike(name, pid)
        finally:
            if streaming is not None:
                streaming.cancel()

    def _count(self, plan: Plan, name: str) -> bool:
        plan.names.append(name)
        return len(plan.names) == plan.at


def _peer(connection: socket.socket) -> int:
    size = struct.calcsize("3i")
    pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[0]
    return pid


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


async def _command(reader: asyncio.StreamReader) -> tuple[bytes, str]:
    """One command as it came, and its name."""
    head = await reader.readuntil(b"\r\n")
    parts = [await _bulk(reader) for _ in range(int(head[1:]))]
    return head + b"".join(parts), parts[0].split(b"\r\n", 1)[1].strip().decode().upper()


async def _bulk(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n")
    return head + await reader.readexactly(int(head[1:]) + 2)


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """One whole reply, of RESP 2 or 3."""
    head = await reader.readuntil(b"\r\n")
    kind, rest = head[:1], head[1:-2]
    if kind in b"$=!" and rest != b"-1":
        return head + await reader.readexactly(int(rest) + 2)
    count = int(rest) * (2 if kind in b"%|" else 1) if kind in b"*~>%|" else 0
    return head + b"".join([await _reply(reader) for _ in range(max(0, count))])


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(Server(sys.argv[1], sys.argv[2]).run())
