"""What a SIGKILL costs: a worker is killed at its k-th Redis command, for every k, in RQ, Celery and mingus alike.

    python benchmarks/guarantees.py [--every N] [--only rq|celery|mingus]... [--write]

One case: two jobs are enqueued, on two queues; a worker works on them through a proxy (tests/redis_proxy.py) that
kills the process that sends command k, after Redis has done it; the rest of that worker is killed too. Then a fresh
worker gets 20 s. A job that has not run by then is looked for in Redis: where some list, set or hash but the job's own
record still names it, its peer's own clean-up may find it later (`waits`); else nothing ever will (`lost`).
`--write` puts the table into docs/guarantees.md. The peers are installed into build/peers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
from machine import machine
from queues import peer_python

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from tests.redis_proxy import Proxy

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/guarantees.md"
PEER_CODE = Path(__file__).with_name("guarantee_peers.py")
PATIENCE_SECONDS = 20.0
IDLE_SECONDS = 2.0
MOST_COMMANDS = 300
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
NAMES = {"rq": "RQ `Worker`", "celery": "Celery, `acks_late`", "mingus": "mingus"}
# Keys that name a job and lead nobody to it: its own record, and that of the worker which died.
RECORDS = ("rq:job:", "rq:results:", "rq:execution", "rq:worker:", "celery-task-meta")


class Peer(Protocol):
    """A queue under test; `environment` is that of its workers."""

    environment: dict[str, str]

    def enqueue(self) -> list[str]:
        """Two jobs that are accepted; their tokens."""

    def worker(self, socket: Path) -> list[str]:
        """The command of a worker on that Redis."""

    def runs(self, tokens: Sequence[str]) -> Counter[str]:
        """How often each ran to its end."""


@dataclass
class Python:
    """RQ or Celery, by guarantee_peers.py."""

    name: str
    home: Path
    count: int = 0
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def file(self) -> Path:
        """What their jobs write to."""
        return self.home / "ran"

    def _command(self, act: str, socket: Path, *tokens: str) -> list[str]:
        return [peer_python(), str(PEER_CODE), self.name, act, str(socket), str(self.file), *tokens]

    def enqueue(self) -> list[str]:
        """See Peer."""
        self.count += 1
        tokens = [f"{self.name}-{self.count}-{queue}" for queue in ("a", "b")]
        command = self._command("enqueue", embedded.socket_path(self.home), *tokens)
        subprocess.run(command, check=True, capture_output=True, cwd=PEER_CODE.parent)
        return tokens

    def worker(self, socket: Path) -> list[str]:
        """See Peer."""
        return self._command("work", socket)

    def runs(self, tokens: Sequence[str]) -> Counter[str]:
        """See Peer."""
        lines = self.file.read_text().split() if self.file.exists() else []
        return Counter(line for line in lines if line in tokens)


@dataclass
class Mingus:
    """The command line; how often a job ran is in the ledger."""

    home: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {**os.environ, "MINGUS_HOME": str(self.home)}

    def enqueue(self) -> list[str]:
        """See Peer."""
        return [
            processes.run(self.environment, "enqueue", "ping", "--queue", queue, "-q").strip()
            for queue in ("analytics", "cleanup")
        ]

    def worker(self, socket: Path) -> list[str]:
        """See Peer."""
        queues = ["--queue", "analytics", "--queue", "cleanup", "--burst", "--loglevel", "error"]
        return [processes.script("mingus"), "--redis-url", f"unix://{socket}", "worker", *queues]

    def runs(self, tokens: Sequence[str]) -> Counter[str]:
        """See Peer."""
        told = json.loads(processes.run(self.environment, "jobs", "--json", "--limit", "1000"))
        ended = {job["id"]: job["attempts"] for job in told if job["state"] == "finished"}
        return Counter({token: ended[token] for token in tokens if token in ended})


@dataclass
class Tally:
    """What a sweep came to; jobs are counted, two for each point."""

    points: int = 0
    once: int = 0
    again: int = 0
    waits: int = 0
    lost: int = 0
    lost_at: Counter[str] = field(default_factory=Counter)

    def row(self, name: str) -> str:
        """A line of the table."""
        at = ", ".join(f"{command} {count}" for command, count in self.lost_at.most_common()) or "-"
        cells = (NAMES[name], self.points, self.once, self.again, self.waits, self.lost, at)
        return "| " + " | ".join(str(cell) for cell in cells) + " |"


def sweep(name: str, every: int) -> Tally:
    """Every k-th command of a worker, until one ends without having been killed."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="mingus-guarantees-") as folder:
        home = Path(folder)
        embedded.ensure_running(home)
        peer: Peer = Mingus(home) if name == "mingus" else Python(name, home)
        try:
            with Proxy(home, embedded.socket_path(home)) as proxy:
                for at in range(1, MOST_COMMANDS, every):
                    struck = case(peer, proxy, home, at, tally)
                    print(f"{name} {at}: {struck or 'the end'}; {tally}", file=sys.stderr)
                    if struck is None:
                        break
        finally:
            embedded.stop(home)
    return tally


def case(peer: Peer, proxy: Proxy, home: Path, at: int, tally: Tally) -> str | None:
    """One kill; the command at which it struck, None when the worker was done before."""
    tokens = peer.enqueue()
    proxy.arm(watch=0, who="any", at=at, when="after", victims=[0])
    with running(peer.worker(proxy.path), peer.environment) as worker:
        wait(lambda: worker.poll() is not None or proxy.heard().struck is not None, peer, tokens)
    struck = proxy.heard().struck
    proxy.arm(watch=0, who="none")
    with running(peer.worker(embedded.socket_path(home)), peer.environment):
        until(lambda: len(peer.runs(tokens)) == len(tokens), PATIENCE_SECONDS)
    if struck is not None:
        judge(peer.runs(tokens), tokens, home, struck, tally)
    forget(home, peer)
    return struck


def wait(struck: Callable[[], bool], peer: Peer, tokens: Sequence[str]) -> None:
    """Until it struck, or both jobs have run and nothing more has happened for a while."""
    if until(lambda: struck() or len(peer.runs(tokens)) == len(tokens), PATIENCE_SECONDS):
        until(struck, IDLE_SECONDS)


def until(condition: Callable[[], Any], seconds: float) -> bool:
    """Whether it came true in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def judge(runs: Counter[str], tokens: Sequence[str], home: Path, struck: str, tally: Tally) -> None:
    """Count the point's jobs."""
    tally.points += 1
    for token in tokens:
        if runs[token]:
            tally.once += runs[token] == 1
            tally.again += runs[token] > 1
        elif is_named(home, token):
            tally.waits += 1
        else:
            tally.lost += 1
            tally.lost_at[struck] += 1


def is_named(home: Path, token: str) -> bool:
    """Whether any key but the job's own record names it."""
    sought = token.encode()
    with connect(embedded.url(home)) as client:
        keys: Any = client.keys("*")
        for key in keys:
            if not key.decode("utf-8", "replace").startswith(RECORDS) and sought in content(client, key):
                return True
    return False


def content(client: Any, key: bytes) -> bytes:
    """All that a key holds, one after another."""
    readers: dict[bytes, Callable[[], Any]] = {
        b"list": lambda: client.lrange(key, 0, -1),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
    }
    return b"\n".join(readers.get(client.type(key), list)())


def forget(home: Path, peer: Peer) -> None:
    """Begin the next case without what this one left; mingus keeps its ledger, so it may keep its Redis."""
    if not isinstance(peer, Mingus):
        with connect(embedded.url(home)) as client:
            client.flushall()


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a group of its own, which is killed whole in the end."""
    process = subprocess.Popen(
        command,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=PEER_CODE.parent,
        env=environment,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def page(rows: Sequence[str], every: int) -> str:
    """The table, and what it was taken on."""
    head = "| | points | jobs that ran once | more than once | wait for a clean-up | lost | lost at |"
    line = "| --- | --- | --- | --- | --- | --- | --- |"
    which = "Every command" if every == 1 else f"One in {every} commands"
    taken = f"{which} of a worker, killed after Redis had done it. Taken on: {machine()}; {versions()}."
    return "\n".join([head, line, *rows, "", taken, ""])


def versions() -> str:
    """The peers' versions."""
    code = (
        "from importlib.metadata import version\n"
        "print(', '.join(f'{name} {version(name)}' for name in ('rq', 'celery', 'kombu')))"
    )
    return subprocess.run(
        [peer_python(), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Run the sweeps and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="take every N-th command only")
    parser.add_argument("--only", action="append", choices=list(NAMES))
    parser.add_argument("--write", action="store_true", help="put the table into docs/guarantees.md")
    given = parser.parse_args()
    rows = [sweep(name, given.every).row(name) for name in given.only or NAMES]
    table = page(rows, given.every)
    print(table)
    if given.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
