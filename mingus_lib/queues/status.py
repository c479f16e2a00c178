"""What Redis says of itself, its queues and its workers, read without touching anything.

RQ is not imported: it costs 150 ms, and these are plain reads of its documented keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mingus_lib.queues.limits import BREAKERS, Breaker, read_breakers
from mingus_lib.queues.names import LEADER, PAUSED, QUEUES

if TYPE_CHECKING:
    from redis import Redis

# No number of ours is longer, and Python refuses to read one of thousands of digits.
MAX_DIGITS = 18
WORKER_FIELDS = (
    "pid", "hostname", "queues", "state", "birth", "current_job", "current_since",
    "successful_job_count", "failed_job_count", "memory", "child_memory", "recycled", "version",
    "last_heartbeat",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue now; `oldest_age_seconds` is the wait of the job that is next.

    `next_in_seconds` is when the first of the scheduled jobs may start.
    """

    name: str
    queued: int
    scheduled: int
    started: int
    dead: int
    oldest_age_seconds: float | None
    paused: bool
    next_in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker as it last reported itself. `job_seconds` is how long the current job has been running,
    `beat_seconds` how long ago it last said that it lives.

    Memory in bytes: its own and, in `child_memory_bytes`, that of the process that runs its jobs. `recycled` says
    why that process was last replaced.
    """

    name: str
    pid: int | None
    host: str
    queues: list[str]
    state: str
    current_job: str | None
    job_seconds: float | None
    since_seconds: float | None
    done: int
    failed: int
    memory_bytes: int | None
    child_memory_bytes: int | None
    recycled: str
    version: str
    beat_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RedisState:
    """The server. `persistence` is aof, rdb, or none."""

    version: str
    memory_bytes: int
    persistence: str


@dataclass(frozen=True, slots=True)
class Leader:
    """The scheduler that leads, and for how long."""

    name: str
    since_seconds: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything Redis knows, taken in four round trips; `breakers` are those that are not closed."""

    redis: RedisState
    queues: list[QueueState] = field(default_factory=list)
    workers: list[WorkerState] = field(default_factory=list)
    breakers: list[Breaker] = field(default_factory=list)
    leader: Leader | None = None


def snapshot(client: Redis, now: datetime | None = None) -> Snapshot:
    """Read everything; four round trips whatever the number of jobs."""
    now = now or datetime.now(UTC)
    first = _first_read(client)
    return Snapshot(
        redis=_redis_state(first.info),
        queues=_queue_states(client, first, now),
        workers=_worker_states(client, first.workers, now),
        breakers=[each for each in read_breakers(client, first.breakers) if each.state != "closed"],
        leader=_leader(first.leader, now),
    )


def queue_states(client: Redis, now: datetime | None = None) -> list[QueueState]:
    """The queues alone; two round trips."""
    return _queue_states(client, _first_read(client), now or datetime.now(UTC))


def worker_states(client: Redis, now: datetime | None = None) -> list[WorkerState]:
    """The workers alone; two round trips."""
    keys: Any = client.smembers("rq:workers")
    return _worker_states(client, keys, now or datetime.now(UTC))


class _First(NamedTuple):
    info: dict[str, Any]
    suspended: int
    workers: set[bytes]
    breakers: set[bytes]
    leader: bytes | None
    queues: list[list[Any]]


def _first_read(client: Redis) -> _First:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.info()
        pipeline.exists("rq:suspended")
        pipeline.smembers("rq:workers")
        pipeline.smembers(BREAKERS)
        pipeline.get(LEADER)
        for name in QUEUES:
            pipeline.llen(f"rq:queue:{name}")
            pipeline.zcard(f"rq:scheduled:{name}")
            pipeline.zcard(f"rq:wip:{name}")
            pipeline.zcard(f"rq:failed:{name}")
            pipeline.lindex(f"rq:queue:{name}", 0)
            pipeline.sismember(PAUSED, name)
            pipeline.zrange(f"rq:scheduled:{name}", 0, 0, withscores=True)
        info, suspended, workers, breakers, leader, *rest = pipeline.execute()
    return _First(
        info, suspended, workers, breakers, leader, [rest[i : i + 7] for i in range(0, len(rest), 7)]
    )


def _redis_state(info: dict[str, Any]) -> RedisState:
    persistence = "aof" if info.get("aof_enabled") else "rdb" if info.get("rdb_last_save_time") else "none"
    # Valkey says 7.2.4 as its redis_version, whatever it is.
    version = str(info.get("valkey_version") or info.get("redis_version", "?"))
    return RedisState(version, int(info.get("used_memory", 0)), persistence)


def _queue_states(client: Redis, first: _First, now: datetime) -> list[QueueState]:
    with client.pipeline(transaction=False) as pipeline:
        for row in first.queues:
            # As the bytes that they are: any writer to Redis may queue an id that is no text.
            pipeline.hget(b"rq:job:" + (row[4] or b"-"), "enqueued_at")
        oldest = pipeline.execute()
    return [
        QueueState(
            name,
            row[0],
            row[1],
            row[2],
            row[3],
            _age(enqueued, now) if row[4] is not None else None,
            # `rq suspend` holds all queues back, our pause one of them.
            bool(first.suspended or row[5]),
            _until(row[6][0][1], now) if row[6] else None,
        )
        for name, row, enqueued in zip(QUEUES, first.queues, oldest, strict=True)
    ]


def _worker_states(client: Redis, raw_keys: Iterable[bytes], now: datetime) -> list[WorkerState]:
    # A set has no order, and a table that is watched must keep its own.
    keys = sorted(key.decode("utf-8", "replace") for key in raw_keys)
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hmget(key, *WORKER_FIELDS)
        read = pipeline.execute()
    return [
        _worker_state(key.removeprefix("rq:worker:"), fields, now)
        for key, fields in zip(keys, read, strict=True)
        # A worker's hash expires before RQ's list of names forgets it.
        if fields[0] is not None
    ]


def _worker_state(name: str, fields: Sequence[bytes | None], now: datetime) -> WorkerState:
    texts = (value.decode("utf-8", "replace") if value is not None else "" for value in fields)
    told = dict(zip(WORKER_FIELDS, texts, strict=True))
    job = told["current_job"] or None
    return WorkerState(
        name=name,
        pid=_number(told["pid"]),
        host=told["hostname"],
        queues=told["queues"].split(","),
        state=told["state"] or "?",
        current_job=job,
        job_seconds=_age(told["current_since"].encode(), now) if job else None,
        since_seconds=_age(told["birth"].encode(), now),
        done=_number(told["successful_job_count"]) or 0,
        failed=_number(told["failed_job_count"]) or 0,
        memory_bytes=_number(told["memory"]),
        child_memory_bytes=_number(told["child_memory"]),
        recycled=told["recycled"],
        version=told["version"],
        beat_seconds=_age(told["last_heartbeat"].encode(), now),
    )


def _leader(value: bytes | None, now: datetime) -> Leader | None:
    if value is None:
        return None
    name, since, *_ = [*value.decode("utf-8", "replace").split(" "), ""]
    seconds = max(0.0, round(now.timestamp() - int(since), 1)) if _number(since) is not None else None
    return Leader(name, seconds)


def _number(text: str) -> int | None:
    # isdigit alone takes ² for a digit, which int refuses.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def _until(moment: float, now: datetime) -> float | None:
    """Seconds; None for a time that never comes, which JSON could not say."""
    return max(0.0, round(moment - now.timestamp(), 1)) if math.isfinite(moment) else None


def _age(moment: bytes | None, now: datetime) -> float | None:
    if not moment:
        return None
    try:
        then = datetime.fromisoformat(moment.decode())
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    # A clock behind the one that wrote it makes no negative age.
    return max(0.0, round((now - then).total_seconds(), 1))
