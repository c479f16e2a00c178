"""mingus as an operator runs it: the installed command, in a library of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

SAMPLE_SECONDS = 0.05
MEGABYTE = 1_000_000


def script(name: str) -> str:
    """A command of this Python's environment."""
    return str(Path(sys.executable).with_name(name))


@contextlib.contextmanager
def library(**settings: str) -> Iterator[dict[str, str]]:
    """The environment of a throw-away library; its Redis is stopped and its files removed in the end."""
    with tempfile.TemporaryDirectory(prefix="mingus-bench-") as home:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MINGUS_")}
        environment |= {"MINGUS_HOME": home} | {
            f"MINGUS_{key.upper()}": value for key, value in settings.items()
        }
        try:
            yield environment
        finally:
            _stop_redis(Path(home))


def _stop_redis(home: Path) -> None:
    from mingus_lib.queues import embedded

    embedded.stop(home)


def run(environment: dict[str, str], *arguments: str, given: str | None = None) -> str:
    """What `mingus ARGUMENTS` prints; CalledProcessError when it fails."""
    done = subprocess.run(
        [script("mingus"), *arguments],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants took: seconds of wall and CPU, and the peak of the largest one."""

    wall: float
    cpu: float
    peak_bytes: int


def watch(command: list[str], environment: dict[str, str]) -> Usage:
    """Run a command to its end; RuntimeError with its last words when it fails."""
    with tempfile.TemporaryFile() as log:
        before = os.times()
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        with PeakMemory(process.pid) as memory:
            code = process.wait()
        wall, after = time.perf_counter() - begun, os.times()
        if code:
            log.seek(0)
            raise RuntimeError(
                f"{command} ended with {code}: {log.read()[-2000:].decode('utf-8', 'replace')}"
            )
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Usage(wall, cpu, memory.peak)


class PeakMemory:
    """The largest VmHWM (proc(5)) among a process and its descendants while the block runs, bytes."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in [self._root, *self._root.children(recursive=True)]:
                    self.peak = max(self.peak, _high_water(process.pid))


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def busy_seconds() -> float:
    """CPU seconds all processes of the machine have used."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)
