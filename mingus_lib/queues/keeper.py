"""What keeps the promise that no job is lost: run beside the workers, and by the scheduler.

    move     jobs whose time has come go to their queue                             every second
    reap     jobs whose owner is gone go back, or to where the ledger says           every second
    confirm  jobs that a producer recorded but never confirmed are pushed            every 5 s
    restore  after a loss of Redis' memory, every open job that is missing is pushed
    sweep    open jobs that another tool removed from Redis end as cancelled,        every 5 s
             those that Redis holds, but neither waiting nor running, are pushed

Any number of keepers may run: every step is decided in Redis or by the ledger, once. None of them needs the clocks
of two machines to agree: a silent worker is timed by the keeper's own monotonic clock. Longer than 300 lines: the
five steps share what they know of Redis, and their order matters.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.jobs import JobSpec, JobState, Standing
from mingus_lib.errors import MingusError, RedisUnavailable, StoreUnavailable
from mingus_lib.queues import catalog
from mingus_lib.queues.admission import rq_result
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import BEATS, RUNNING, Delivery, How, Pushed
from mingus_lib.queues.enqueue import push_of, settled
from mingus_lib.queues.names import PAUSED
from mingus_lib.queues.owner import Owner, Process, this_host
from mingus_lib.queues.ports import Ledger
from mingus_lib.queues.signing import Key

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("mingus.keeper")

MARK_KEY = "mingus:generation"
# One step of a long round, small enough for the next tick to be in time.
PAGE = 500
# Four beats: a worker of another host that has missed them is dead.
SILENCE_SECONDS = 20.0
SLOW_SECONDS = 5.0
UNCONFIRMED_SECONDS = 10.0
# After a loss, living workers have two beats to say that they hold a job.
GRACE_SECONDS = 12.0
# RQ's words for what was cancelled with its tools, and for what cannot be of a job that is open and has no owner.
_CANCELLED = frozenset({b"canceled"})
_STRANDED = frozenset({b"started", b"finished", b"failed", b"stopped"})


@dataclass
class Keeper:
    """One keeper. `tick` does what is due and may raise RedisUnavailable or StoreUnavailable."""

    client: Redis
    ledger: Ledger
    key: Callable[[], Key]
    where: str = "MINGUS_REDIS_URL"
    results_ttl: int = 3600
    clock: Callable[[], float] = time.monotonic
    trouble: str = field(default="", init=False)
    _beats: dict[str, tuple[int, float]] = field(default_factory=dict, init=False)
    _unconfirmed: dict[str, float] = field(default_factory=dict, init=False)
    _slow_at: float = field(default=0.0, init=False)
    _pages: Iterator[None] | None = field(default=None, init=False)
    _stranded_before: frozenset[str] = field(default=frozenset(), init=False)
    _missing_before: frozenset[str] = field(default=frozenset(), init=False)
    _lost_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.delivery = Delivery(self.client, self.where)

    def tick(self) -> None:
        """One round; well under a second of work, so that the next one is in time.

        A step that fails does not keep the others from being done; when all fail, the first failure is raised.
        """
        failures: list[MingusError] = []
        steps: tuple[Callable[[], object], ...] = (self.delivery.move_due, self.reap, self._go_on_slowly)
        for step in steps:
            try:
                step()
            except (RedisUnavailable, StoreUnavailable) as error:
                failures.append(error)
        if len(failures) == len(steps):
            raise failures[0]
        self._say(str(failures[0]) if failures else "")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.error("%s; trying again", trouble)
        elif self.trouble and not trouble:
            log.info("all is well again")
        self.trouble = trouble

    def _go_on_slowly(self) -> None:
        if self._pages is None and self.clock() >= self._slow_at:
            self._pages = self._slow_round()
        if self._pages is not None:
            try:
                # One page a tick: due jobs and orphans do not wait for the end of a long round.
                next(self._pages)
            except StopIteration:
                self._pages = None
                self._slow_at = self.clock() + SLOW_SECONDS
            # A generator that has raised is at its end: the next tick begins the round anew.
            except BaseException:
                self._pages = None
                raise

    @property
    def busy(self) -> bool:
        """Whether a long round is under way: the next tick should follow at once."""
        return self._pages is not None

    # Orphans.

    def reap(self) -> int:
        """Give back the jobs whose owners are gone; how many. Twice at once does nothing twice."""
        running = self.delivery.running()
        owners = {raw: Owner.parse(token) for raw, token in running.items()}
        gone = self._gone({owner for owner in owners.values() if owner is not None})
        orphans = [raw for raw, owner in owners.items() if owner is None or owner in gone]
        if not orphans:
            return 0
        # One look for all: a machine that died may leave many.
        standings = self.ledger.standings([raw.decode("utf-8", "replace") for raw in orphans])
        return sum(self._give_back(raw, running[raw], owners[raw], standings) for raw in orphans)

    def _gone(self, owners: set[Owner]) -> set[Owner]:
        # A process of this host that lives is never silent: one that hangs is its supervisor's business.
        here = {owner for owner in owners if owner.process.gone}
        away = owners - here
        silent = self._silent({owner.worker for owner in away}) if away else set()
        return here | {o for o in away if o.worker in silent and o.process.host != this_host()}

    def _silent(self, workers: set[str]) -> set[str]:
        """The workers whose counter has stood still for too long, as seen by this keeper."""
        # Beats are counted, not dated, so that the clocks of two hosts need not agree.
        beats, now = self.delivery.beats(), self.clock()
        seen = {name: beats.get(name, -1) for name in workers}
        self._beats = {
            name: self._beats[name] if self._beats.get(name, (None,))[0] == beat else (beat, now)
            for name, beat in seen.items()
        }
        return {name for name, (_, since) in self._beats.items() if now - since >= SILENCE_SECONDS}

    def _give_back(self, raw: bytes, token: str, owner: Owner | None, standings: dict[str, Standing]) -> bool:
        job_id = raw.decode("utf-8", "replace")
        if owner is None:
            log.error("a running job has an owner that is none", extra={"job_id": job_id})
            with translated(self.where):
                return bool(self.client.hdel(RUNNING, raw))  # the sweep finds it, if it was one of ours
        how, number, words = _where_to(standings.get(job_id), self.results_ttl)
        if how is How.FINISHED:
            words = rq_result(self.ledger.result(job_id))
        told = self.delivery.settle(raw, token, how, number, words)
        if told.ours:
            log.warning(
                "its worker %s is gone: %s",
                owner.worker,
                how.value,
                extra={"job_id": job_id, "queue": owner.queue},
            )
        return told.ours

    # Confirming, restoring, sweeping.

    def _slow_round(self) -> Iterator[None]:
        yield from self._confirm()
        mark = self._mark()
        # In the Redis that is known, what is missing was removed by somebody; in a new one it was lost.
        if mark == self.ledger.redis_mark():
            self._lost_at = None
            yield from self._sweep(mark)
        else:
            self._pause_again()
            yield from self._restore(mark)
        yield from self._forget_dead_workers()

    def _forget_dead_workers(self) -> Iterator[None]:
        """Take workers that were killed out of RQ's lists."""
        with translated(self.where):
            keys: Any = self.client.smembers("rq:workers")
            for key in keys:
                found: Any = self.client.hmget(key, "process", "queues", "last_heartbeat")
                words, queues, beat = (each.decode("utf-8", "replace") if each else "" for each in found)
                process = Process.parse(words)
                # A worker of RQ's own names no process: it is left alone while it beats.
                if not beat or (process is not None and process.gone):
                    # Of a hash that has expired nobody knows the queues any more.
                    self._forget(key, queues.split(",") if queues else catalog.QUEUES)
        yield

    def _forget(self, key: bytes, queues: Sequence[str]) -> None:
        name = key.decode("utf-8", "replace").removeprefix("rq:worker:")
        with self.client.pipeline() as pipeline:
            pipeline.srem("rq:workers", key)
            for queue in queues:
                pipeline.srem(f"rq:workers:{queue}", key)
            pipeline.delete(key, f"rq:worker:{name}:executions")
            pipeline.hdel(BEATS, name)
            pipeline.execute()
        log.warning("worker %s is gone", name)

    def _confirm(self) -> Iterator[None]:
        """Push what was recorded by a producer that died before it could tell Redis."""
        while True:
            # Of tasks that are known here alone: jobs of others would fill the page and hold back the rest.
            found = self.ledger.unconfirmed(catalog.load(), PAGE)
            left = self._left_alone(found)
            # Also what has ended in Redis: a requeue may have died between the ledger and its push.
            there = settled(left, self._push(left, requeue=True))
            # After the push: after a kill in between they are pushed again, and what has run by then is let go.
            self.ledger.confirm([spec.id for spec in there], datetime.now(UTC))
            yield
            # What still runs stays unconfirmed, and is looked at again in the next round.
            if not there:
                return

    def _left_alone(self, found: Sequence[JobSpec]) -> list[JobSpec]:
        """Those too old for their producer to live, by their date or, when a clock is ahead, as seen from here."""
        now, before = self.clock(), datetime.now(UTC) - timedelta(seconds=UNCONFIRMED_SECONDS)
        self._unconfirmed = {spec.id: self._unconfirmed.get(spec.id, now) for spec in found}
        return [
            spec
            for spec in found
            if spec.created_at < before or now - self._unconfirmed[spec.id] >= UNCONFIRMED_SECONDS
        ]

    def _restore(self, mark: str) -> Iterator[None]:
        """After a loss: push every open job that is missing, the started ones when their workers had their say."""
        if self._lost_at is None:
            self._lost_at = self.clock()
        over = self.clock() - self._lost_at >= GRACE_SECONDS
        count = 0
        for page in self.ledger.open_pages(PAGE):
            missing = self._missing([spec.id for spec, _, _ in page])
            lost = _known(
                spec
                for spec, state, confirmed in page
                # What was never confirmed is left to _confirm: its producer may be about to push it.
                if confirmed and spec.id in missing and (over or state is not JobState.STARTED)
            )
            count += self._push(lost).count(Pushed.DONE)
            self.ledger.confirm([spec.id for spec in lost], datetime.now(UTC))
            yield
        if count:
            log.warning("%d jobs that Redis had lost are queued again", count)
        if over:
            # Last: a keeper that is killed before this leaves the loss for the next one to see.
            self.ledger.remember_redis(mark)
            self._lost_at = None

    def _pause_again(self) -> None:
        """Before anything is queued: a loss lifts no operator's pause."""
        if paused := self.ledger.paused():
            with translated(self.where):
                self.client.sadd(PAUSED, *paused)

    def _sweep(self, mark: str) -> Iterator[None]:
        """End what another tool removed, push what is stranded: at two looks, with Redis unchanged."""
        missing: set[str] = set()
        gone: set[str] = set()
        stranded: set[str] = set()
        for page in self.ledger.open_pages(PAGE):
            confirmed = [spec.id for spec, _, known in page if known]
            missing |= self._missing(confirmed)
            gone |= self._ended_there(confirmed, _CANCELLED)
            stranded |= self._ended_there(confirmed, _STRANDED)
            yield
        for job_id in sorted(stranded & self._stranded_before):
            log.warning("open on the record, ended in Redis: it is pushed again", extra={"job_id": job_id})
            self.ledger.unconfirm(job_id)
        self._stranded_before = frozenset(stranded)
        # At one look, a job that ended between the ledger's page and Redis' answer is missing, too.
        twice = (missing & self._missing_before) | gone
        self._missing_before = frozenset(missing)
        # A loss in the middle of the round makes everything look removed.
        if twice and self._mark() == mark:
            again = self._missing(sorted(twice)) | (gone & self._ended_there(sorted(gone), _CANCELLED))
            count = self.ledger.cancel(sorted(again), "cancelled: removed in Redis", datetime.now(UTC))
            if count:
                log.warning("%d jobs were removed in Redis by another tool", count)

    def _missing(self, ids: Sequence[str]) -> set[str]:
        """Which of the jobs Redis neither holds nor has running."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.exists(f"rq:job:{job_id}")
                pipeline.hexists(RUNNING, job_id)
            found = pipeline.execute()
        return {
            each
            for each, held, runs in zip(ids, found[::2], found[1::2], strict=True)
            if not held and not runs
        }

    def _ended_there(self, ids: Sequence[str], statuses: frozenset[bytes]) -> set[str]:
        """Which of the jobs have one of these statuses in Redis, and no owner."""
        with translated(self.where), self.client.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.hget(f"rq:job:{job_id}", "status")
                pipeline.hexists(RUNNING, job_id)
            found = pipeline.execute()
        return {
            each
            for each, status, runs in zip(ids, found[::2], found[1::2], strict=True)
            if status in statuses and not runs
        }

    def _push(self, specs: Sequence[JobSpec], *, requeue: bool = False) -> list[Pushed]:
        key = self.key()
        # Made and signed from the ledger: nothing that Redis held is taken over.
        pushes = [push_of(spec, key, self.results_ttl, requeue=requeue) for spec in specs]
        return self.delivery.push(pushes) if pushes else []

    def _mark(self) -> str:
        """Which Redis this is, and which memory of it: lost with FLUSHALL, changed with a restart."""
        with translated(self.where):
            # Only where there is none: of two keepers that come at once both read one mark.
            self.client.set(MARK_KEY, secrets.token_hex(8), nx=True)
            mark = self.client.get(MARK_KEY)
            # A restarted server may have an older file, in which jobs are missing that nobody removed.
            run_id = self.client.info("server").get("run_id", "")
        if not isinstance(mark, bytes):
            raise RedisUnavailable(f"Redis at {self.where} lost a key that was just written")
        return f"{mark.decode('utf-8', 'replace')} {run_id}"


def _known(specs: Iterable[JobSpec]) -> list[JobSpec]:
    """Those whose task this release has; the others stay on the record until a release has it."""
    tasks = catalog.load()
    return [spec for spec in specs if spec.task in tasks]


def _where_to(standing: Standing | None, results_ttl: int) -> tuple[How, float, str]:
    """What an orphan becomes in Redis: what the ledger says of it, and queued again when it is open there."""
    # Of a job that another machine pushed the ledger has no row before its first start.
    state = standing.state if standing else JobState.QUEUED
    if state is JobState.FINISHED:
        return How.FINISHED, results_ttl, ""
    if state is JobState.DEAD:
        return How.FAILED, 0, "it is dead; `mingus job` tells why"
    if state is JobState.CANCELLED:
        return How.CANCELED, results_ttl, ""
    if standing is not None and state is JobState.SCHEDULED and standing.scheduled_for is not None:
        return How.SCHEDULED, max(0.0, (standing.scheduled_for - datetime.now(UTC)).total_seconds()), ""
    # Also when it is `started`: the next start finds that attempt open, and counts a death.
    return How.QUEUED, 0, ""


def keep(open_keeper: Callable[[], Keeper], stopped: Callable[[float], bool]) -> None:
    """Run a keeper until `stopped(seconds)`, which waits so long, says so. Never ends for want of Redis or store."""
    keeper: Keeper | None = None
    trouble = ""
    pause = 0.0
    while not stopped(pause):
        try:
            keeper = keeper or open_keeper()
            keeper.tick()
            pause = 0.0 if keeper.busy else 1.0
            # A keeper that has some trouble still says itself when that is over.
            if trouble and not keeper.trouble:
                log.info("all is well again")
            trouble = ""
        except MingusError as error:
            if str(error) != trouble:
                trouble = str(error)
                log.error("%s; trying again", error)
            # Opened afresh at the next try, which starts a private Redis that was killed.
            keeper, pause = None, 1.0
