"""What a running job may know about itself, and how it reports progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass


class SoftTimeLimit(BaseException):
    """The job's time is over. Not an Exception, so that no broad except swallows it."""


ProgressReporter = Callable[[int, int, str], None]
# What a job keeps of the time until its soft limit for storing the last things and handing over the rest.
RESERVE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class JobContext:
    """The job under way. `deadline` is its soft limit as a time.monotonic() value, in seconds.

    `attempt` numbers all runs of the job; `tries` counts those since it was last requeued by a person.
    """

    id: str
    attempt: int
    tries: int
    last_attempt: bool
    deadline: float
    report: ProgressReporter
    task: str | None = None
    queue: str | None = None

    def seconds_left(self) -> float:
        """Time until the soft limit; never negative."""
        return max(0.0, self.deadline - time.monotonic())

    def stop_at(self) -> float:
        """The time.monotonic() from which on a job that begins its work now begins nothing more of it."""
        return time.monotonic() + self.seconds_left() * (1 - RESERVE_SHARE)

    def give_up_at(self) -> float:
        """The time.monotonic() from which on it waits no longer for what it has begun: half of the reserve later."""
        return time.monotonic() + self.seconds_left() * (1 - RESERVE_SHARE / 2)


# Not a global: a job that is run in place may run another inside itself.
_current: ContextVar[JobContext] = ContextVar("mingus_job")


def current() -> JobContext:
    """The context of the job running here; LookupError outside of one."""
    return _current.get()


def facts() -> dict[str, str | int | None]:
    """What a log line says of the job running here; nothing outside of one."""
    job = _current.get(None)
    if job is None:
        return {}
    return {"job_id": job.id, "task": job.task, "queue": job.queue, "attempt": job.attempt}


def enter(context: JobContext) -> None:
    """Make `context` the running job of this process or thread."""
    _current.set(context)
