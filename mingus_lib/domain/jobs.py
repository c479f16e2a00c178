"""What a job is, the states it passes through, and what a failed attempt leads to. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mingus_lib.errors import MingusError, TransientError

MAX_BACKOFF_SECONDS = 3600.0
# A job that has taken so many workers with it is not given another.
MAX_DEATHS = 3


class JobState(StrEnum):
    """The only words for where a job stands, everywhere."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    STARTED = "started"
    FINISHED = "finished"
    DEAD = "dead"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.FINISHED, JobState.DEAD, JobState.CANCELLED})
OPEN = tuple(state for state in JobState if state not in ENDED)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job about to be recorded and pushed. `origin` says who asked: cli, job:ID, schedule:NAME."""

    id: str
    task: str
    queue: str
    args: dict[str, Any]
    created_at: datetime
    origin: str = "cli"
    parent_id: str | None = None
    root_id: str | None = None
    scheduled_for: datetime | None = None
    # Attempts already spent on this work by an earlier job.
    attempts: int = 0
    # Its own soft limit in seconds, instead of its task's.
    timeout: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a job that has ended, or is under way (`ended_at` None). `state` "lost": its worker died."""

    attempt: int
    worker: str | None
    started_at: str
    ended_at: str | None
    state: str
    reason: str | None
    traceback: str | None


@dataclass(frozen=True, slots=True)
class JobRun:
    """A job as the ledger knows it; times are ISO 8601 text, `result` is decoded JSON."""

    id: str
    task: str
    queue: str
    args: dict[str, Any]
    state: JobState
    origin: str
    parent_id: str | None
    root_id: str | None
    created_at: str
    confirmed_at: str | None
    scheduled_for: str | None
    started_at: str | None
    ended_at: str | None
    attempts: int
    deaths: int
    worker: str | None
    result: Any
    reason: str | None
    traceback: str | None
    progress_done: int | None
    progress_total: int | None
    progress_text: str | None
    history: tuple[Attempt, ...] = field(default=())

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to this job by itself."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a task is tried again; `backoff` is the first wait in seconds."""

    retries: int = 3
    backoff: float = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands in the ledger when a worker has taken it. `tries` counts since the last requeue."""

    state: JobState
    attempts: int = 0
    tries: int = 0
    deaths: int = 0
    refused: bool = False
    cancel_requested: bool = False
    scheduled_for: datetime | None = None
    timeout: int | None = None


class Start(StrEnum):
    """What a worker does with a job that it has taken."""

    RUN = "run"
    LET_GO = "let-go"  # it has ended already: Redis is told, nothing runs
    CANCEL = "cancel"
    BURY = "bury"


@dataclass(frozen=True, slots=True)
class StartVerdict:
    """`attempt` numbers the run from 1, `tries` counts towards the retries; `lost`: the run before died.

    `timeout` is the job's own soft limit in seconds, if it has one.
    """

    kind: Start
    attempt: int = 0
    tries: int = 0
    deaths: int = 0
    lost: bool = False
    reason: str | None = None
    ended: JobState | None = None
    timeout: int | None = None


def decide_start(seen: Standing) -> StartVerdict:
    """Whether a job that was delivered may run, and as which attempt.

    Delivery is at least once, so a job may come again when it has ended; only a dead one that somebody
    requeued runs again, with all its tries. A job that is still `started` has lost its worker.
    """
    # A refused job runs for nobody: its signature or its task was wrong, and stays so.
    if seen.state in (JobState.FINISHED, JobState.CANCELLED) or seen.refused:
        return StartVerdict(Start.LET_GO, ended=seen.state)
    lost = seen.state is JobState.STARTED
    deaths = seen.deaths + lost
    # Before the retry of what was lost: an operator who cancelled does not want another try.
    if seen.cancel_requested:
        return StartVerdict(Start.CANCEL, deaths=deaths, lost=lost, reason="cancelled: by an operator")
    # Before the deaths are counted: who requeues a killer by hand means to see it run.
    if seen.state is JobState.DEAD:
        return StartVerdict(Start.RUN, seen.attempts + 1, tries=1, timeout=seen.timeout)
    if deaths >= MAX_DEATHS:
        return StartVerdict(
            Start.BURY, seen.attempts, seen.tries, deaths, True, too_deadly(deaths, "they died")
        )
    return StartVerdict(Start.RUN, seen.attempts + 1, seen.tries + 1, deaths, lost=lost, timeout=seen.timeout)


def too_deadly(deaths: int, last: str) -> str:
    """The reason of a job that took too many workers with it."""
    return f"killed-its-worker: {deaths} times, the last time {last}"


@dataclass(frozen=True, slots=True)
class FailureVerdict:
    """What to do with a failed attempt: wait `delay` seconds and retry, or (None) bury it."""

    delay: float | None
    reason: str
    keep_traceback: bool


def decide_failure(
    error: BaseException, *, tries: int, policy: RetryPolicy, randomness: float
) -> FailureVerdict:
    """Sort a failed attempt by consequence.

    Only a TransientError with retries left is retried. `tries` counts from 1; `randomness`
    is uniform in [0, 1). Anything that is not a MingusError is a bug and keeps its traceback.
    """
    if isinstance(error, TransientError):
        # The first attempt is one of the tries, so 3 retries are 4 attempts.
        if tries > policy.retries:
            return FailureVerdict(None, f"gave-up: after {tries} attempts: {error.reason}", False)
        delay = backoff_delay(tries, base=policy.backoff, randomness=randomness)
        # A server may ask for more patience than our curve has, not for less.
        return FailureVerdict(max(delay, error.retry_after or 0.0), error.reason, False)
    if isinstance(error, MingusError):
        return FailureVerdict(None, error.reason, False)
    # Cut, since the text of a bug may hold a whole page, and it is kept and shown.
    return FailureVerdict(None, f"bug: {type(error).__name__}: {error}"[:500], True)


def backoff_delay(attempt: int, *, base: float, randomness: float) -> float:
    """Seconds before the next try: `base` first, then a random wait up to an exponential bound.

    The bound doubles with each attempt and is capped at an hour; the draw is uniform above
    `base` so that a herd spreads out (M. Brooker, "Exponential Backoff And Jitter", 2015).
    """
    # Held at 32, far beyond the cap: a float overflows at 1024.
    bound = min(MAX_BACKOFF_SECONDS, base * 2.0 ** min(attempt - 1, 32))
    return base + (bound - base) * randomness if bound > base else bound
