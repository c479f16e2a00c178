"""Take waiting jobs out of queues, with a true count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from redis import Redis

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

    `cancel` is told each chunk of ids. Running jobs and the timetable are left alone.
    """
    removed = 0
    for ids in _taken(client, queue):
        cancel(ids)
        with client.pipeline() as pipeline:
            for job_id in ids:
                pipeline.delete(f"rq:job:{job_id}", f"rq:job:{job_id}:dependents")
            pipeline.execute()
        removed += len(ids)
    return removed


def _taken(client: Redis, queue: str) -> Iterator[list[str]]:
    while queued := cast(list[bytes] | None, client.lpop(f"rq:queue:{queue}", CHUNK)):
        yield [raw.decode() for raw in queued]
    while scheduled := cast(list[tuple[bytes, float]], client.zpopmin(f"rq:scheduled:{queue}", CHUNK)):
        yield [raw.decode() for raw, _ in scheduled]
