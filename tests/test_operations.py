"""docs/operations.md: its procedures are followed as they stand, and no job is lost or run twice on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mingus_lib import settings
from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.queues import embedded
from mingus_lib.queues.keeper import Keeper
from mingus_lib.runtime import Runtime
from mingus_lib.store.database import Store
from mingus_lib.store.history import History, JobFilter
from tests.conftest import ROOT, CommandLine, wait_for, workers_in

TEXT = (ROOT / "docs/operations.md").read_text("utf-8")


def procedures(heading: str) -> list[list[str]]:
    """The fenced `sh` blocks of a section, line by line."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [block.strip().splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)]


@dataclass
class Operator:
    """Somebody who types what the page says, in a folder of their own."""

    mingus: CommandLine
    folder: Path

    def follow(self, lines: list[str]) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=self.folder,
                env=self.mingus.environment(PATH=path, PYTHONPATH=str(ROOT)),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def enqueue(self, count: int) -> list[str]:
        lines = "".join(f'{{"token": "{number}"}}\n' for number in range(count))
        return self.mingus(
            "enqueue", "ping", "--queue", "cleanup", "--lines", "-", "-q", stdin=lines
        ).out.split()

    def jobs(self) -> dict[str, JobRun]:
        # Opened anew each time: the file is replaced on the way.
        with Store(self.mingus.home / "mingus.db") as store:
            return {job.id: job for job in History(store).newest(JobFilter(), 1000)}

    def have_finished(self, ids: list[str]) -> bool:
        found = self.jobs()
        return all(job_id in found and found[job_id].state is JobState.FINISHED for job_id in ids)


@pytest.fixture
def operator(mingus: CommandLine, tmp_path: Path) -> Iterator[Operator]:
    folder = tmp_path / "desk"
    folder.mkdir()
    yield Operator(mingus, folder)
    mingus("workers", "drain", "--all", "--timeout", "20s")


def start_worker(mingus: CommandLine) -> subprocess.Popen[str]:
    return mingus.start("worker", "--queue", "cleanup", "--loglevel", "error")


def stop(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)


def test_an_upgrade_loses_no_job_and_runs_none_twice(operator: Operator) -> None:
    mingus = operator.mingus
    before = start_worker(mingus)
    wait_for(lambda: workers_in(mingus.home), "the worker")
    long_one = mingus("enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": 4}', "-q").out.split()
    wait_for(lambda: operator.jobs()[long_one[0]].state is JobState.STARTED, "the long job")
    early = operator.enqueue(20)
    (steps,) = procedures("Upgrading")
    operator.follow(steps)
    assert before.wait(timeout=30) == 0
    late = operator.enqueue(5)
    after = start_worker(mingus)
    wait_for(lambda: operator.have_finished([*long_one, *early, *late]), "every job to finish")
    assert {job.attempts for job in operator.jobs().values()} == {1}
    stop(after)


def minutes_of_keeping(home: Path) -> None:
    """What the keeper beside a worker does in its first minutes, by a clock that runs ahead."""
    here, now = Runtime(settings.load({"home": str(home)}, env={})), 0.0
    keeper = Keeper(here.redis, here.ledger, here.keyring.own, clock=lambda: now)
    for _ in range(60):
        keeper.tick()
        now += 2.0
    here.close()


def test_a_restored_library_goes_on_with_the_redis_that_is_there(operator: Operator) -> None:
    mingus = operator.mingus
    burst = ("worker", "--queue", "cleanup", "--burst", "--loglevel", "error")
    known = operator.enqueue(3)
    backup, restore = procedures("Backup and restore")
    operator.follow(backup)
    done = mingus(*burst)
    assert (done.code, operator.have_finished(known)) == (0, True)
    later = operator.enqueue(2)
    for path in mingus.home.glob("mingus.db*"):
        path.unlink()
    operator.follow(restore)
    assert set(operator.jobs()) == set(known)
    minutes_of_keeping(mingus.home)
    assert mingus(*burst).code == 0
    assert operator.have_finished([*known, *later])
    assert mingus("doctor", "--jobs").code == 0


def test_a_library_restored_elsewhere_runs_what_was_open(operator: Operator, tmp_path: Path) -> None:
    known = operator.enqueue(3)
    backup, restore = procedures("Backup and restore")
    operator.follow(backup)
    other = CommandLine(tmp_path / "other")
    other.home.mkdir(mode=0o700)
    Operator(other, operator.folder).follow(restore)
    worker = start_worker(other)
    try:
        wait_for(
            lambda: Operator(other, operator.folder).have_finished(known), "the open jobs to have finished"
        )
    finally:
        stop(worker)
        embedded.stop(other.home)


def test_every_check_is_explained(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup")
    rows = [*mingus("doctor", "--json").json, *mingus("health", "--json").json["checks"]]
    names = {re.sub(r"^queue .*", "queue NAME", row["check"]) for row in rows}
    explained = set(
        re.findall(r"`([^`]+)`", TEXT.partition("### What each check means")[2].partition("## ")[0])
    )
    assert names <= explained
