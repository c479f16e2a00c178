"""One job as Redis knows it, for producers that cannot open the ledger."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.jobs import JobState
from mingus_lib.queues.connection import translated

if TYPE_CHECKING:
    from redis import Redis

# RQ's words for ours.
STATES = {
    "queued": JobState.QUEUED,
    "scheduled": JobState.SCHEDULED,
    "started": JobState.STARTED,
    "finished": JobState.FINISHED,
    "failed": JobState.DEAD,
    "canceled": JobState.CANCELLED,
}


def job(client: Redis, where: str, job_id: str) -> dict[str, Any] | None:
    """`id`, `task`, `queue`, `state`, `result` and `reason`; None when Redis has no such job. Two calls."""
    with translated(where):
        found: Any = client.hmget(f"rq:job:{job_id}", "status", "description", "origin", "exc_info")
        latest: Any = client.xrevrange(f"rq:results:{job_id}", count=1)
    status, task, queue, reason = ((each or b"").decode("utf-8", "replace") for each in found)
    if status not in STATES:
        return None
    return {
        "id": job_id,
        "task": task,
        "queue": queue,
        "state": STATES[status],
        "result": _result(latest[0][1]) if latest and STATES[status] is JobState.FINISHED else None,
        "reason": reason or None,
    }


def _result(fields: dict[bytes, bytes]) -> Any:
    """The result; None for one that RQ's other tools wrote in a form of theirs."""
    try:
        return json.loads(base64.b64decode(fields.get(b"return_value", b"")))
    except (ValueError, RecursionError):
        return None
