"""The peers of guarantees.py, run with their own Python: `guarantee_peers.py NAME enqueue|work SOCKET FILE [TOKEN]...`.

A job appends its token to FILE: how often it ran can be counted from outside.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

GIVEN = sys.argv[1:] if __name__ == "__main__" else os.environ.get("PEER_GIVEN", " work  ").split(" ")
NAME, ACT, SOCKET, FILE, *TOKENS = GIVEN
QUEUES = ("first", "second")


def note(token: str, file: str) -> None:
    """What every peer runs."""
    with Path(file).open("a") as stream:
        stream.write(f"{token}\n")


def rq() -> None:
    """RQ's own Worker on two queues, JSON, as its documentation has it."""
    import redis
    from rq import Queue, Retry, Worker
    from rq.serializers import JSONSerializer

    client = redis.Redis(unix_socket_path=SOCKET)
    queues = [Queue(name, connection=client, serializer=JSONSerializer) for name in QUEUES]
    if ACT == "enqueue":
        for token, queue in zip(TOKENS, queues, strict=True):
            queue.enqueue("guarantee_peers.note", token, FILE, job_id=token, retry=Retry(3))
    else:
        Worker(queues, connection=client, serializer=JSONSerializer).work(burst=True)


def celery_app() -> Any:
    """Celery with late acknowledgement, its visibility timeout at 5 s instead of an hour."""
    from celery import Celery

    app = Celery("guarantee_peers", broker=f"redis+socket://{SOCKET}", backend=None)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 5},
    )
    app.task(name="note")(note)
    return app


def celery() -> None:
    """Celery's prefork worker with one process."""
    app = celery_app()
    if ACT == "enqueue":
        for token, queue in zip(TOKENS, QUEUES, strict=True):
            app.send_task("note", args=[token, FILE], task_id=token, queue=queue)
        return
    os.environ["PEER_GIVEN"] = " ".join([NAME, ACT, SOCKET, FILE])
    command = ["-A", "guarantee_peers:app", "worker", "-c", "1", "-Q", ",".join(QUEUES), "-l", "ERROR"]
    os.execv(sys.executable, [sys.executable, "-m", "celery", *command])


def __getattr__(name: str) -> Any:
    # What `celery -A guarantee_peers:app` asks for.
    if name == "app":
        return celery_app()
    raise AttributeError(name)


if __name__ == "__main__":
    {"rq": rq, "celery": celery}[NAME]()
