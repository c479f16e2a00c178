"""A library to be killed in: processes that work on it through the killing proxy, and what must hold afterwards."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from mingus_lib import runtime, settings
from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.queues import agreement, catalog, embedded, keeper
from mingus_lib.queues.connection import connect
from mingus_lib.queues.delivery import RUNNING, Delivery
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.keeper import Keeper
from mingus_lib.queues.names import QUEUES
from mingus_lib.queues.owner import start_time
from mingus_lib.queues.worker import MingusWorker, Order
from mingus_lib.runtime import Runtime
from tests.redis_proxy import Heard, Proxy

WHOLE = bool(os.environ.get("MINGUS_TEST_CRASH"))
PATIENCE_SECONDS = 20.0
RATES = {"process_new_articles": "10/min", "classify_article_batch": "5/min"}
RECOVERIES = 8


@contextmanager
def impatient_keepers() -> Iterator[None]:
    """Keepers that wait for nothing: what they do after ten seconds, they do at once."""
    names = ("SLOW_SECONDS", "UNCONFIRMED_SECONDS", "GRACE_SECONDS")
    before = {name: getattr(keeper, name) for name in names}
    for name in names:
        setattr(keeper, name, 0.0)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(keeper, name, value)


def fork(do: Callable[[], object], log: Path) -> int:
    """A process of its own group that does it, its messages in the file; the pid."""
    pid = os.fork()
    if pid == 0:
        _be(do, log)
    return pid


def _be(do: Callable[[], object], log: Path) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        root = logging.getLogger()
        root.handlers[:] = [logging.StreamHandler(sys.stderr)]
        do()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(pid: int, seconds: float = PATIENCE_SECONDS) -> int:
    """Wait for the process; its exit code, negative for a signal. One that does not end is a failure."""
    deadline = time.monotonic() + seconds
    while not (found := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError(f"process {pid} did not end within {seconds:.0f} s")
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(found[1])


@dataclass
class Lab:
    """A library in `home` with a Redis of its own, a proxy before that, and rate limits off."""

    home: Path
    queues: tuple[str, ...] = ("analytics", "cleanup")
    proxy: Proxy = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        embedded.ensure_running(self.home)
        self.log = self.home / "log"
        self.proxy = Proxy(self.home, embedded.socket_path(self.home))
        self.client = connect(embedded.url(self.home))
        self.here = self.runtime(embedded.url(self.home))
        self.delivery = Delivery(self.client, "test")
        catalog.configure({task: {"rate_limit": "off"} for task in RATES})
        _ = self.here.redis, self.here.keyring.own()

    @property
    def redis_pid(self) -> int:
        """The pid of its Redis."""
        return int((self.home / "redis" / "redis.pid").read_text())

    def close(self) -> None:
        """Stop what runs, and let the rate be what it was."""
        catalog.configure({task: {"rate_limit": rate} for task, rate in RATES.items()})
        self.here.close()
        self.client.close()
        embedded.stop(self.home)

    def runtime(self, url: str) -> Runtime:
        """A runtime of this library on that Redis, made this process's own."""
        values = settings.load({"redis_url": url}, self.environment())
        return runtime.use(Runtime(values))

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of its commands."""
        return {
            "MINGUS_HOME": str(self.home),
            "MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "MINGUS_FETCH_INTERVAL": "0",
            "NO_COLOR": "1",
            **more,
        }

    # What may be killed.

    def worker(self, url: str, queues: tuple[str, ...] = (), **order: Any) -> MingusWorker:
        """A burst worker; call it in the process that is to be the worker."""
        here = self.runtime(url)
        return MingusWorker(
            queues or self.queues,
            name=f"w{os.getpid()}",
            connection=connect(url),
            ledger=here.ledger,
            keys=lambda: here.keyring.keys,
            open_ledger=lambda: self.runtime(url).ledger,
            order=Order(**{"burst": True, **order}),
            where="test",
        )

    def keeper(self, url: str | None = None, **more: Any) -> Keeper:
        """A keeper of its own, with connections of its own."""
        here = self.runtime(url or embedded.url(self.home))
        return Keeper(connect(here.redis_url), here.ledger, here.keyring.own, "test", **more)

    def under(self, do: Callable[[], object], **plan: Any) -> tuple[int, Heard]:
        """Fork a process that does it, watched by the proxy as planned: its exit code, and what the proxy heard."""
        reading, writing = os.pipe()

        def wait_and_do() -> None:
            os.close(writing)
            os.read(reading, 1)
            do()

        pid = fork(wait_and_do, self.log)
        os.close(reading)
        # 1 stands for the process itself, whose pid was not known before.
        plan["victims"] = [pid if victim == 1 else victim for victim in plan.get("victims", [0])]
        self.proxy.arm(watch=pid, **plan)
        os.close(writing)
        code = self._ended(pid)
        return code, self.proxy.heard()

    def _ended(self, pid: int) -> int:
        """Wait for the process, and start Redis again when the proxy killed it."""
        redis = self.redis_pid
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := os.waitpid(pid, os.WNOHANG))[0]:
            if start_time(redis) is None and embedded.ensure_running(self.home):
                redis = self.redis_pid
            if time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
                raise AssertionError(f"it does not end: {self.log.read_text()[-3000:]}")
            time.sleep(0.002)
        embedded.ensure_running(self.home)
        return os.waitstatus_to_exitcode(found[1])

    # Jobs.

    def ping(self, queue: str = "cleanup", **arguments: Any) -> str:
        """A job that was accepted."""
        return self.enqueue("ping", arguments, queue=queue)

    def enqueue(self, task: str, arguments: dict[str, Any], **how: Any) -> str:
        """A job that was accepted."""
        (job_id,) = self.here.enqueuer.submit([new_job(task, arguments, **how)])
        return job_id

    def job(self, job_id: str) -> JobRun:
        """What the ledger says of it."""
        found = self.here.history.get(job_id)
        assert found is not None, f"{job_id} is not on the record"
        return found

    # What must hold.

    def recover(self) -> None:
        """Keepers and fresh workers, until no job is open; scheduled ones are made due."""
        runtime.use(self.here)
        guard = self.keeper()
        for _ in range(RECOVERIES):
            self.tick(guard)
            assert not self.client.hlen(RUNNING), f"held by nobody known: {self.client.hgetall(RUNNING)}"
            for queue in QUEUES:
                waiting: Any = self.client.zrange(f"rq:scheduled:{queue}", 0, -1)
                for raw in waiting:
                    self.client.zadd(f"rq:scheduled:{queue}", {raw: 1})
            self.delivery.move_due()
            self.work()
            self.tick(guard)
            if not any(self.here.ledger.open_pages(1)):
                break
        guard.client.close()
        runtime.use(self.here)

    def work(self) -> None:
        """A fresh burst worker, in a process of its own."""
        code = ended(fork(lambda: self.worker(embedded.url(self.home), QUEUES).work(), self.log))
        assert code == 0, self.log.read_text()[-3000:]

    def tick(self, guard: Keeper) -> None:
        """Two whole rounds of a keeper."""
        for _ in range(2):
            guard.tick()
            while guard.busy:
                guard.tick()

    def check(
        self, job_id: str, *, most: int = 2, states: tuple[JobState, ...] = (JobState.FINISHED,)
    ) -> int:
        """The job has ended, after at most so many runs, and nothing of it is left; the extra runs."""
        run = self.job(job_id)
        assert run.state in states, f"{run}"
        assert run.attempts <= most, f"{run}"
        found = agreement.look(self.delivery, self.here.ledger)
        assert found.whole, f"{found}"
        return max(0, run.attempts - 1)
