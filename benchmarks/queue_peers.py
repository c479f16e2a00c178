"""One peer's figure, run with the peers' own Python: `queue_peers.py NAME JOBS SOCKET` prints one number.

A rate is jobs a second, start-up taken off; rq-memory is bytes of Redis a queued job.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

# Celery's and dramatiq's workers import this module too, with arguments of its own.
GIVEN = sys.argv[1:4] if __name__ == "__main__" else ("", "0", os.environ.get("PEER_SOCKET", ""))
NAME, JOBS, SOCKET = GIVEN[0], int(GIVEN[1]), GIVEN[2]


def ping(token: str = "") -> str:
    """What every peer runs."""
    return token


def client() -> Any:
    """A client of the Redis under test."""
    import redis

    return redis.Redis(unix_socket_path=SOCKET)


def rq_queue() -> Any:
    """RQ's queue, with JSON."""
    from rq import Queue
    from rq.serializers import JSONSerializer

    return Queue("peer", connection=client(), serializer=JSONSerializer)


def rq_worker(simple: bool) -> float:
    """RQ's own worker, in burst mode."""
    from rq import SimpleWorker, Worker
    from rq.serializers import JSONSerializer

    queue = rq_queue()
    for number in range(JOBS):
        queue.enqueue("queue_peers.ping", kwargs={"token": str(number)}, result_ttl=3600)
    for name in ("rq.worker", "rq.job"):
        logging.getLogger(name).setLevel(logging.ERROR)
    worker = (SimpleWorker if simple else Worker)([queue], connection=client(), serializer=JSONSerializer)
    begun = time.perf_counter()
    worker.work(burst=True, logging_level="ERROR")
    return JOBS / (time.perf_counter() - begun)


def rq_enqueue(many: bool) -> float:
    """RQ's enqueue, one by one or as enqueue_many."""
    from rq import Queue

    queue = rq_queue()
    begun = time.perf_counter()
    if many:
        for start in range(0, JOBS, 500):
            queue.enqueue_many(
                [
                    Queue.prepare_data("queue_peers.ping", kwargs={"token": str(n)})
                    for n in range(start, min(start + 500, JOBS))
                ]
            )
    else:
        for number in range(JOBS):
            queue.enqueue("queue_peers.ping", kwargs={"token": str(number)})
    rate = JOBS / (time.perf_counter() - begun)
    queue.empty()
    return rate


def rq_memory() -> float:
    """Bytes of Redis for a queued job of RQ's with the same path and arguments as ours."""
    queue, connection = rq_queue(), client()
    before = connection.info("memory")["used_memory"]
    for number in range(JOBS):
        queue.enqueue(
            "jobs.diagnostics.ping",
            kwargs={"token": str(number)},
            job_id=f"{number:016x}",
            job_timeout=660,
            result_ttl=3600,
            failure_ttl=-1,
            description="ping",
        )
    cost = (connection.info("memory")["used_memory"] - before) / JOBS
    queue.empty()
    return float(cost)


def celery_app() -> Any:
    """A Celery that acknowledges late and takes one job at a time."""
    from celery import Celery

    url = f"redis+socket://{SOCKET}"
    app = Celery("queue_peers", broker=url, backend=url)
    app.conf.update(
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        result_expires=3600,
        broker_connection_retry_on_startup=True,
        task_default_queue="celery-peer",
    )
    app.task(name="ping")(ping)
    return app


def __getattr__(name: str) -> Any:
    # What `celery -A queue_peers:app` and dramatiq's command ask for; no other peer needs them loaded.
    if name == "app":
        return celery_app()
    if name == "dramatiq_worker":
        return dramatiq_broker()
    raise AttributeError(name)


def celery() -> float:
    """Celery's prefork worker with one process, from the first result to the last."""
    app = celery_app()
    task = app.tasks["ping"]
    for number in range(JOBS):
        task.delay(token=str(number))
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "queue_peers:app",
        "worker",
        "-c",
        "1",
        "-l",
        "ERROR",
    ]
    environment = {**os.environ, "PEER_SOCKET": SOCKET}
    worker = subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _drain(lambda: int(client().llen("celery-peer")))
    finally:
        worker.terminate()
        worker.wait()


def huey() -> float:
    """Huey's consumer with one process."""
    from huey import RedisHuey

    app = RedisHuey("peer", connection_pool=client().connection_pool)
    task = app.task(name="ping")(ping)
    for number in range(JOBS):
        task(token=str(number))
    child = os.fork()
    if child == 0:
        # A group of its own: its worker process does not end with it.
        os.setpgid(0, 0)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        logging.disable(logging.CRITICAL)
        app.create_consumer(workers=1, worker_type="process", periodic=False).run()
        os._exit(0)
    try:
        return _drain(app.pending_count)
    finally:
        os.killpg(child, 9)
        os.waitpid(child, 0)


def dramatiq_broker() -> Any:
    """A dramatiq with results in Redis."""
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.results import Results
    from dramatiq.results.backends.redis import RedisBackend

    broker = RedisBroker(client=client())
    broker.add_middleware(Results(backend=RedisBackend(client=client()), store_results=True))
    dramatiq.set_broker(broker)
    dramatiq.actor(ping, queue_name="dramatiq-peer")
    return broker


def dramatiq() -> float:
    """Dramatiq's worker with one process and one thread."""
    broker = dramatiq_broker()
    actor = broker.get_actor("ping")
    for number in range(JOBS):
        actor.send(token=str(number))
    worker = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "queue_peers:dramatiq_worker", "-p", "1", "-t", "1"],
        env={**os.environ, "PEER_SOCKET": SOCKET, "dramatiq_queue_prefetch": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _drain(lambda: int(client().hlen("dramatiq:dramatiq-peer.msgs")))
    finally:
        worker.terminate()
        worker.wait()


def _drain(waiting: Callable[[], int]) -> float:
    """Jobs a second, from a tenth of the jobs gone to all gone: start-up is left out."""
    first: tuple[float, int] | None = None
    deadline = time.perf_counter() + 120
    while time.perf_counter() < deadline:
        left = waiting()
        if first is None and left <= JOBS * 0.9:
            first = (time.perf_counter(), left)
        if left == 0 and first is not None:
            return first[1] / (time.perf_counter() - first[0])
        time.sleep(0.01)
    raise SystemExit(f"{NAME}: {waiting()} of {JOBS} jobs are left after two minutes")


FIGURES: dict[str, Callable[[], float]] = {
    "rq-worker": lambda: rq_worker(False),
    "rq-simple": lambda: rq_worker(True),
    "rq-enqueue-one": lambda: rq_enqueue(False),
    "rq-enqueue-many": lambda: rq_enqueue(True),
    "rq-memory": rq_memory,
    "celery": celery,
    "dramatiq": dramatiq,
    "huey": huey,
}

if __name__ == "__main__":
    print(FIGURES[NAME]())
