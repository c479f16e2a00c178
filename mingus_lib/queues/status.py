"""What Redis says of itself, its queues and its workers, read without touching anything.

RQ is not imported: it costs 150 ms, and these are plain reads of its documented keys.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mingus_lib.queues.names import QUEUES

if TYPE_CHECKING:
    from redis import Redis

WORKER_FIELDS = (
    "pid", "hostname", "queues", "state", "birth", "last_heartbeat",
    "successful_job_count", "failed_job_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue now; `oldest_age_seconds` is the wait of the job that is next."""

    name: str
    queued: int
    scheduled: int
    started: int
    dead: int
    oldest_age_seconds: float | None
    paused: bool


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker as it last reported itself."""

    name: str
    pid: int | None
    host: str
    queues: list[str]
    state: str
    current_job: str | None
    since_seconds: float | None
    done: int
    failed: int
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class RedisState:
    """The server. `persistence` is aof, rdb, or none."""

    version: str
    memory_bytes: int
    persistence: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything Redis knows, taken in four round trips."""

    redis: RedisState
    queues: list[QueueState] = field(default_factory=list)
    workers: list[WorkerState] = field(default_factory=list)


def snapshot(client: Redis, now: datetime | None = None) -> Snapshot:
    """Read everything; four round trips whatever the number of jobs."""
    now = now or datetime.now(UTC)
    info, suspended, counts, worker_keys = _first_read(client)
    return Snapshot(
        redis=_redis_state(info),
        queues=_queue_states(client, counts, bool(suspended), now),
        workers=_worker_states(client, sorted(key.decode() for key in worker_keys), now),
    )


def queue_states(client: Redis, now: datetime | None = None) -> list[QueueState]:
    """The queues alone; two round trips."""
    _, suspended, counts, _ = _first_read(client)
    return _queue_states(client, counts, bool(suspended), now or datetime.now(UTC))


def _first_read(client: Redis) -> tuple[dict[str, Any], int, list[list[Any]], set[bytes]]:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.info()
        pipeline.exists("rq:suspended")
        pipeline.smembers("rq:workers")
        for name in QUEUES:
            pipeline.llen(f"rq:queue:{name}")
            pipeline.zcard(f"rq:scheduled:{name}")
            pipeline.zcard(f"rq:wip:{name}")
            pipeline.zcard(f"rq:failed:{name}")
            pipeline.lindex(f"rq:queue:{name}", 0)
        info, suspended, workers, *rest = pipeline.execute()
    return info, suspended, [rest[i : i + 5] for i in range(0, len(rest), 5)], workers


def _redis_state(info: dict[str, Any]) -> RedisState:
    persistence = "aof" if info.get("aof_enabled") else "rdb" if info.get("rdb_last_save_time") else "none"
    version = str(info.get("valkey_version") or info.get("redis_version", "?"))
    return RedisState(version, int(info.get("used_memory", 0)), persistence)


def _queue_states(
    client: Redis, counts: Sequence[list[Any]], paused: bool, now: datetime
) -> list[QueueState]:
    with client.pipeline(transaction=False) as pipeline:
        for row in counts:
            pipeline.hget(f"rq:job:{(row[4] or b'-').decode()}", "enqueued_at")
        oldest = pipeline.execute()
    return [
        QueueState(
            name, row[0], row[1], row[2], row[3], _age(enqueued, now) if row[4] is not None else None, paused
        )
        for name, row, enqueued in zip(QUEUES, counts, oldest, strict=True)
    ]


def _worker_states(client: Redis, keys: Sequence[str], now: datetime) -> list[WorkerState]:
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hmget(key, *WORKER_FIELDS)
            pipeline.smembers(f"{key}:executions")
        read = pipeline.execute()
    pairs = zip(keys, read[::2], read[1::2], strict=True)
    return [
        _worker_state(key.removeprefix("rq:worker:"), fields, running, now)
        for key, fields, running in pairs
        if fields[0] is not None
    ]


def _worker_state(
    name: str, fields: Sequence[bytes | None], running: set[bytes], now: datetime
) -> WorkerState:
    pid, host, queues, state, birth, _, done, failed = [
        value.decode("utf-8", "replace") if value is not None else "" for value in fields
    ]
    return WorkerState(
        name=name,
        pid=int(pid) if pid.isdigit() else None,
        host=host,
        queues=queues.split(","),
        state=state or "?",
        current_job=next((entry.decode().partition(":")[0] for entry in running), None),
        since_seconds=_age(birth.encode(), now),
        done=int(done or 0),
        failed=int(failed or 0),
        memory_bytes=_resident_bytes(pid) if host == socket.gethostname() else None,
    )


def _age(moment: bytes | None, now: datetime) -> float | None:
    if not moment:
        return None
    try:
        then = datetime.fromisoformat(moment.decode())
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, round((now - then).total_seconds(), 1))


def _resident_bytes(pid: str) -> int | None:
    try:
        with open(f"/proc/{int(pid)}/statm") as statm:  # noqa: PTH123
            return int(statm.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return None
