"""A server that answers chat completions, and knows from the kernel when each request reached this machine.

A handler that the scheduler delays would note a time of its own; the kernel stamps what arrives as it arrives.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import struct
import threading
import time
from typing import Self

SO_TIMESTAMPNS = 35
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
ANSWER = json.dumps(
    {
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()  # fmt: skip


def most_in_a_second(times: list[float]) -> int:
    """The most of these times that fall into one second, wherever it begins."""
    ordered = sorted(times)
    return max(sum(start <= each < start + 1.0 for each in ordered[n:]) for n, start in enumerate(ordered))


class Arrivals:
    """The server; a context manager. `times` are Unix times, by the kernel, of whole requests."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._over = threading.Event()
        self._parts: dict[socket.socket, bytes] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        # Connections inherit it, so that what comes with the first packet is stamped, too.
        self._listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for each in (*self._parts, self._listener):
            each.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._over.is_set():
                for key, _ in selector.select(0.05):
                    if key.fileobj is self._listener:
                        connection, _ = self._listener.accept()
                        self._parts[connection] = b""
                        selector.register(connection, selectors.EVENT_READ)
                    elif isinstance(key.fileobj, socket.socket) and not self._read(key.fileobj):
                        selector.unregister(key.fileobj)
                        self._parts.pop(key.fileobj)
                        key.fileobj.close()

    def _read(self, connection: socket.socket) -> bool:
        """Take what has come; False when the connection is over."""
        data, stamps, *_ = connection.recvmsg(1 << 20, 256)
        if not data:
            return False
        whole = self._parts[connection] + data
        head, found, body = whole.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and length and len(body) >= int(length[1]):
            self.times.append(_stamp(stamps[0][2]) if stamps else time.time())
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(ANSWER), ANSWER)
            )
            whole = b""
        self._parts[connection] = whole
        return True


def _stamp(timespec: bytes) -> float:
    seconds, nanoseconds = struct.unpack("qq", timespec[:16])
    return float(seconds + nanoseconds / 1e9)
