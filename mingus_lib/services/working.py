"""Workers on this machine: in the foreground, in the background, and `up`, which brings its own Redis.

Longer than 300 lines on purpose: the three ways to run them start and stop the same processes in the same order.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib.errors import RedisUnavailable, Refused, StoreUnavailable, UsageError
from mingus_lib.queues import catalog, embedded
from mingus_lib.queues.names import SCHEDULER
from mingus_lib.queues.owner import WORD
from mingus_lib.services.scheduling import check as check_timetable
from mingus_lib.services.scheduling import run_scheduler, scheduler_name

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.queues.supervisor import Supervisor
    from mingus_lib.queues.turns import Pulses
    from mingus_lib.runtime import Runtime
    from mingus_lib.settings import Settings

log = logging.getLogger("mingus.worker")

START_TIMEOUT_SECONDS = 15.0
MAX_PAUSE_SECONDS = 5.0
# Less than the silence after which a worker counts as dead.
BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Which queues, in which order, by how many processes, under which name, until when."""

    queues: tuple[str, ...] = catalog.QUEUES
    concurrency: int = 1
    burst: bool = False
    wait_scheduled: bool = False
    fair: bool = False
    max_jobs: int | None = None
    name: str | None = None


def order(queues: Sequence[str], concurrency: int, **how: Any) -> WorkOrder:
    """A checked order; no queue means all of them, in turn. Raises NotFound or UsageError."""
    names = catalog.check_queues(queues)
    # Where nobody has named an order, ten thousand addresses must not keep a mail or a report waiting for hours.
    how["fair"] = how.get("fair", False) or not names
    wanted = WorkOrder(names or catalog.QUEUES, concurrency, **how)
    # With the number of the last worker: a keeper would not know the owner of a job by a longer word.
    if wanted.name is not None and WORD.fullmatch(f"{wanted.name}-{concurrency}") is None:
        raise UsageError(f"--name {wanted.name[:40]!r}: use up to 96 letters, digits, dots, _ and -")
    if wanted.wait_scheduled and not wanted.burst:
        raise UsageError("--wait-scheduled goes with --burst")
    return wanted


Renew = Callable[[], "Runtime"]


def run_workers(here: Runtime, work: WorkOrder, renew: Renew, *, scheduler: bool = False) -> int:
    """Work until told to stop (or, in burst mode, until the queues are empty); the exit code.

    `renew` makes a process its own Runtime; it is called in every forked process. `scheduler` runs one, too.
    """
    from mingus_lib.queues.notify import Notifier
    from mingus_lib.queues.supervisor import Supervisor
    from mingus_lib.queues.turns import Doing, Pulses

    # All are reached before the first fork: what is wrong is said once, here.
    _ = here.store.id
    here.keyring.own()
    try:
        here.redis.ping()
    except RedisUnavailable as error:
        if here.settings.redis_url is None:
            raise
        # A Redis of others may come back; a private one that cannot be started is for the operator to mend.
        log.warning("%s; waiting for it", error)
    # Before the fork, so that all processes share what was loaded; connections each makes anew.
    catalog.load()
    here.close()
    # Called in forked processes, by when `supervisor` and `pulses` are there.
    aides: dict[str, Callable[[], object]] = {
        "the keeper": lambda: _run_keeper(renew, supervisor.lifeline, lambda: pulses.turn(0, Doing.IDLE))
    }
    if scheduler:
        aides["the scheduler"] = lambda: run_scheduler(
            renew(), supervisor.lifeline, lambda: pulses.turn(-1, Doing.IDLE)
        )
    pulses = Pulses(work.concurrency + len(aides))
    supervisor = Supervisor(
        lambda number: _run_worker(work, number, renew, supervisor, pulses),
        work.concurrency,
        burst=work.burst,
        aides=aides,
        pulses=pulses,
        manager=Notifier.take(),
    )
    return supervisor.run()


def _run_worker(work: WorkOrder, number: int, renew: Renew, supervisor: Supervisor, pulses: Pulses) -> None:
    from mingus_lib.queues.supervisor import DISMISSED
    from mingus_lib.queues.turns import Doing
    from mingus_lib.queues.worker import MingusWorker, Order, worker_name

    here = renew()
    host = socket.gethostname()
    name = worker_name(host, number)
    if work.name is not None:
        name = work.name if work.concurrency == 1 else f"{work.name}-{number}"
    client = _wait_for_redis(here, lambda: pulses.turn(number, Doing.WAITING))
    worker = MingusWorker(
        work.queues,
        name=name,
        connection=client,
        ledger=here.ledger,
        keys=lambda: here.keyring.keys,
        open_ledger=lambda: renew().ledger,
        order=Order(
            burst=work.burst,
            wait_scheduled=work.wait_scheduled,
            max_jobs=work.max_jobs,
            fair=work.fair,
            results_ttl=here.settings.results_ttl,
        ),
        where=here.redis_where,
        lifeline=supervisor.lifeline,
        supervisor=supervisor.process,
        pulse=lambda doing, jobs: pulses.turn(number, doing, jobs),
    )
    _note_start(here, name)
    worker.work()
    if worker.dismissed or worker.has_done_enough:
        # With this code the supervisor starts no other in its place.
        raise SystemExit(DISMISSED)


def _note_start(here: Runtime, name: str) -> None:
    """Put the start on the record, for reports on operations; a store that is away stops no worker."""
    try:
        here.operations.note_start(name, datetime.now(UTC))
    except StoreUnavailable as error:
        log.warning("the start of worker %s is not on the record: %s", name, error)


def _wait_for_redis(here: Runtime, turn: Callable[[], None]) -> Redis:
    """A client of a Redis that is up; a worker does not give up for want of it."""
    pause, said = 0.1, ""
    while True:
        turn()
        try:
            return here.redis
        except RedisUnavailable as error:
            # Said once, and not at every try.
            if str(error) != said:
                said = str(error)
                log.error("%s; trying again", error)
            time.sleep(pause)
            pause = min(MAX_PAUSE_SECONDS, pause * 2)


def _run_keeper(renew: Renew, lifeline: int, turn: Callable[[], None]) -> None:
    from mingus_lib.queues.attention import Attention
    from mingus_lib.queues.keeper import Keeper, keep

    here = renew()

    def open_keeper() -> Keeper:
        # Afresh each time: this is where an embedded Redis that was killed is started again.
        here.close()
        return Keeper(here.redis, here.ledger, here.keyring.own, here.redis_where, here.settings.results_ttl)

    attention = Attention(lifeline)

    def turned(seconds: float) -> bool:
        turn()
        return attention.rest(seconds)

    with attention.listening():
        keep(open_keeper, turned)


def common_arguments(settings: Settings, config: str | None) -> list[str]:
    """The global options that lead another process to this library."""
    given = ["--home", str(settings.home), *(["--config", config] if config else [])]
    return given + (["--log-file", str(settings.log_file)] if settings.log_file else [])


def arguments(settings: Settings, work: WorkOrder, *, config: str | None, loglevel: str | None) -> list[str]:
    """The command line of a worker with this order and these settings."""
    given = [*common_arguments(settings, config), "worker", "--concurrency", str(work.concurrency)]
    for name in work.queues:
        given += ["--queue", name]
    for flag, given_it in (
        ("--burst", work.burst), ("--wait-scheduled", work.wait_scheduled), ("--fair", work.fair)
    ):  # fmt: skip
        given += [flag] if given_it else []
    given += ["--max-jobs", str(work.max_jobs)] if work.max_jobs else []
    given += ["--name", work.name] if work.name else []
    return given + (["--loglevel", loglevel] if loglevel else [])


def start_in_background(here: Runtime, what: str, arguments: Sequence[str]) -> tuple[int, Path]:
    """Run `mingus ARGUMENTS`, a worker or scheduler, detached; its pid and log. UsageError when it ends at once."""
    born = _births(here) if what == "worker" else _scheduler_born(here)
    log = here.settings.home / f"{what}.log"
    try:
        here.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {log}: {error.strerror}; set MINGUS_HOME") from error
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", "from cli import main; main()", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=descriptor,
        stderr=descriptor,
        # Not ended with the terminal, nor by its Ctrl-C.
        start_new_session=True,
        env=_environment(here.settings),
    )
    os.close(descriptor)
    try:
        _await_birth(what, lambda: born(process.pid), process, log)
    except BaseException:
        process.terminate()
        raise
    return process.pid, log


def _environment(settings: Settings) -> dict[str, str]:
    """The worker's: an address with a password does not belong on a command line."""
    return {**os.environ, **({"MINGUS_REDIS_URL": settings.redis_url} if settings.redis_url else {})}


def _await_birth(what: str, born: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not born():
        if process.poll() is not None:
            raise UsageError(f"the {what} ended at once with code {process.returncode}; see {log}")
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"the {what} has not come up in {START_TIMEOUT_SECONDS:.0f} s; see {log}")
        time.sleep(0.05)


def _births(here: Runtime) -> Callable[[int], bool]:
    """Whether a worker has registered since now; its name does not tell its supervisor's pid."""
    before = _worker_keys(here)
    return lambda _pid: bool(_worker_keys(here) - before)


def _scheduler_born(here: Runtime) -> Callable[[int], bool]:
    # Asked now, so that none is started that nobody would know of.
    here.redis.ping()
    return lambda pid: bool(here.redis.exists(SCHEDULER + scheduler_name(pid)))


def _worker_keys(here: Runtime) -> set[bytes]:
    return {key for key in here.redis.smembers("rq:workers") if isinstance(key, bytes)}


def run_up(here: Runtime, work: WorkOrder, renew: Renew) -> int:
    """Redis, workers and a scheduler in one terminal; a Redis that this started is stopped when nobody else uses it."""
    settings = here.settings
    check_timetable(here)
    with _only_one(settings.home / "up.lock"):
        here.redis.ping()
        started = here.started_redis
        code = run_workers(here, work, renew, scheduler=True)
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
