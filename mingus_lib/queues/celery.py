"""The old Celery's broker in Redis, as kombu lays it out.

A queue is a list, filled at its head and taken from at its tail; a priority other than 0 has a list of its own,
`queue\\x06\\x16N`. What a worker has taken lies in the hash `unacked` until it acknowledges it, or until the
visibility timeout (an hour) lets another worker have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.celery import MAX_MESSAGE_BYTES
from mingus_lib.errors import UsageError
from mingus_lib.queues import connection
from mingus_lib.queues.connection import translated

if TYPE_CHECKING:
    from redis import Redis

PRIORITY = "\x06\x16"
UNACKED = "unacked"
UNACKED_INDEX = "unacked_index"
# A page is in memory at once, and a message may have 16 MB.
PAGE = 50

# Oldest first, from KEYS[1]'s tail: ARGV[1] are passed over, ARGV[2] come. One that is too large comes as its length.
_READ = """
local found = {}
for at = ARGV[1] + 1, ARGV[1] + ARGV[2] do
  local message = redis.call('LINDEX', KEYS[1], -at)
  if not message then break end
  if #message > tonumber(ARGV[3]) then message = #message end
  table.insert(found, message)
end
return found
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A message: where it lies, and what it is; `raw` is None when its `size` in bytes is too much to read."""

    key: str
    raw: bytes | None
    size: int
    tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class CeleryBroker:
    """The broker's Redis. Every method may raise RedisUnavailable."""

    client: Redis
    where: str

    def lists(self, queues: Sequence[str]) -> dict[str, int]:
        """How much waits, by list: each queue's own first, then its priorities. Empty ones are left out."""
        names = [
            f"{queue}{tail}" for queue in queues for tail in ("", *(f"{PRIORITY}{n}" for n in range(1, 10)))
        ]
        with translated(self.where):
            kinds, counts = self._of_each(names)
        wrong = [name for name, kind in zip(names, kinds, strict=True) if kind not in (b"list", b"none")]
        if wrong:
            raise UsageError(f"{wrong[0]!r} in Redis at {self.where} is not a queue of Celery")
        return {name: count for name, count in zip(names, counts, strict=True) if count}

    def unacked_count(self) -> int:
        """How many messages nobody has acknowledged."""
        with translated(self.where):
            return int(self.client.hlen(UNACKED))

    def page(self, key: str, skip: int) -> list[Found]:
        """Up to PAGE messages of a list, oldest first, after the `skip` oldest ones."""
        with translated(self.where):
            found: Any = self.client.eval(_READ, 1, key, str(skip), str(PAGE), str(MAX_MESSAGE_BYTES))
        return [
            Found(key, None, each) if isinstance(each, int) else Found(key, each, len(each)) for each in found
        ]

    def unacked(self) -> Iterator[list[Found]]:
        """What workers took and did not acknowledge."""
        with translated(self.where):
            # The tags alone: the messages may be large, and come a page at a time.
            tags: Any = self.client.hkeys(UNACKED)
        for start in range(0, len(tags), PAGE):
            with translated(self.where):
                yield [
                    found for tag in tags[start : start + PAGE] if (found := self._unacked(tag)) is not None
                ]

    def remove(self, found: Found) -> bool:
        """Take a message out; False when it was gone already."""
        with translated(self.where):
            if found.tag is None:
                assert found.raw is not None
                # From the tail, where the oldest of equal ones is.
                return bool(self.client.lrem(found.key, -1, found.raw))  # type: ignore[arg-type]
            with self.client.pipeline() as pipe:
                pipe.hdel(UNACKED, found.tag)
                pipe.zrem(UNACKED_INDEX, found.tag)
                return bool(pipe.execute()[0])

    def is_listened_to(self) -> bool:
        """Whether a Celery worker may be at work: each subscribes to a pattern, for its remote control."""
        with translated(self.where):
            return bool(self.client.pubsub_numpat())

    def _unacked(self, tag: bytes) -> Found | None:
        # First its size: what is too large is not even read.
        size = int(self.client.hstrlen(UNACKED, tag))
        if size > MAX_MESSAGE_BYTES:
            return Found(UNACKED, None, size, tag)
        raw: Any = self.client.hget(UNACKED, tag)
        return None if raw is None else Found(UNACKED, raw, len(raw), tag)

    def _of_each(self, names: Sequence[str]) -> tuple[list[bytes], list[Any]]:
        """The kind and the length of each key; one that is no list has an error for its length."""
        with self.client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.type(name)
            for name in names:
                pipe.llen(name)
            found = pipe.execute(raise_on_error=False)
        return found[: len(names)], found[len(names) :]


def open_broker(url: str) -> CeleryBroker:
    """The broker at Celery's own address for it. Raises UsageError when that cannot be one of Redis."""
    if url.startswith("redis+socket://"):
        path, _, query = url.removeprefix("redis+socket://").partition("?")
        # kombu calls the database virtual_host here, where the path is that of the socket.
        database = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair).get(
            "virtual_host", "0"
        )
        url = f"unix://{path}?db={database}"
    if url.startswith("sentinel://"):
        raise UsageError(
            "a broker behind Sentinel is written redis+sentinel://host:26379,host:26379/master_name/0"
        )
    where = connection.BrokerRedis(connection.mask(url))
    try:
        return CeleryBroker(connection.connect(url), where)
    except UsageError as error:
        raise UsageError(f"the broker {where!r} is not a Redis; write redis://host:6379/0") from error
