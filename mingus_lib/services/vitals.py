"""Whether the library is at work: what a load balancer, a monitor and the old system's callers ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_AGE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """How it stands: `reasons` say what is wrong, one line each; `queues` are jobs queued, by queue."""

    reasons: tuple[str, ...]
    workers: int
    queues: dict[str, int]

    @property
    def healthy(self) -> bool:
        """Nothing is wrong."""
        return not self.reasons


def judge(seen: Mapping[str, Any], *, max_age: float = MAX_AGE_SECONDS) -> Vitals:
    """From the shape of `status --json`: `max_age` is how long the next job of a queue may have waited, seconds."""
    return Vitals(
        reasons=tuple(_problems(seen, max_age)),
        workers=len(seen["workers"]),
        queues={row["name"]: row["queued"] for row in seen["queues"]},
    )


def _problems(seen: Mapping[str, Any], max_age: float) -> Iterator[str]:
    redis, store, workers = seen["redis"], seen["store"], seen["workers"]
    if redis["state"] != "up":
        yield f"redis-{redis['state']}: Redis at {redis['url']} is {redis['state']}"
    if store["state"] != "ok":
        yield f"store: the store {store['path']} is not usable: {store['state']}"
    if redis["state"] == "up" and not workers:
        yield "no-worker: no worker is running"
    for worker in workers:
        if worker["state"] == "degraded":
            yield f"degraded: worker {worker['name']} cannot write the store"
    served = {queue for worker in workers for queue in worker["queues"]}
    for row in seen["queues"]:
        yield from _of_queue(row, row["name"] in served or not workers, max_age)


def _of_queue(row: Mapping[str, Any], served: bool, max_age: float) -> Iterator[str]:
    if row["paused"] or not row["queued"]:
        return
    if not served:
        yield f"unserved: {row['queued']:,} jobs wait in {row['name']}, which no worker serves"
    elif (row["oldest_age_seconds"] or 0) > max_age:
        yield f"late: the next job of {row['name']} has waited {row['oldest_age_seconds']:.0f} s"


def as_json(vitals: Vitals) -> dict[str, Any]:
    """The documented shape of `/health`."""
    return {
        "status": "healthy" if vitals.healthy else "unhealthy",
        "reasons": list(vitals.reasons),
        "workers": vitals.workers,
        "queues": vitals.queues,
    }


def as_the_old_system(vitals: Vitals) -> dict[str, Any]:
    """What `/api/celery/health` of the old system answered."""
    if vitals.healthy:
        return {"status": "healthy", "workers": vitals.workers, "queues": vitals.queues}
    return {"status": "unhealthy", "error": "; ".join(vitals.reasons)}
