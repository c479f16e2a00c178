"""Jobs again: the dead and the cancelled from the start, the scheduled right now. And dead jobs away for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mingus_lib.domain.control import Act, Brief, Did, act, by_queue, no_retry
from mingus_lib.domain.jobs import JobState
from mingus_lib.queues import catalog
from mingus_lib.queues.control import Control, chunks

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.queues.enqueue import Submits
    from mingus_lib.store.interventions import Interventions
    from mingus_lib.store.ledger import Ledger

DROPPED = "dropped: by an operator"
CHANGED = "it has changed its state in the meantime"


@dataclass
class Retrier:
    """Runs jobs again and drops dead ones; the ledger is told first, then Redis."""

    redis: Callable[[], Redis]
    where: str
    ledger: Ledger
    hand: Interventions
    enqueuer: Submits

    def retry(self, jobs: Sequence[Brief]) -> list[Act]:
        """Have them run again, with all their tries; earlier attempts stay on the record.

        Raises RedisUnavailable before anything is changed.
        """
        refused = refusals(jobs)
        ready = [job for job in jobs if job.id not in refused]
        # Reached before the ledger calls anything queued: that would not be true without Redis.
        client = self.redis() if ready else None
        done = self._requeue([job.id for job in ready if job.state is not JobState.SCHEDULED])
        if client is not None:
            scheduled = [job for job in ready if job.state is JobState.SCHEDULED]
            done |= self._run_now(Control(client, self.where), scheduled)
        return [_retried(job, refused.get(job.id), job.id in done) for job in jobs]

    def requeue(self, jobs: Sequence[Brief]) -> list[Act]:
        """The same, for dead jobs alone."""
        # In the order in which they were named, those that were refused among them.
        acts = iter(self.retry([job for job in jobs if job.state is JobState.DEAD]))
        return [next(acts) if job.state is JobState.DEAD else _dropped(job, False) for job in jobs]

    def drop(self, jobs: Sequence[Brief]) -> list[Act]:
        """Take dead jobs away for good: cancelled in the ledger, gone from Redis."""
        # Reached first: what was dropped in the ledger alone would stay among RQ's failed jobs.
        control = Control(self.redis(), self.where)
        done: set[str] = set()
        for queue, ids in by_queue(job for job in jobs if job.state is JobState.DEAD).items():
            for chunk in chunks(ids):
                dropped = self.hand.drop(chunk, DROPPED, datetime.now(UTC))
                control.drop(queue, dropped)
                done.update(dropped)
        return [_dropped(job, job.id in done) for job in jobs]

    def _requeue(self, ids: Sequence[str]) -> set[str]:
        done: set[str] = set()
        for chunk in chunks(ids):
            specs = self.ledger.requeue(chunk)
            # On the record as queued by now: if this dies here, a keeper pushes them.
            self.enqueuer.requeue(specs)
            done.update(spec.id for spec in specs)
        return done

    def _run_now(self, control: Control, jobs: Iterable[Brief]) -> set[str]:
        done: set[str] = set()
        for queue, ids in by_queue(jobs).items():
            for chunk in chunks(ids):
                # The ledger first: after a kill in between, Redis still has the job, for its old time.
                hastened = self.hand.hasten(chunk)
                control.run_now(queue, hastened)
                done.update(hastened)
        return done


def refusals(jobs: Iterable[Brief]) -> dict[str, str]:
    """Why some of the jobs cannot run again, by id."""
    known = catalog.load()
    reasons = ((job.id, no_retry(job) or _unknown(job, known)) for job in jobs)
    return {job_id: reason for job_id, reason in reasons if reason is not None}


def _unknown(job: Brief, known: Iterable[str]) -> str | None:
    # The record may hold jobs of another release, which no worker of this one could run.
    return None if job.task in known else f"this release has no task {job.task!r}"


def planned(jobs: Sequence[Brief], outcome: Did) -> list[Act]:
    """What would come of it, for --dry-run."""
    refused = refusals(jobs) if outcome is Did.REQUEUED else {}
    if outcome is Did.DROPPED:
        return [_dropped(job, job.state is JobState.DEAD) for job in jobs]
    return [_retried(job, refused.get(job.id), True) for job in jobs]


def _retried(job: Brief, refusal: str | None, done: bool) -> Act:
    if refusal is not None:
        return act(job, Did.REFUSED, refusal)
    return act(job, Did.REQUEUED) if done else act(job, Did.REFUSED, CHANGED)


def _dropped(job: Brief, done: bool) -> Act:
    if done:
        return act(job, Did.DROPPED)
    return act(
        job, Did.REFUSED, CHANGED if job.state is JobState.DEAD else f"it is {job.state.value}, not dead"
    )
