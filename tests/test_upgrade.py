"""A library of the first release (schema 1, jobs unsigned, with jobs waiting) goes on under this one: none is lost.

tests/upgrade/ holds what that release's own commands left: its store, and every key of its Redis.
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.store.database import SCHEMA_VERSION, Store
from mingus_lib.store.history import History, JobFilter
from tests.conftest import CommandLine
from tests.test_operations import minutes_of_keeping

FOLDER = Path(__file__).parent / "upgrade"
WAITING = ("eede2870c63e0863", "561d6939d19b1b9f", "a67c9d038b482722")
DEAD, DONE, FETCH, RETRIED = "d47965eb39e79da0", "ad53b083abc1de95", "d87e3789fb67256d", "82dfe8c4ec2c89ca"


@pytest.fixture
def old(mingus: CommandLine) -> CommandLine:
    """The state directory as the first release left it, its Redis up with its keys."""
    mingus.home.mkdir(mode=0o700)
    (mingus.home / "mingus.db").write_bytes(gzip.decompress((FOLDER / "first-store.db.gz").read_bytes()))
    embedded.ensure_running(mingus.home)
    keys: dict[str, str] = json.loads((FOLDER / "first-redis.json").read_text("utf-8"))["keys"]
    with connect(embedded.url(mingus.home)) as client:
        for key, content in keys.items():
            client.restore(key, 0, base64.b64decode(content))
    return mingus


def jobs(home: Path) -> dict[str, JobRun]:
    with Store(home / "mingus.db") as store:
        return {job.id: job for job in History(store).newest(JobFilter(), 100)}


def states(home: Path) -> dict[str, JobState]:
    return {job_id: job.state for job_id, job in jobs(home).items()}


def test_the_sample_is_of_the_first_schema(old: CommandLine) -> None:
    with sqlite3.connect(old.home / "mingus.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_nothing_that_waited_is_lost(old: CommandLine) -> None:
    before = {
        DONE: JobState.FINISHED,
        DEAD: JobState.DEAD,
        RETRIED: JobState.SCHEDULED,
        FETCH: JobState.QUEUED,
    }
    shown = old("db", "migrate", "--json")
    assert (shown.code, shown.json["before"], shown.json["after"]) == (0, 1, SCHEMA_VERSION), shown
    assert states(old.home) == {**before, **dict.fromkeys(WAITING, JobState.QUEUED)}
    burst = ("worker", "--queue", "cleanup", "--queue", "recommendations", "--burst", "--loglevel", "error")
    # The first finds jobs that are not signed; a keeper pushes the ledger's; the second runs them.
    assert old(*burst).code == 0
    minutes_of_keeping(old.home)
    assert old(*burst).code == 0
    found = jobs(old.home)
    assert [(found[each].state, found[each].result) for each in WAITING] == [
        (JobState.FINISHED, f"waiting-{number}") for number in (1, 2, 3)
    ]
    # Its first attempt, under the first release, failed for now; it is still tried again.
    assert (found[RETRIED].state, found[RETRIED].attempts >= 1) == (JobState.SCHEDULED, True)
    assert states(old.home)[FETCH] is JobState.QUEUED
    assert old("dead", "requeue", DEAD, "-q").out.split() == [DEAD]
    assert old("doctor", "--jobs", "--json").code == 0
