"""What a service manager hears: ready, status, a watchdog that is fed while every loop turns."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.queues.notify import Notifier
from mingus_lib.queues.turns import Doing, Pulses
from tests.conftest import CommandLine, wait_for, workers_in

WATCHDOG_SECONDS = 4


class Manager:
    """The service manager's end of the line: every message with the time it came."""

    def __init__(self, path: str) -> None:
        self.address = path
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind("\0" + path[1:] if path.startswith("@") else path)
        self.heard: list[tuple[float, str]] = []

    def listen(self) -> list[str]:
        """All messages so far."""
        while select.select([self._line], [], [], 0)[0]:
            self.heard.append((time.monotonic(), self._line.recv(4096).decode()))
        return [text for _, text in self.heard]

    def count(self, text: str) -> int:
        return self.listen().count(text)

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    found = Manager(str(tmp_path / "notify"))
    yield found
    found.close()


def test_the_messages_are_those_of_the_protocol(manager: Manager) -> None:
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}
    told = Notifier.take(env)
    assert (told.watchdog, env) == (5.0, {})
    told.ready()
    told.status("two\nlines")
    told.status("two\nlines")
    told.feed()
    told.stopping()
    assert manager.listen() == ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_is_reached() -> None:
    there = Manager(f"@mingus-test-{os.getpid()}")
    Notifier(there.address).ready()
    assert there.listen() == ["READY=1"]
    there.close()
    Notifier(there.address).ready()  # nobody listens any more: no error


@pytest.mark.parametrize(
    "env", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
def test_a_watchdog_that_is_not_ours_is_not_fed(env: dict[str, str], manager: Manager) -> None:
    told = Notifier.take({**env, "NOTIFY_SOCKET": manager.address})
    told.feed()
    assert (told.watchdog, manager.listen()) == (None, [])


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=60), st.floats(0.5, 20))
def test_standing_still_is_counted_from_the_last_turn(steps: list[tuple[bool, float]], limit: float) -> None:
    pulses, still = Pulses(2), 0.0
    pulses.still([1], 0.0, limit)
    for turns, elapsed in steps:
        if turns:
            pulses.turn(1, Doing.BUSY)
        found = pulses.still([1], elapsed, limit)
        still = 0.0 if turns else still + elapsed
        assert found == ([1] if still >= limit else [])


@pytest.fixture
def service(mingus: CommandLine, manager: Manager) -> Iterator[subprocess.Popen[str]]:
    """A worker service as systemd starts it."""
    env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)}
    running = mingus.start("worker", "--queue", "cleanup", "--concurrency", "2", **env)
    yield running
    running.kill()
    running.communicate(timeout=30)


def test_a_hung_loop_is_replaced_and_a_long_job_is_not(
    mingus: CommandLine, manager: Manager, service: subprocess.Popen[str]
) -> None:
    wait_for(lambda: manager.count("READY=1") == 1, "readiness")
    wait_for(lambda: "STATUS=2 workers: 2 idle; 0 jobs done" in manager.listen(), "the status")
    long_job = mingus("enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": 4}', "-q").out.strip()
    wait_for(lambda: any("1 busy" in text for text in manager.listen()), "a busy worker")
    before = mingus("status", "--json").json["workers"]
    (idle,) = [each["pid"] for each in before if each["current_job"] is None]
    (busy,) = [each["pid"] for each in before if each["current_job"] == long_job]
    os.kill(idle, signal.SIGSTOP)
    wait_for(lambda: not Path(f"/proc/{idle}").exists(), "the hung worker's end")
    wait_for(lambda: len(set(workers_in(mingus.home).values()) - {idle}) == 2, "its successor")
    assert mingus("job", long_job, "--follow").code == 0
    assert mingus("job", long_job, "--json").json["attempts"] == 1
    assert busy in workers_in(mingus.home).values()
    wait_for(lambda: any("1 job done" in text for text in manager.listen()), "the count of jobs")
    # The supervisor's own loop feeds the watchdog: nobody else does it while it stands still.
    os.kill(service.pid, signal.SIGSTOP)
    manager.listen()
    fed = manager.count("WATCHDOG=1")
    assert fed > 3
    assert not select.select([manager._line], [], [], 2.5)[0]
    os.kill(service.pid, signal.SIGCONT)
    wait_for(lambda: manager.count("WATCHDOG=1") > fed, "the watchdog to be fed again")
    living = [pid for pid in workers_in(mingus.home).values() if Path(f"/proc/{pid}").exists()]
    assert (len(living), busy in living) == (2, True)
    service.send_signal(signal.SIGTERM)
    service.wait(timeout=30)
    assert (service.returncode, manager.count("STOPPING=1")) == (0, 1)


def test_the_scheduler_feeds_its_own_watchdog(mingus: CommandLine, manager: Manager) -> None:
    running = mingus.start(
        "scheduler", "--loglevel", "error", NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="4000000"
    )
    try:
        wait_for(lambda: manager.count("WATCHDOG=1") >= 2, "the watchdog to be fed")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 0
        told = [text for text in manager.listen() if text != "WATCHDOG=1"]
        assert told == ["READY=1", "STOPPING=1"]
    finally:
        running.kill()
        running.communicate(timeout=30)
