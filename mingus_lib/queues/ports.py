"""What the queue runtime needs of the ledger; store.ledger.Ledger is the real one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from mingus_lib.domain.jobs import JobSpec, JobState, Standing, StartVerdict


class Ledger(Protocol):
    """The record of every job, written before Redis and at every end. `attempt` is the fence: see the ledger."""

    def record(self, specs: Sequence[JobSpec]) -> None:
        """Write the jobs as queued or scheduled, in one transaction."""

    def confirm(self, ids: Iterable[str], now: datetime) -> None:
        """Say that Redis has taken them."""

    def unconfirm(self, job_id: str) -> None:
        """Say that Redis has it no more."""

    def start(self, spec: JobSpec, *, worker: str, now: datetime, known_only: bool = False) -> StartVerdict:
        """Decide whether the job runs, and begin its attempt if so."""

    def finish(self, job_id: str, attempt: int, result: str, now: datetime) -> bool:
        """The attempt succeeded; `result` is JSON text."""

    def retry_later(self, job_id: str, attempt: int, when: datetime, reason: str, now: datetime) -> bool:
        """The attempt failed and another follows at `when`."""

    def bury(
        self, job_id: str, attempt: int, reason: str, now: datetime, *, traceback: str | None = None
    ) -> bool:
        """The job is dead."""

    def stop(self, job_id: str, attempt: int, reason: str, now: datetime) -> bool:
        """The running attempt was cancelled."""

    def lose(self, job_id: str, attempt: int, reason: str, now: datetime) -> JobState | None:
        """The attempt took its process with it."""

    def put_back(self, job_id: str, attempt: int) -> bool:
        """The attempt does not count."""

    def postpone(self, job_id: str, when: datetime, reason: str, now: datetime) -> None:
        """The job may not start before `when`."""

    def refuse(self, job_id: str, task: str, queue: str, reason: str, now: datetime) -> None:
        """The job may not run, ever."""

    def cancel(self, ids: Iterable[str], reason: str, now: datetime) -> int:
        """End jobs that have not ended; how many were changed."""

    def disown(self, ids: Iterable[str], reason: str, now: datetime) -> None:
        """Cancel jobs that Redis may not have taken."""

    def progress(self, job_id: str, done: int, total: int, text: str) -> None:
        """Note how far the running attempt is."""

    def standings(self, ids: Iterable[str]) -> dict[str, Standing]:
        """Where these jobs stand."""

    def result(self, job_id: str) -> str:
        """The result of a finished job, as JSON text."""

    def open_pages(self, size: int) -> Iterator[list[tuple[JobSpec, JobState, bool]]]:
        """Unfinished jobs, page by page."""

    def unconfirmed(self, tasks: Iterable[str], limit: int) -> list[JobSpec]:
        """Open jobs of these tasks that nobody has confirmed."""

    def redis_mark(self) -> str | None:
        """Which Redis the open jobs were last known to be in."""

    def remember_redis(self, mark: str) -> None:
        """Say that every open job is in that Redis."""

    def paused(self) -> list[str]:
        """The queues that an operator paused."""

    def probe(self) -> None:
        """Raise StoreUnavailable when the ledger cannot be written."""
