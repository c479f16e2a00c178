"""What a Redis server says of itself that matters to jobs: three round trips, nothing is changed."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis

PINGS = 5
# Where rq-scheduler's own scheduler keeps its lock, its entries and itself; ours has other keys.
FOREIGN_LOCK, FOREIGN_ENTRIES = "rq:scheduler_lock", "rq:scheduler:scheduled_jobs"
FOREIGN_INSTANCES = "rq:scheduler_instance:*"
PAGES = 1000


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis server. Memory in bytes, `maxmemory` 0 is no limit; `drift` and `latency` in seconds.

    `drift` is how far its clock is ahead of ours; `latency` is the median of five round trips.
    """

    version: tuple[int, ...]
    aof: bool
    rdb: bool
    write_failed: bool
    used: int
    maxmemory: int
    policy: str
    drift: float
    latency: float

    @property
    def label(self) -> str:
        """`7.2.4`."""
        return ".".join(map(str, self.version))


def foreign_scheduler(client: Redis) -> str:
    """What another rq-scheduler has left or does on this Redis, in words; "" for nothing.

    One round trip, and one for each thousand keys, of which the first million are looked at.
    """
    with client.pipeline(transaction=False) as pipeline:
        pipeline.exists(FOREIGN_LOCK)
        pipeline.zcard(FOREIGN_ENTRIES)
        # A key of another kind is an error, and no sign of a scheduler.
        locked, entries = pipeline.execute(raise_on_error=False)
    locked, entries = (found if isinstance(found, int) else 0 for found in (locked, entries))
    if locked or _has_instance(client):
        return f"one runs; entries of its own: {entries}"
    return f"none runs; entries of one: {entries}" if entries else ""


def _has_instance(client: Redis) -> bool:
    cursor = 0
    for _ in range(PAGES):
        page: Any = client.scan(cursor, match=FOREIGN_INSTANCES, count=1000)
        cursor, found = page
        if found or not cursor:
            return bool(found)
    return False


def examine(client: Redis) -> Server:
    """Ask it."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.info()
        pipeline.config_get("save")
        info, save = pipeline.execute(raise_on_error=False)
    if isinstance(info, Exception):
        raise info
    told = save if isinstance(save, dict) else {}
    latency, drift = _clock(client)
    return Server(
        version=_version(info),
        aof=bool(info.get("aof_enabled")),
        # A server that hides its configuration (many hosted ones) is believed to take snapshots if it ever did.
        rdb=bool(told["save"]) if "save" in told else bool(info.get("rdb_last_save_time")),
        write_failed="err" in (info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")),
        used=int(info.get("used_memory", 0)),
        maxmemory=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        drift=drift,
        latency=latency,
    )


def _version(info: dict[str, Any]) -> tuple[int, ...]:
    numbers = re.findall(r"\d+", str(info.get("redis_version", "0")))
    return tuple(int(number) for number in numbers[:3])


def _clock(client: Redis) -> tuple[float, float]:
    """The median time of a round trip, and the drift seen on the fastest of them (Cristian's algorithm, 1989)."""
    seen = []
    for _ in range(PINGS):
        sent, begun = time.time(), time.perf_counter()
        moment: Any = client.time()
        trip = time.perf_counter() - begun
        seen.append((trip, moment[0] + moment[1] / 1e6 - (sent + trip / 2)))
    seen.sort()
    return seen[PINGS // 2][0], seen[0][1]
