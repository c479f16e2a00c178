"""Take waiting jobs out of queues, with a true count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

CHUNK = 500


def waiting(client: Redis, queue: str) -> int:
    """How many jobs are queued or scheduled there. Two Redis calls."""
    with client.pipeline() as pipeline:
        pipeline.llen(f"rq:queue:{queue}")
        pipeline.zcard(f"rq:scheduled:{queue}")
        queued, scheduled = pipeline.execute()
    return int(queued) + int(scheduled)


def purge(client: Redis, queue: str, cancel: Callable[[Sequence[str]], Any]) -> int:
    """Remove every queued and scheduled job of `queue`; how many were removed.

    `cancel` is told each chunk of ids first: a worker runs no job that is cancelled, so a purge cut
    short anywhere loses nothing. Running jobs and the timetable are left alone.
    """
    queued, scheduled = f"rq:queue:{queue}", f"rq:scheduled:{queue}"
    removed = 0
    while ids := _texts(client.lrange(queued, 0, CHUNK - 1)):
        cancel(ids)
        removed += _remove(client, ids, lambda pipeline, job_id: pipeline.lrem(queued, 1, job_id))
    while ids := _texts(client.zrange(scheduled, 0, CHUNK - 1)):
        cancel(ids)
        removed += _remove(client, ids, lambda pipeline, job_id: pipeline.zrem(scheduled, job_id))
    return removed


def _texts(raw: Any) -> list[str]:
    return [each.decode() for each in raw]


def _remove(client: Redis, ids: Sequence[str], take_out: Callable[[Pipeline, str], Any]) -> int:
    with client.pipeline() as pipeline:
        for job_id in ids:
            take_out(pipeline, job_id)
            pipeline.delete(f"rq:job:{job_id}", f"rq:job:{job_id}:dependents")
        return sum(pipeline.execute()[::2])
