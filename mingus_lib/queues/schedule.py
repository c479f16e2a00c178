"""The scheduler process: rq-scheduler's, with its loop, lock and entries replaced.

Of rq-scheduler stay the registration of a scheduler in Redis and its heartbeat, under keys of ours. Entries and slots
are in the store, jobs are made by a `tick` of the service, so that nothing in Redis can be lost, purged or unpickled.

    mingus:scheduler:NAME     a scheduler that lives (hash: birth, death); expires when it does not beat
    mingus:scheduler_lock     `NAME SINCE NONCE` of the one that leads; expires when it does not
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rq_scheduler import Scheduler

from mingus_lib.errors import LeadLost, MingusError, RedisUnavailable, StoreUnavailable
from mingus_lib.queues.connection import translated
from mingus_lib.queues.names import LEADER, SCHEDULER

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("mingus.scheduler")

# A follower takes over so long after a leader's last word, and at most one poll later.
LEAD_SECONDS = 10.0
POLL_SECONDS = 1.0
BEAT_SECONDS = 10.0

# ARGV: value, milliseconds. 2: leads as of now, 1: leads still, 0: another one leads.
_ACQUIRE = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return held and 1 or 2
"""
# Only while it is ours: it may have run out, and be another's by now.
_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class TimetableScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no types
    """One scheduler. Any number may run; the one that holds the lock leads, the others follow.

    `connect` opens Redis, again after each failure. `take_lead` gives a new leader its number; `tick` does what is due
    under that number and returns the seconds until it wants to be called again. `wait(seconds)` returns whether to
    stop.
    """

    redis_scheduler_namespace_prefix = SCHEDULER
    scheduler_lock_key = LEADER

    def __init__(
        self,
        connect: Callable[[], Redis],
        *,
        name: str,
        where: str,
        take_lead: Callable[[], int],
        tick: Callable[[int], float],
        lead_seconds: float = LEAD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(connection=_NOT_YET, interval=int(BEAT_SECONDS), name=name)
        self._connect = connect
        self._where = where
        self._take_lead = take_lead
        self._tick = tick
        self._lead_seconds = lead_seconds
        self._clock = clock
        self._fence: int | None = None
        # Two containers may have one host name and the same pids.
        self._claim = f"{name} {time.time():.0f} {secrets.token_hex(4)}"
        self._renewed_at = self._beaten_at = float("-inf")
        self._trouble = ""
        self._waits = False

    @property
    def leads(self) -> bool:
        """Whether this one leads, as far as it knows."""
        return self._fence is not None

    def run(self, wait: Callable[[float], bool]) -> None:
        """Until `wait` says to stop. Neither Redis nor the store being away ends it."""
        try:
            while not wait(self.turn()):
                continue
        finally:
            self._leave()

    def turn(self) -> float:
        """One turn: beat, lead or follow, do what is due; seconds until the next one."""
        try:
            self._be_connected()
            self.heartbeat()
            pause = self.enqueue_jobs() if self.acquire_lock() else POLL_SECONDS
            self._say("")
        except LeadLost as error:
            log.warning("%s", error)
            self._lose_lead()
            pause = POLL_SECONDS
        except (RedisUnavailable, StoreUnavailable) as error:
            self._say(str(error))
            self._lose_lead()
            # Opened anew: Sentinel may name another master by then, and a private Redis is started again.
            self.connection = _NOT_YET
            pause = POLL_SECONDS
        # Once a second at least: lock and heartbeat want it, also when nothing is due.
        return min(POLL_SECONDS, max(0.0, pause))

    def enqueue_jobs(self) -> float:
        """Do what is due; seconds until something is again."""
        assert self._fence is not None
        return self._tick(self._fence)

    def acquire_lock(self) -> bool:
        """Lead if nobody does; whether this one leads. The lock says who holds it, and dies with its holder."""
        now = self._clock()
        # A third of its life, so that two renewals may fail before another takes over.
        if self._fence is not None and now - self._renewed_at < self._lead_seconds / 3:
            return True
        with translated(self._where):
            milliseconds = round(self._lead_seconds * 1000)
            got = int(self.connection.eval(_ACQUIRE, 1, self.scheduler_lock_key, self._claim, milliseconds))
        if got == 0:
            self._lose_lead()
            self._say_who_leads()
            return False
        # Held, but without a number: its leader's number was lost with a failure.
        if got == 2 or self._fence is None:
            self._fence = self._take_lead()
            log.info("this scheduler leads", extra={"fence": self._fence})
        # By the time before the call: a slow answer must not make our lead look longer than it is.
        self._renewed_at, self._waits = now, False
        return True

    def _say_who_leads(self) -> None:
        """Once for each time of waiting, so that a standby is not taken for one that hangs."""
        if self._waits:
            return
        with translated(self._where):
            held = self.connection.get(self.scheduler_lock_key)
        # Gone again: at the next turn this one leads itself.
        if held is not None:
            log.info("%s leads; this scheduler waits", held.decode("utf-8", "replace").split(" ")[0])
            self._waits = True

    def remove_lock(self) -> None:
        """Give the lead up, if it is ours."""
        with translated(self._where):
            self.connection.eval(_RELEASE, 1, self.scheduler_lock_key, self._claim)
        self._fence = None

    def heartbeat(self) -> None:
        """Say that this scheduler lives."""
        now = self._clock()
        if now - self._beaten_at >= BEAT_SECONDS / 2:
            with translated(self._where):
                # Gone with a FLUSHALL, or while this process stood still.
                if not self.connection.expire(self.key, int(BEAT_SECONDS) + 10):
                    self.register_birth()
            self._beaten_at = now

    def _be_connected(self) -> None:
        if self.connection is _NOT_YET:
            self.connection = self._connect()
            self._beaten_at = self._renewed_at = float("-inf")

    def _lose_lead(self) -> None:
        if self._fence is not None:
            log.warning("this scheduler does not lead any more")
        self._fence = None
        self._renewed_at = float("-inf")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.error("%s; trying again", trouble)
        elif self._trouble and not trouble:
            log.info("all is well again")
        self._trouble = trouble

    def _leave(self) -> None:
        if self.connection is _NOT_YET:
            return
        try:
            # The lock first: a follower leads within a second instead of ten.
            self.remove_lock()
            with translated(self._where):
                self.register_death()
        except MingusError as error:
            log.warning("leaving without a word to Redis: %s; its keys expire", error)


# rq-scheduler wants a connection at once; this one opens its own, and again.
_NOT_YET: Any = object()
