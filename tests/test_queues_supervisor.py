"""The supervisor: a stop is heard, however early it comes; who dies is replaced, who is done is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mingus_lib.errors import UsageError
from mingus_lib.queues import supervisor
from mingus_lib.queues.owner import Owner, Process, start_time, this_host
from mingus_lib.queues.turns import Doing, Pulses
from mingus_lib.services import working
from tests.conftest import wait_for

CODE = """
import signal
from mingus_lib.queues.supervisor import Supervisor

def child(number):
    print(number, flush=True)
    signal.pause()

raise SystemExit(Supervisor(child, 6, burst=False).run())
"""
# The first one of each number dies of a signal, the second one leaves as if it had been dismissed.
MORTAL = """
import os, signal, sys
from pathlib import Path
from mingus_lib.queues import supervisor

def child(number):
    os.write(1, f"{number}\\n".encode())
    first = Path(sys.argv[1], str(number))
    if not first.exists():
        first.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(supervisor.DISMISSED)

supervisor.RESTART_PAUSE_SECONDS = 0.01
raise SystemExit(supervisor.Supervisor(child, int(sys.argv[2]), burst=False, aides={"idler": signal.pause}).run())
"""


def test_a_stop_while_the_workers_are_being_started_is_heard_by_all() -> None:
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()
        assert process.returncode == 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_dies_is_replaced_also_the_only_one(count: int, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MORTAL, tmp_path, str(count)], capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.split()) == sorted(2 * [str(number + 1) for number in range(count)])


def test_a_worker_s_name_fits_into_what_a_keeper_reads() -> None:
    longest = working.order([], 256, name="n" * 96)
    assert Owner.parse(str(Owner(Process.this(), f"{longest.name}-256", "e" * 32, "cleanup"))) is not None
    with pytest.raises(UsageError, match="up to 96 letters"):
        working.order([], 2, name="n" * 99)


def test_a_signal_reaches_the_process_it_is_meant_for_and_no_other() -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        started = start_time(process.pid)
        assert started is not None
        # The same number on another host, and what had the number before it.
        assert not Process("another-host.1", process.pid, started).send(signal.SIGKILL)
        assert not Process(this_host(), process.pid, started - 1).send(signal.SIGKILL)
        assert process.poll() is None
        assert Process(this_host(), process.pid, started).send(signal.SIGKILL)
        assert process.wait(20) == -signal.SIGKILL


@pytest.fixture
def own_signals() -> Iterator[None]:
    """A supervisor takes the signals of its process: they are given back afterwards."""
    numbers = (*supervisor.STOPS, signal.SIGCHLD)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_who_stops_it_is_told_of_the_job_in_hand(caplog: pytest.LogCaptureFixture, own_signals: None) -> None:
    caplog.set_level("INFO")
    pulses = Pulses(1)

    def be_busy(number: int) -> None:
        pulses.turn(number, Doing.BUSY)
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()

    assert supervisor.Supervisor(be_busy, 1, burst=False, pulses=pulses).run() == 0
    assert caplog.messages == ["1 job still runs; Ctrl-C (or SIGTERM) again puts it back"]


def test_an_aide_that_hears_nothing_is_killed_and_a_stranger_s_end_is_nobody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_signals: None
) -> None:
    """As the first process of a container it also gets the ends of processes that it never started."""
    monkeypatch.setattr(supervisor, "AIDES_SECONDS", 0.1)
    aide = tmp_path / "aide"

    def be_deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        aide.with_suffix(".tmp").write_text(str(os.getpid()))
        aide.with_suffix(".tmp").rename(aide)
        signal.pause()

    stranger = os.fork()
    if stranger == 0:
        os._exit(7)
    os.waitid(os.P_PID, stranger, os.WEXITED | os.WNOWAIT)
    chief = supervisor.Supervisor(
        lambda _number: wait_for(aide.exists, "the aide"), 1, burst=True, aides={"deaf": be_deaf}
    )
    assert chief.run() == 0, "its worker has done well"
    assert start_time(int(aide.read_text())) is None
    with pytest.raises(ChildProcessError):
        os.waitpid(stranger, 0)
