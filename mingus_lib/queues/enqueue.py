"""Jobs in: checked against the catalog, recorded in the ledger, pushed to Redis, confirmed."""

from __future__ import annotations

import itertools
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.errors import MingusError, StoreUnavailable, TransientError, UsageError
from mingus_lib.queues import catalog, payload
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import Delivery, Push, Pushed
from mingus_lib.queues.ports import Ledger
from mingus_lib.queues.signing import Key

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("mingus.enqueue")

# One transaction and one script each, for which all other users of store and Redis wait.
CHUNK = 500

Record = Callable[[Sequence[JobSpec]], object]


def new_job(
    task_name: str,
    arguments: Mapping[str, Any],
    *,
    queue: str | None = None,
    origin: str = "cli",
    parent_id: str | None = None,
    root_id: str | None = None,
    delay: float = 0.0,
    attempts: int = 0,
    checked: bool = True,
) -> JobSpec:
    """A job ready to be submitted; NotFound or UsageError when the catalog would not run it.

    Unless `checked`, arguments that do not fit are the job's own failure, later, for all to see.
    """
    task = catalog.find(task_name)
    now = datetime.now(UTC)
    return JobSpec(
        # RQ takes ids of letters, digits, _ and - only; clean-up knows ours among foreign ones by this form.
        id=secrets.token_hex(8),
        task=task.name,
        queue=_queue_for(task, queue),
        args=task.validate(arguments) if checked else dict(arguments),
        created_at=now,
        origin=origin,
        parent_id=parent_id,
        root_id=root_id or parent_id,
        scheduled_for=now + timedelta(seconds=delay) if delay > 0 else None,
        attempts=attempts,
    )


def _queue_for(task: catalog.Task, asked: str | None) -> str:
    if asked is not None:
        catalog.check_queue(asked)
    if task.queue is None and asked is None:
        raise UsageError(
            f"{task.name} runs on any queue: name one with --queue ({', '.join(catalog.QUEUES)})"
        )
    if task.queue is not None and asked not in (None, task.queue):
        raise UsageError(f"{task.name} runs on the queue {task.queue}, not {asked}; leave --queue out")
    return asked or task.queue or ""


class Submits(Protocol):
    """What takes jobs in: the Enqueuer, or the one that runs them in place."""

    def submit(self, specs: Iterable[JobSpec], record: Record | None = None) -> list[str]:
        """Take the jobs; their ids in order. `record` writes them down in the ledger's place."""

    def requeue(self, specs: Sequence[JobSpec]) -> int:
        """Take jobs that the ledger has put back among the queued; how many."""


@dataclass(frozen=True, slots=True)
class Enqueuer:
    """The one way into the queues. `redis` is opened at the first use; `where` is its masked address.

    Without a ledger (a producer on another machine) the worker that takes a job writes its row.
    """

    redis: Callable[[], Redis]
    ledger: Ledger | None
    key: Callable[[], Key]
    where: str
    results_ttl: int = 3600

    def submit(self, specs: Iterable[JobSpec], record: Record | None = None) -> list[str]:
        """Record, push and confirm the jobs; their ids in order.

        One ledger transaction and one step in Redis per 500 jobs. Raises StoreUnavailable (nothing
        was pushed) or RedisUnavailable (what was not confirmed is cancelled and will not run).
        """
        ids: list[str] = []
        iterator = iter(specs)
        while chunk := list(itertools.islice(iterator, CHUNK)):
            try:
                self._submit_chunk(chunk, record)
            except TransientError as error:
                raise _partly_accepted(error, ids) from error
            ids += [spec.id for spec in chunk]
        return ids

    def push(self, specs: Sequence[JobSpec]) -> None:
        """Push and confirm jobs that are on the record already. Raises RedisUnavailable: a keeper pushes them later."""
        for start in range(0, len(specs), CHUNK):
            chunk = specs[start : start + CHUNK]
            self._confirm(settled(chunk, self._push(Delivery(self.redis(), self.where), chunk)))

    def requeue(self, specs: Sequence[JobSpec]) -> int:
        """Push jobs that the ledger has just put back among the queued; how many were not there already.

        Raises RedisUnavailable: a keeper pushes them later, and those whose last run Redis has not let go yet.
        """
        count = 0
        for start in range(0, len(specs), CHUNK):
            chunk = specs[start : start + CHUNK]
            pushed = self._push(Delivery(self.redis(), self.where), chunk, requeue=True)
            count += pushed.count(Pushed.DONE)
            self._confirm(settled(chunk, pushed))
        return count

    def _submit_chunk(self, chunk: Sequence[JobSpec], record: Record | None) -> None:
        # Redis is reached first, so that a Redis that is away leaves no trace in the ledger.
        with translated(self.where):
            client = self.redis()
            client.ping()
        if record is not None:
            record(chunk)
        elif self.ledger is not None:
            self.ledger.record(chunk)
        try:
            self._push(Delivery(client, self.where), chunk)
        except MingusError as error:
            if self.ledger is not None:
                # Redis may have taken them before it went away: a worker lets go of what was cancelled.
                self.ledger.disown((spec.id for spec in chunk), f"not-accepted: {error}", datetime.now(UTC))
            raise
        self._confirm(chunk)

    def _push(self, delivery: Delivery, chunk: Sequence[JobSpec], *, requeue: bool = False) -> list[Pushed]:
        key = self.key()
        return delivery.push([push_of(spec, key, self.results_ttl, requeue=requeue) for spec in chunk])

    def _confirm(self, chunk: Sequence[JobSpec]) -> None:
        if self.ledger is None:
            return
        try:
            self.ledger.confirm((spec.id for spec in chunk), datetime.now(UTC))
        except StoreUnavailable as error:
            # They are accepted: recorded and pushed. A keeper confirms them later.
            log.warning("not confirmed yet: %s", error)


def push_of(spec: JobSpec, key: Key, results_ttl: int, *, requeue: bool = False) -> Push:
    """The push of a job, signed. NotFound when the catalog lacks its task."""
    task = catalog.find(spec.task)
    delay = None
    if spec.scheduled_for is not None:
        # As a delay, which Redis adds to its own clock: ours may be wrong.
        delay = max(0.0, (spec.scheduled_for - datetime.now(UTC)).total_seconds())
    return Push(spec.id, spec.queue, payload.fields(spec, task, key, results_ttl=results_ttl), delay, requeue)


def settled(specs: Sequence[JobSpec], pushed: Sequence[Pushed]) -> list[JobSpec]:
    """The jobs that Redis has now, waiting or ended: all but those that still run."""
    return [spec for spec, how in zip(specs, pushed, strict=True) if how is not Pushed.RUNS]


def _partly_accepted(error: TransientError, ids: Sequence[str]) -> TransientError:
    """The same error, saying how many jobs were accepted before it."""
    if not ids:
        return error
    # Of the same kind: scripts go by its exit code.
    return type(error)(
        f"{error}; {len(ids):,} jobs were accepted before, {ids[0]} to {ids[-1]}: do not send them again",
        code=error.code,
    )
