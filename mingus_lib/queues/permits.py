"""The sliding window of domain.rates.Window, shared by all workers: its log in Redis, its time Redis' own.

Everything under these keys may be lost or tampered with: what cannot be read counts as absent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.rates import Window
from mingus_lib.queues.connection import translated

if TYPE_CHECKING:
    from redis import Redis

PERMIT_PREFIX = "mingus:permits:"

# A sorted set: permits by the time at which they leave the window.
_LOG = """
local key = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
if redis.call('TYPE', key).ok ~= 'zset' then redis.call('DEL', key) end
local function put(seconds)
  redis.call('ZADD', key, string.format('%.6f', now + seconds), ARGV[1])
  redis.call('PEXPIRE', key, math.ceil(tonumber(ARGV[2]) * 1000))
end
"""
_ENTER = (
    _LOG
    + """
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.6f', now))
-- Further ahead than any place is held: not one of ours, or of a clock that was set back.
redis.call('ZREMRANGEBYSCORE', key, string.format('(%.6f', now + tonumber(ARGV[2])), '+inf')
if redis.call('ZCARD', key) >= tonumber(ARGV[3]) then
  return string.format('%.6f', tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) - now)
end
put(tonumber(ARGV[2]))
return '0'
"""
)
_LEFT = _LOG + "put(tonumber(ARGV[3])) return '0'"


class Permits:
    """The window of one server. `where` is Redis' address as it may be shown."""

    def __init__(self, client: Redis, name: str, window: Window, where: str = "MINGUS_REDIS_URL") -> None:
        self._key = PERMIT_PREFIX + name
        self._window = window
        self._where = where
        self._enter = client.register_script(_ENTER)
        self._left = client.register_script(_LEFT)

    def enter(self, permit: str) -> float:
        """See Window.enter. One Redis call. Raises RedisUnavailable."""
        return self._run(self._enter, permit, self._window.most)

    def left(self, permit: str) -> None:
        """See Window.left. One Redis call. Raises RedisUnavailable."""
        self._run(self._left, permit, self._window.width)

    def _run(self, script: Any, permit: str, number: float) -> float:
        with translated(self._where):
            answer = float(script(keys=[self._key], args=[permit, self._window.lease, number]))
        # A score of infinity, which is none of ours, must not make a request wait for ever.
        return max(0.0, answer) if math.isfinite(answer) else 0.0
