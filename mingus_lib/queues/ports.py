"""What the queue runtime needs of the ledger; store.ledger.Ledger is the real one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from mingus_lib.domain.jobs import JobSpec


class Ledger(Protocol):
    """The record of every job, written before Redis and at every end."""

    def record(self, specs: Sequence[JobSpec]) -> None:
        """Write the jobs as queued or scheduled, in one transaction."""

    def confirm(self, ids: Sequence[str], now: datetime) -> None:
        """Say that Redis has taken them."""

    def start(self, spec: JobSpec, *, worker: str, now: datetime) -> int | None:
        """Begin an attempt: its number from 1, or None when the job has ended already."""

    def finish(self, job_id: str, result: Any, now: datetime) -> None:
        """The attempt succeeded; `result` is JSON."""

    def reschedule(self, job_id: str, when: datetime, reason: str, now: datetime) -> None:
        """The attempt failed and another follows at `when`."""

    def bury(self, job_id: str, reason: str, now: datetime, *, traceback: str | None = None) -> None:
        """The job is dead."""

    def cancel(self, ids: Iterable[str], reason: str, now: datetime) -> int:
        """End jobs that have not ended; how many were changed."""

    def progress(self, job_id: str, done: int, total: int, text: str) -> None:
        """Note how far the running attempt is."""
