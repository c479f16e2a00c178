"""Jobs through the queues: how many a second, how soon, at what cost, beside the peers in the same run.

    python benchmarks/queues.py [--jobs 3000] [--queued 1000000] [--only PART]... [--json]

The peers are installed into an environment of their own (build/peers). All use the same Redis (append-only file on,
Unix socket), keep results and run a function that does next to nothing, in one worker process:

- RQ: Worker (a fork a job) and SimpleWorker (no fork), JSON serializer, their logs off;
- Celery: prefork -c 1, acks_late, prefetch 1, JSON, results in Redis;
- dramatiq: one process, one thread, prefetch 1, results in Redis;
- huey: one process, results in Redis; it acknowledges nothing, so a kill loses the job.
mingus signs its jobs, writes two transactions of its ledger a job and keeps RQ's own keys right.
Rates are measured from the first job's start to the last one's end where a peer tells, else over the worker's run
less its start-up, which is measured with an empty queue.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
import psutil
from claims import Claim, publish
from peers import python_with

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("celery[redis]>=5.4", "dramatiq[redis]>=1.17", "huey>=2.5", "rq>=3")
PEER_CODE = Path(__file__).with_name("queue_peers.py")
ARTICLE_JOBS = 400

Figures = dict[str, Any]


def peer_python() -> str:
    """A Python with the peers; made on first use."""
    return python_with("peers", *PACKAGES)


def socket_of(environment: dict[str, str]) -> str:
    """The Unix socket of the library's Redis, started if need be."""
    from mingus_lib.queues import embedded

    home = Path(environment["MINGUS_HOME"])
    embedded.ensure_running(home)
    return str(embedded.socket_path(home))


def rate_of_peer(name: str, jobs: int, socket: str) -> float:
    """Jobs a second of one peer."""
    shown = subprocess.run(
        [peer_python(), str(PEER_CODE), name, str(jobs), socket],
        capture_output=True,
        text=True,
        check=True,
        cwd=PEER_CODE.parent,
    )
    return float(shown.stdout.split()[-1])


def pings(count: int, **arguments: Any) -> str:
    """Lines for `mingus enqueue ping --lines -`."""
    return "\n".join(json.dumps({"token": str(n), **arguments}) for n in range(count))


def rate_of_mingus(environment: dict[str, str], jobs: int, workers: int = 1) -> float:
    """Jobs a second of so many worker processes, from the ledger: first start to last end."""
    processes.run(
        environment, "enqueue", "ping", "--queue", "cleanup", "--lines", "-", "-q", given=pings(jobs)
    )
    processes.run(
        environment, "worker", "--burst", "--queue", "cleanup", "-c", str(workers), "--loglevel", "warning"
    )
    return jobs / _span(environment, jobs)


def _span(environment: dict[str, str], jobs: int) -> float:
    told = json.loads(processes.run(environment, "jobs", "--json", "--limit", str(jobs)))
    assert all(job["state"] == "finished" for job in told), "not every job finished"
    started, ended = ([datetime.fromisoformat(job[at]) for job in told] for at in ("started_at", "ended_at"))
    return (max(ended) - min(started)).total_seconds()


def throughput(jobs: int) -> tuple[Figures, list[Claim]]:
    """One worker process, every peer in turn, three rounds; medians."""
    rates: dict[str, list[float]] = {}
    for _ in range(3):
        with processes.library() as environment:
            socket = socket_of(environment)
            rates.setdefault("mingus", []).append(rate_of_mingus(environment, jobs))
            for name, share in (
                ("rq-worker", 10),
                ("rq-simple", 2),
                ("celery", 1),
                ("dramatiq", 1),
                ("huey", 1),
            ):
                rates.setdefault(name, []).append(rate_of_peer(name, jobs // share, socket))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    own = medians["mingus"]
    claims = [
        Claim("ping jobs / RQ Worker", own / medians["rq-worker"], ">=", 10, " x"),
        Claim("ping jobs / RQ SimpleWorker", own / medians["rq-simple"], ">=", 2, " x"),
        Claim("ping jobs / Celery prefork -c 1", own / medians["celery"], ">=", 2, " x"),
    ]
    spread = {f"{name}, lowest and highest": f"{min(r):.0f}, {max(r):.0f}" for name, r in rates.items()}
    return {"jobs a second, median of 3": medians, "spread": spread}, claims


def scaling(_: int) -> tuple[Figures, list[Claim]]:
    """Two processes against one, on jobs that cost CPU: an article's kept page read again."""
    spans: dict[int, list[float]] = {}
    with processes.library(fetch_interval="0", fetch_allow_networks="127.0.0.0/8") as environment:
        _add_an_article(environment)
        lines = "\n".join(['{"article_id": 1, "offline": true}'] * ARTICLE_JOBS)
        for count in (1, 2, 1, 2):
            processes.run(environment, "enqueue", "reprocess_article", "--lines", "-", "-q", given=lines)
            processes.run(environment, "worker", "--burst", "-c", str(count), "--loglevel", "warning")
            spans.setdefault(count, []).append(_span(environment, ARTICLE_JOBS))
    one, two = (min(spans[count]) for count in (1, 2))
    facts = {"one process, s": one, "two processes, s": two, "ms a job": one / ARTICLE_JOBS * 1000}
    return {f"{ARTICLE_JOBS} jobs of CPU": facts}, [Claim("two processes / one", one / two, ">=", 1.8, " x")]


def _add_an_article(environment: dict[str, str]) -> None:
    from slow_site import serve

    with serve("heavy", 1) as site:
        processes.run(environment, "add", site.addresses[0], "-q")
        processes.run(environment, "worker", "--burst", "--loglevel", "warning")


def enqueueing(jobs: int) -> tuple[Figures, list[Claim]]:
    """Enqueue in bulk and one by one, in one process, beside RQ."""
    with processes.library() as environment:
        socket = socket_of(environment)
        rq_one, rq_many = (rate_of_peer(f"rq-enqueue-{how}", jobs, socket) for how in ("one", "many"))
        with _runtime(environment) as here:
            from mingus_lib.queues.enqueue import new_job

            specs = [new_job("ping", {"token": str(n)}, queue="analytics") for n in range(jobs)]
            many = jobs / _seconds(lambda: here.enqueuer.submit(specs))
            few = specs[: jobs // 4]
            one = len(few) / _seconds(lambda: _enqueue_singly(here, len(few)))
    facts = {"mingus, many": many, "mingus, one by one": one, "RQ, many": rq_many, "RQ, one by one": rq_one}
    claims = [
        Claim("enqueue of many, a second", many, ">=", 3000),
        Claim("enqueue one by one / RQ's", one / rq_one, ">=", 0.5, " x"),
    ]
    return {"jobs enqueued a second": facts}, claims


def _enqueue_singly(here: Any, count: int) -> None:
    for number in range(count):
        _submit(here, number, 1)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


@contextlib.contextmanager
def _runtime(environment: dict[str, str]) -> Iterator[Any]:
    from mingus_lib import runtime, settings
    from mingus_lib.runtime import Runtime

    here = runtime.use(Runtime(settings.load(env=environment)))
    try:
        yield here
    finally:
        here.close()


def idling(_: int) -> tuple[Figures, list[Claim]]:
    """An idle worker's CPU and memory, and how soon it starts a job."""
    with processes.library() as environment, _runtime(environment) as here:
        command = [processes.script("mingus"), "worker", "--queue", "cleanup", "--loglevel", "warning"]
        worker = subprocess.Popen(command, env=environment)
        try:
            latencies = _latencies(here)
            tree = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
            before = [sum(process.cpu_times()[:2]) for process in tree]
            time.sleep(20)
            shares = [(sum(p.cpu_times()[:2]) - b) / 20 for p, b in zip(tree, before, strict=True)]
            memory = {f"process {n}, MB": p.memory_info().rss / 1e6 for n, p in enumerate(tree, 1)}
        finally:
            worker.terminate()
            worker.wait()
    latency = statistics.median(latencies) * 1000
    facts = {
        "CPU of all its processes, share of a core": sum(shares),
        **memory,
        "latency, ms, median": latency,
    }
    claims = [
        Claim("idle worker, share of a core", sum(shares), "<", 0.01),
        Claim("idle worker, largest process", max(memory.values()), "<", 70, " MB"),
        Claim("enqueue to start, median", latency, "<", 10, " ms"),
    ]
    return {"idle": facts}, claims


def _latencies(here: Any) -> list[float]:
    from mingus_lib.queues.enqueue import new_job

    found = []
    for number in range(60):
        (job_id,) = here.enqueuer.submit([new_job("ping", {"token": str(number)}, queue="cleanup")])
        while not (run := here.history.get(job_id)).ended:
            time.sleep(0.01)
        began = datetime.fromisoformat(run.started_at) - datetime.fromisoformat(run.confirmed_at)
        found.append(began.total_seconds())
        time.sleep(0.05)
    return found[10:]


def growth(queued: int) -> tuple[Figures, list[Claim]]:
    """What a million queued jobs cost: commands, dequeue, memory a job."""
    with processes.library() as environment, _runtime(environment) as here:
        socket = socket_of(environment)
        small = _costs(environment, here)
        empty = here.redis.info("memory")["used_memory"]
        for start in range(0, queued, 50_000):
            _submit(here, start, min(50_000, queued - start))
        own = (here.redis.info("memory")["used_memory"] - empty) / queued
        large = _costs(environment, here)
        peer = rate_of_peer("rq-memory", 20_000, socket)
    facts = {
        **{f"{name}, s, few jobs": value for name, value in small.items()},
        **{f"{name}, s, {queued:,} jobs": value for name, value in large.items()},
        "Redis, bytes a job": own,
        "Redis, bytes a job, RQ": peer,
    }
    claims = [
        Claim(f"{name} with {queued:,} queued", large[name] / small[name], "<=", 1.5, " x") for name in small
    ]
    return {"growth": facts}, [*claims, Claim("Redis memory a job / RQ's", own / peer, "<=", 1.3, " x")]


def _submit(here: Any, start: int, count: int) -> None:
    from mingus_lib.queues.enqueue import new_job

    here.enqueuer.submit(
        new_job("ping", {"token": str(n)}, queue="analytics") for n in range(start, start + count)
    )


def _costs(environment: dict[str, str], here: Any) -> dict[str, float]:
    """Medians: two commands as processes, and one take-and-settle in process."""
    return {
        name: statistics.median(_seconds(partial(processes.run, environment, *line)) for _ in range(9))
        for name, line in (("status", ("status", "--json")), ("queues", ("queues", "--json")))
    } | {"dequeue": statistics.median(_dequeues(here))}


def _dequeues(here: Any) -> list[float]:
    from mingus_lib.queues.delivery import Delivery, How, Settlement
    from mingus_lib.queues.owner import Process

    delivery, process = Delivery(here.redis, "bench"), Process.this()
    _submit(here, 10**9, 300)
    found: list[float] = []
    done = None
    for number in range(300):
        begun = time.perf_counter()
        _, job = delivery.turn(process, "bench", f"{number:032x}", ["analytics"], done)
        found.append(time.perf_counter() - begun)
        assert job is not None
        done = Settlement(job, How.FINISHED, 60, "bnVsbA==")
    delivery.turn(process, "bench", "f" * 32, [], done)
    return found


PARTS: dict[str, Callable[[int], tuple[Figures, list[Claim]]]] = {
    "throughput": throughput,
    "scaling": scaling,
    "enqueueing": enqueueing,
    "idling": idling,
    "growth": growth,
}


def main() -> None:
    """Run the parts and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--queued", type=int, default=1_000_000)
    parser.add_argument("--only", choices=list(PARTS), action="append")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures: Figures = {}
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in given.only or PARTS:
            found, held = PARTS[name](given.queued if name == "growth" else given.jobs)
            figures |= found
            claims += held
    publish(claims, figures, as_json=given.json)


if __name__ == "__main__":
    main()
