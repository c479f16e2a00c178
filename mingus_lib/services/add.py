"""Addresses from a person: read, checked, spread over jobs and enqueued."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from mingus_lib.domain.rates import starts
from mingus_lib.domain.urls import canonical, host_of
from mingus_lib.errors import UsageError
from mingus_lib.queues import catalog
from mingus_lib.queues.enqueue import Submits, new_job
from mingus_lib.queues.limits import Limits, Traffic
from mingus_lib.services.enqueueing import open_input

TASK = "process_new_articles"
# The task's arguments allow no more.
ADDRESSES_PER_JOB = 100
# Nobody needs to be told of a shorter wait.
AT_ONCE_SECONDS = 1.0
MAX_LINE_BYTES = 8192
NO_TRAFFIC = Traffic((), 0, False, 0.0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was accepted: the jobs with their addresses, and how often an address was given again."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    addresses: int = 0
    repeated: int = 0
    paused: bool = False

    @property
    def job_ids(self) -> list[str]:
        """The ids alone."""
        return [job["id"] for job in self.jobs]

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `add --json`."""
        return {
            "addresses": self.addresses,
            "repeated": self.repeated,
            "paused": self.paused,
            "jobs": self.jobs,
        }


def read_lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """One entry a line, without blank lines and `#` comments.

    Raises UsageError for a line that is too long or is no text, naming `name` and the line.
    """
    number = 0
    # One byte more than is allowed tells a longer line; one without an end never fills the memory.
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise UsageError(f"{name}, line {number}: longer than {MAX_LINE_BYTES} bytes; one address a line")
        try:
            # Editors on Windows begin a file with a byte-order mark, which would be part of an address.
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise UsageError(f"{name}, line {number}: not text in UTF-8; one address a line") from error
        if text and not text.startswith("#"):
            yield text


def gather(arguments: Sequence[str], file: str | None, stdin: BinaryIO) -> list[str]:
    """All addresses given: arguments first (`-` is standard input), then the file's."""
    given: list[str] = []
    for argument in arguments:
        given += list(read_lines(stdin, "standard input")) if argument == "-" else [argument]
    if file is not None:
        with open_input(file, stdin) as stream:
            given += list(read_lines(stream, file))
    return given


def add(
    enqueuer: Submits, addresses: Iterable[str], limits: Callable[[], Limits | None], *, force: bool = False
) -> Receipt:
    """Enqueue the addresses in jobs of at most 100; the receipt says when a job starts that has to wait.

    Every address is checked before anything is stored: UsageError names the first bad one.
    """
    given = list(addresses)
    if not given:
        raise UsageError("no address given; type one, or use --file F, or - for standard input")
    distinct = _checked(given)
    batches = list(_batches(spread(distinct)))
    specs = [new_job(TASK, _arguments(batch, force)) for batch in batches]
    task = catalog.find(TASK)
    # Only now: this starts the private Redis, and a mistyped address is no reason for that.
    found = limits()
    # Asked before: afterwards the new jobs would count among those ahead of them.
    traffic = found.traffic(task, specs[0].queue) if found else NO_TRAFFIC
    ids = enqueuer.submit(specs)
    times = start_times(traffic, task.rate if found else None, len(specs))
    jobs = [
        {"id": job_id, "urls": batch, "starts_at": moment}
        for job_id, batch, moment in zip(ids, batches, times, strict=True)
    ]
    return Receipt(jobs, len(distinct), len(given) - len(distinct), traffic.paused)


def start_times(traffic: Traffic, rate: tuple[int, int] | None, count: int) -> list[str | None]:
    """When each of `count` new jobs starts at the earliest by the task's rate; None where that is at once."""
    if rate is None:
        return [None] * count
    jobs, period = rate
    found = starts(traffic.slots, traffic.ahead, count, jobs=jobs, period=period, now=traffic.now)
    return [
        datetime.fromtimestamp(moment, UTC).isoformat() if moment > traffic.now + AT_ONCE_SECONDS else None
        for moment in found
    ]


def spread(urls_by_address: dict[str, str]) -> list[str]:
    """The addresses with hosts taking turns, so that every job has many hosts to fetch from at once."""
    seen: Counter[str] = Counter()
    ranked = []
    for address, url in urls_by_address.items():
        host = host_of(address)
        ranked.append((seen[host], url))
        seen[host] += 1
    # sorted() is stable: within a round the order stays as it was given.
    return [url for _, url in sorted(ranked, key=lambda pair: pair[0])]


def _checked(given: Sequence[str]) -> dict[str, str]:
    distinct: dict[str, str] = {}
    bad: list[str] = []
    for url in given:
        try:
            distinct.setdefault(canonical(url), url)
        except UsageError as error:
            # Counted to the end: the message tells a slip from a wrong file.
            bad.append(str(error))
    if bad:
        more = f" (and {len(bad) - 1} more of {len(given)} addresses)" if len(bad) > 1 else ""
        raise UsageError(f"{bad[0]}{more}; nothing was enqueued")
    return distinct


def _arguments(batch: list[str], force: bool) -> dict[str, Any]:
    return {"urls": batch, "force": True} if force else {"urls": batch}


def _batches(urls: Sequence[str]) -> Iterator[list[str]]:
    """Jobs of one size and, when there is more than one, even in number: two workers end together."""
    jobs = math.ceil(len(urls) / ADDRESSES_PER_JOB)
    jobs += jobs % 2 if jobs > 1 else 0
    size = math.ceil(len(urls) / max(1, jobs))
    for start in range(0, len(urls), size):
        yield list(urls[start : start + size])
