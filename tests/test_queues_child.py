"""The process of the jobs: messages arrive whole or not at all, and its failures are sorted like any other."""

from __future__ import annotations

import signal
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.arguments import Arguments
from mingus_lib.queues import catalog, context
from mingus_lib.queues.catalog import Task
from mingus_lib.queues.child import PIECE, Runner, receive, send
from mingus_lib.queues.connection import connect
from tests.runtime_parts import Parts


class Asked(Arguments):
    """`address` of the Redis that the job asks."""

    address: str


def ask_redis(address: str) -> bool:
    """Ask a Redis."""
    return bool(connect(address).ping())


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        yield ours, theirs


@pytest.fixture
def runner(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """Runs orders in this process, jobs of this module too."""
    catalog.load()
    task = Task("ask_redis", f"{__name__}.ask_redis", None, Asked, "Ask.", "diagnostics:run")
    monkeypatch.setitem(catalog._tasks, "ask_redis", task)
    before, token = signal.getsignal(signal.SIGALRM), context._current.set(None)  # type: ignore[arg-type]
    yield Runner(lambda: parts.ledger)
    signal.signal(signal.SIGALRM, before)
    context._current.reset(token)


def test_a_message_larger_than_a_read_arrives_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    message = {"result": "x" * (3 * PIECE)}
    sending = threading.Thread(target=send, args=(theirs, message))
    sending.start()
    assert receive(ours) == message
    sending.join(10)


@pytest.mark.parametrize("cut", [2, 10])
def test_half_a_message_of_a_child_that_died_is_none(
    pair: tuple[socket.socket, socket.socket], cut: int
) -> None:
    ours, theirs = pair
    body = b'{"result": "done"}'
    theirs.sendall((struct.pack("!I", len(body)) + body)[:cut])
    theirs.close()
    assert receive(ours) is None


def order(task: str, **arguments: Any) -> dict[str, Any]:
    return {"id": "job", "task": task, "queue": "cleanup", "args": arguments, "attempt": 1, "tries": 1}


def test_a_job_from_under_which_redis_goes_is_tried_again(runner: Runner, tmp_path: Path) -> None:
    reply = runner.run(order("ask_redis", address=f"unix://{tmp_path}/none.sock"))
    assert reply["reason"].startswith("redis-unavailable: Redis went away")
    assert (reply["delay"], reply["traceback"]) == (pytest.approx(60, abs=30), None)


def test_a_bug_of_a_job_is_dead_and_keeps_its_traceback(runner: Runner) -> None:
    reply = runner.run(order("ask_redis", address="https://no.redis/"))
    assert (reply["delay"], "redis_url" in reply["reason"]) == (None, True)
