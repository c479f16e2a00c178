"""Real services for the tests: a private Redis, a store file, the command line as a process."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.status import worker_states
from tests.preloaded import Preloaded

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 30.0
# The first example of a test may import scipy, so a limit of time would hang on the order of the tests. Half the usual
# examples, so that the whole stays under five minutes.
hypothesis.settings.register_profile(
    "ours", parent=hypothesis.settings.default, deadline=None, max_examples=50
)
hypothesis.settings.load_profile("ours")
# A shell that starts the tests in the background has them ignore Ctrl-C, and all processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(condition: Callable[[], Any], what: str = "condition") -> Any:
    """The first true value of `condition`, polled; fails the test after 30 s."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {WAIT_SECONDS:.0f} s for {what}")
        time.sleep(0.02)
    return value


def workers_in(home: Path) -> dict[str, int]:
    """The registered workers of a library's own Redis with their pids, seen from here: a process costs more."""
    if not embedded.answers(home):
        return {}
    client = connect(embedded.url(home))
    try:
        return {each.name: each.pid or 0 for each in worker_states(client)}
    finally:
        client.close()


@dataclass(frozen=True)
class Shown:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


@cache
def preloaded() -> Preloaded:
    """This test process's own server of forked commands."""
    server = Preloaded(ROOT)
    atexit.register(server.close)
    return server


@dataclass
class CommandLine:
    """`mingus` run as a process of its own, in one state directory."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        """The parent's environment without any MINGUS_ variable, plus this one's."""
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("MINGUS_", "OPENAI_"))
        }
        return {**inherited, "MINGUS_HOME": str(self.home), "NO_COLOR": "1", **self.env, **more}

    def __call__(self, *arguments: str, stdin: str | bytes = "", timeout: float = 60, **env: str) -> Shown:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        code, out, err = preloaded().run(arguments, given=given, env=self.environment(**env), timeout=timeout)
        return Shown(code, out.decode(), err.decode())

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """The command left running, its output on pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**env),
            cwd=ROOT,
            text=True,
        )


@pytest.fixture(scope="session", autouse=True)
def no_signal_for_a_group() -> Iterator[None]:
    """A process that was not found is 0 in some tests, and a signal to 0 ends all that runs them."""
    kill = os.kill

    def kill_one(pid: int, number: int) -> None:
        assert pid not in (0, -1), f"signal {number} to process {pid}"
        kill(pid, number)

    os.kill = kill_one
    yield
    os.kill = kill


@pytest.fixture(scope="session", autouse=True)
def no_library_of_the_user() -> Iterator[None]:
    """Code that opens the library of its environment must not find the user's own."""
    before = os.environ.pop("MINGUS_HOME", None)
    os.environ["MINGUS_HOME"] = "/dev/null/no-library"
    yield
    os.environ.pop("MINGUS_HOME")
    if before is not None:
        os.environ["MINGUS_HOME"] = before


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty state directory; its Redis, if one was started, is stopped in the end."""
    folder = tmp_path / "state"
    yield folder
    embedded.stop(folder)


@pytest.fixture
def mingus(home: Path) -> CommandLine:
    """The command line in an empty state directory, allowed to fetch from loopback, without pauses."""
    return CommandLine(home, {"MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8", "MINGUS_FETCH_INTERVAL": "0"})


@pytest.fixture(scope="session")
def redis_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One Redis for all tests that clean up after themselves."""
    folder = tmp_path_factory.mktemp("redis")
    embedded.ensure_running(folder)
    yield folder
    embedded.stop(folder)


@pytest.fixture
def redis(redis_home: Path) -> Iterator[Any]:
    """A client of the session's Redis, emptied."""
    client = connect(embedded.url(redis_home))
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def parts(tmp_path: Path, redis_home: Path, redis: Any) -> Iterator[Any]:
    """The queue runtime of a test, on the session's Redis."""
    from tests.runtime_parts import Parts

    found = Parts(tmp_path, redis, embedded.url(redis_home))
    yield found
    found.store.close()
