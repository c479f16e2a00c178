"""What keeps a job from starting yet, over all workers: the rate limit of its task, the breaker of what it needs.

Not the libraries `limits` and `pybreaker`: the one only says no, where a job has to be told its time; the other
lets every worker send its own probe.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mingus_lib.queues import scripts
from mingus_lib.queues.connection import Scripts, translated
from mingus_lib.queues.names import PAUSED

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.queues.catalog import Task

FAILURES_TO_OPEN = 5
COOLDOWN_SECONDS = 60
BREAKERS = "mingus:breakers"
BREAKER_PREFIX = "mingus:breaker:"
RATE_PREFIX = "mingus:rate:"


@dataclass(frozen=True, slots=True)
class Breaker:
    """One dependency's circuit breaker. `state`: closed, open, or half-open (one job may try)."""

    name: str
    state: str
    failures: int
    opened_at: float | None
    reason: str


class Traffic(NamedTuple):
    """The starts of a task's last window and those kept for jobs that wait, the jobs queued, Redis' time (Unix)."""

    slots: tuple[float, ...]
    ahead: int
    paused: bool
    now: float


@dataclass
class Limits:
    """Rate limits and breakers in Redis. Every method is one call and may raise RedisUnavailable."""

    client: Redis
    where: str = "MINGUS_REDIS_URL"

    def __post_init__(self) -> None:
        self._run = Scripts(self.client, self.where).run

    def wait_for_slot(self, task: Task, job_id: str, execution: str) -> float:
        """Seconds until the job may start by its task's rate; 0 uses up a start, else a slot is kept for it."""
        if task.rate is None:
            return 0.0
        return float(self._run(scripts.ADMIT, [task.name, job_id, execution, *task.rate]))

    def wait_for(self, dependency: str, longest: float) -> float:
        """Seconds until a job that needs `dependency` may start; 0 may make it the probe, for `longest` seconds."""
        return float(self._run(scripts.BREAKER_ALLOWS, [dependency, COOLDOWN_SECONDS, longest]))

    def let_go(self, dependency: str) -> None:
        """The job that was the probe told nothing of the dependency: another may try."""
        with translated(self.where):
            self.client.hdel(BREAKER_PREFIX + dependency, "probe_until")

    def failed(self, dependency: str, reason: str) -> int:
        """Count a failure; the fifth in a row opens the breaker. Returns the failures in a row."""
        # Cut: a server's own words may stand in it, at any length.
        return int(self._run(scripts.BREAKER_FAILED, [dependency, FAILURES_TO_OPEN, reason[:500]]))

    def trip(self, dependency: str, reason: str) -> None:
        """Open the breaker at once: it is known that nothing will work."""
        self._run(scripts.BREAKER_FAILED, [dependency, 1, reason[:500]])

    def reset(self, dependency: str) -> bool:
        """Close the breaker, after a success or by hand; whether there was anything to close."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            pipeline.delete(BREAKER_PREFIX + dependency)
            pipeline.srem(BREAKERS, dependency)
            return bool(pipeline.execute()[0])

    def breakers(self) -> list[Breaker]:
        """Every breaker that has counted a failure, by name."""
        with translated(self.where):
            names: Any = self.client.smembers(BREAKERS)
            return read_breakers(self.client, names)

    def traffic(self, task: Task, queue: str) -> Traffic:
        """What stands before a new job of the task: one round trip."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            pipeline.zrange(RATE_PREFIX + task.name, 0, -1, withscores=True)
            pipeline.llen(f"rq:queue:{queue}")
            pipeline.sismember(PAUSED, queue)
            pipeline.time()
            slots, ahead, paused, (seconds, micro) = pipeline.execute()
        return Traffic(tuple(score for _, score in slots), ahead, bool(paused), seconds + micro / 1e6)


def read_breakers(client: Redis, names: Iterable[bytes]) -> list[Breaker]:
    """The breakers of these names: one round trip, none when there are no names."""
    sorted_names = sorted(names)
    if not sorted_names:
        return []
    with client.pipeline(transaction=False) as pipeline:
        for name in sorted_names:
            pipeline.hgetall(BREAKER_PREFIX + name.decode("utf-8", "replace"))
        # Redis' own clock, by which its scripts have set these times.
        pipeline.time()
        *found, (seconds, micro) = pipeline.execute()
    now = seconds + micro / 1e6
    return [
        _breaker(name.decode("utf-8", "replace"), fields, now)
        for name, fields in zip(sorted_names, found, strict=True)
        # A name whose hash is gone was reset a moment ago.
        if fields
    ]


def _breaker(name: str, fields: dict[bytes, bytes], now: float) -> Breaker:
    opened = _time(fields.get(b"opened_at", b""))
    state = "closed" if opened is None else "open" if now < opened + COOLDOWN_SECONDS else "half-open"
    reason = fields.get(b"reason", b"").decode("utf-8", "replace")
    failures = fields.get(b"failures", b"")
    # Cut, because Python refuses to read a number of thousands of digits, which anybody may have written.
    return Breaker(name, state, int(failures[:18]) if failures.isdigit() else 0, opened, reason)


def _time(text: bytes) -> float | None:
    """Seconds since 1970; what cannot be read counts as absent, since Redis is not trusted to hold ours."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
