"""A job as RQ keeps it in Redis: the hash rq:job:ID, written and read without importing RQ (155 ms).

Only what RQ and its tools read, without its empty fields and without `meta`, which rq-dashboard unpickles.
"""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from typing import Any, NamedTuple

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.queues import signing
from mingus_lib.queues.catalog import Task
from mingus_lib.queues.signing import JobRefused, Key

ATTEMPTS = "attempts"
# Two bodies of a mail, each of 4 M characters that JSON writes with six bytes.
MAX_DATA_BYTES = 50_000_000


class Payload(NamedTuple):
    """What a job in Redis asks for: the dotted path of a function, and its arguments."""

    path: str
    args: dict[str, Any]


def fields(spec: JobSpec, task: Task, key: Key, *, results_ttl: int) -> dict[str, str | bytes | int]:
    """The hash of a job, signed; its status is set where it is pushed."""
    # RQ's four: function, instance, positional and named arguments.
    data = json.dumps([task.path, None, [], spec.args]).encode()
    return {
        "created_at": utc(spec.created_at),
        "data": zlib.compress(data),
        "origin": spec.queue,
        # rq-dashboard shows it unescaped: the name of a task is harmless.
        "description": spec.task,
        "timeout": spec.timeout or task.soft,
        "result_ttl": results_ttl,
        # RQ would forget a dead job after a year; ours stay until somebody requeues or drops them.
        "failure_ttl": -1,
        # Which requeue of a dead job this is: see PUSH.
        ATTEMPTS: spec.attempts,
        signing.FIELD: signing.sign(key, spec.id, spec.queue, data),
    }


def unpacked(packed: bytes) -> bytes:
    """The job's data as they were before packing. Raises JobRefused."""
    unpacker = zlib.decompressobj()
    try:
        # Bounded: a few kilobytes can unpack to gigabytes.
        data = unpacker.decompress(packed, MAX_DATA_BYTES)
    except zlib.error:
        return packed  # RQ writes it packed, and reads it either way
    if not unpacker.eof:
        raise JobRefused("its data cannot be unpacked, or are too large")
    return data


def parse(data: bytes) -> Payload:
    """What the data of a job ask for. Raises JobRefused."""
    try:
        path, instance, positional, named = json.loads(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise JobRefused("its data are not the JSON of a job") from error
    # Ours have named arguments alone: with others it was written by somebody else.
    if not isinstance(path, str) or instance is not None or positional or not isinstance(named, dict):
        raise JobRefused("its data are not those of a task")
    return Payload(path, named)


def utc(moment: datetime) -> str:
    """A time as RQ writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
