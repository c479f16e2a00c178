"""RQ's keys as rq-dashboard's pages show them: read plainly, cleaned up by nobody, decoded as JSON or not at all.

RQ's own classes are not used: they unpickle a job's `meta` and call, and clean registries as they read them.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mingus_lib.queues.connection import translated
from mingus_lib.queues.names import QUEUES

if TYPE_CHECKING:
    from redis import Redis

LISTS = {
    "queued": "rq:queue:",
    "scheduled": "rq:scheduled:",
    "deferred": "rq:deferred:",
    "started": "rq:wip:",
    "finished": "rq:finished:",
    "failed": "rq:failed:",
    "canceled": "rq:canceled:",
}
# What rq-dashboard's scripts can hold in quotes; any writer to Redis may invent other names.
QUEUE_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)
NOT_JSON = "(not JSON, not shown)"
LONGEST = 20_000
_FIELDS = (
    "created_at",
    "enqueued_at",
    "started_at",
    "ended_at",
    "origin",
    "status",
    "description",
    "exc_info",
)


@dataclass
class RqLook:
    """What RQ's keys say. Every method may raise RedisUnavailable; its docstring has its round trips."""

    client: Redis
    where: str

    def queues(self) -> list[str]:
        """Names of the queues that RQ knows, and of our six. One."""
        with translated(self.where):
            found: Any = self.client.smembers("rq:queues")
        names = {key.decode("utf-8", "replace").removeprefix("rq:queue:") for key in found}
        return sorted({*QUEUES, *(name for name in names if QUEUE_NAME.fullmatch(name))})

    def counts(self, queues: list[str]) -> list[dict[str, int]]:
        """Jobs by registry, for each queue. One, of O(1) commands."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            for queue in queues:
                for registry, key in LISTS.items():
                    (pipeline.llen if registry == "queued" else pipeline.zcard)(key + queue)
            numbers = pipeline.execute()
        width = len(LISTS)
        rows = [numbers[at : at + width] for at in range(0, len(numbers), width)]
        return [dict(zip(LISTS, row, strict=True)) for row in rows]

    def page(
        self, queue: str, registry: str, start: int, size: int, *, last_first: bool
    ) -> tuple[int, list[Any]]:
        """How many jobs a registry has, and `size` of them from `start` on. Two."""
        key = LISTS[registry] + queue
        queued = registry == "queued"
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            (pipeline.llen if queued else pipeline.zcard)(key)
            begin, end = (-start - size, -start - 1) if last_first else (start, start + size - 1)
            (pipeline.lrange if queued else pipeline.zrange)(key, begin, end)
            total, members = pipeline.execute()
        # Redis takes an end before the beginning for the beginning.
        members = members if start < total else []
        # The registry of started jobs holds `job:execution`.
        ids = [member.decode("utf-8", "replace").partition(":")[0] for member in members]
        return total, self._jobs(ids[::-1] if last_first else ids)

    def job(self, job_id: str) -> dict[str, Any] | None:
        """One job with its result and metadata, or None. One."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            pipeline.hmget(f"rq:job:{job_id}", *_FIELDS, "meta")
            pipeline.xrevrange(f"rq:results:{job_id}", count=1)
            (*values, meta), results = pipeline.execute()
        # RQ gives every job its time of creation.
        if values[0] is None:
            return None
        fields = results[0][1] if results else {}
        packed = fields.get(b"return_value")
        return {
            **_job(job_id, values),
            "result": _json(packed, packed=True) if packed else None,
            "metadata": json.dumps(_json(meta))[:LONGEST] if meta else "{}",
        }

    def descriptions(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """Of these jobs, those that there are, by id. One."""
        return {job["id"]: job for job in self._jobs(ids)}

    def _jobs(self, ids: list[str]) -> list[dict[str, Any]]:
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hmget(f"rq:job:{job_id}", *_FIELDS)
            rows = pipeline.execute() if ids else []
        return [_job(job_id, row) for job_id, row in zip(ids, rows, strict=True) if row[0] is not None]


def _job(job_id: str, values: list[bytes | None]) -> dict[str, Any]:
    texts = [value.decode("utf-8", "replace")[:LONGEST] if value else None for value in values]
    return {"id": job_id, **dict(zip(_FIELDS, texts, strict=True))}


def _json(value: bytes, *, packed: bool = False) -> Any:
    try:
        return json.loads(base64.b64decode(value) if packed else value)
    # Too deep a nesting raises RecursionError, which is no ValueError.
    except (ValueError, RecursionError):
        return NOT_JSON
