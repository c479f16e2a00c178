"""From addresses to articles: how near mingus comes to what the network and the cores allow.

    python benchmarks/pipeline.py [--pages 500] [--sample 50] [--size heavy] [--json]

Fifty hosts on loopback answer after 200 ms; nothing is cached between the runs. The addresses are added
first, then a burst worker of article_processing with --concurrency 2 is timed from its start to its exit, start-up
included.

The physical limit is the larger of
- the network's: one request a page and one robots.txt a host, 200 ms each, on 16 connections a process;
- the cores': CPU of `extract` for all the pages with everything loaded, taken on all the cores given at once, just
  before and just after: cores are slower together than alone, and slower the longer they work.
The peer takes the pages one by one with a requests session and readability-lxml, no robots.txt, nothing
stored; a sample of pages is timed and multiplied, as every page costs the same wait.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import processes
import requests
from articles_made_up import SIZES, page
from claims import Claim, publish
from machine import cores
from readability import Document
from slow_site import HOSTS, LATENCY_SECONDS, Site, serve

from mingus_lib.domain.extract import extract

CONCURRENCY = 2
CONNECTIONS = 16
WARM_UP_PAGES = 5


@dataclass(frozen=True, slots=True)
class Limit:
    """Seconds that no program of this kind can beat."""

    network: float
    extraction: float

    @property
    def seconds(self) -> float:
        """The larger one holds."""
        return max(self.network, self.extraction)


@dataclass(frozen=True, slots=True)
class Run:
    """One size of page, measured."""

    size: str
    pages: int
    articles: int
    add_seconds: float
    worker: processes.Usage
    jobs_seconds: float
    site: Site
    limit: Limit
    one_by_one: float
    others_cores: float

    @property
    def to_limit(self) -> float:
        """Wall time in limits."""
        return self.worker.wall / self.limit.seconds

    @property
    def to_one_by_one(self) -> float:
        """How many times as fast as the peer."""
        return self.one_by_one / self.worker.wall

    def facts(self) -> dict[str, Any]:
        """Every figure by its name."""
        return {
            "page bytes, median": int(statistics.median(len(page(self.size, n)) for n in range(self.pages))),
            "articles stored": self.articles,
            "add, s": self.add_seconds,
            "worker wall, s": self.worker.wall,
            "of it from the first job's start to the last one's end, s": self.jobs_seconds,
            "the same in limits": self.jobs_seconds / self.limit.seconds,
            "worker CPU, s": self.worker.cpu,
            "limit by network, s": self.limit.network,
            "limit by extraction, s": self.limit.extraction,
            "extraction CPU, ms a page": self.limit.extraction * _cores() / self.pages * 1000,
            "worker CPU, ms a page": self.worker.cpu / self.pages * 1000,
            "worker CPU alone on the cores, in limits": self.worker.cpu / _cores() / self.limit.seconds,
            "one by one, s": self.one_by_one,
            "peak memory of a process, MB": self.worker.peak_bytes / processes.MEGABYTE,
            "cores taken by other programs": self.others_cores,
            **{f"server: {name}": value for name, value in asdict(self.site.served).items()},
        }


def measure(size: str, pages: int, sample: int) -> Run:
    """Serve, add, work, and take the peer over a sample."""
    before = _extraction_seconds(size, pages)
    settings = {"fetch_interval": "0", "fetch_allow_networks": "127.0.0.0/8"}
    with serve(size, pages) as site, processes.library(**settings) as environment:
        begun = time.perf_counter()
        processes.run(environment, "add", "-", given="\n".join(site.addresses))
        added = time.perf_counter() - begun
        worker, others = _work(environment)
        extraction = (before + _extraction_seconds(size, pages)) / 2
        articles, jobs = _stored(environment), _jobs_seconds(environment)
    with serve(size, pages) as again:
        one_by_one = _one_by_one(again.addresses[:sample]) * pages / sample
    network = (pages + HOSTS) * LATENCY_SECONDS / (CONNECTIONS * CONCURRENCY)
    served_cpu = site.served.cpu_seconds / worker.wall
    limit = Limit(network, extraction)
    return Run(size, pages, articles, added, worker, jobs, site, limit, one_by_one, others - served_cpu)


def _work(environment: dict[str, str]) -> tuple[processes.Usage, float]:
    """The worker's usage, and the cores that everything but the worker took meanwhile."""
    busy, own = processes.busy_seconds(), time.process_time()
    # Labels, which follow, are measured by benchmarks/labels.py.
    command = [
        processes.script("mingus"), "worker", "--burst", "--concurrency", str(CONCURRENCY),
        "--queue", "article_processing",
    ]  # fmt: skip
    worker = processes.watch(command, environment)
    sampling = time.process_time() - own
    return worker, (processes.busy_seconds() - busy - worker.cpu - sampling) / worker.wall


def _stored(environment: dict[str, str]) -> int:
    """Articles that passed every check; duplicates and rejected pages are not among them."""
    by_status = json.loads(processes.run(environment, "status", "--json"))["store"]["articles"]
    return sum(count for status, count in by_status.items() if status in ("pending", "review", "published"))


def _jobs_seconds(environment: dict[str, str]) -> float:
    """What the ledger says: from the first job's start to the last one's end."""
    jobs = json.loads(processes.run(environment, "jobs", "--json", "--limit", "1000"))
    done = [job for job in jobs if job["ended_at"] is not None]
    started, ended = ([datetime.fromisoformat(job[at]) for job in done] for at in ("started_at", "ended_at"))
    return (max(ended) - min(started)).total_seconds()


def _cores() -> int:
    return min(cores(), CONCURRENCY)


def _extraction_seconds(size: str, pages: int) -> float:
    """CPU seconds of a core to `extract` its share of the pages while the others do theirs."""
    spawn = multiprocessing.get_context("spawn")
    shares = [(size, range(first, pages, _cores())) for first in range(_cores())]
    with spawn.Pool(_cores(), initializer=_warm_up, initargs=(size, spawn.Barrier(_cores()))) as pool:
        return statistics.mean(pool.starmap(_extract_all, shares, chunksize=1))


def _warm_up(size: str, all_warm: Barrier) -> None:
    """Load what extraction needs, and wait for the other processes: each takes one share."""
    _extract_all(size, range(WARM_UP_PAGES))
    all_warm.wait()


def _extract_all(size: str, numbers: Iterable[int]) -> float:
    """CPU seconds of this process for these pages."""
    bodies = [page(size, number) for number in numbers]
    begun = time.process_time()
    for body in bodies:
        _extract(body)
    return time.process_time() - begun


def _extract(body: bytes) -> None:
    extract(body, content_type="text/html", charset="utf-8", url="http://127.0.0.1/1")


def _one_by_one(addresses: list[str]) -> float:
    """Seconds of the peer for these addresses."""
    with requests.Session() as session:
        session.trust_env = False
        begun = time.perf_counter()
        for address in addresses:
            document = Document(session.get(address, timeout=30).text)
            document.title(), document.summary()
        return time.perf_counter() - begun


def claims_of(run: Run) -> list[Claim]:
    """What must hold."""
    claims = [Claim(f"{run.size}: every page became an article", run.articles, "==", run.pages)]
    if run.size == "heavy":
        claims.append(Claim("heavy: wall time in physical limits", run.to_limit, "<=", 1.5, " x"))
    else:
        claims.append(Claim("light: times one by one", run.to_one_by_one, ">=", 10, " x"))
    peak = run.worker.peak_bytes / processes.MEGABYTE
    return [*claims, Claim(f"{run.size}: peak memory of a worker process", peak, "<", 300, " MB")]


def main() -> None:
    """Run both sizes and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--sample", type=int, default=50, help="pages for the peer")
    parser.add_argument("--size", choices=list(SIZES), action="append", help="repeat it; both, when left out")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    runs = [measure(size, given.pages, given.sample) for size in given.size or ("heavy", "light")]
    figures = {f"{run.pages} {run.size} pages on {HOSTS} hosts": run.facts() for run in runs}
    publish([claim for run in runs for claim in claims_of(run)], figures, as_json=given.json)


if __name__ == "__main__":
    main()
