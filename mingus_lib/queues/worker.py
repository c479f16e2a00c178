"""RQ's worker, on a delivery that loses nothing: takes a job, feeds it to its child, writes how it ended.

The order at an end is always: ledger, then Redis. A result that cannot be written yet is kept and written first
when writing works again; meanwhile the worker takes nothing and shows `degraded`. Longer than 300 lines on purpose:
one loop, and what it does at each of its turns.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any

from rq import worker_registration
from rq.serializers import JSONSerializer
from rq.worker import Worker, WorkerStatus

from mingus_lib.domain.jobs import FailureVerdict, JobState, Start, StartVerdict, decide_failure
from mingus_lib.errors import RedisUnavailable, StoreUnavailable, TransientError, UsageError
from mingus_lib.queues import admission, catalog
from mingus_lib.queues.admission import Admitted
from mingus_lib.queues.child import Child, Message
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import BEATS, WAKE, Delivery, How, Settlement, Taken
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.owner import Process, resident_bytes
from mingus_lib.queues.ports import Ledger
from mingus_lib.queues.signing import JobRefused, Key

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("mingus.worker")

IDLE_POLL_SECONDS = 1.0
WATCH_SECONDS = 0.2
BEAT_SECONDS = 5.0
# Three beats missed and a bit: a worker that Redis tools do not list any more.
WORKER_TTL_SECONDS = 60
MAX_BACKOFF_SECONDS = 5.0
CANCELLED_TTL_SECONDS = 3600
JOBS_PER_CHILD = 1000
CHILD_MEMORY_BYTES = 400_000_000


@dataclass(frozen=True, slots=True)
class Order:
    """How a worker works: until its queues are empty (`burst`), so many jobs, taking queues in turn (`fair`)."""

    burst: bool = False
    wait_scheduled: bool = False
    max_jobs: int | None = None
    fair: bool = False
    results_ttl: int = 3600
    jobs_per_child: int = JOBS_PER_CHILD
    child_memory: int = CHILD_MEMORY_BYTES


@dataclass(slots=True)
class Run:
    """The job in the child. `began` is time.monotonic(); `doom` is set when we kill it, and says why."""

    job: Taken
    admitted: Admitted
    verdict: StartVerdict
    began: float
    doom: str | None = None

    @property
    def task(self) -> catalog.Task:
        """Its task."""
        return self.admitted.task


class MingusWorker(Worker):
    """One worker process. Only `work` and what RQ's commands call are for others.

    `open_ledger` is called in every forked child and returns that child's own ledger, since neither SQLite nor
    sockets survive a fork; `keys` are the signing keys as they are now.
    """

    def __init__(
        self,
        queues: Sequence[str],
        *,
        name: str,
        connection: Redis,
        ledger: Ledger,
        keys: Callable[[], Mapping[str, Key]],
        open_ledger: Callable[[], Ledger],
        order: Order | None = None,
        where: str = "MINGUS_REDIS_URL",
        lifeline: int | None = None,
        supervisor: Process | None = None,
    ) -> None:
        super().__init__(
            list(queues),
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_SECONDS,
        )
        self.ledger = ledger
        self.keys = keys
        self.order = order or Order()
        self.delivery = Delivery(connection, where)
        self.limits = Limits(connection, where)
        self.process = Process.this()
        self._open_ledger = open_ledger
        self._where = where
        self._lifeline = lifeline
        self._supervisor = supervisor
        self.dismissed = False
        self._turns = list(queues)
        self._child: Child | None = None
        self._held: Run | None = None
        self._done: Settlement | None = None
        # What the ledger still has to be told of the job that ended, and how Redis is told after that.
        self._unwritten: tuple[Callable[[], object], Settlement] | None = None
        self._signals = 0
        self._signals_heard = 0
        self._degraded = False
        self._backoff = 0.0
        self._next_beat = 0.0
        self._recycled = ""
        self._jobs_done = 0
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)

    # What RQ's own machinery and tools call.

    @property
    def connection_timeout(self) -> int:
        """RQ's socket timeout, which must outlast any single command."""
        return 30

    def get_current_job_id(self) -> str | None:
        """The job in the child, for RQ's stop-job command."""
        return self._held.job.id if self._held else None

    @property
    def horse_pid(self) -> int:
        """The busy child's pid, 0 when idle: what RQ's kill-horse command looks at."""
        return self._child.pid if self._child and self._held else 0

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the child: by RQ's stop-job and kill-horse commands, from the thread that hears them."""
        if self._child and self._held:
            self._child.kill()

    def handle_payload(self, message: Any) -> None:
        """A command from Redis, which anybody there can send."""
        try:
            # Told to leave for good, where a signal only says that this process has to end.
            self.dismissed = self.dismissed or json.loads(message["data"])["command"] == "shutdown"
            super().handle_payload(message)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("a command that is none was ignored (%s)", type(error).__name__)
        self._wake()

    def subscribe(self) -> None:
        """Listen for RQ's commands and for new jobs, in a thread that only wakes the loop."""
        self.pubsub = self.connection.pubsub()
        handlers: dict[str, Any] = {self.pubsub_channel_name: self.handle_payload, WAKE: self._wake}
        self.pubsub.subscribe(**handlers)
        self.pubsub_thread: Any = self.pubsub.run_in_thread(
            sleep_time=60, daemon=True, exception_handler=self._pubsub_exception_handler
        )

    def unsubscribe(self) -> None:
        """Leave the channels; RQ would wait a second for its thread, which ends with the process."""
        if self.pubsub_thread and self.pubsub:
            self.pubsub.unsubscribe()
            self.pubsub_thread.stop()

    def register_birth(self) -> None:
        """Register under our name, unless a living worker has it. Raises UsageError."""
        holder = self.connection.hget(self.key, "process")
        other = Process.parse(holder.decode("utf-8", "replace")) if isinstance(holder, bytes) else None
        if other is not None and other != self.process and not other.gone:
            raise UsageError(f"a worker named {self.name!r} runs already; stop it, or take another --name")
        self.connection.delete(self.key)
        self.birth_date = self.last_heartbeat = datetime.now(UTC)
        self._register()

    def serialize(self) -> dict[str, Any]:
        """The worker's hash in Redis: RQ's fields and ours."""
        self.last_heartbeat = datetime.now(UTC)
        child = self._child
        return {
            **super().serialize(),
            "process": str(self.process),
            "supervisor": str(self._supervisor or ""),
            "state": self._state_now(),
            "memory": resident_bytes(os.getpid()),
            "child_memory": resident_bytes(child.pid) if child else 0,
            "child_pid": child.pid if child else 0,
            "recycled": self._recycled,
        }

    def work(self, *_: Any, **__: Any) -> bool:
        """Work until told to stop (or as the order says); whether any job was done.

        The first SIGTERM or SIGINT lets the current job end, the second puts it back and leaves at once.
        """
        with self._listening_to_signals():
            self._child = Child.fork(self._open_ledger)
            try:
                self._until_redis_is_there(self.register_birth)
                self._until_redis_is_there(self.subscribe)
                log.info("worker %s takes jobs from %s", self.name, ", ".join(self._turns))
                while self._step():
                    self._beat_if_due()
            finally:
                self._leave()
        return bool(self._jobs_done)

    # The loop.

    def _step(self) -> bool:
        """One turn; False when the work is over."""
        if self._held is not None:
            self._watch(self._held)
        elif self._unwritten is not None:
            self._write_again()
        else:
            return self._deliver()
        return True

    def _deliver(self) -> bool:
        """Tell Redis of the job that is done, take the next one and begin it; wait when there is none."""
        over = self._stopping or self._is_enough()
        if over and self._done is None:
            return False
        if self._degraded and not self._is_writable():
            self._wait(IDLE_POLL_SECONDS)
            if self._done is None:
                return True
        job = self._turn([] if over or self._degraded else self._turns)
        if job is not None:
            self._begin(job)
        elif over and self._backoff:
            return False  # Redis is away; the ledger has the end, and the reaper tells Redis later
        elif not over and not self._backoff:
            if self.order.burst and self._is_drained():
                return False
            self._wait(IDLE_POLL_SECONDS)
        return True

    def _turn(self, queues: Sequence[str]) -> Taken | None:
        done = self._done
        try:
            settled, job = self.delivery.turn(self.process, self.name, secrets.token_hex(16), queues, done)
        except RedisUnavailable as error:
            self._redis_is_away(error, done)
            return None
        self._backoff = 0.0
        self._done = None
        if settled is not None and done is not None and settled.ours and not settled.there:
            self._remember_forgotten(done)
        if job is not None and self.order.fair:
            at = self._turns.index(job.queue) + 1
            self._turns = self._turns[at:] + self._turns[:at]
        return job

    def _redis_is_away(self, error: RedisUnavailable, done: Settlement | None) -> None:
        if done is not None and done.how in (How.FINISHED, How.CANCELED) and "OOM" in str(error):
            # Full memory refuses to keep the result, which the ledger has: free what the job takes instead.
            self._done = Settlement(done.job, How.DISCARD)
        if not self._backoff:
            log.error("%s; trying again", error)
        self._backoff = min(MAX_BACKOFF_SECONDS, max(0.1, self._backoff * 2))
        self._wait(self._backoff)

    def _remember_forgotten(self, done: Settlement) -> None:
        """Redis lost the job's hash while it ran: what must come back is given to the keeper, unconfirmed."""
        if done.how in (How.QUEUED, How.SCHEDULED):
            self.ledger.unconfirm(done.job.id)

    # The beginning of a job.

    def _begin(self, job: Taken) -> None:
        try:
            self._admit(job)
        except JobRefused as error:
            self._refuse(job, error.reason)
        except StoreUnavailable as error:
            self._degrade(error)
            self._done = Settlement(job, How.QUEUED)
        except RedisUnavailable as error:
            self._done = Settlement(job, How.QUEUED)
            self._redis_is_away(error, self._done)

    def _refuse(self, job: Taken, reason: str) -> None:
        log.error("dead: %s", reason, extra={"job_id": job.id, "queue": job.queue})
        if not admission.is_id(job.raw_id):
            self._done = Settlement(job, How.DISCARD)
            return
        task = admission.claimed_task(job)
        self._ledger_first(
            lambda: self.ledger.refuse(job.id, task, job.queue, reason, datetime.now(UTC)),
            Settlement(job, How.FAILED, result=reason),
        )

    def _admit(self, job: Taken) -> None:
        admitted = admission.admit(job, self.keys())
        wait, why = self._held_back(job, admitted.task)
        if wait > 0:
            when = datetime.now(UTC) + timedelta(seconds=wait)
            self.ledger.postpone(job.id, when, why)
            self._done = Settlement(job, How.SCHEDULED, wait)
            log.info(
                "not before %s: %s", when.isoformat(timespec="seconds"), why, extra=_facts(job, admitted)
            )
            return
        verdict = self.ledger.start(
            admitted.spec,
            worker=self.name,
            now=datetime.now(UTC),
            known_only=not admitted.may_be_new,
        )
        if verdict.kind is Start.RUN:
            self._feed(Run(job, admitted, verdict, time.monotonic()))
        else:
            self._done = self._not_run(job, admitted, verdict)

    def _held_back(self, job: Taken, task: catalog.Task) -> tuple[float, str]:
        """Seconds that the job has to wait, and why."""
        if task.dependency is not None:
            wait = self.limits.wait_for(task.dependency, task.hard)
            if wait > 0:
                return wait, f"breaker-open: {task.dependency} fails"
        if task.rate is not None:
            wait = self.limits.wait_for_slot(task, job.id, job.owner.execution)
            return wait, f"rate-limit: {task.rate[0]} in {task.rate[1]} s"
        return 0.0, ""

    def _not_run(self, job: Taken, admitted: Admitted, verdict: StartVerdict) -> Settlement:
        log.info("not run: %s", verdict.reason or "it has ended already", extra=_facts(job, admitted))
        if verdict.kind is Start.BURY or verdict.ended is JobState.DEAD:
            return Settlement(job, How.FAILED, result=verdict.reason or "it is dead")
        how = How.FINISHED if verdict.ended is JobState.FINISHED else How.CANCELED
        return Settlement(job, how, self.order.results_ttl, "")

    def _feed(self, run: Run) -> None:
        child = self._ready_child()
        self._held = run
        try:
            child.order(
                {
                    "id": run.job.id,
                    "task": run.task.name,
                    "queue": run.job.queue,
                    "args": run.admitted.spec.args,
                    "attempt": run.verdict.attempt,
                    "tries": run.verdict.tries,
                }
            )
        except OSError:
            return  # it has died: the loop sees the end of its pipe
        log.info("started", extra=self._facts(run))

    def _ready_child(self) -> Child:
        child = self._child
        if child is not None:
            why = self._worn_out(child)
            if not why:
                return child
            self._recycled = why
            log.info("a new process for jobs: %s", why, extra={"worker": self.name})
            child.leave()
        self._child = Child.fork(self._open_ledger)
        return self._child

    def _worn_out(self, child: Child) -> str:
        """Why the child is not given another job, or nothing."""
        if child.jobs >= self.order.jobs_per_child:
            return f"it has run {child.jobs} jobs"
        memory = resident_bytes(child.pid)
        if memory > self.order.child_memory:
            return f"it holds {memory / 1e6:.0f} MB between two jobs"
        return ""

    # The job under way.

    def _watch(self, run: Run) -> None:
        """Wait for the child's reply; meanwhile keep the job within its limits."""
        assert self._child is not None
        if self._wait(WATCH_SECONDS, self._child.channel.fileno()):
            reply = self._child.reply()
            if reply is None:
                self._bury_child(run)
            else:
                self._conclude(run, reply)
        else:
            self._check_limits(run)

    def _check_limits(self, run: Run) -> None:
        if self._signals >= 2:
            self._doom(run, "put-back")
        elif time.monotonic() - run.began > run.task.hard:
            self._doom(run, "hard-limit")
        elif resident_bytes(self._child.pid if self._child else 0) > run.task.memory:
            self._doom(run, "memory-limit")
        elif time.monotonic() - run.began > 1 and self._is_cancel_requested(run):
            self._doom(run, "cancelled")

    def _is_cancel_requested(self, run: Run) -> bool:
        try:
            standing = self.ledger.standings([run.job.id]).get(run.job.id)
        except StoreUnavailable:
            return False  # asked again in a moment
        return standing is not None and standing.cancel_requested

    def _doom(self, run: Run, why: str) -> None:
        if run.doom is None and self._child is not None:
            run.doom = why
            self._child.kill()

    def _conclude(self, run: Run, reply: Message) -> None:
        """The child has answered: the job succeeded or failed."""
        self._held = None
        self._jobs_done += 1
        if "result" in reply:
            self._succeed(run, reply["result"])
        else:
            verdict = FailureVerdict(reply["delay"], reply["reason"], False)
            self._fail(run, verdict, reply["traceback"])
        self._count_dependency(run, reply)

    def _succeed(self, run: Run, result: str) -> None:
        job, attempt = run.job, run.verdict.attempt
        log.info("finished", extra=self._facts(run))
        self._ledger_first(
            lambda: self.ledger.finish(job.id, attempt, result, datetime.now(UTC)),
            Settlement(job, How.FINISHED, self.order.results_ttl, admission.rq_result(result)),
        )

    def _fail(self, run: Run, verdict: FailureVerdict, trace: str | None = None) -> None:
        job, attempt = run.job, run.verdict.attempt
        if verdict.delay is None:
            log.error("dead: %s", verdict.reason, extra=self._facts(run))
            self._ledger_first(
                lambda: self.ledger.bury(job.id, attempt, verdict.reason, datetime.now(UTC), traceback=trace),
                Settlement(job, How.FAILED, result=verdict.reason),
            )
            return
        when = datetime.now(UTC) + timedelta(seconds=verdict.delay)
        log.warning(
            "retry at %s: %s", when.isoformat(timespec="seconds"), verdict.reason, extra=self._facts(run)
        )
        self._ledger_first(
            lambda: self.ledger.retry_later(job.id, attempt, when, verdict.reason, datetime.now(UTC)),
            Settlement(job, How.SCHEDULED, verdict.delay),
        )

    def _count_dependency(self, run: Run, reply: Message) -> None:
        try:
            if reply.get("dependency"):
                self.limits.failed(reply["dependency"], reply["reason"])
            elif run.task.dependency and "result" in reply:
                self.limits.succeeded(run.task.dependency)
        except RedisUnavailable as error:
            log.warning("the breaker was not told: %s", error)

    def _bury_child(self, run: Run) -> None:
        """The child has died: by our hand, by a command, or with its job."""
        assert self._child is not None
        self._child.kill()
        status = self._child.wait()
        self._child.channel.close()
        self._child = None if self._stopping else Child.fork(self._open_ledger)
        self._held = None
        job, attempt, now = run.job, run.verdict.attempt, datetime.now(UTC)
        if run.doom == "put-back":
            log.warning("put back: its worker leaves", extra=self._facts(run))
            self._ledger_first(lambda: self.ledger.put_back(job.id, attempt), Settlement(job, How.QUEUED))
        elif run.doom == "cancelled" or self._stopped_job_id == job.id:
            self._stopped_job_id = None
            log.warning("cancelled: stopped from outside", extra=self._facts(run))
            self._ledger_first(
                lambda: self.ledger.stop(job.id, attempt, "cancelled: stopped while it ran", now),
                Settlement(job, How.CANCELED, CANCELLED_TTL_SECONDS),
            )
        elif run.doom == "lost":
            log.warning("given up: another worker has it", extra=self._facts(run))
        elif run.doom is not None:
            self._fail(run, self._verdict_on(run, run.doom))
        else:
            self._lose(run, f"killed: its process ended with {ending(status)}")

    def _verdict_on(self, run: Run, doom: str) -> FailureVerdict:
        if doom == "memory-limit":
            size = run.task.memory / 1e6
            return FailureVerdict(None, f"memory-limit: it used more than {size:.0f} MB", False)
        error = TransientError(f"it ran longer than {run.task.hard} s", code=doom)
        return decide_failure(error, tries=run.verdict.tries, policy=run.task.retry, randomness=0.0)

    def _lose(self, run: Run, reason: str) -> None:
        """The job took its process with it: again, or dead the third time."""
        log.error("lost: %s", reason, extra=self._facts(run))
        now = datetime.now(UTC)
        state: list[JobState | None] = []

        def write() -> None:
            state.append(self.ledger.lose(run.job.id, run.verdict.attempt, reason, now))

        def settlement() -> Settlement:
            how = How.FAILED if state and state[-1] is JobState.DEAD else How.QUEUED
            return Settlement(run.job, how, result=reason)

        try:
            write()
        except StoreUnavailable as error:
            self._degrade(error)
            # Queued all the same: the next start finds the attempt open, and counts its death.
        self._done = settlement()

    # The ledger, then Redis.

    def _ledger_first(self, write: Callable[[], object], settlement: Settlement) -> None:
        try:
            write()
        except StoreUnavailable as error:
            self._degrade(error)
            self._unwritten = (write, settlement)
            return
        self._done = settlement

    def _write_again(self) -> None:
        """The ledger could not be told how a job ended: try again, a second later each time."""
        assert self._unwritten is not None
        self._wait(IDLE_POLL_SECONDS)
        write, settlement = self._unwritten
        if self._signals >= 2:
            # Nobody knows yet that the job has run; it is safe to run twice.
            self._unwritten, self._done = None, Settlement(settlement.job, How.QUEUED)
        elif self._is_writable():
            self._unwritten = None
            self._ledger_first(write, settlement)

    def _degrade(self, error: StoreUnavailable) -> None:
        if not self._degraded:
            log.critical("no jobs are taken: %s", error)
        self._degraded = True
        self._next_beat = 0.0

    def _is_writable(self) -> bool:
        if self._degraded:
            try:
                self.ledger.probe()
            except StoreUnavailable:
                return False
            log.warning("the ledger can be written again")
            self._degraded, self._next_beat = False, 0.0
        return True

    # Waiting, signals, beats.

    def _wait(self, seconds: float, channel: int | None = None) -> bool:
        """Wait for a message on `channel`, a wake-up, or the time; True when the channel has something."""
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        if channel is not None:
            poll.register(channel, select.POLLIN)
        if self._lifeline is not None:
            poll.register(self._lifeline, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)}
        if self._wake_read in ready:
            _drain(self._wake_read)
        if self._lifeline in ready:
            # The supervisor is gone.
            self._lifeline = None
            self._signals += 1
        return channel in ready

    def _wake(self, _message: Any = None) -> None:
        try:
            os.write(self._wake_write, b"w")
        except BlockingIOError:
            return  # it is awake already

    @contextmanager
    def _listening_to_signals(self) -> Iterator[None]:
        # A handler may run inside any other code: it sets a number, and the pipe ends the wait.
        before = {stop: signal.signal(stop, self._note_signal) for stop in (signal.SIGTERM, signal.SIGINT)}
        wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for stop, handler in before.items():
                signal.signal(stop, handler)

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    @property
    def _stopping(self) -> bool:
        if self._signals > self._signals_heard:
            self._signals_heard = self._signals
            self._next_beat = 0.0
            log.info("worker %s stops%s", self.name, ": its job ends first" if self._held else "")
        return self._signals > 0

    def _is_enough(self) -> bool:
        return self.order.max_jobs is not None and self._jobs_done >= self.order.max_jobs

    def _is_drained(self) -> bool:
        """Whether nothing is queued or running in our queues (nor scheduled, if that is waited for)."""
        try:
            return admission.is_drained(self.delivery, self._turns, scheduled_too=self.order.wait_scheduled)
        except RedisUnavailable:
            return False

    def _beat_if_due(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_SECONDS
        held = self._held
        try:
            fields = {**self.serialize(), "current_job": held.job.id if held else ""}
            known, mine = self.delivery.beat(
                self.name, fields, WORKER_TTL_SECONDS, held.job if held else None
            )
            if not known:
                self._register()
        except RedisUnavailable as error:
            log.debug("no beat: %s", error)
            return
        if held is not None and not mine:
            self._doom(held, "lost")

    def _state_now(self) -> str:
        if self._degraded:
            return "degraded"
        if self._signals:
            return "stopping"
        return str((WorkerStatus.BUSY if self._held else WorkerStatus.IDLE).value)

    def _register(self) -> None:
        fields: Any = self.serialize()
        with self.connection.pipeline() as pipeline:
            pipeline.hset(self.key, mapping=fields)
            worker_registration.register(self, pipeline)
            pipeline.expire(self.key, WORKER_TTL_SECONDS)
            pipeline.execute()

    def _until_redis_is_there(self, do: Callable[[], object]) -> None:
        while not self._signals:
            try:
                with translated(self._where):
                    do()
                self._backoff = 0.0
                return
            except RedisUnavailable as error:
                self._redis_is_away(error, None)

    def _leave(self) -> None:
        if self._child is not None:
            self._child.leave()
            self._child = None
        try:
            with translated(self._where):
                self.unsubscribe()
                self.register_death()
                self.connection.hdel(BEATS, self.name)
        except RedisUnavailable as error:
            log.warning("worker %s has left without telling Redis: %s", self.name, error)
        else:
            log.info("worker %s has left", self.name)

    def _facts(self, run: Run) -> dict[str, Any]:
        return {
            **_facts(run.job, run.admitted),
            "attempt": run.verdict.attempt,
            "duration": round(time.monotonic() - run.began, 3),
        }


def _facts(job: Taken, admitted: Admitted) -> dict[str, Any]:
    return {"job_id": job.id, "task": admitted.task.name, "queue": job.queue}


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            continue
    except BlockingIOError:
        return


def ending(status: int) -> str:
    """How a process ended, by its wait status."""
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def worker_name(host: str, number: int) -> str:
    """`host.pid.number`: unique on the machine, readable in a table."""
    short = "".join(c if c.isalnum() or c in "_-" else "-" for c in host.split(".")[0])
    return f"{short}.{os.getpid()}.{number}"
