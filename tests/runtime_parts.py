"""The parts of the queue runtime, put together for one test: a ledger, keys, a producer, workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mingus_lib.domain.jobs import JobRun
from mingus_lib.queues import context
from mingus_lib.queues.connection import connect
from mingus_lib.queues.delivery import Delivery
from mingus_lib.queues.enqueue import Enqueuer, new_job
from mingus_lib.queues.keeper import Keeper
from mingus_lib.queues.keyring import KeyRing
from mingus_lib.queues.worker import MingusWorker, Order
from mingus_lib.store.database import Store
from mingus_lib.store.history import History
from mingus_lib.store.ledger import Ledger


@contextmanager
def running(job: context.JobContext) -> Iterator[None]:
    """The job runs in this block, and in nothing after it."""
    token = context._current.set(job)
    try:
        yield
    finally:
        context._current.reset(token)


@dataclass
class Parts:
    """A library in `folder` on the Redis of `client`; `url` is for connections of its own."""

    folder: Path
    client: Any
    url: str
    queues: tuple[str, ...] = ("analytics", "cleanup")
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.open(self.folder / "mingus.db")
        self.ledger = Ledger(self.store)
        self.history = History(self.store)
        self.keyring = KeyRing(self.folder / "keys.json")
        self.delivery = Delivery(self.client, "test")

    @property
    def enqueuer(self) -> Enqueuer:
        return Enqueuer(lambda: self.client, self.ledger, self.keyring.own, "test")

    def keeper(self, **more: Any) -> Keeper:
        return Keeper(self.client, self.ledger, self.keyring.own, "test", **more)

    def worker(self, name: str = "tester", **order: Any) -> MingusWorker:
        return MingusWorker(
            self.queues,
            name=name,
            connection=connect(self.url),
            ledger=self.ledger,
            keys=lambda: self.keyring.keys,
            open_ledger=lambda: Ledger(Store(self.folder / "mingus.db")),
            # The process of the tests holds far more than a worker does, and its children with it.
            order=Order(**{"burst": True, "child_memory": 4_000_000_000, **order}),
            where="test",
        )

    def ping(self, queue: str = "cleanup", *, delay: float = 0.0, attempts: int = 0, **arguments: Any) -> str:
        (job_id,) = self.enqueuer.submit(
            [new_job("ping", arguments, queue=queue, delay=delay, attempts=attempts)]
        )
        return job_id

    def job(self, job_id: str) -> JobRun:
        found = self.history.get(job_id)
        assert found is not None
        return found

    def run(self, **arguments: Any) -> JobRun:
        """A ping, worked off."""
        job_id = self.ping(**arguments)
        self.worker().work()
        return self.job(job_id)
