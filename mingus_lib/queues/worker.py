"""RQ's worker, taught the catalog, the ledger and our retries.

RQ's classes are subclassed, so that rq info and rq-dashboard keep seeing jobs and workers.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import redis as redis_py
from rq.exceptions import DeserializationError
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from rq.worker import Worker, WorkerStatus

from mingus_lib.domain.jobs import FailureVerdict, JobSpec, RetryPolicy, decide_failure
from mingus_lib.errors import (
    MingusError,
    PermanentError,
    RedisUnavailable,
    StoreUnavailable,
    TransientError,
)
from mingus_lib.queues import catalog, context, delayed
from mingus_lib.queues.context import SoftTimeLimit
from mingus_lib.queues.ports import Ledger

if TYPE_CHECKING:
    from redis import Redis
    from rq.executions import Execution

log = logging.getLogger("mingus.worker")

POLL_SECONDS = 0.1
DEQUEUE_TIMEOUT_SECONDS = 1
PROGRESS_INTERVAL_SECONDS = 0.5

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class SoftLimitPenalty(UnixSignalDeathPenalty):
    """RQ's alarm; at a job's soft limit it raises what no `except Exception` catches."""

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Called by SIGALRM."""
        if self._exception is JobTimeoutException:
            raise SoftTimeLimit(self._timeout)
        super().handle_death_penalty(signum, frame)


class AlreadyEnded(Exception):
    """The ledger says that this job has ended: running it again would repeat its effects."""


class MingusQueue(Queue):
    """RQ's queue; every pop leaves a copy in the intermediate list, whatever the number of queues."""

    @classmethod
    def dequeue_any(  # type: ignore[override]
        cls, queues: Iterable[Queue], timeout: int | None, connection: Redis, **classes: Any
    ) -> tuple[Job, Queue] | None:
        """The next job of the first queue that has one; waits up to `timeout` seconds (None: does not)."""
        from rq.exceptions import DequeueTimeout

        queues = list(queues)
        deadline = time.monotonic() + (timeout or 0)
        while (found := cls._take(queues, connection, classes)) is None:
            if timeout is None:
                return None
            if time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, [queue.key for queue in queues])
            time.sleep(POLL_SECONDS)
        return found

    @classmethod
    def _take(
        cls, queues: list[Queue], connection: Redis, classes: dict[str, Any]
    ) -> tuple[Job, Queue] | None:
        delayed.move_due(connection, [queue.name for queue in queues], time.time())
        for queue in queues:
            while moved := cls.lmove(connection, queue.key, None):
                job_id = moved[1].decode()
                if found := cls._fetch_dequeued_job(connection, queue.key, job_id, **classes):
                    return found
                connection.lrem(queue.intermediate_queue_key, 1, job_id)
        return None


class MingusWorker(Worker):
    """One worker process: takes a job, runs it in a forked child, records how it ended.

    `ledger` belongs to this process; `renew` is called in every forked child and returns that
    child's own, since neither SQLite nor sockets survive a fork.
    """

    queue_class = MingusQueue
    death_penalty_class = SoftLimitPenalty

    def __init__(
        self,
        queues: list[str],
        *,
        name: str,
        connection: Redis,
        ledger: Ledger,
        renew: Callable[[], Ledger],
    ) -> None:
        super().__init__(
            queues,
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            exception_handlers=[self._record_abandoned],
        )
        self.ledger = ledger
        self.renew = renew
        self._attempt = 1
        self._task: catalog.Task | None = None
        self._preloaded: set[str] = set()

    @property
    def dequeue_timeout(self) -> int:
        """Seconds between two looks at stop requests and heartbeats."""
        return DEQUEUE_TIMEOUT_SECONDS

    @property
    def connection_timeout(self) -> int:
        """RQ's socket timeout, which must outlast any single command."""
        return 30

    def bootstrap(self, *_: Any) -> None:
        """Register and listen for commands; logging is ours, not RQ's handlers."""
        self.register_birth()
        self.subscribe()
        self.set_state(WorkerStatus.STARTED)
        log.info("worker %s takes jobs from %s", self.name, ", ".join(self.queue_names()))

    def unsubscribe(self) -> None:
        """Leave the command channel; RQ would wait a second for its thread, which ends with the process."""
        if self.pubsub_thread and self.pubsub:
            self.pubsub.unsubscribe()
            self.pubsub_thread.stop()

    def teardown(self) -> None:
        """Leave Redis; the parent says so."""
        super().teardown()
        if not self.is_horse:
            log.info("worker %s has left", self.name)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Load the task's libraries before the first fork that needs them."""
        task = _task_of(job)
        if task and task.preload and task.name not in self._preloaded:
            self._preloaded.add(task.name)
            task.preload()
            # What is loaded by now stays: the children's collector need not walk it, nor copy its pages.
            gc.collect()
            gc.freeze()
        super().execute_job(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Entry of the forked child: open what the job needs afresh."""
        self.ledger = self.renew()
        super().main_work_horse(job, queue)

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """Check the job against the catalog and begin an attempt in the ledger."""
        self._task = catalog.by_path(str(job.func_name))
        if self._task is None:
            raise PermanentError(f"{job.func_name} is not a task of the catalog", code="not-in-catalog")
        job.kwargs = self._task.validate(job.kwargs)
        self._begin(job, self._task)
        super().prepare_job_execution(job, remove_from_intermediate_queue=True)

    def _begin(self, job: Job, task: catalog.Task) -> None:
        attempt = self.ledger.start(_spec(job, task), worker=self.name, now=datetime.now(UTC))
        if attempt is None:
            raise AlreadyEnded(job.id)
        self._attempt = attempt
        context.enter(
            context.JobContext(
                id=job.id,
                attempt=attempt,
                last_attempt=attempt > task.retry.retries,
                deadline=time.monotonic() + task.soft,
                report=_throttled(self.ledger, job.id),
            )
        )
        log.info("started", extra=self._facts(job))

    def _finalize_success(self, job: Job, queue: Queue, execution: Execution, return_value: Any) -> None:
        self.ledger.finish(job.id, return_value, datetime.now(UTC))
        log.info("finished", extra=self._facts(job))
        try:
            super()._finalize_success(job, queue, execution, return_value)
        except (redis_py.ConnectionError, redis_py.TimeoutError) as error:
            # The ledger has the end; Redis will call the job abandoned, which changes nothing there.
            log.error("Redis did not hear that the job finished: %s", error, extra=self._facts(job))

    def _finalize_failure(self, job: Job, queue: Queue, execution: Execution, exc_info: ExcInfo) -> None:
        error = exc_info[1]
        if isinstance(error, AlreadyEnded):
            self._let_go(job, execution)
            return
        verdict = self._verdict(error or RuntimeError("unknown error"))
        if verdict.delay is None:
            self._bury(job, verdict, exc_info)
            super()._finalize_failure(job, queue, execution, exc_info)
        else:
            self._reschedule(job, execution, verdict)

    def _verdict(self, error: BaseException) -> FailureVerdict:
        policy = self._task.retry if self._task else RetryPolicy(retries=0)
        if isinstance(error, SoftTimeLimit):
            error = TransientError(f"it ran longer than {error} s", code="soft-limit")
        elif isinstance(error, redis_py.ConnectionError | redis_py.TimeoutError):
            error = RedisUnavailable(f"Redis went away: {error}")
        return decide_failure(error, attempt=self._attempt, policy=policy, randomness=random.random())  # noqa: S311

    def _bury(self, job: Job, verdict: FailureVerdict, exc_info: ExcInfo) -> None:
        trace = "".join(traceback.format_exception(*exc_info)) if verdict.keep_traceback else None
        log.error("dead: %s", verdict.reason, extra=self._facts(job))
        self._record(lambda now: self.ledger.bury(job.id, verdict.reason, now, traceback=trace), job)

    def _reschedule(self, job: Job, execution: Execution, verdict: FailureVerdict) -> None:
        when = datetime.now(UTC) + timedelta(seconds=verdict.delay or 0.0)
        log.warning("retry at %s: %s", when.isoformat(), verdict.reason, extra=self._facts(job))
        self.ledger.reschedule(job.id, when, verdict.reason, datetime.now(UTC))
        registry = ScheduledJobRegistry(job.origin, connection=self.connection, serializer=JSONSerializer)
        with self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            job.set_status(JobStatus.SCHEDULED, pipeline=pipeline)
            registry.schedule(job, when, pipeline=pipeline)
            self.increment_failed_job_count(pipeline)
            pipeline.execute()

    def _let_go(self, job: Job, execution: Execution) -> None:
        log.info("not run: it has ended already", extra={"job_id": job.id})
        with self.connection.pipeline() as pipeline:
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.lrem(f"rq:queue:{job.origin}:intermediate", 1, job.id)
            pipeline.execute()

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Only bugs are worth a traceback in the log; the ledger has it too."""
        if not isinstance(exc_info[1], MingusError):
            log.error("".join(traceback.format_exception(*exc_info)), extra=self._facts(job))

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """A second stop request: end the running job, and say so."""
        for execution in list(self.executions.values()):
            self.kill_horse()
            self.wait_for_horse()
            log.error("stopped in mid-job", extra={"job_id": execution.job_id})
            self.ledger.bury(execution.job_id, "stopped: by a second signal to its worker", datetime.now(UTC))
        raise SystemExit(130)

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        """The child died without a word: say so in the ledger, where the child could not."""
        reason = f"killed: the job's process ended with {_ending(ret_val)}"
        log.error("dead: %s", reason, extra={"job_id": job.id, "queue": job.origin})
        self._record(lambda now: self.ledger.bury(job.id, reason, now), job)

    def _record_abandoned(self, job: Job, *exc_info: Any) -> bool:
        """RQ found a job whose worker is gone."""
        self._record(
            lambda now: self.ledger.bury(job.id, "abandoned: its worker died without a word", now), job
        )
        return True

    def _record(self, write: Callable[[datetime], None], job: Job) -> None:
        # RQ's own bookkeeping must still happen when the store cannot be written.
        try:
            write(datetime.now(UTC))
        except StoreUnavailable as error:
            log.critical("the ledger could not be written: %s", error, extra={"job_id": job.id})

    def _facts(self, job: Job) -> dict[str, Any]:
        started = job.started_at
        return {
            "job_id": job.id,
            "task": self._task.name if self._task else job.description,
            "queue": job.origin,
            "attempt": self._attempt,
            "duration": round((datetime.now(UTC) - started).total_seconds(), 3) if started else None,
        }


def work_off(worker: MingusWorker, *, burst: bool, max_jobs: int | None = None) -> None:
    """Run `worker` until it is told to stop, or in burst mode until its queues are empty.

    Job modules are imported first: a forked child must not pay for them at every job.
    """
    catalog.load()
    logging.getLogger("rq.worker").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker.work(burst=burst, max_jobs=max_jobs)


def worker_name(host: str, number: int) -> str:
    """`host.pid.number`: unique on the machine, readable in a table."""
    return f"{host.split('.')[0]}.{os.getpid()}.{number}"


def _task_of(job: Job) -> catalog.Task | None:
    try:
        return catalog.by_path(str(job.func_name))
    except DeserializationError:
        # The child meets it again, and buries the job with its reason.
        return None


def _spec(job: Job, task: catalog.Task) -> JobSpec:
    meta = job.meta if isinstance(job.meta, dict) else {}
    return JobSpec(
        id=job.id,
        task=task.name,
        queue=job.origin or "",
        args=dict(job.kwargs),
        created_at=job.created_at or datetime.now(UTC),
        origin=str(meta.get("origin", "redis")),
        parent_id=meta.get("parent_id"),
        root_id=meta.get("root_id"),
    )


def _throttled(ledger: Ledger, job_id: str) -> context.ProgressReporter:
    last = 0.0

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if done >= total or time.monotonic() - last >= PROGRESS_INTERVAL_SECONDS:
            last = time.monotonic()
            ledger.progress(job_id, done, total, text)

    return report


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"
