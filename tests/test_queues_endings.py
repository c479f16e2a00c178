"""How a job ends while the ledger cannot be written: kept, written first afterwards, or given back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import StoreUnavailable
from mingus_lib.queues.delivery import How, Settlement, Taken
from mingus_lib.queues.endings import Endings
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.owner import Process
from tests.runtime_parts import Parts


@pytest.fixture
def endings(parts: Parts) -> Endings:
    parts.store.busy_timeout = 0.01
    parts.store.close()
    return Endings(parts.ledger.probe)


@pytest.fixture
def job(parts: Parts) -> Taken:
    """A job that runs."""
    job_id = parts.ping()
    _, taken = parts.delivery.turn(Process.this(), "w", "e" * 32, ["cleanup"], None)
    assert taken is not None
    spec = replace(new_job("ping", {}, queue="cleanup"), id=job_id)
    parts.ledger.start(spec, worker="w", now=datetime.now(UTC))
    return taken


@contextmanager
def locked(parts: Parts) -> Iterator[None]:
    """Somebody else writes to the store in this block."""
    with closing(sqlite3.connect(parts.folder / "mingus.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def finish(endings: Endings, parts: Parts, job: Taken) -> Settlement:
    settlement = Settlement(job, How.FINISHED, 60)
    endings.record(lambda: parts.ledger.finish(job.id, 1, '"kept"', datetime.now(UTC)), settlement)
    return settlement


def test_an_end_that_the_ledger_cannot_take_is_written_once_it_can(
    parts: Parts, endings: Endings, job: Taken
) -> None:
    with locked(parts):
        settlement = finish(endings, parts, job)
        endings.try_again()
        assert (endings.unwritten, endings.done) == (True, None)
        assert parts.job(job.id).state is JobState.STARTED
    endings.try_again()
    assert (endings.unwritten, endings.done, endings.degraded) == (False, settlement, False)
    assert (parts.job(job.id).state, parts.job(job.id).result) == (JobState.FINISHED, "kept")


def test_a_worker_that_must_leave_gives_back_what_is_unwritten(
    parts: Parts, endings: Endings, job: Taken
) -> None:
    with locked(parts):
        finish(endings, parts, job)
        endings.give_back()
    assert (endings.unwritten, endings.done) == (False, Settlement(job, How.QUEUED))
    endings.try_again()
    assert parts.job(job.id).state is JobState.STARTED, "whoever takes it next writes its end"


def test_what_is_on_the_record_is_not_given_back(parts: Parts, endings: Endings, job: Taken) -> None:
    settlement = finish(endings, parts, job)
    endings.give_back()
    assert endings.done == settlement


def test_a_ledger_that_cannot_be_written_is_said_once(
    endings: Endings, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        endings.degrade(StoreUnavailable("the disk is full"))
    assert endings.is_writable()
    assert [record.getMessage() for record in caplog.records] == [
        "no jobs are taken: the disk is full",
        "jobs are taken again",
    ]
