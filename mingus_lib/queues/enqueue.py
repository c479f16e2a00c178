"""Jobs in: checked against the catalog, recorded in the ledger, pushed to Redis, confirmed."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rq.queue import Queue
from rq.serializers import JSONSerializer

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.errors import MingusError, TransientError, UsageError
from mingus_lib.queues import catalog
from mingus_lib.queues.connection import translated
from mingus_lib.queues.ports import Ledger

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

CHUNK = 500


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
) -> JobSpec:
    """A job ready to be submitted; NotFound or UsageError when the catalog would not run it."""
    task = catalog.find(task_name)
    now = datetime.now(UTC)
    return JobSpec(
        id=secrets.token_hex(8),
        task=task.name,
        queue=_queue_for(task, queue),
        args=task.validate(arguments),
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


@dataclass(frozen=True, slots=True)
class Enqueuer:
    """The one way into the queues. `redis` is opened at the first use; `where` is its masked address."""

    redis: Callable[[], Redis]
    ledger: Ledger
    where: str
    results_ttl: int = 3600

    def submit(self, specs: Iterable[JobSpec]) -> list[str]:
        """Record, push and confirm the jobs; their ids in order.

        One ledger transaction and one Redis pipeline per 500 jobs. Raises StoreUnavailable (nothing
        was pushed) or RedisUnavailable (what was not confirmed is cancelled and will not run).
        """
        ids: list[str] = []
        iterator = iter(specs)
        while chunk := list(itertools.islice(iterator, CHUNK)):
            try:
                self._submit_chunk(chunk)
            except TransientError as error:
                raise _partly_accepted(error, ids) from error
            ids += [spec.id for spec in chunk]
        return ids

    def _submit_chunk(self, chunk: Sequence[JobSpec]) -> None:
        # Redis is reached first, so that a Redis that is away leaves no trace in the ledger.
        with translated(self.where):
            client = self.redis()
            client.ping()
        self.ledger.record(chunk)
        ids = [spec.id for spec in chunk]
        queues = {name: rq_queue(client, name) for name in {spec.queue for spec in chunk}}
        try:
            with translated(self.where), client.pipeline() as pipeline:
                for spec in chunk:
                    push(queues[spec.queue], pipeline, spec, results_ttl=self.results_ttl)
                pipeline.execute()
        except MingusError as error:
            self.ledger.cancel(ids, f"not-accepted: {error}", datetime.now(UTC))
            raise
        self.ledger.confirm(ids, datetime.now(UTC))


def _partly_accepted(error: TransientError, ids: Sequence[str]) -> TransientError:
    """The same error, saying how many jobs were accepted before it."""
    if not ids:
        return error
    return type(error)(
        f"{error}; {len(ids):,} jobs were accepted before, {ids[0]} to {ids[-1]}: do not send them again",
        code=error.code,
    )


def rq_queue(client: Redis, name: str) -> Queue:
    """RQ's own queue of that name, with JSON payloads."""
    return Queue(name, connection=client, serializer=JSONSerializer)


def push(queue: Queue, pipeline: Pipeline, spec: JobSpec, *, results_ttl: int) -> None:
    """Put the Redis commands that queue or schedule `spec` into the pipeline, in RQ's own format."""
    task = catalog.find(spec.task)
    job = queue.create_job(
        task.path,
        kwargs=spec.args,
        job_id=spec.id,
        timeout=task.soft,
        result_ttl=results_ttl,
        failure_ttl=-1,
        description=spec.task,
        meta={"origin": spec.origin, "parent_id": spec.parent_id, "root_id": spec.root_id},
    )
    if spec.scheduled_for is not None:
        queue.schedule_job(job, spec.scheduled_for, pipeline=pipeline)
    else:
        queue.enqueue_job(job, pipeline=pipeline)
