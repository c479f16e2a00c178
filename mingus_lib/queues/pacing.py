"""One request per host per interval over all workers, and robots.txt shared by them, in Redis.

Everything under these keys may be lost or tampered with: what cannot be read counts as absent.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from mingus_lib.queues.connection import translated

if TYPE_CHECKING:
    from redis import Redis

PACE_PREFIX = "mingus:pace:"
ROBOTS_PREFIX = "mingus:robots:"
# A time further ahead than this is not one of ours: Retry-After is bounded to an hour.
_MAX_AHEAD_SECONDS = 86_400
# More than the 500 KiB that are read of a robots.txt.
_MAX_ENTRY_BYTES = 600_000

# A hash per host: `next` (the first free slot) and `hold`, in seconds of Redis' own clock, so that
# the workers' clocks need not agree. An expired key is a free slot.
_READ = """
local key = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
local function read(field)
  local value = tonumber(redis.call('HGET', key, field) or '')
  if value and value > now and value < now + tonumber(ARGV[1]) then return value end
  return now
end
local function write(field, value)
  redis.call('HSET', key, field, string.format('%.6f', value))
  local last = math.max(read('next'), read('hold'))
  redis.call('PEXPIRE', key, math.ceil((last - now) * 1000) + 1000)
end
"""
_RESERVE = (
    _READ
    + """
local start = math.max(read('next'), read('hold'))
local wait = start - now
if wait <= tonumber(ARGV[3]) and tonumber(ARGV[2]) > 0 then write('next', start + tonumber(ARGV[2])) end
return string.format('%.6f', wait)
"""
)
_HOLD = _READ + "write('hold', math.max(read('hold'), now + tonumber(ARGV[2]))) return '0'"
_HELD = _READ + "return string.format('%.6f', read('hold') - now)"


class RedisPacer:
    """Hands out each host's slots to all workers. `where` is Redis' address as it may be shown."""

    def __init__(self, client: Redis, where: str = "MINGUS_REDIS_URL") -> None:
        self._where = where
        self._reserve = client.register_script(_RESERVE)
        self._hold = client.register_script(_HOLD)
        self._held = client.register_script(_HELD)

    def reserve(self, host: str, interval: float, patience: float) -> float:
        """Take the host's next slot and return the seconds until it; the following one is `interval` later.

        When it is more than `patience` seconds away nothing is taken, and the seconds are
        returned. One Redis call. Raises RedisUnavailable.
        """
        return self._run(self._reserve, host, _bounded(interval), _bounded(patience))

    def hold(self, host: str, seconds: float) -> None:
        """No slot of the host before `seconds` from now. One Redis call. Raises RedisUnavailable."""
        self._run(self._hold, host, _bounded(seconds))

    def held(self, host: str) -> float:
        """Seconds left of a hold. One Redis call. Raises RedisUnavailable."""
        return self._run(self._held, host)

    def _run(self, script: object, host: str, *arguments: float) -> float:
        with translated(self._where):
            answer = script(keys=[PACE_PREFIX + host], args=[_MAX_AHEAD_SECONDS, *arguments])  # type: ignore[operator]
        return max(0.0, float(answer))


class RedisRobotsCache:
    """Answers to robots.txt, shared by all workers. `where` is Redis' address as it may be shown."""

    def __init__(self, client: Redis, where: str = "MINGUS_REDIS_URL") -> None:
        self._client = client
        self._where = where

    def get(self, origin: str) -> tuple[int, bytes] | None:
        """The status and body kept for the origin. One Redis call. Raises RedisUnavailable."""
        from redis.exceptions import ResponseError

        with translated(self._where):
            try:
                entry = self._client.getrange(ROBOTS_PREFIX + origin, 0, _MAX_ENTRY_BYTES)
            except ResponseError:
                # Not a string: somebody else wrote it. A miss; `put` replaces it.
                return None
        return _decode(entry)

    def put(self, origin: str, status: int, body: bytes, ttl: float) -> None:
        """Keep an answer for `ttl` seconds. One Redis call. Raises RedisUnavailable."""
        with translated(self._where):
            # Redis refuses an expiry of 0.
            self._client.set(ROBOTS_PREFIX + origin, b"%d\n%s" % (status, body), px=max(1, int(ttl * 1000)))


# GETRANGE reads one byte more than allowed, so a longer entry shows.
def _decode(entry: object) -> tuple[int, bytes] | None:
    found = re.match(rb"(0|[1-5][0-9]{2})\n", entry) if isinstance(entry, bytes) else None
    if found is None or not isinstance(entry, bytes) or len(entry) > _MAX_ENTRY_BYTES:
        return None
    return int(found[1]), entry[found.end() :]


def _bounded(seconds: float) -> float:
    """Seconds that Lua reads as a number: never NaN, infinite or negative."""
    return min(max(0.0, seconds), float(_MAX_AHEAD_SECONDS)) if not math.isnan(seconds) else 0.0
