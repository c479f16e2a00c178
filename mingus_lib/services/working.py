"""Workers on this machine: in the foreground, in the background, and `up`, which brings its own Redis."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mingus_lib.errors import Refused, StoreUnavailable, UsageError
from mingus_lib.queues import catalog, embedded

if TYPE_CHECKING:
    from mingus_lib.runtime import Runtime
    from mingus_lib.settings import Settings

START_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Which queues, in which order, by how many processes, until when."""

    queues: tuple[str, ...] = catalog.QUEUES
    concurrency: int = 1
    burst: bool = False


def order(queues: Sequence[str], concurrency: int, *, burst: bool) -> WorkOrder:
    """A checked order; no queue means all of them."""
    names = tuple(dict.fromkeys(catalog.check_queue(name) for name in queues)) or catalog.QUEUES
    return WorkOrder(names, concurrency, burst)


Renew = Callable[[], "Runtime"]


def run_workers(here: Runtime, work: WorkOrder, renew: Renew) -> int:
    """Work until told to stop (or, in burst mode, until the queues are empty); the exit code.

    `renew` makes a process its own Runtime; it is called in every forked process.
    """
    from mingus_lib.queues.supervisor import Supervisor

    # Both are reached before the first fork: what is wrong is said once, here.
    _ = here.store.id
    here.redis.ping()
    here.close()
    return Supervisor(lambda n: _run_worker(work, n, renew), work.concurrency, burst=work.burst).run()


def _run_worker(work: WorkOrder, number: int, renew: Renew) -> None:
    from mingus_lib.queues.worker import MingusWorker, work_off, worker_name

    here = renew()
    worker = MingusWorker(
        list(work.queues),
        name=worker_name(socket.gethostname(), number),
        connection=here.redis,
        ledger=here.ledger,
        renew=lambda: renew().ledger,
    )
    work_off(worker, burst=work.burst)


def arguments(settings: Settings, work: WorkOrder, *, config: str | None, loglevel: str | None) -> list[str]:
    """The command line of a worker with this order and these settings."""
    given = ["--home", str(settings.home), *(["--config", config] if config else [])]
    given += ["worker", "--concurrency", str(work.concurrency)]
    for name in work.queues:
        given += ["--queue", name]
    given += ["--burst"] if work.burst else []
    return given + (["--loglevel", loglevel] if loglevel else [])


def start_in_background(here: Runtime, arguments: Sequence[str]) -> tuple[int, Path]:
    """Run `mingus ARGUMENTS` detached; its pid and its log. UsageError when it ends at once."""
    log = here.settings.home / "worker.log"
    try:
        here.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {log}: {error.strerror}; set MINGUS_HOME") from error
    before = _worker_keys(here)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", "from cli import main; main()", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=descriptor,
        stderr=descriptor,
        start_new_session=True,
        env=_environment(here.settings),
    )
    os.close(descriptor)
    _await_birth(here, process, before, log)
    return process.pid, log


def _environment(settings: Settings) -> dict[str, str]:
    """The worker's: an address with a password does not belong on a command line."""
    return {**os.environ, **({"MINGUS_REDIS_URL": settings.redis_url} if settings.redis_url else {})}


def _await_birth(here: Runtime, process: subprocess.Popen[bytes], before: set[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not _worker_keys(here) - before:
        if process.poll() is not None:
            raise UsageError(f"the worker ended at once with code {process.returncode}; see {log}")
        if time.monotonic() > deadline:
            process.terminate()
            raise StoreUnavailable(f"the worker has not come up in {START_TIMEOUT_SECONDS:.0f} s; see {log}")
        time.sleep(0.05)


def _worker_keys(here: Runtime) -> set[bytes]:
    return {key for key in here.redis.smembers("rq:workers") if isinstance(key, bytes)}


def run_up(here: Runtime, work: WorkOrder, renew: Renew) -> int:
    """Redis and workers in one terminal; a Redis that this started is stopped when nobody else uses it."""
    settings = here.settings
    with _only_one(settings.home / "up.lock"):
        here.redis.ping()
        started = here.started_redis
        code = run_workers(here, work, renew)
        if started and embedded.answers(settings.home) and not embedded.other_clients(settings.home):
            embedded.stop(settings.home)
    return code


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {path}: {error.strerror}; set MINGUS_HOME") from error
    try:
        _lock_or_refuse(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock_or_refuse(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Refused(
            f"`mingus up` runs already in {path.parent}; stop it, or add workers with `mingus worker`"
        ) from error
