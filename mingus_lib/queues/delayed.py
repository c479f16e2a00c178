"""Jobs that wait for a time: moved to their queue by any worker, once, in one step of Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

# RQ's own keys: rq:scheduled:Q (sorted by due time), rq:queue:Q, rq:job:ID.
_MOVE_DUE = """
local moved = 0
for i = 1, #KEYS, 2 do
  local due = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ARGV[1], 'LIMIT', 0, 100)
  for _, id in ipairs(due) do
    redis.call('ZREM', KEYS[i], id)
    if redis.call('EXISTS', 'rq:job:' .. id) == 1 then
      redis.call('HSET', 'rq:job:' .. id, 'status', 'queued')
      redis.call('RPUSH', KEYS[i + 1], id)
      moved = moved + 1
    end
  end
end
return moved
"""


def move_due(client: Redis, queues: Sequence[str], now: float) -> int:
    """Queue what is due at `now` (Unix seconds), at most 100 a queue; how many. One Redis call."""
    keys = [key for name in queues for key in (f"rq:scheduled:{name}", f"rq:queue:{name}")]
    return int(client.eval(_MOVE_DUE, len(keys), *keys, str(now)))
