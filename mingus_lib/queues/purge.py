"""Take waiting jobs out of queues, with a true count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mingus_lib.queues.connection import translated
from mingus_lib.queues.control import CHUNK, Cancel, withdraw
from mingus_lib.queues.delivery import Delivery

if TYPE_CHECKING:
    from redis import Redis


def waiting(client: Redis, queue: str) -> int:
    """How many jobs are queued or scheduled there. Two Redis calls."""
    with client.pipeline() as pipeline:
        pipeline.llen(f"rq:queue:{queue}")
        pipeline.zcard(f"rq:scheduled:{queue}")
        queued, scheduled = pipeline.execute()
    return int(queued) + int(scheduled)


def purge(
    delivery: Delivery, queue: str, keep: int, cancel: Cancel, end: Callable[[list[str]], object]
) -> int:
    """Remove every queued and scheduled job of `queue`; how many were removed.

    As in control.withdraw, the ledger is told first. Running jobs and the timetable are left alone.
    """
    ids = (job_id for chunk in _chunks(delivery, queue) for job_id in chunk)
    return sum(len(removed) for removed in withdraw(delivery, queue, ids, keep, cancel, end))


def _chunks(delivery: Delivery, queue: str) -> Iterator[list[str]]:
    """Ids that wait in the queue, until there are none."""
    client = delivery.client
    while True:
        with translated(delivery.where):
            # From the head each time: what was there before has been taken out.
            ids: Any = client.lrange(f"rq:queue:{queue}", 0, CHUNK - 1)
            ids = ids or client.zrange(f"rq:scheduled:{queue}", 0, CHUNK - 1)
        if not ids:
            return
        yield [each.decode("utf-8", "surrogateescape") for each in ids]
