"""What keeps a job from starting yet, over all workers: the rate limit of its task, the breaker of what it needs.

Not the libraries `limits` and `pybreaker`: the one only says no, where a job has to be told its time; the other
lets every worker send its own probe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mingus_lib.queues import scripts
from mingus_lib.queues.connection import translated

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.queues.catalog import Task

FAILURES_TO_OPEN = 5
COOLDOWN_SECONDS = 60
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


@dataclass
class Limits:
    """Rate limits and breakers in Redis. Every method is one call and may raise RedisUnavailable."""

    client: Redis
    where: str = "MINGUS_REDIS_URL"
    _scripts: dict[str, Any] = field(default_factory=dict, init=False)

    def wait_for_slot(self, task: Task, job_id: str, execution: str) -> float:
        """Seconds until the job may start by its task's rate; 0 uses up a start, else a slot is kept for it."""
        if task.rate is None:
            return 0.0
        return float(self._run(scripts.ADMIT, task.name, job_id, execution, *task.rate))

    def wait_for(self, dependency: str, longest: float) -> float:
        """Seconds until a job that needs `dependency` may start; 0 may make it the probe, for `longest` seconds."""
        return float(self._run(scripts.BREAKER_ALLOWS, dependency, COOLDOWN_SECONDS, longest))

    def succeeded(self, dependency: str) -> None:
        """Close the breaker."""
        with translated(self.where):
            self.client.delete(BREAKER_PREFIX + dependency)

    def failed(self, dependency: str, reason: str) -> int:
        """Count a failure; the fifth in a row opens the breaker. Returns the failures in a row."""
        return int(self._run(scripts.BREAKER_FAILED, dependency, FAILURES_TO_OPEN, reason[:500]))

    def reset(self, dependency: str) -> bool:
        """Close the breaker by hand; whether there was anything to close."""
        with translated(self.where):
            return bool(self.client.delete(BREAKER_PREFIX + dependency))

    def breakers(self) -> list[Breaker]:
        """Every breaker that has counted a failure, by name."""
        with translated(self.where):
            keys = sorted(self.client.scan_iter(BREAKER_PREFIX + "*", count=1000))
            found: list[tuple[bytes, Any]] = [(key, self.client.hgetall(key)) for key in keys]
            seconds, micro = self.client.time()
        return [_breaker(key.decode(), fields, seconds + micro / 1e6) for key, fields in found]

    def _run(self, script: str, *arguments: Any) -> Any:
        with translated(self.where):
            if script not in self._scripts:
                self._scripts[script] = self.client.register_script(script)
            return self._scripts[script](args=arguments)


def _breaker(key: str, fields: dict[bytes, bytes], now: float) -> Breaker:
    opened = float(fields[b"opened_at"]) if b"opened_at" in fields else None
    state = "closed" if opened is None else "open" if now < opened + COOLDOWN_SECONDS else "half-open"
    reason = fields.get(b"reason", b"").decode("utf-8", "replace")
    return Breaker(key.removeprefix(BREAKER_PREFIX), state, int(fields.get(b"failures", 0)), opened, reason)
