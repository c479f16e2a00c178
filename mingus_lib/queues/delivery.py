"""Delivery through Redis: pushed once, taken by one owner, settled by that owner alone. One round trip each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from mingus_lib.queues import payload, scripts
from mingus_lib.queues.connection import Scripts, translated
from mingus_lib.queues.names import QUEUES
from mingus_lib.queues.owner import Owner, Process

if TYPE_CHECKING:
    from redis import Redis

RUNNING = "mingus:running"
BEATS = "mingus:beats"
WAKE = "mingus:wake"


class How(StrEnum):
    """How a delivered job is settled, in RQ's words; `discard` frees what Redis holds of it."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELED = "canceled"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    DISCARD = "discard"


class Pushed(IntEnum):
    """What became of a push; a job that still runs may end in Redis after the ledger put it back: push it again."""

    THERE = 0
    DONE = 1
    RUNS = 2


class Settled(NamedTuple):
    """What became of a settlement: whether it was ours to make, and whether Redis still had the job's hash."""

    ours: bool
    there: bool


class Push(NamedTuple):
    """A job to be pushed: `delay` in seconds or None; `requeue` also pushes one that has ended."""

    id: str
    queue: str
    fields: Mapping[str, Any]
    delay: float | None = None
    requeue: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in our hands, as Redis had it; nothing in it is to be trusted yet."""

    raw_id: bytes
    owner: Owner
    packed: bytes
    signature: str

    @property
    def id(self) -> str:
        """Its id as text."""
        return self.raw_id.decode("utf-8", "replace")

    @property
    def queue(self) -> str:
        """The queue that it was taken from."""
        return self.owner.queue


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a taken job ends in Redis. `number`: seconds to keep it or to wait; `result`: RQ's form, or a reason."""

    job: Taken
    how: How
    number: float = 0
    result: str = ""


@dataclass
class Delivery:
    """Redis as the way of jobs. Every method is one call of Redis and may raise RedisUnavailable."""

    client: Redis
    where: str = "MINGUS_REDIS_URL"

    def __post_init__(self) -> None:
        self._run = Scripts(self.client, self.where).run

    def push(self, jobs: Iterable[Push]) -> list[Pushed]:
        """Queue or schedule jobs, all in one step; what became of each."""
        arguments: list[Any] = [payload.utc(datetime.now(UTC))]
        for job in jobs:
            flat = [part for pair in job.fields.items() for part in pair]
            delay = "" if job.delay is None else max(0.0, job.delay)
            # By it the script knows which of two pushers of one requeue comes too late.
            attempts = job.fields[payload.ATTEMPTS] if job.requeue else ""
            arguments += [job.id, job.queue, delay, attempts, len(flat), *flat]
        return [Pushed(each) for each in self._run(scripts.PUSH, arguments)]

    def turn(
        self,
        process: Process,
        worker: str,
        execution: str,
        queues: Sequence[str],
        done: Settlement | None,
        *,
        unsure: bool = False,
    ) -> tuple[Settled | None, Taken | None]:
        """Settle the job that is done, if any, and take the next one, if any: in one step.

        `unsure`: the reply to this process's turn before was lost; what that one took comes first then.
        """
        moment = payload.utc(datetime.now(UTC))
        arguments = [str(process), worker, execution, moment, int(unsure), len(queues), *queues]
        if done is not None:
            arguments += [done.job.raw_id, str(done.job.owner), done.how.value, done.number, done.result]
        settled, taken = self._run(scripts.TURN, arguments)
        job = _taken(taken, process, worker) if taken else None
        return (_settled(settled) if done is not None else None), job

    def settle(
        self, raw_id: str | bytes, owner: str, how: How, number: float = 0, result: str = ""
    ) -> Settled:
        """Settle a job in the name of an owner."""
        moment = payload.utc(datetime.now(UTC))
        return _settled(self._run(scripts.SETTLE, [raw_id, owner, how.value, moment, number, result]))

    def beat(self, worker: str, fields: Mapping[str, Any], ttl: int, job: Taken | None) -> tuple[bool, bool]:
        """Say that the worker lives; whether Redis knew it, and whether its job is still its own."""
        flat = [part for pair in fields.items() for part in pair]
        held = [job.raw_id, str(job.owner)] if job else []
        known, mine = self._run(scripts.BEAT, [worker, ttl, len(flat), *flat, *held])
        return bool(known), bool(mine)

    def move_due(self, queues: Sequence[str] = QUEUES) -> int:
        """Queue the scheduled jobs whose time has come, at most 100 a queue; how many."""
        return int(self._run(scripts.MOVE_DUE, list(queues)))

    def withdraw(self, queue: str, ids: Sequence[str], keep: int) -> list[bool]:
        """Take waiting and dead jobs out as cancelled, their hashes kept for `keep` seconds; whether each was there.

        An id that is no text is given as `surrogateescape` decodes it.
        """
        moment = payload.utc(datetime.now(UTC))
        # As they lie in Redis, where anybody may have put bytes that are no text.
        raw = [each.encode("utf-8", "surrogateescape") for each in ids]
        found = self._run(scripts.WITHDRAW, [queue, moment, keep, *raw]) if raw else []
        return [bool(each) for each in found]

    def running(self) -> dict[bytes, str]:
        """Owner's token by job id, of every job that is running."""
        with translated(self.where):
            # A field for each worker that is at work: never too much to read whole.
            found: Any = self.client.hgetall(RUNNING)
        return {job_id: token.decode("utf-8", "replace") for job_id, token in found.items()}

    def beats(self) -> dict[str, int]:
        """Counter of beats by worker."""
        with translated(self.where):
            found: Any = self.client.hgetall(BEATS)
        # Cut, because Python refuses to read a number of thousands of digits: a counter of Redis' own has 19.
        return {
            name.decode("utf-8", "replace"): int(beat[:19]) for name, beat in found.items() if beat.isdigit()
        }


def _settled(code: int) -> Settled:
    return Settled(ours=code != 0, there=code == 1)


def _taken(found: list[Any], process: Process, worker: str) -> Taken:
    raw_id, queue, (packed, signature), execution = found
    owner = Owner(process, worker, execution.decode(), queue.decode())
    # Anybody may have made the hash: what it lacks is refused with it.
    return Taken(raw_id, owner, packed or b"", (signature or b"").decode("utf-8", "replace"))
