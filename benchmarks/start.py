"""How soon a command answers, beside `rq info` against the same Redis.

    python benchmarks/start.py [--runs 15] [--json]

A throw-away library is given 1,000 addresses (timed) and so has jobs in Redis and the ledger. Then every
command runs once in each round, the peer among them, so that other load on the machine falls on all alike.
Wall time from the start of the process to its end, medians over the rounds.
"""

from __future__ import annotations

import argparse
import os
import pty
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
from claims import Claim, publish

ADDRESSES = 1000
PEER = "rq info"
TABLE = "mingus status, on a terminal"
COMMANDS = ("status --json", "status", "queues --json", "--version", "--help")
Launch = Callable[[], None]


def launches(environment: dict[str, str], redis_url: str) -> dict[str, Launch]:
    """Every command by its name, the peer first."""
    mingus = processes.script("mingus")
    peer = [processes.script("rq"), "info", "--url", redis_url]
    named = {PEER: partial(_run, peer, environment)}
    for line in COMMANDS:
        named[f"mingus {line}"] = partial(_run, [mingus, *line.split()], environment)
    return {**named, TABLE: partial(_run_on_terminal, [mingus, "status"], environment)}


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, capture_output=True, check=True)


def _run_on_terminal(command: list[str], environment: dict[str, str]) -> None:
    """The same with a pseudo-terminal as its output, where tables are drawn."""
    ours, theirs = pty.openpty()
    reader = threading.Thread(target=_read_away, args=(ours,), daemon=True)
    reader.start()
    try:
        subprocess.run(command, env={**environment, "TERM": "xterm-256color"}, stdout=theirs, check=True)
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)


def _read_away(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65_536):
            pass
    except OSError:
        # Linux ends a terminal whose other side is closed with EIO.
        return


def take_turns(named: dict[str, Launch], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run; a first round that warms the caches is not counted."""
    times: dict[str, list[float]] = {name: [] for name in named}
    for number in range(rounds + 1):
        for name, launch in named.items():
            begun = time.perf_counter()
            launch()
            if number:
                times[name].append(time.perf_counter() - begun)
    return times


def measure(rounds: int) -> tuple[dict[str, list[float]], float]:
    """The times of all commands, and the seconds that adding 1,000 addresses took."""
    with processes.library() as environment:
        addresses = "\n".join(f"https://news{n % 40}.example/{n}" for n in range(ADDRESSES))
        begun = time.perf_counter()
        processes.run(environment, "add", "-", given=addresses)
        added = time.perf_counter() - begun
        return take_turns(launches(environment, _redis_url(environment)), rounds), added


def _redis_url(environment: dict[str, str]) -> str:
    from mingus_lib.queues import embedded

    return embedded.url(Path(environment["MINGUS_HOME"]))


def claims_of(ratios: dict[str, float], added: float) -> list[Claim]:
    """What must hold."""
    return [
        Claim(f"mingus status --json / {PEER}", ratios["mingus status --json"], "<=", 1.0, " x"),
        Claim(f"{TABLE} / {PEER}", ratios[TABLE], "<=", 1.2, " x"),
        Claim(f"mingus --version / {PEER}", ratios["mingus --version"], "<", 0.6, " x"),
        Claim(f"mingus add, {ADDRESSES:,} addresses", added, "<", 3.0, " s"),
    ]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    times, added = measure(given.runs)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratios = {name: median / medians[PEER] for name, median in medians.items()}
    figures: dict[str, Any] = {
        f"seconds, median of {given.runs} runs": medians,
        "seconds, fastest": {name: min(taken) for name, taken in times.items()},
        f"times {PEER}": ratios,
    }
    publish(claims_of(ratios, added), figures, as_json=given.json)


if __name__ == "__main__":
    main()
