"""Messages of the Celery that this library was fed by: kombu's envelope read as data, never unpickled. Pure.

The form is Celery's message protocol 2, and 1 of older producers (docs.celeryq.dev, "Message Protocol"). Every
function may raise PermanentError with the reason for which a message is not ours to take.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NoReturn

from mingus_lib.errors import PermanentError

# What the old system routed to, Celery's own default among them. Its dead letters are taken only when they are named.
OLD_QUEUES = (
    "article_processing",
    "email_processing",
    "ai_classification",
    "recommendations",
    "analytics",
    "cleanup",
    "default",
    "celery",
)
OLD_ROOM = "backend."
MAX_MESSAGE_BYTES = 16_000_000
LONGEST_NAME = 200
# These lists are cut into jobs of at most so many.
PART = 100
SPLIT = {"process_new_articles": "urls", "classify_article_batch": "article_ids"}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Outcome(StrEnum):
    """What became of an old message."""

    MOVED = "moved"
    KNOWN = "known"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class OldTask:
    """What an old message asks for. `retries` is how often it was tried again before."""

    id: str
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    retries: int = 0
    eta: datetime | None = None
    expires: datetime | None = None

    @property
    def task(self) -> str:
        """The name of our task: the last part of the old one."""
        if not self.name.startswith(OLD_ROOM):
            _not_ours("unknown-task", f"{self.name[:120]!r} is not a task of {OLD_ROOM}*")
        return self.name.rpartition(".")[2]

    @property
    def job_id(self) -> str:
        """The id of our job: the old one, so that whoever holds it finds the job; a digest where it is no UUID."""
        # RQ takes few characters in an id, and no message may choose the id of another job.
        if _UUID.fullmatch(self.id):
            return self.id
        # JSON can hold half a character, which UTF-8 refuses.
        return f"celery-{hashlib.sha256(self.id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def read(raw: bytes) -> OldTask:
    """A message as it lies in a queue."""
    return _task_of(_json(raw, "its envelope"))


def read_unacked(raw: bytes) -> tuple[OldTask, str]:
    """A message that a worker took and did not acknowledge, and the queue it came from."""
    # kombu keeps what a worker holds as such a triple, and its routing key is the queue's name.
    found = _json(raw, "its envelope")
    if not isinstance(found, list) or len(found) != 3 or not isinstance(found[2], str):
        _not_ours("garbage", "not [message, exchange, routing key]")
    return _task_of(found[0]), found[2]


def named_arguments(old: OldTask, names: Sequence[str]) -> dict[str, Any]:
    """Positional and keyword arguments as one object; `names` are the task's, in order."""
    if len(old.args) > len(names):
        _not_ours("usage", f"{old.task} takes {len(names)} arguments, not {len(old.args)}")
    given = dict(zip(names, old.args, strict=False))
    if twice := given.keys() & old.kwargs.keys():
        _not_ours("usage", f"{old.task}: {min(twice)[:80]} is given twice")
    return {**given, **old.kwargs}


def parts(task: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arguments cut into jobs: lists that are longer than a job may have, in pieces; nothing else is changed."""
    name = SPLIT.get(task, "")
    long = arguments.get(name)
    if not isinstance(long, list) or len(long) <= PART:
        return [dict(arguments)]
    return [{**arguments, name: long[start : start + PART]} for start in range(0, len(long), PART)]


def part_id(job_id: str, number: int) -> str:
    """The id of the piece of that number, counted from 0; the first has the job's own."""
    return job_id if number == 0 else f"{job_id}-{number + 1}"


def _task_of(message: Any) -> OldTask:
    if not isinstance(message, dict):
        _not_ours("garbage", "not a JSON object")
    headers = _object(message.get("headers") or {}, "headers")
    kind = message.get("content-type")
    # A pickle runs what it holds when it is opened.
    if kind != "application/json":
        _not_ours("not-json", f"its content type is {str(kind)[:80]!r}; such a message is never opened")
    if headers.get("compression"):
        _not_ours("compressed", f"its body is {str(headers['compression'])[:80]!r}")
    body = _json(_body(message), "its body")
    # Only protocol 2 has it there.
    if "task" in headers:
        return _protocol_2(headers, body)
    return _protocol_1(_object(body, "the body"))


def _body(message: Mapping[str, Any]) -> bytes:
    body = message.get("body")
    if not isinstance(body, str):
        _not_ours("garbage", "no body")
    if _object(message.get("properties") or {}, "properties").get("body_encoding") != "base64":
        # As json.loads reads bytes: the arguments are judged by the task, not by an encoding.
        return body.encode("utf-8", "surrogatepass")
    try:
        # Without validate, what is no base64 is dropped in silence.
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        _not_ours("garbage", "its body is not base64")


def _protocol_2(headers: Mapping[str, Any], body: Any) -> OldTask:
    if not isinstance(body, list) or len(body) != 3:
        _not_ours("garbage", "its body is not [args, kwargs, embed]")
    args, kwargs, embed = body
    return _checked({**headers, "args": args, "kwargs": kwargs}, _object(embed or {}, "embed"))


def _protocol_1(body: Mapping[str, Any]) -> OldTask:
    return _checked(body, body)


def _checked(told: Mapping[str, Any], embed: Mapping[str, Any]) -> OldTask:
    # These call other tasks at its end: without them half of the work would look done.
    for name in ("callbacks", "errbacks", "chain", "chord"):
        if embed.get(name):
            _not_ours("has-followers", f"it has a {name}, which mingus has none of")
    task_id, task = told.get("id"), told.get("task")
    if not isinstance(task_id, str) or not task_id or not isinstance(task, str):
        _not_ours("garbage", "no id or no task")
    # Both are kept in the ledger and shown: a message may have one of megabytes.
    if max(len(task_id), len(task)) > LONGEST_NAME:
        _not_ours("garbage", f"its id or task is longer than {LONGEST_NAME} characters")
    args, kwargs, retries = told.get("args") or [], told.get("kwargs") or {}, told.get("retries") or 0
    if not isinstance(args, list) or not isinstance(retries, int):
        _not_ours("garbage", "args is no list, or retries no number")
    return OldTask(
        task_id,
        task,
        tuple(args),
        _object(kwargs, "kwargs"),
        max(0, retries),
        _time(told.get("eta"), "eta"),
        _time(told.get("expires"), "expires"),
    )


def _time(given: Any, name: str) -> datetime | None:
    """A time; one without a zone is UTC, as Celery means it."""
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        _not_ours("garbage", f"{name} is no time: {str(given)[:80]!r}")


def _object(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        _not_ours("garbage", f"{what} is no JSON object")
    return found


def _json(text: bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        _not_ours("garbage", f"{what} is not JSON")


def _not_ours(code: str, text: str) -> NoReturn:
    raise PermanentError(text, code=code)
