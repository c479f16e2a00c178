"""End jobs from outside: what waits is taken out, what runs is stopped. The ledger is told first, then Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mingus_lib.domain.control import Act, Brief, Did, act, by_queue, ended_word
from mingus_lib.domain.jobs import OPEN, JobState
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues.control import Control, chunks, withdraw
from mingus_lib.queues.delivery import Delivery

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.store.history import History
    from mingus_lib.store.interventions import Interventions
    from mingus_lib.store.ledger import Ledger

REASON = "cancelled: by an operator"
# Workers look at the ledger five times a second: who has not stopped by then hangs, or is away.
WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05


def planned(jobs: Sequence[Brief]) -> list[Act]:
    """What would come of it, for --dry-run."""
    return [
        act(job, Did.CANCELLED) if job.state in OPEN else act(job, Did.ENDED, ended_word(job)) for job in jobs
    ]


@dataclass
class Canceller:
    """Cancels jobs. `trouble` says afterwards why Redis could not be told; the ledger is enough for workers."""

    redis: Callable[[], Redis]
    where: str
    ledger: Ledger
    hand: Interventions
    history: History
    keep: int
    wait_seconds: float = WAIT_SECONDS
    trouble: RedisUnavailable | None = field(default=None, init=False)

    def run(self, jobs: Sequence[Brief]) -> list[Act]:
        """Cancel them and wait up to 5 s for those that run. Raises StoreUnavailable.

        `asked` means that the job runs still; whoever holds it stops it when it hears of that.
        """
        cancelled = self._withdraw([job for job in jobs if job.state in OPEN])
        rest = [job for job in jobs if job.id not in cancelled]
        self._ask(job.id for job in rest)
        told = self._await(rest)
        return [act(job, Did.CANCELLED) if job.id in cancelled else told[job.id] for job in jobs]

    def _withdraw(self, jobs: Iterable[Brief]) -> set[str]:
        return {job_id for queue, ids in by_queue(jobs).items() for job_id in self._from_queue(queue, ids)}

    def _from_queue(self, queue: str, ids: Sequence[str]) -> set[str]:
        done: set[str] = set()

        # The ledger first: a worker that takes a job in between asks it, and lets the job go.
        def cancel(chunk: Sequence[str]) -> list[str]:
            changed = self.hand.withdraw(chunk, REASON, datetime.now(UTC))
            done.update(changed)
            return changed

        # What a dying worker gave back to Redis alone does not wait in the ledger.
        def end(chunk: Sequence[str]) -> None:
            self.ledger.cancel(chunk, REASON, datetime.now(UTC))

        try:
            delivery = Delivery(self.redis(), self.where)
            for removed in withdraw(delivery, queue, ids, self.keep, cancel, end):
                done.update(removed)
        except RedisUnavailable as error:
            # No worker runs what the ledger says has ended, whatever Redis still holds.
            self.trouble = error
            for chunk in chunks(ids):
                cancel(chunk)
        return done

    def _ask(self, ids: Iterable[str]) -> None:
        for chunk in chunks(ids):
            # None of them runs any more, so that nobody is to be stopped.
            if not self.ledger.request_cancel(chunk):
                continue
            try:
                Control(self.redis(), self.where).stop_jobs(chunk)
            except RedisUnavailable as error:
                # The wish stands in the ledger, where workers look by themselves: Redis only makes it faster.
                self.trouble = error

    def _await(self, jobs: Sequence[Brief]) -> dict[str, Act]:
        deadline = time.monotonic() + self.wait_seconds
        told: dict[str, Act] = {}
        before = {job.id: job.state for job in jobs}
        while True:
            for now in self.history.briefs_of([job.id for job in jobs if job.id not in told]):
                if (found := self._outcome(now, before[now.id])) is not None:
                    told[now.id] = found
            left = [job for job in jobs if job.id not in told]
            if not left or time.monotonic() >= deadline:
                return told | {job.id: act(job, Did.ASKED, "it has not stopped yet") for job in left}
            time.sleep(POLL_SECONDS)

    def _outcome(self, now: Brief, before: JobState) -> Act | None:
        if now.waits:
            # Its attempt ended in the meantime, and another was to follow.
            return act(now, Did.CANCELLED) if self._withdraw([now]) else None
        word = ended_word(now)
        if word is None:
            return None
        # What had been cancelled before we came is told as ended, and not as our doing.
        ours = now.state is JobState.CANCELLED and before in OPEN
        return act(now, Did.CANCELLED) if ours else act(now, Did.ENDED, word)
