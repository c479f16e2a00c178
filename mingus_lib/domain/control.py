"""What an operator may do to a job in the state it is in, and what came of it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from mingus_lib.domain.jobs import ENDED, JobState

WAITING = (JobState.QUEUED, JobState.SCHEDULED)
# A job that waits for one of these goes on by itself, and no sooner for being asked.
HELD_BACK = ("rate-limit:", "breaker-open:")


class Brief(NamedTuple):
    """As much of a job as is needed to act on it. `refused`: nothing makes it run again."""

    id: str
    task: str
    queue: str
    state: JobState
    reason: str | None
    scheduled_for: str | None
    refused: bool

    @property
    def waits(self) -> bool:
        """Whether it is queued or scheduled."""
        return self.state in WAITING


def by_queue(jobs: Iterable[Brief]) -> dict[str, list[str]]:
    """Their ids by queue."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for job in jobs:
        found[job.queue].append(job.id)
    return found


class Did(StrEnum):
    """What came of an operator's wish for one job."""

    CANCELLED = "cancelled"
    ASKED = "asked"  # it runs still, and has been told to stop
    ENDED = "already ended"
    REQUEUED = "requeued"
    DROPPED = "dropped"
    REFUSED = "refused"


class Act(NamedTuple):
    """One job and what came of it."""

    id: str
    task: str
    queue: str
    outcome: Did
    reason: str | None = None


def act(job: Brief, outcome: Did, reason: str | None = None) -> Act:
    """The outcome for that job."""
    return Act(job.id, job.task, job.queue, outcome, reason)


def no_retry(job: Brief) -> str | None:
    """Why a person cannot have the job run again now, or None."""
    if job.refused:
        return f"it may not run at all: {job.reason}"
    if job.state is JobState.SCHEDULED and (job.reason or "").startswith(HELD_BACK):
        return f"it starts by itself at {job.scheduled_for}: {job.reason}"
    if job.state in (JobState.DEAD, JobState.CANCELLED, JobState.SCHEDULED):
        return None
    words = {
        JobState.QUEUED: "it is queued already",
        JobState.STARTED: "it is running",
        JobState.FINISHED: "it finished; enqueue a new job to do the work again",
    }
    return words[job.state]


def ended_word(job: Brief) -> str | None:
    """`finished`, `dead: reason`: how it ended, None while it has not."""
    if job.state not in ENDED:
        return None
    reason = job.reason or ""
    # Reasons of operators begin with the word already.
    if not reason or reason.startswith(f"{job.state.value}:"):
        return reason or job.state.value
    return f"{job.state.value}: {reason}"
