"""Any task with arguments from a person, a file or a stream."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mingus_lib.errors import UsageError
from mingus_lib.queues import catalog, status
from mingus_lib.queues.enqueue import Submits, new_job

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.domain.jobs import JobSpec
    from mingus_lib.store.articles import Articles
    from mingus_lib.store.ledger import Ledger

MAX_ARGUMENT_BYTES = 10_000_000
MAX_LINE_BYTES = 1_000_000


def read_arguments(
    args: str | None, args_file: str | None, lines: str | None, stdin: BinaryIO
) -> Iterable[dict[str, Any]]:
    """The argument objects of the jobs to make; one empty object when nothing was given."""
    given = [
        name
        for name, value in (("--args", args), ("--args-file", args_file), ("--lines", lines))
        if value is not None
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} cannot go together; give one of them")
    if lines is not None:
        with open_input(lines, stdin) as stream:
            # All are read before one is enqueued, so that a fault in the last line leaves nothing half done.
            objects = list(_objects(stream, lines))
        if not objects:
            raise UsageError(f"{lines}: no arguments given; write one JSON object a line")
        return objects
    if args_file is not None:
        with open_input(args_file, stdin) as stream:
            # A pipe or a device may have no end; one byte more than is allowed tells that there was more.
            text = stream.read(MAX_ARGUMENT_BYTES + 1)
        if len(text) > MAX_ARGUMENT_BYTES:
            raise UsageError(f"{args_file}: more than {MAX_ARGUMENT_BYTES} bytes of arguments")
        return [_object(text, args_file)]
    # The bytes that the shell gave: what is no UTF-8 among them is refused as such.
    return [_object(args.encode("utf-8", "surrogateescape"), "--args") if args is not None else {}]


def enqueue(
    enqueuer: Submits, task: str, arguments: Iterable[dict[str, Any]], *, queue: str | None = None
) -> list[str]:
    """Check every object against the task, then enqueue a job of each; the ids in order."""
    # A list, no generator: the enqueuer pushes each 500, and a fault in a later one would come too late.
    return enqueuer.submit([new_job(task, each, queue=queue) for each in arguments])


class _UnderWay(Exception):
    """Leaves the enqueuer before anything is pushed."""


def enqueue_alone(
    enqueuer: Submits, ledger: Ledger, task: str, arguments: dict[str, Any], loose: Collection[str] = ()
) -> tuple[str, bool]:
    """Enqueue a job unless one of its task and arguments (but those in `loose`) is under way; its id, if it is new."""
    found: list[str] = []

    def record(specs: Sequence[JobSpec]) -> None:
        for spec in specs:
            if (other := ledger.record_alone(spec, loose)) is not None:
                found.append(other)
                raise _UnderWay

    try:
        return enqueuer.submit([new_job(task, arguments)], record)[0], True
    except _UnderWay:
        return found[0], False


def queue_of(task: str, asked: str | None) -> str | None:
    """The queue that a job of `task` goes to."""
    return catalog.find(task).queue or asked


def require_articles(articles: Articles, ids: Sequence[int]) -> None:
    """Raise NotFound naming the first article that is not there."""
    for article_id in ids:
        articles.get(article_id)


def what_holds_back(client: Redis, queue: str) -> str | None:
    """Why nobody takes jobs from `queue` now, and what to do about it; None when somebody does."""
    seen = status.snapshot(client)
    # Before the workers: those that listen to a paused queue take nothing from it.
    if any(each.paused for each in seen.queues if each.name == queue):
        return f"{queue} is paused; let it go on in another terminal: mingus resume {queue}"
    if any(queue in worker.queues for worker in seen.workers):
        return None
    return f"no worker takes {queue} yet; start one in another terminal: mingus up"


def open_input(name: str, stdin: BinaryIO) -> BinaryIO:
    """A file, or standard input for `-`; UsageError when it cannot be read."""
    if name == "-":
        return stdin
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}; name a readable file, or -") from error


def _objects(stream: BinaryIO, name: str) -> Iterator[dict[str, Any]]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise UsageError(f"{name}, line {number}: longer than {MAX_LINE_BYTES} bytes")
        if line.strip():
            yield _object(line, f"{name}, line {number}")


def _object(text: bytes, where: str) -> dict[str, Any]:
    if b"\0" in text[:4]:
        # A NUL among the first characters is how UTF-16 and UTF-32 begin, and no JSON has one (RFC 8259).
        raise UsageError(f"{where}: UTF-16 or UTF-32 instead of UTF-8; convert it: iconv -f utf-16 -t utf-8")
    try:
        found = json.loads(text)
    # Brackets nested a thousand deep end json.loads() with a RecursionError, which is no ValueError.
    except (ValueError, RecursionError) as error:
        raise UsageError(f'{where}: not JSON ({_reason(error)}); write an object like {{"a": 1}}') from error
    if not isinstance(found, dict):
        raise UsageError(f'{where}: {type(found).__name__} instead of a JSON object; write {{"name": value}}')
    return found


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if not isinstance(error, RecursionError) else "nested too deeply"
