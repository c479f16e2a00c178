"""The forked process that runs jobs, one at a time, and the pipe on which its worker feeds it.

Orders and replies are JSON. The child ends with its worker, however that ended; a job in it then runs no longer.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import random
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

import redis as redis_py

from mingus_lib.domain.jobs import decide_failure
from mingus_lib.errors import DependencyDown, RedisUnavailable, StoreUnavailable, TransientError
from mingus_lib.queues import catalog, context
from mingus_lib.queues.context import SoftTimeLimit
from mingus_lib.queues.ports import Ledger

log = logging.getLogger("mingus.worker")

# Each report is a write to the store, where all workers stand in one line.
PROGRESS_INTERVAL_SECONDS = 0.5
# A soft limit that was swallowed is raised again.
SOFT_LIMIT_AGAIN_SECONDS = 5.0
# One that stands still in the middle of its answer counts as ended, and does not hold up its worker.
REPLY_TIMEOUT_SECONDS = 10.0
# From sys/prctl.h: Python has no name for it.
PR_SET_PDEATHSIG = 1
PIECE = 1 << 18
HEAD = 4

Message = dict[str, Any]
OpenLedger = Callable[[], Ledger]


@dataclass
class Child:
    """The child as its worker sees it."""

    pid: int
    channel: socket.socket
    jobs: int = 0

    @classmethod
    def fork(cls, open_ledger: OpenLedger) -> Child:
        """A new child, ready for its first job; it opens what jobs need when it gets one."""
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            # With a copy of the worker's end in its hand it would never see that end close.
            ours.close()
            _serve(theirs, open_ledger, parent)
        theirs.close()
        ours.settimeout(REPLY_TIMEOUT_SECONDS)
        return cls(pid, ours)

    def order(self, message: Message) -> None:
        """Hand it a job. Raises OSError when it has ended."""
        self.jobs += 1
        send(self.channel, message)

    def reply(self) -> Message | None:
        """What it answers, read once there is something to read; None when it has ended."""
        try:
            return receive(self.channel)
        except OSError:
            return None

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        # Its group, then itself: one that was forked just now has no group of its own yet.
        for target in (-self.pid, self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(target, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether it has ended by itself; then nobody need wait for it any more."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    def leave(self) -> int:
        """Close the pipe, on which an idle child ends, and wait for it; its wait status."""
        self.channel.close()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; the wait status, 0 when somebody else has waited for it."""
        try:
            return os.waitpid(self.pid, 0)[1]
        except ChildProcessError:
            return 0


def send(channel: socket.socket, message: Message) -> None:
    """Write one message."""
    body = json.dumps(message).encode()
    channel.sendall(struct.pack("!I", len(body)) + body)


def receive(channel: socket.socket) -> Message | None:
    """Read one message, the only one under way; None at the end of the stream."""
    # Nearly always all of it in one call.
    found = channel.recv(PIECE)
    while found and (len(found) < HEAD or len(found) < HEAD + _size(found)):
        part = channel.recv(PIECE)
        if not part:
            return None
        found += part
    return json.loads(found[HEAD:]) if found else None


def _size(message: bytes) -> int:
    return int(struct.unpack_from("!I", message)[0])


def _serve(channel: socket.socket, open_ledger: OpenLedger, parent: int) -> NoReturn:
    code = 1
    try:
        _settle_in(parent)
        runner = Runner(open_ledger)
        while order := receive(channel):
            send(channel, runner.run(order))
        code = 0
    except BrokenPipeError:
        code = 0  # the worker has gone, and its job belongs to another by now
    except BaseException:
        log.exception("the process of the jobs failed")
    finally:
        logging.shutdown()
        # Not sys.exit: what the worker is to do at its own end is not for its child to do.
        os._exit(code)


def _settle_in(parent: int) -> None:
    # The pipe is the worker's, which a signal of the child would wake.
    signal.set_wakeup_fd(-1)
    # A stop is for the worker, which lets the job end; only SIGKILL ends a job.
    for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    # In a group of its own what a job starts is killed with it, and a terminal's Ctrl-C does not reach it.
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The wish comes too late when the worker has died since the fork.
        if os.getppid() != parent:
            os._exit(0)


class Runner:
    """Runs orders: the job functions of the catalog, under their soft limits. Makes SIGALRM its own."""

    def __init__(self, open_ledger: OpenLedger) -> None:
        self._open_ledger = open_ledger
        self._tasks = catalog.load()
        signal.signal(signal.SIGALRM, _ring)
        self._ledger: Ledger | None = None

    def run(self, order: Message) -> Message:
        """The reply: `result` (JSON text), or `reason`, `delay`, `traceback` and `dependency` of a failure."""
        task = self._tasks[order["task"]].within(order.get("timeout"))
        try:
            self._enter(order, task)
            with soft_limit(task.soft):
                # Checked here, too: another release or another machine may have made the job.
                result = catalog.function(task)(**task.validate(order["args"]))
            # In here, because a result that is no JSON is a bug of the job.
            return {"result": json.dumps(result)}
        except BaseException as error:
            # Whatever a job raises, also SystemExit, is its failure and not the end of this process.
            return _failure(error, order["tries"], task)

    def _enter(self, order: Message, task: catalog.Task) -> None:
        if self._ledger is None:
            self._ledger = self._open_ledger()
        context.enter(
            context.JobContext(
                id=order["id"],
                attempt=order["attempt"],
                tries=order["tries"],
                last_attempt=order["tries"] > task.retry.retries,
                deadline=time.monotonic() + task.soft,
                report=throttled(self._ledger, order["id"]),
                task=task.name,
                queue=order.get("queue"),
            )
        )


def _failure(error: BaseException, tries: int, task: catalog.Task) -> Message:
    dependency = error.dependency if isinstance(error, DependencyDown) else None
    if isinstance(error, SoftTimeLimit):
        error = TransientError(f"it ran longer than {task.soft} s", code="soft-limit")
    elif isinstance(error, redis_py.ConnectionError | redis_py.TimeoutError):
        # As redis-py raised it, it would be taken for a bug: dead without another try.
        error = RedisUnavailable(f"Redis went away: {error}")
    verdict = decide_failure(error, tries=tries, policy=task.retry, randomness=random.random())  # noqa: S311
    trace = "".join(traceback.format_exception(error)) if verdict.keep_traceback else None
    return {"reason": verdict.reason, "delay": verdict.delay, "traceback": trace, "dependency": dependency}


@contextmanager
def soft_limit(seconds: int) -> Iterator[None]:
    """Raise SoftTimeLimit in the block when its time is over, and again every 5 s until it ends."""
    signal.setitimer(signal.ITIMER_REAL, seconds, SOFT_LIMIT_AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise SoftTimeLimit


def throttled(ledger: Ledger, job_id: str) -> context.ProgressReporter:
    """A reporter of progress that writes at most twice a second, and at the end."""
    last = 0.0

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if done >= total or time.monotonic() - last >= PROGRESS_INTERVAL_SECONDS:
            last = time.monotonic()
            try:
                ledger.progress(job_id, done, total, text)
            except StoreUnavailable as error:
                # What people see of a job is no reason for it to fail; the next report says more anyway.
                log.warning("progress is not on the record: %s", error)

    return report
