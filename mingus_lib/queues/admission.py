"""What is checked of a job that was taken from Redis before it may run, and the forms in which it goes back."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.queues import catalog, payload, signing
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import RUNNING, Delivery, Taken
from mingus_lib.queues.names import PAUSED
from mingus_lib.queues.owner import Owner
from mingus_lib.queues.signing import JobRefused, Key

# A job that the ledger does not know may come from another machine, for so long.
NEW_FOR_SECONDS = 86_400
# RQ's rule for ids, with an end to their length.
_ID = re.compile(rb"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A job that may run: its task, its arguments, and whether it may be one that the ledger does not know."""

    task: catalog.Task
    spec: JobSpec
    may_be_new: bool


def admit(job: Taken, keys: Mapping[str, Key]) -> Admitted:
    """Check signature, task, queue and permission. Raises JobRefused."""
    if not is_id(job.raw_id):
        raise JobRefused("its id is not one of ours")
    data = payload.unpacked(job.packed)
    # Before they are read: from here on the data are what a key of ours has signed.
    key, signed_at = signing.verify(keys, job.signature, job.id, job.queue, data)
    asked = payload.parse(data)
    task = catalog.by_path(asked.path)
    if task is None:
        # Quoted: it may hold what no text in UTF-8 can, and the reason is stored.
        raise JobRefused(f"{asked.path[:100]!r} is not a task of the catalog")
    if not key.allows(task.permission):
        raise JobRefused(f"the key {key.name!r} lacks {task.permission}, which {task.name} requires")
    age = time.time() - signed_at
    spec = JobSpec(
        id=job.id,
        task=task.name,
        queue=job.queue,
        args=asked.args,
        created_at=_moment(signed_at),
        origin=f"key:{key.name}",
    )
    return Admitted(task, spec, may_be_new=age < NEW_FOR_SECONDS)


def _moment(signed_at: int) -> datetime:
    try:
        return datetime.fromtimestamp(signed_at, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise JobRefused(f"signed at {signed_at}, which is no time") from error


def is_id(raw_id: bytes) -> bool:
    """Whether it can be the id of a job of ours."""
    return _ID.fullmatch(raw_id) is not None


def claimed_task(job: Taken) -> str:
    """The task that a refused job names, as far as the catalog knows it."""
    try:
        task = catalog.by_path(payload.parse(payload.unpacked(job.packed)).path)
    except JobRefused:
        return "unknown"
    return task.name if task else "unknown"


def rq_result(result: str) -> str:
    """A result (JSON text) as RQ's results hold it."""
    return base64.b64encode(result.encode()).decode()


def is_drained(delivery: Delivery, queues: Sequence[str], *, scheduled_too: bool) -> bool:
    """Whether nothing waits or runs in these queues; what is paused or suspended does not count as waiting."""
    with translated(delivery.where), delivery.client.pipeline(transaction=False) as pipeline:
        pipeline.hvals(RUNNING)
        pipeline.exists("rq:suspended")
        for queue in queues:
            pipeline.llen(f"rq:queue:{queue}")
            pipeline.zcard(f"rq:scheduled:{queue}")
            pipeline.sismember(PAUSED, queue)
        # A key of the wrong kind holds no jobs; its error must not make a worker wait for ever.
        found: list[Any] = [
            0 if isinstance(each, Exception) else each for each in pipeline.execute(raise_on_error=False)
        ]
    running, suspended, *counts = found
    owners = (Owner.parse(token.decode("utf-8", "replace")) for token in running or ())
    if any(owner is not None and owner.queue in queues for owner in owners):
        return False
    waiting = (
        (queued + scheduled * scheduled_too) and not paused
        for queued, scheduled, paused in zip(counts[::3], counts[1::3], counts[2::3], strict=True)
    )
    return bool(suspended) or not any(waiting)
