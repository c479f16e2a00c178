"""What a check found, and how the facts of a running system are judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mingus_lib.domain.spans import age_words

# A worker beats every 5 s, and a command of Redis may take 30.
SILENT_SECONDS = 40.0


class Grade(StrEnum):
    """How good a finding is; only `fail` makes a system unhealthy."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `health` or `doctor`: what was checked, how it is, in words, and what to do about it.

    `count` and `jobs` are for checks that look at single jobs: how many are wrong, and the first ids of them.
    """

    check: str
    state: Grade
    detail: str
    fix: str | None = None
    count: int | None = None
    jobs: tuple[str, ...] = ()


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, Grade.OK, detail)


def warn(check: str, detail: str, fix: str) -> Finding:
    """It works, and should be changed all the same."""
    return Finding(check, Grade.WARN, detail, fix)


def fail(check: str, detail: str, fix: str) -> Finding:
    """It does not work, or will lose something."""
    return Finding(check, Grade.FAIL, detail, fix)


def healthy(found: Iterable[Finding]) -> bool:
    """Whether nothing has failed."""
    return all(finding.state is not Grade.FAIL for finding in found)


class Worker(Protocol):
    """As much of a worker as is judged."""

    @property
    def queues(self) -> Sequence[str]:
        """The queues that it takes jobs from."""

    @property
    def state(self) -> str:
        """Its own word: idle, busy, stopping, degraded."""

    @property
    def beat_seconds(self) -> float | None:
        """Seconds since it last said that it lives."""


class Queue(Protocol):
    """As much of a queue as is judged."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def queued(self) -> int:
        """Jobs that could be taken now."""

    @property
    def paused(self) -> bool:
        """Whether an operator holds it back."""

    @property
    def oldest_age_seconds(self) -> float | None:
        """How long the next job has waited."""


def is_live(worker: Worker) -> bool:
    """Whether its loop has turned lately."""
    return worker.beat_seconds is not None and worker.beat_seconds < SILENT_SECONDS


def judge_workers(workers: Sequence[Worker]) -> Finding:
    """Whether any process is up that takes jobs."""
    live = [worker for worker in workers if is_live(worker)]
    degraded = sum(worker.state == "degraded" for worker in live)
    # A worker that was killed stays registered until its time is over: its beat alone tells.
    if not live:
        silent = (
            f"{len(workers)} registered, none has beaten for {SILENT_SECONDS:.0f} s"
            if workers
            else "none runs"
        )
        return fail("workers", silent, "start one: mingus up, or systemctl start mingus.target")
    if degraded:
        detail = f"{degraded} of {len(live)} cannot write the ledger and take nothing"
        return fail("workers", detail, "free the disk or unlock the store: mingus db check")
    return ok("workers", f"{len(live)} live")


def judge_scheduler(leader: str | None, slots: int) -> Finding:
    """Whether the timetable runs; `slots` are those that the last leader left to come."""
    start = "start one: mingus scheduler, or mingus up"
    if leader is not None:
        return ok("scheduler", f"{leader} leads")
    # Who never ran a scheduler may want none; one that has stopped is missed.
    if slots:
        return fail("scheduler", "none leads: the timetable stands still", start)
    return warn("scheduler", "none leads, and none has ever read the timetable", start)


def judge_queue(queue: Queue, workers: Sequence[Worker], max_age: float) -> Finding:
    """Whether jobs of the queue are consumed: somebody takes them, and none waits too long (`max_age` seconds)."""
    check = f"queue {queue.name}"
    waiting = f"{queue.queued:,} waiting" if queue.queued else "nothing waits"
    age = queue.oldest_age_seconds or 0.0
    oldest = f"the oldest for {age_words(age)}"
    takers = [worker for worker in workers if queue.name in worker.queues and is_live(worker)]
    # Before the workers are looked at: nobody is missed at a queue that an operator holds back.
    if queue.paused:
        if not queue.queued:
            return ok(check, "paused, nothing waits")
        return warn(check, f"paused, {waiting}", f"let it go on: mingus resume {queue.name}")
    if not takers:
        # Nobody has to take what nothing waits in.
        judged = fail if queue.queued else warn
        return judged(
            check, f"no worker takes it, {waiting}", f"start one: mingus worker --queue {queue.name}"
        )
    if age > max_age:
        detail = f"{waiting}, {oldest}; the limit is {age_words(max_age)}"
        return fail(check, detail, f"add workers: mingus worker --queue {queue.name} --concurrency 4")
    return ok(check, f"{waiting}, {oldest}" if queue.queued else waiting)
