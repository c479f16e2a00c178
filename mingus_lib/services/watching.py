"""What `mingus top` shows, looked at again and again: queues, workers, rates, running jobs, the last failures.

A look costs five round trips to Redis and some thirty rows of the store, whatever the number of jobs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.errors import MingusError
from mingus_lib.queues import status
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import Delivery
from mingus_lib.queues.status import QueueState, RedisState, WorkerState
from mingus_lib.store.history import History, JobFilter

if TYPE_CHECKING:
    from redis import Redis

SAMPLES = 60
# Each of them is looked up in the store at every look.
RUNNING_SHOWN = 30
FAILURES_SHOWN = 30
STOPPED = "the private Redis does not run; start it: mingus up"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. `done` and `failed` are jobs a second, the newest last; `trouble` is why something is missing."""

    redis: RedisState | None
    queues: Sequence[QueueState]
    workers: Sequence[WorkerState]
    running: Sequence[JobRun]
    failures: Sequence[JobRun]
    done: tuple[float, ...]
    failed: tuple[float, ...]
    trouble: str | None


@dataclass
class Watcher:
    """Looks; `client` gives None while the private Redis is stopped, `history` None while there is no store."""

    client: Callable[[], Redis | None]
    where: str
    history: Callable[[], History | None]
    clock: Callable[[], float]
    _redis: Redis | None = field(default=None, init=False)
    _counted: dict[str, tuple[int, int]] = field(default_factory=dict, init=False)
    _counted_at: float | None = field(default=None, init=False)
    _done: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES), init=False)
    _failed: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES), init=False)
    _last: status.Snapshot | None = field(default=None, init=False)

    def look(self) -> Seen:
        """What is to be seen now; never raises for want of Redis or of the store."""
        snapshot, running, trouble = self._look_at_redis()
        jobs, failures, store_trouble = self._look_at_store(running)
        # While Redis is away, queues stand as they were seen last; who works is not guessed at.
        known = snapshot or self._last
        return Seen(
            redis=snapshot.redis if snapshot else None,
            queues=known.queues if known else (),
            workers=snapshot.workers if snapshot else (),
            running=jobs,
            failures=failures,
            done=tuple(self._done),
            failed=tuple(self._failed),
            trouble=trouble or store_trouble,
        )

    def _look_at_redis(self) -> tuple[status.Snapshot | None, list[str], str | None]:
        try:
            client = self._redis or self.client()
            if client is None:
                return None, [], STOPPED
            self._redis = client
            with translated(self.where):
                seen = status.snapshot(client)
            # Anybody may have written there; what is no id is just not found in the ledger.
            running = [raw.decode("utf-8", "replace") for raw in Delivery(client, self.where).running()]
        except MingusError as error:
            # Sentinel may name another server next time, and the private one comes back under the same name.
            self._redis, self._counted_at = None, None
            return None, [], str(error)
        self._last = seen
        self._count(seen.workers)
        return seen, running, None

    def _count(self, workers: Sequence[WorkerState]) -> None:
        """Rates from the workers' own counters: one that has come or gone since counts nothing."""
        now, counted = self.clock(), {worker.name: (worker.done, worker.failed) for worker in workers}
        if self._counted_at is not None and now > self._counted_at:
            both = counted.keys() & self._counted.keys()
            seconds = now - self._counted_at
            for rates, which in ((self._done, 0), (self._failed, 1)):
                # A count that fell is that of a new worker under an old name.
                new = sum(max(0, counted[name][which] - self._counted[name][which]) for name in both)
                rates.append(new / seconds)
        self._counted, self._counted_at = counted, now

    def _look_at_store(self, running: Sequence[str]) -> tuple[list[JobRun], list[JobRun], str | None]:
        try:
            history = self.history()
            if history is None:
                return [], [], None
            jobs = [job for job_id in running[:RUNNING_SHOWN] if (job := history.get(job_id)) is not None]
            failures = history.newest(JobFilter(states=(JobState.DEAD,), ended=True), FAILURES_SHOWN)
        except MingusError as error:
            return [], [], str(error)
        return sorted(jobs, key=lambda job: job.started_at or ""), failures, None
