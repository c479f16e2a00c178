"""Take waiting jobs out of queues, with a true count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import Delivery

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


def purge(delivery: Delivery, queue: str, keep: int, cancel: Callable[[Sequence[str]], Any]) -> int:
    """Remove every queued and scheduled job of `queue`; how many were removed.

    `cancel` is told each chunk of ids first: a worker runs no job that is cancelled, so a purge cut
    short anywhere loses nothing. Running jobs and the timetable are left alone. Redis keeps what was
    removed for `keep` seconds, as cancelled.
    """
    removed = 0
    for ids in _chunks(delivery, queue):
        cancel(ids)
        removed += delivery.withdraw(queue, ids, keep)
    return removed


def _chunks(delivery: Delivery, queue: str) -> Iterator[list[str]]:
    """Ids that wait in the queue, until there are none."""
    client = delivery.client
    while True:
        with translated(delivery.where):
            ids: Any = client.lrange(f"rq:queue:{queue}", 0, CHUNK - 1)
            ids = ids or client.zrange(f"rq:scheduled:{queue}", 0, CHUNK - 1)
        if not ids:
            return
        yield [each.decode("utf-8", "surrogateescape") for each in ids]
