"""What is left in Redis and belongs to nothing: found by what it should belong to, never by its name alone.

    job         one of our keys signed it, it ended so long ago that the ledger has forgotten it, and no time takes it
                away; a younger one without a row is of the time after a backup that was restored
    execution   of a job of ours that nobody runs; those of RQ's own workers have a time to live
    timeless    a pace, a robots.txt or a rate without the time to live that it is always given
    breaker     that is not among the breakers
    beat        of a worker that is not registered
    member      of a registry of a queue of ours, whose job is gone

Looking costs a scan of the keys, and two round trips for each thousand of them. What goes is looked at once more in
the step that deletes it. Jobs of other programs on this Redis, and jobs that wait or run, are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import BEATS, RUNNING
from mingus_lib.queues.limits import BREAKER_PREFIX, BREAKERS, RATE_PREFIX
from mingus_lib.queues.names import QUEUES
from mingus_lib.queues.owner import Owner
from mingus_lib.queues.pacing import PACE_PREFIX, ROBOTS_PREFIX
from mingus_lib.queues.payload import utc
from mingus_lib.queues.ports import Ledger
from mingus_lib.queues.signing import Key

if TYPE_CHECKING:
    from redis import Redis

PAGE = 1000
NO_EXPIRY = -1
JOB, EXECUTION = "rq:job:", "rq:execution:"
TIMED = (PACE_PREFIX, ROBOTS_PREFIX, RATE_PREFIX)
PREFIXES = (JOB, EXECUTION, BREAKER_PREFIX, *TIMED)
REGISTRIES = ("failed", "finished", "canceled")
# The form that new_job gives: the queues may hold ids of other programs, too.
_ID = re.compile(r"[0-9a-f]{16}")

# ARGV: kind, key, id or member, mark. 1 when it is gone by this, 0 when it belongs to something after all.
_REMOVE = """
local call, kind, key, id = redis.call, ARGV[1], ARGV[2], ARGV[3]
local kept = {
  job = function()
    local status, ended = unpack(call('HMGET', key, 'status', 'ended_at'))
    return ended ~= ARGV[4] or not (status == 'failed' or status == 'finished' or status == 'canceled')
      or call('HEXISTS', 'mingus:running', id) == 1 or call('PTTL', key) ~= -1
  end,
  execution = function()
    return call('PTTL', key) ~= -1
      or string.find(call('HGET', 'mingus:running', id) or '', ' ' .. ARGV[4] .. ' ', 1, true)
  end,
  timeless = function() return call('PTTL', key) ~= -1 end,
  breaker = function() return call('SISMEMBER', 'mingus:breakers', id) == 1 end,
  beat = function() return call('EXISTS', 'rq:worker:' .. id) == 1 end,
  member = function() return call('EXISTS', 'rq:job:' .. id) == 1 end,
}
if kept[kind]() then return 0 end
if kind == 'beat' then return call('HDEL', key, id) end
if kind == 'member' then return call('ZREM', key, id) end
if kind == 'job' then
  local queue = call('HGET', key, 'origin') or ''
  for _, list in ipairs({'failed', 'finished', 'canceled'}) do call('ZREM', 'rq:' .. list .. ':' .. queue, id) end
  call('DEL', 'rq:results:' .. id)
end
return call('DEL', key)
"""


class Orphan(NamedTuple):
    """One thing that belongs to nothing. `bytes` is its memory, `mark` an execution's id or when a job ended."""

    kind: str
    key: str
    id: str
    bytes: int
    mark: str = ""


class _Seen(NamedTuple):
    """A key with what Redis says of it; `status`, `signature` and `ended` (RQ's text) of a job."""

    key: str
    size: int
    ttl: int
    status: bytes | None
    signature: bytes | None
    ended: bytes | None

    @property
    def name(self) -> str:
        return self.key.removeprefix(next(prefix for prefix in PREFIXES if self.key.startswith(prefix)))


@dataclass(frozen=True, slots=True)
class Orphans:
    """Finds and removes them. Every method may raise RedisUnavailable; `find` StoreUnavailable, too."""

    client: Redis
    where: str
    ledger: Ledger
    keys: Mapping[str, Key]

    def find(self, before: datetime | None) -> list[Orphan]:
        """Everything that belongs to nothing now; jobs when they ended before that time, None for none of them."""
        with translated(self.where):
            running: Any = self.client.hgetall(RUNNING)
            owners = {_text(raw): Owner.parse(_text(token)) for raw, token in running.items()}
            breakers: Any = self.client.smembers(BREAKERS)
            named = {_text(raw) for raw in breakers}
            found: list[Orphan] = [*self._beats(), *self._members()]
            for page in self._pages():
                found += self._jobs(page, owners, before) if before else []
                found += [each for seen in page for each in _judged(seen, owners, named)]
            return found

    def remove(self, found: Sequence[Orphan]) -> list[Orphan]:
        """Delete what still belongs to nothing; what was."""
        gone: list[Orphan] = []
        for page in _cut(found):
            with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
                for each in page:
                    pipeline.eval(_REMOVE, 0, each.kind, each.key, each.id, each.mark)
                gone += [each for each, done in zip(page, pipeline.execute(), strict=True) if done]
        return gone

    def _pages(self) -> Iterator[list[_Seen]]:
        # All keys once, not a scan for each prefix.
        keys = (_text(raw) for raw in self.client.scan_iter(count=PAGE))
        for page in _cut(key for key in keys if key.startswith(PREFIXES)):
            with self.client.pipeline(transaction=False) as pipeline:
                for key in page:
                    pipeline.memory_usage(key)
                    pipeline.pttl(key)
                    # Of a key of another kind this is an error, which says nothing.
                    pipeline.hmget(key, "status", "sig", "ended_at")
                told = pipeline.execute(raise_on_error=False)
            rows = zip(page, told[::3], told[1::3], told[2::3], strict=True)
            yield [
                _Seen(key, size or 0, ttl, *(more if isinstance(more, list) else (None, None, None)))
                for key, size, ttl, more in rows
            ]

    def _jobs(
        self, page: Sequence[_Seen], owners: Mapping[str, Owner | None], before: datetime
    ) -> list[Orphan]:
        moment = utc(before.astimezone(UTC))
        ended = [
            seen
            for seen in page
            if seen.key.startswith(JOB)
            and seen.ttl == NO_EXPIRY
            and seen.status in (b"failed", b"finished", b"canceled")
            # Both in RQ's form, whose order is that of time.
            and _text(seen.ended or b"9") < moment
            and seen.name not in owners
            # The id of a key is enough to tell our jobs from others: none of them is to run.
            and _text(seen.signature or b"").partition(".")[0] in self.keys
        ]
        # Last, since by now nearly all jobs of Redis have been left out.
        known = self.ledger.standings([seen.name for seen in ended])
        return [
            Orphan("job", seen.key, seen.name, seen.size, _text(seen.ended or b""))
            for seen in ended
            if seen.name not in known
        ]

    def _beats(self) -> Iterator[Orphan]:
        beats: Any = self.client.hkeys(BEATS)
        names = [_text(raw) for raw in beats]
        there = self._exist([f"rq:worker:{name}" for name in names])
        yield from (
            Orphan("beat", BEATS, name, len(name)) for name in names if f"rq:worker:{name}" not in there
        )

    def _members(self) -> Iterator[Orphan]:
        for key in (f"rq:{registry}:{queue}" for queue in QUEUES for registry in REGISTRIES):
            for page in _cut(_text(raw) for raw, _ in self.client.zscan_iter(key, count=PAGE)):
                there = self._exist([JOB + each for each in page])
                gone = (each for each in page if JOB + each not in there and _ID.fullmatch(each))
                yield from (Orphan("member", key, each, len(each)) for each in gone)

    def _exist(self, keys: Sequence[str]) -> set[str]:
        with self.client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.exists(key)
            return {key for key, there in zip(keys, pipeline.execute(), strict=True) if there}


def _judged(seen: _Seen, owners: Mapping[str, Owner | None], breakers: set[str]) -> Iterator[Orphan]:
    """The key, if it belongs to nothing; jobs are judged by the page."""
    if seen.key.startswith(EXECUTION):
        job_id, _, execution = seen.name.partition(":")
        owner = owners.get(job_id)
        idle = owner is None or owner.execution != execution
        if _ID.fullmatch(job_id) and seen.ttl == NO_EXPIRY and idle:
            yield Orphan("execution", seen.key, job_id, seen.size, execution)
    elif seen.key.startswith(BREAKER_PREFIX) and seen.name not in breakers:
        yield Orphan("breaker", seen.key, seen.name, seen.size)
    elif seen.key.startswith(TIMED) and seen.ttl == NO_EXPIRY:
        yield Orphan("timeless", seen.key, seen.name, seen.size)


def _cut(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        yield page


def _text(raw: Any) -> str:
    return str(raw.decode("utf-8", "replace"))
