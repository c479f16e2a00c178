"""The worker: takes a job, feeds it to its child, writes how it ended; one job at a time.

The order at an end is always: ledger, then Redis (endings.py). What RQ and its tools see of a worker is in
registration.py, the process that runs the jobs in child.py. Longer than 300 lines on purpose: one loop, read as one.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.jobs import FailureVerdict, JobState, Start, StartVerdict, decide_failure
from mingus_lib.errors import RedisUnavailable, StoreUnavailable, TransientError, UsageError
from mingus_lib.queues import admission, catalog
from mingus_lib.queues.admission import Admitted
from mingus_lib.queues.attention import Attention
from mingus_lib.queues.child import Child, Message
from mingus_lib.queues.delivery import How, Settlement, Taken
from mingus_lib.queues.endings import Endings
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.owner import Process, resident_bytes
from mingus_lib.queues.ports import Ledger
from mingus_lib.queues.registration import RegisteredWorker
from mingus_lib.queues.signing import JobRefused, Key
from mingus_lib.queues.turns import Doing

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("mingus.worker")

# A wake-up that is published while nobody listens is lost: a job then waits for so long.
IDLE_POLL_SECONDS = 1.0
# In burst mode somebody waits for the end.
BURST_POLL_SECONDS = 0.1
# A cancel, a second signal or a limit is noticed within this, at five looks into the ledger a second.
WATCH_SECONDS = 0.2
# Longer pauses, on top of Redis' patience of 30 s, would come near what the supervisor takes for a hang.
MAX_BACKOFF_SECONDS = 5.0
CANCELLED_TTL_SECONDS = 3600
JOBS_PER_CHILD = 1000
# A child that has read pages holds 100 MB, 75 more with the model of languages: this is more than use.
CHILD_MEMORY_BYTES = 400_000_000
# Jobs between two looks at the child's memory: a look takes as long as a twentieth of a short job.
LOOK_AT_MEMORY_EVERY = 5


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

    @property
    def facts(self) -> dict[str, Any]:
        """What a line in the log says of it."""
        taken = round(time.monotonic() - self.began, 3)
        return {**_facts(self.job, self.admitted), "attempt": self.verdict.attempt, "duration": taken}


class MingusWorker(RegisteredWorker):
    """One worker process; `work` is its life.

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
        pulse: Callable[[Doing, int], None] = lambda _doing, _jobs: None,
    ) -> None:
        super().__init__(queues, name=name, connection=connection, where=where, attention=Attention(lifeline))
        self.supervisor = supervisor
        self.ledger = ledger
        # Asked anew for each job: what a revoked key has signed stops with the next one.
        self.keys = keys
        self.order = order or Order()
        self.limits = Limits(connection, where)
        self.endings = Endings(self._probe)
        self._open_ledger = open_ledger
        self._pulse = pulse
        self._turns = list(queues)
        self._run: Run | None = None
        self._backoff = 0.0
        # Whether a turn may have taken a job without our hearing of it.
        self._unsure = False
        self._stop_said = False
        self._registered = False
        self._jobs_done = 0

    def work(self, *_: Any, **__: Any) -> bool:
        """Work until told to stop (or as the order says); whether any job was done.

        The first SIGTERM or SIGINT lets the current job end, the second puts it back and leaves at once.
        """
        with self.attention.listening():
            self.child = Child.fork(self._open_ledger)
            try:
                # The child is there before Redis is asked: it inherits neither a connection nor the listening thread.
                self._until_redis_is_there(self.register_birth)
                self._registered = True
                # Before the first look at the queues: what is pushed after a look in vain wakes us.
                self._until_redis_is_there(self.subscribe)
                self._until_redis_is_there(self.take_own_line)
                log.info("worker %s takes jobs from %s", self.name, ", ".join(self._turns))
                while self._step():
                    self._beat()
            finally:
                self._leave()
        return bool(self._jobs_done)

    # The loop.

    def _step(self) -> bool:
        """One turn; False when the work is over."""
        self._pulse(self._doing(), self._jobs_done)
        if self._run is not None:
            self._watch(self._run)
        # Before Redis hears of an end, the ledger must have it.
        elif self.endings.unwritten:
            self._write_again()
        else:
            return self._deliver()
        return True

    def _doing(self) -> Doing:
        if self._run is not None:
            return Doing.BUSY
        return Doing.WAITING if self._backoff or self.endings.degraded else Doing.IDLE

    def _deliver(self) -> bool:
        """Tell Redis of the job that is done, take the next one and begin it; wait when there is none."""
        over = self._is_stopping() or self.has_done_enough
        if over and self.endings.done is None:
            return False
        # No job is taken whose start the ledger could not write: it could only go back.
        writable = self.endings.is_writable()
        if not writable and self.endings.done is None:
            self.attention.wait(IDLE_POLL_SECONDS)
            return True
        # Without queues nothing is taken, but what is done is still settled.
        job = self._turn(self._turns if writable and not over else [])
        if job is not None:
            self._begin(job)
        elif over and self._backoff:
            return False  # Redis is away; the ledger has the end, and a keeper tells Redis later
        elif not over and not self._backoff:
            if self.order.burst and writable and self._is_drained():
                return False
            self.attention.wait(BURST_POLL_SECONDS if self.order.burst else IDLE_POLL_SECONDS)
        return True

    def _turn(self, queues: Sequence[str]) -> Taken | None:
        done = self.endings.done
        try:
            if self._unsure:
                with self._translated():
                    self.take_own_line()
            settled, job = self.delivery.turn(
                self.process,
                self.name,
                # The number is new for each delivery, so that a late settlement of an earlier one is refused.
                secrets.token_hex(16),
                queues,
                done,
                unsure=self._unsure,
            )
        except RedisUnavailable as error:
            self._unsure = True
            self._redis_is_away(error)
            return None
        self._redis_is_back()
        self._unsure = False
        # Not before Redis has answered: told twice, the owner shows whether it was settled already.
        self.endings.done = None
        if done is not None and settled is not None and not settled.there:
            self._remember_forgotten(done)
        if job is not None and self.order.fair:
            # The queue that gave goes to the end: a full one starves no other.
            at = self._turns.index(job.queue) + 1
            self._turns = self._turns[at:] + self._turns[:at]
        return job

    def _redis_is_away(self, error: RedisUnavailable) -> None:
        done = self.endings.done
        if done is not None and done.how in (How.FINISHED, How.CANCELED) and "OOM" in str(error):
            # Full memory refuses to keep the result, which the ledger has: free what the job takes instead.
            self.endings.done = Settlement(done.job, How.DISCARD)
        # Once for each absence, not at every try.
        if not self._backoff:
            log.error("%s; trying again", error)
        self._backoff = min(MAX_BACKOFF_SECONDS, max(0.1, self._backoff * 2))
        # The waits of the start come through here and not through _step: the supervisor must see them turn.
        self._pulse(Doing.WAITING, self._jobs_done)
        self.attention.wait(self._backoff)

    def _redis_is_back(self) -> None:
        if self._backoff:
            log.info("Redis answers again")
        self._backoff = 0.0

    def _remember_forgotten(self, done: Settlement) -> None:
        """Redis lost the job's hash while it ran: what must come back is given to the keeper, unconfirmed."""
        if done.how in (How.QUEUED, How.SCHEDULED):
            self.ledger.unconfirm(done.job.id)

    def _is_drained(self) -> bool:
        """Whether nothing is queued or running in our queues (nor scheduled, if that is waited for)."""
        try:
            return admission.is_drained(self.delivery, self._turns, scheduled_too=self.order.wait_scheduled)
        except RedisUnavailable:
            return False

    # The beginning of a job.

    def _begin(self, job: Taken) -> None:
        try:
            try:
                self._admit(job)
            except JobRefused as error:
                self._refuse_or_renew(job, error.reason)
        except StoreUnavailable as error:
            self.endings.degrade(error)
            self.endings.done = Settlement(job, How.QUEUED)
        except RedisUnavailable as error:
            # Only its rate or breaker was asked for: it goes back to the head of its queue, with no attempt used.
            self.endings.done = Settlement(job, How.QUEUED)
            self._redis_is_away(error)

    def _refuse_or_renew(self, job: Taken, reason: str) -> None:
        """Refuse it; an unsigned one that waits in the ledger is from before jobs were signed, and is renewed."""
        # One whose signature does not fit is no job from before, but an altered one.
        known = None if job.signature else self.ledger.standings([job.id]).get(job.id)
        if known is None or known.refused or known.state not in (JobState.QUEUED, JobState.SCHEDULED):
            self._refuse(job, reason)
            return
        log.info("unsigned, as before the upgrade: a keeper pushes it again", extra={"job_id": job.id})
        self.endings.record(lambda: self.ledger.unconfirm(job.id), Settlement(job, How.DISCARD))

    def _refuse(self, job: Taken, reason: str) -> None:
        log.error("dead: %s", reason, extra={"job_id": job.id, "queue": job.queue})
        # The ledger, whose ids are shown and typed, keeps none of any other form.
        if not admission.is_id(job.raw_id):
            self.endings.done = Settlement(job, How.DISCARD)
            return
        task = admission.claimed_task(job)
        self.endings.record(
            lambda: self.ledger.refuse(job.id, task, job.queue, reason, datetime.now(UTC)),
            Settlement(job, How.FAILED, result=reason),
        )

    def _admit(self, job: Taken) -> None:
        admitted = admission.admit(job, self._keys_now())
        # Before the attempt begins: waiting for a slot uses none up.
        wait, why = self._held_back(job, admitted.task)
        if wait > 0:
            when = datetime.now(UTC) + timedelta(seconds=wait)
            self.ledger.postpone(job.id, when, why, datetime.now(UTC))
            self.endings.done = Settlement(job, How.SCHEDULED, wait)
            log.info(
                "not before %s: %s", when.isoformat(timespec="seconds"), why, extra=_facts(job, admitted)
            )
            return
        try:
            verdict = self.ledger.start(
                admitted.spec,
                worker=self.name,
                now=datetime.now(UTC),
                known_only=not admitted.may_be_new,
            )
        except StoreUnavailable:
            self._let_probe_go(admitted.task)
            raise
        if verdict.kind is Start.RUN:
            # The ledger's limit counts: the field in Redis is not under the signature.
            limited = replace(admitted, task=admitted.task.within(verdict.timeout))
            self._feed(Run(job, limited, verdict, time.monotonic()))
        else:
            self.endings.done = self._not_run(job, admitted, verdict)
            self._let_probe_go(admitted.task)

    def _keys_now(self) -> Mapping[str, Key]:
        try:
            return self.keys()
        except UsageError as error:
            # A broken file of keys is mended while the workers wait, as a store is.
            raise StoreUnavailable(str(error)) from error

    def _probe(self) -> None:
        self.ledger.probe()
        self._keys_now()

    def _held_back(self, job: Taken, task: catalog.Task) -> tuple[float, str]:
        """Seconds that the job has to wait, and why."""
        if task.rate is not None:
            wait = self.limits.wait_for_slot(task, job.id, job.owner.execution)
            if wait > 0:
                return wait, f"rate-limit: {task.rate[0]} in {task.rate[1]} s"
        if task.dependency is not None:
            # Last, since the answer may make this job the breaker's probe.
            wait = self.limits.wait_for(task.dependency, task.hard)
            return wait, f"breaker-open: {task.dependency} fails"
        return 0.0, ""

    def _not_run(self, job: Taken, admitted: Admitted, verdict: StartVerdict) -> Settlement:
        log.info("not run: %s", verdict.reason or "it has ended already", extra=_facts(job, admitted))
        if verdict.kind is Start.BURY or verdict.ended is JobState.DEAD:
            return Settlement(job, How.FAILED, result=verdict.reason or "it is dead")
        if verdict.ended is JobState.FINISHED:
            # Its end was written, and Redis never heard of it: whoever waits there wants the result.
            result = admission.rq_result(self.ledger.result(job.id))
            return Settlement(job, How.FINISHED, self.order.results_ttl, result)
        return Settlement(job, How.CANCELED, self.order.results_ttl)

    def _feed(self, run: Run) -> None:
        child = self._ready_child()
        # A command was for the run that it found.
        self.kill_wanted = self._stopped_job_id = None
        # Before the order is sent: a child that dies of it must be found with its job.
        self._run, self.held = run, run.job
        try:
            child.order(
                {
                    "id": run.job.id,
                    "task": run.task.name,
                    "queue": run.job.queue,
                    "args": run.admitted.spec.args,
                    "attempt": run.verdict.attempt,
                    "tries": run.verdict.tries,
                    "timeout": run.verdict.timeout,
                }
            )
        except OSError:
            return  # it has died: the loop sees the end of its pipe
        log.info("started", extra=run.facts)

    def _ready_child(self) -> Child:
        child = self.child
        if child is not None:
            why = self._worn_out(child)
            if not why:
                return child
            self.recycled = why
            log.info("a new process for jobs: %s", why, extra={"worker": self.name})
            child.leave()
        self.child = Child.fork(self._open_ledger)
        return self.child

    def _worn_out(self, child: Child) -> str:
        """Why the child is not given another job, or nothing."""
        # Before it is given a job, which would lose an attempt by it.
        if child.has_ended():
            return "it has ended while it was idle"
        if child.jobs >= self.order.jobs_per_child:
            return f"it has run {child.jobs} jobs"
        memory = 0 if child.jobs % LOOK_AT_MEMORY_EVERY else resident_bytes(child.pid)
        if memory > self.order.child_memory:
            return f"it holds {memory / 1e6:.0f} MB between two jobs"
        return ""

    # The job under way.

    def _watch(self, run: Run) -> None:
        """Wait for the child's reply; meanwhile keep the job within its limits."""
        assert self.child is not None
        if self.attention.wait(WATCH_SECONDS, self.child.channel.fileno()):
            reply = self.child.reply()
            if reply is None:
                self._bury_child(run)
            else:
                self._conclude(run, reply)
        else:
            self._check_limits(run)

    def _check_limits(self, run: Run) -> None:
        if self.attention.signals >= 2:
            self._doom(run, "put-back")
        # With no doom of ours: its end tells whether stop-job (a cancel) or kill-horse (a death) was meant.
        elif self.kill_wanted == run.job.id and self.child is not None:
            self.child.kill()
        # RQ itself would kill a minute later.
        elif time.monotonic() - run.began > run.task.hard:
            self._doom(run, "hard-limit")
        elif resident_bytes(self.child.pid if self.child else 0) > run.task.memory:
            self._doom(run, "memory-limit")
        # Jobs of less than a second are spared the look at the ledger.
        elif time.monotonic() - run.began > 1 and self._is_cancel_requested(run):
            self._doom(run, "cancelled")

    def _is_cancel_requested(self, run: Run) -> bool:
        try:
            standing = self.ledger.standings([run.job.id]).get(run.job.id)
        except StoreUnavailable:
            return False  # asked again in a moment
        return standing is not None and standing.cancel_requested

    def _doom(self, run: Run, why: str) -> None:
        if run.doom is None and self.child is not None:
            run.doom = why
            self.child.kill()

    def _conclude(self, run: Run, reply: Message) -> None:
        """The child has answered: the job succeeded or failed."""
        self._run, self.held = None, None
        self._jobs_done += 1
        if "result" in reply:
            self._succeed(run, reply["result"])
        else:
            # Decided in the child: an exception does not travel as JSON.
            verdict = FailureVerdict(reply["delay"], reply["reason"], False)
            self._fail(run, verdict, reply["traceback"])
        # Last: a breaker that cannot be told must not keep the end from the ledger.
        self._count_dependency(run, reply)

    def _succeed(self, run: Run, result: str) -> None:
        job, attempt = run.job, run.verdict.attempt
        log.info("finished", extra=run.facts)
        self.endings.record(
            lambda: self.ledger.finish(job.id, attempt, result, datetime.now(UTC)),
            Settlement(job, How.FINISHED, self.order.results_ttl, admission.rq_result(result)),
        )

    def _fail(self, run: Run, verdict: FailureVerdict, trace: str | None = None) -> None:
        job, attempt = run.job, run.verdict.attempt
        if verdict.delay is None:
            log.error("dead: %s", verdict.reason, extra=run.facts)
            self.endings.record(
                lambda: self.ledger.bury(job.id, attempt, verdict.reason, datetime.now(UTC), traceback=trace),
                Settlement(job, How.FAILED, result=verdict.reason),
            )
            return
        when = datetime.now(UTC) + timedelta(seconds=verdict.delay)
        log.warning("retry at %s: %s", when.isoformat(timespec="seconds"), verdict.reason, extra=run.facts)
        self.endings.record(
            lambda: self.ledger.retry_later(job.id, attempt, when, verdict.reason, datetime.now(UTC)),
            Settlement(job, How.SCHEDULED, verdict.delay),
        )

    def _count_dependency(self, run: Run, reply: Message) -> None:
        try:
            if reply.get("dependency"):
                self.limits.failed(reply["dependency"], reply["reason"])
            elif run.task.dependency and "result" in reply:
                self.limits.reset(run.task.dependency)
            else:
                self._let_probe_go(run.task)
        except RedisUnavailable as error:
            log.warning("the breaker was not told: %s", error)

    def _let_probe_go(self, task: catalog.Task) -> None:
        """A job that tells nothing of its dependency may have been the breaker's probe: another may try now."""
        if task.dependency is None:
            return
        try:
            self.limits.let_go(task.dependency)
        except RedisUnavailable as error:
            log.warning("the breaker was not told: %s", error)

    def _bury_child(self, run: Run) -> None:
        """The child has died: by our hand, by a command, or with its job."""
        assert self.child is not None
        # Dead already, perhaps; what it had started lives on in its group.
        self.child.kill()
        status = self.child.wait()
        self.child.channel.close()
        self.child = None if self.attention.signals else Child.fork(self._open_ledger)
        self._run, self.held = None, None
        job, attempt, now = run.job, run.verdict.attempt, datetime.now(UTC)
        if run.doom == "put-back":
            log.warning("put back: its worker leaves", extra=run.facts)
            self.endings.record(lambda: self.ledger.put_back(job.id, attempt), Settlement(job, How.QUEUED))
        elif run.doom == "cancelled" or self._stopped_job_id == job.id:
            self._stopped_job_id = None
            log.warning("cancelled: stopped from outside", extra=run.facts)
            self.endings.record(
                lambda: self.ledger.stop(job.id, attempt, "cancelled: stopped while it ran", now),
                Settlement(job, How.CANCELED, CANCELLED_TTL_SECONDS),
            )
        elif run.doom == "lost":
            # The ledger is not told: the attempt on its record is the other worker's.
            log.warning("given up: another worker has it", extra=run.facts)
        elif run.doom is not None:
            self._fail(run, self._verdict_on(run, run.doom))
        else:
            self._lose(run, f"killed: its process ended with {ending(status)}")
        # Last, as in _conclude: Redis may keep us waiting.
        if run.doom != "lost":
            self._let_probe_go(run.task)

    def _verdict_on(self, run: Run, doom: str) -> FailureVerdict:
        if doom == "memory-limit":
            size = run.task.memory / 1e6
            return FailureVerdict(None, f"memory-limit: it used more than {size:.0f} MB", False)
        error = TransientError(f"it ran longer than {run.task.hard} s", code=doom)
        return decide_failure(error, tries=run.verdict.tries, policy=run.task.retry, randomness=0.0)

    def _lose(self, run: Run, reason: str) -> None:
        """The job took its process with it: again, or dead the third time."""
        log.error("lost: %s", reason, extra=run.facts)
        now = datetime.now(UTC)
        state: JobState | None = None
        try:
            state = self.ledger.lose(run.job.id, run.verdict.attempt, reason, now)
        except StoreUnavailable as error:
            # Queued all the same: the next start finds the attempt open, and counts its death.
            self.endings.degrade(error)
        how = How.FAILED if state is JobState.DEAD else How.QUEUED
        self.endings.done = Settlement(run.job, how, result=reason)

    # The ledger, signals, the end.

    def _write_again(self) -> None:
        """The ledger could not be told how a job ended: try again every second, and let it go when told to."""
        self.attention.wait(IDLE_POLL_SECONDS)
        if self.attention.signals >= 2:
            self.endings.give_back()
        else:
            self.endings.try_again()

    def _is_stopping(self) -> bool:
        if self.attention.signals and not self._stop_said:
            self._stop_said = True
            log.info("worker %s stops", self.name)
        return self.attention.signals > 0

    @property
    def has_done_enough(self) -> bool:
        """Whether it has done as many jobs as it was to do."""
        return self.order.max_jobs is not None and self._jobs_done >= self.order.max_jobs

    def _beat(self) -> None:
        word = "degraded" if self.endings.degraded else "busy" if self._run else "idle"
        if self.attention.signals and word != "degraded":
            word = "stopping"
        # Somebody waits to see these two; other states can wait for the next beat.
        if word != self.state_word and {"degraded", "stopping"} & {word, self.state_word}:
            self.beat_soon()
        self.state_word = word
        if not self.beat_if_due() and self._run is not None:
            self._doom(self._run, "lost")

    def _until_redis_is_there(self, do: Callable[[], object]) -> None:
        while not self.attention.signals:
            try:
                with self._translated():
                    do()
                self._redis_is_back()
                return
            except RedisUnavailable as error:
                self._redis_is_away(error)

    def _leave(self) -> None:
        if self.child is not None:
            self.child.leave()
            self.child = None
        if self._registered:
            self.sign_off()


def _facts(job: Taken, admitted: Admitted) -> dict[str, Any]:
    return {"job_id": job.id, "task": admitted.task.name, "queue": job.queue}


def ending(status: int) -> str:
    """How a process ended, by its wait status."""
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def worker_name(host: str, number: int) -> str:
    """`host.pid.number`: unique on the machine, readable in a table."""
    # With other signs in it a keeper would read no owner from the token, and give our jobs away.
    short = "".join(c if (c.isascii() and c.isalnum()) or c in "_-" else "-" for c in host.split(".")[0])
    return f"{short}.{os.getpid()}.{number}"
