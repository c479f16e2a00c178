"""A ping through every queue: whether jobs really pass, which no look at workers can tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.queues import catalog
from mingus_lib.queues.enqueue import Submits, new_job
from mingus_lib.services.waiting import Progress, follow_jobs

if TYPE_CHECKING:
    from mingus_lib.services.cancelling import Canceller
    from mingus_lib.store.history import History

TASK = "ping"


def send(enqueuer: Submits, queues: Sequence[str]) -> dict[str, str]:
    """A ping into each queue; the queues by the ids of their jobs. Raises NotFound, RedisUnavailable."""
    names = catalog.check_queues(queues) or catalog.QUEUES
    ids = enqueuer.submit([new_job(TASK, {"token": name}, queue=name) for name in names])
    return dict(zip(ids, names, strict=True))


def follow(
    history: History, ids: Sequence[str], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Snapshots until all pings have ended, or so many seconds have passed."""
    deadline = clock() + seconds
    # At least one look, also where there is no time at all.
    for step in follow_jobs(history, ids):
        yield step
        if clock() >= deadline:
            return


def take_back(canceller: Canceller, history: History, jobs: Sequence[JobRun]) -> None:
    """Cancel the pings that nobody took: they should not answer next week."""
    canceller.run(history.briefs_of([job.id for job in jobs if not job.ended]))


def rows(sent: Mapping[str, str], jobs: Sequence[JobRun]) -> list[dict[str, Any]]:
    """The documented shape of `test --json`: `answer` is ok, or what the job's state was when we stopped waiting."""
    found = {job.id: job for job in jobs}
    return [_row(queue, found[job_id]) for job_id, queue in sent.items()]


def _row(queue: str, job: JobRun) -> dict[str, Any]:
    # What went in has to come out: a job that only ended is no answer.
    answered = job.state is JobState.FINISHED and job.result == queue
    took = (
        datetime.fromisoformat(job.ended_at) - datetime.fromisoformat(job.created_at)
        if job.ended_at
        else None
    )
    reason = None if answered else job.reason or f"it is {job.state.value} still"
    return {
        "queue": queue,
        "answer": "ok" if answered else job.state.value,
        "seconds": round(took.total_seconds(), 3) if took else None,
        "worker": job.worker,
        "job": job.id,
        "reason": reason,
    }
