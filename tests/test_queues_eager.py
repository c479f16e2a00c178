"""Jobs run in place: what they end with is on the record, also when they are interrupted or not to run."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.arguments import Arguments
from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import PermanentError, TransientError
from mingus_lib.queues import catalog, context
from mingus_lib.queues.catalog import Task
from mingus_lib.queues.eager import EagerEnqueuer
from mingus_lib.queues.enqueue import new_job
from mingus_lib.store.database import Store
from mingus_lib.store.history import JobFilter
from mingus_lib.store.ledger import Ledger
from tests.runtime_parts import Parts


class Folder(Arguments):
    """`folder` of the library that the job runs in."""

    folder: str


def interrupted(folder: str) -> None:
    """Ctrl-C is pressed meanwhile."""
    signal.raise_signal(signal.SIGINT)


def withdrawn(folder: str) -> str:
    """Somebody else cancels the job meanwhile."""
    store = Store(Path(folder) / "mingus.db")
    Ledger(store).cancel([context.current().id], "not wanted", datetime.now(UTC))
    store.close()
    return "too late"


def facts(folder: str) -> dict[str, Any]:
    """What a line in the log says of the job."""
    return context.facts()


@pytest.fixture
def eager(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> EagerEnqueuer:
    """Runs jobs in place, those of this module too."""
    catalog.load()
    for name in ("interrupted", "withdrawn", "facts"):
        task = Task(name, f"{__name__}.{name}", None, Folder, "Try.", "diagnostics:run")
        monkeypatch.setitem(catalog._tasks, name, task)
    return EagerEnqueuer(parts.ledger)


def of(task: str, parts: Parts) -> Any:
    return new_job(task, {"folder": str(parts.folder)}, queue="cleanup")


def test_a_requeued_job_runs_at_once(parts: Parts, eager: EagerEnqueuer) -> None:
    with pytest.raises(PermanentError):
        eager.submit([new_job("ping", {"fail": "permanent"}, queue="cleanup")])
    (dead,) = parts.history.newest(JobFilter())
    with pytest.raises(PermanentError):
        eager.requeue(parts.ledger.requeue([dead.id]))
    assert (parts.job(dead.id).state, parts.job(dead.id).attempts) == (JobState.DEAD, 2)


def test_what_was_cancelled_before_its_turn_is_not_run(parts: Parts, eager: EagerEnqueuer) -> None:
    spec = new_job("ping", {"fail": "permanent"}, queue="cleanup")
    parts.ledger.record([spec])
    parts.ledger.cancel([spec.id], "not wanted", datetime.now(UTC))
    eager.requeue([spec])
    assert (parts.job(spec.id).state, parts.job(spec.id).attempts) == (JobState.CANCELLED, 0)


def test_ctrl_c_cancels_the_job_and_reaches_the_caller(parts: Parts, eager: EagerEnqueuer) -> None:
    with pytest.raises(KeyboardInterrupt):
        eager.submit([of("interrupted", parts)])
    (ended,) = parts.history.newest(JobFilter())
    assert (ended.state, ended.reason) == (JobState.CANCELLED, "cancelled: interrupted")


def test_a_job_that_somebody_ended_meanwhile_does_not_pass_for_done(
    parts: Parts, eager: EagerEnqueuer
) -> None:
    with pytest.raises(TransientError, match="ended by somebody else") as error:
        eager.submit([of("withdrawn", parts)])
    assert error.value.code == "ended"
    (ended,) = parts.history.newest(JobFilter())
    assert (ended.state, ended.result) == (JobState.CANCELLED, None)


def test_lines_in_the_log_name_the_job_while_it_runs_and_no_longer(
    parts: Parts, eager: EagerEnqueuer
) -> None:
    (job_id,) = eager.submit([of("facts", parts)])
    assert parts.job(job_id).result == {
        "job_id": job_id, "task": "facts", "queue": "cleanup", "attempt": 1,
    }  # fmt: skip
    assert context.facts() == {}
