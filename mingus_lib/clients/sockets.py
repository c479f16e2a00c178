"""Sockets that stop: every wait ends at the response's deadline, every byte is counted.

A time-out per read would let a server drip one byte a second for ever, in headers and trailers
too, so the bound sits below HTTP: the thread's current Allowance is charged at each receive.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mingus_lib.errors import PermanentError

Candidate = tuple[Any, ...]
Resolver = Callable[..., Sequence[Candidate]]


@dataclass(slots=True)
class Allowance:
    """What one response may still cost: until `deadline` (time.monotonic), `bytes_left` on the wire.

    `dialled` is set when a connection was opened for it, not taken from those kept.
    """

    label: str
    deadline: float
    bytes_left: int
    dialled: bool = False

    def seconds(self) -> float:
        """Time left; TimeoutError when there is none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the response's time is up")
        return left

    def charge(self, count: int) -> int:
        """Count received bytes; PermanentError `too-large` when they are too many."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise PermanentError(f"{self.label}: the answer is larger than allowed", code="too-large")
        return count


# urllib3 makes the sockets, and gives them nothing by which they could be told.
_thread = threading.local()


@contextlib.contextmanager
def spending(allowance: Allowance) -> Iterator[None]:
    """Put all sockets this thread uses under `allowance`."""
    _thread.allowance = allowance
    try:
        yield
    finally:
        del _thread.allowance


def _allowance() -> Allowance:
    current: Allowance = _thread.allowance
    return current


class BoundedSocket(socket.socket):
    """A TCP socket under the thread's allowance."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive within the time left."""
        self.settimeout(_allowance().seconds())
        return _allowance().charge(super().recv_into(*args, **kwargs))

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Send within the time left."""
        self.settimeout(_allowance().seconds())
        super().sendall(*args, **kwargs)


class BoundedTlsSocket(ssl.SSLSocket):
    """A TLS socket under the thread's allowance."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive within the time left."""
        self.settimeout(_allowance().seconds())
        return _allowance().charge(super().recv_into(*args, **kwargs))

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Send within the time left."""
        self.settimeout(_allowance().seconds())
        super().sendall(*args, **kwargs)


def resolve(resolver: Resolver, host: str, port: int) -> Sequence[Candidate]:
    """The host's candidates in getaddrinfo's form, within the time left.

    On a thread of its own, because getaddrinfo knows no time-out. Raises what the resolver
    raises, TimeoutError when it takes too long.
    """
    # Before the answer: what fails from here on is not the fault of a kept connection.
    _allowance().dialled = True
    answers: queue.SimpleQueue[Sequence[Candidate] | BaseException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port, type=socket.SOCK_STREAM))
        # Raised where it is waited for: nobody sees what a thread raises.
        except BaseException as error:
            answers.put(error)

    # A daemon: a resolver that hangs must not keep the process from ending.
    threading.Thread(target=ask, daemon=True, name="mingus-resolve").start()
    try:
        answer = answers.get(timeout=_allowance().seconds())
    except queue.Empty:
        raise TimeoutError("the name did not resolve in time") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def connect_first(candidates: Sequence[Candidate]) -> BoundedSocket:
    """A connection to the first candidate that answers; each gets its share of the time left.

    Raises the last candidate's OSError when none does.
    """
    failure = OSError("no address to connect to")
    for position, (family, kind, protocol, _, address) in enumerate(candidates):
        sock = BoundedSocket(family, kind, protocol)
        try:
            # Else one dead address would use up the time of the others.
            sock.settimeout(_allowance().seconds() / (len(candidates) - position))
            sock.connect(address)
            # Requests are one small packet; waiting for more to send would only delay them.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            sock.settimeout(_allowance().seconds())
            return sock
    raise failure
