"""The operator's hand in Redis. The ledger is always told first: no worker runs what it says has ended.

Stopping a job and a worker are RQ's own commands (rq.command), written here without importing RQ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mingus_lib.queues.connection import Scripts, translated
from mingus_lib.queues.delivery import RUNNING, WAKE, Delivery
from mingus_lib.queues.names import PAUSED
from mingus_lib.queues.owner import Owner, Process

if TYPE_CHECKING:
    from redis import Redis

# Redis serves nobody else while it takes a chunk out, and looks for each id along its queue.
CHUNK = 500
STOP_ASKED = "stop_asked"

# ARGV: queue, ids... Queues scheduled jobs at once; 1 for each that was scheduled.
_RUN_NOW = """
local queue, moved = ARGV[1], {}
for at = 2, #ARGV do
  local id, found = ARGV[at], 0
  if redis.call('ZSCORE', 'rq:scheduled:' .. queue, id) and redis.call('HEXISTS', 'mingus:running', id) == 0 then
    redis.call('HSET', 'rq:job:' .. id, 'status', 'queued')
    redis.call('RPUSH', 'rq:queue:' .. queue, id)
    found = redis.call('ZREM', 'rq:scheduled:' .. queue, id)
  end
  table.insert(moved, found)
end
redis.call('PUBLISH', 'mingus:wake', queue)
return moved
"""

# ARGV: queue, ids... Frees everything that Redis holds of dead jobs; 1 for each that was dead.
_DROP = """
local queue, dropped = ARGV[1], {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local found = redis.call('ZREM', 'rq:failed:' .. queue, id)
  if found == 1 and redis.call('HEXISTS', 'mingus:running', id) == 0 then
    redis.call('DEL', 'rq:job:' .. id, 'rq:results:' .. id)
  end
  table.insert(dropped, found)
end
return dropped
"""

# ARGV: moment, workers... Notes who was told to leave, so that nobody is told twice; 1 for each that was not yet.
_TELL_ONCE = """
local new = {}
for at = 2, #ARGV do
  local key = 'rq:worker:' .. ARGV[at]
  local there = redis.call('EXISTS', key) == 1
  table.insert(new, there and redis.call('HSETNX', key, 'stop_asked', ARGV[1]) or 0)
end
return new
"""


Cancel = Callable[[list[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Handle:
    """By what a worker can be reached: its process, and the supervisor that would start it again."""

    name: str
    process: Process | None
    supervisor: Process | None
    asked: bool

    @property
    def gone(self) -> bool:
        """Whether its process is known to have ended."""
        return self.process is not None and self.process.gone


@dataclass
class Control:
    """Changes to queues, jobs and workers. Every method may raise RedisUnavailable."""

    client: Redis
    where: str = "MINGUS_REDIS_URL"

    def __post_init__(self) -> None:
        self._run = Scripts(self.client, self.where).run

    def pause(self, queues: Sequence[str]) -> None:
        """Give out no more jobs of these queues; running ones go on."""
        with translated(self.where):
            self.client.sadd(PAUSED, *queues)

    def resume(self, queues: Sequence[str]) -> None:
        """Give out their jobs again, and wake the workers."""
        with translated(self.where), self.client.pipeline() as pipeline:
            pipeline.srem(PAUSED, *queues)
            for name in queues:
                pipeline.publish(WAKE, name)
            pipeline.execute()

    def run_now(self, queue: str, ids: Sequence[str]) -> list[str]:
        """Queue scheduled jobs at once; those that were scheduled."""
        return self._each(_RUN_NOW, queue, ids)

    def drop(self, queue: str, ids: Sequence[str]) -> list[str]:
        """Free what Redis holds of dead jobs; those that were dead there."""
        return self._each(_DROP, queue, ids)

    def stop_jobs(self, ids: Sequence[str]) -> int:
        """Tell the workers that run these jobs to kill them; how many workers heard it."""
        if not ids:
            return 0
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            tokens: Any = self.client.hmget(RUNNING, list(ids))
            for job_id, token in zip(ids, tokens, strict=True):
                owner = Owner.parse(token.decode("utf-8", "replace")) if token else None
                if owner is not None:
                    command = {"command": "stop-job", "job_id": job_id}
                    pipeline.publish(_channel(owner.worker), json.dumps(command))
            return sum(pipeline.execute())

    def handles(self) -> list[Handle]:
        """Every registered worker, by name."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            found: Any = self.client.smembers("rq:workers")
            names = sorted(key.decode("utf-8", "replace").removeprefix("rq:worker:") for key in found)
            for name in names:
                pipeline.hmget(f"rq:worker:{name}", "process", "supervisor", STOP_ASKED, "birth")
            rows = pipeline.execute()
        return [
            Handle(name, _process(process), _process(supervisor), asked is not None)
            for name, (process, supervisor, asked, birth) in zip(names, rows, strict=True)
            # RQ's list may still name a worker whose hash has expired.
            if birth is not None
        ]

    def tell_once(self, names: Sequence[str], moment: str) -> list[str]:
        """Note that these workers are told to leave; those that had not been told before."""
        return self._each(_TELL_ONCE, moment, names)

    def shut_down(self, name: str) -> bool:
        """Tell a worker to leave after its job (RQ's command); whether it heard it."""
        with translated(self.where):
            return bool(self.client.publish(_channel(name), json.dumps({"command": "shutdown"})))

    def _each(self, script: str, first: str, ids: Sequence[str]) -> list[str]:
        if not ids:
            return []
        marks = self._run(script, [first, *ids])
        return [each for each, mark in zip(ids, marks, strict=True) if mark]


def withdraw(
    delivery: Delivery,
    queue: str,
    ids: Iterable[str],
    keep: int,
    cancel: Cancel,
    end: Callable[[list[str]], object],
) -> Iterator[list[str]]:
    """Take waiting jobs out of a queue, chunk by chunk; those that were taken out.

    The ledger is told first: `cancel` ends those that wait there and says which, so that being cut short loses
    nothing. `end` is told what waited in Redis alone: it was given back by a worker that died. Redis keeps what was
    taken out for `keep` seconds, as cancelled.
    """
    for chunk in chunks(ids):
        # The ledger holds no other ids, and SQLite takes no text that is none.
        cancelled = set(cancel([each for each in chunk if each.isascii()]))
        removed = delivery.withdraw(queue, chunk, keep)
        taken = [each for each, there in zip(chunk, removed, strict=True) if there and each not in cancelled]
        if known := [each for each in taken if each.isascii()]:
            end(known)
        yield [*cancelled, *taken]


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in lists of at most 500."""
    iterator = iter(ids)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _channel(worker: str) -> str:
    return f"rq:pubsub:{worker}"


def _process(words: bytes | None) -> Process | None:
    return Process.parse(words.decode("utf-8", "replace")) if words else None
