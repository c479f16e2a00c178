"""The catalog of tasks: what each accepts, where it runs and how long, as its @job decorator says.

The CLI, the worker, the timetable and the docs all read it. Task names are a contract; dotted
paths are the wire format in Redis.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mingus_lib.domain.jobs import RetryPolicy
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.queues.names import QUEUES as QUEUES

if TYPE_CHECKING:
    from pydantic import BaseModel

SOFT_LIMIT_SECONDS = 300
HARD_LIMIT_SECONDS = 600
DEFAULT_RETRY = RetryPolicy()

JobFunction = TypeVar("JobFunction", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of job. `queue` None means any queue, named when it is enqueued; limits in seconds.

    `preload` loads the heavy libraries of the task: a worker calls it once, so that its jobs do not pay.
    """

    name: str
    path: str
    queue: str | None
    arguments: type[BaseModel]
    summary: str
    soft: int = SOFT_LIMIT_SECONDS
    hard: int = HARD_LIMIT_SECONDS
    retry: RetryPolicy = DEFAULT_RETRY
    preload: Callable[[], object] | None = None

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as they will travel (plain JSON), or a UsageError naming the wrong field."""
        from pydantic import ValidationError

        try:
            model = self.arguments.model_validate(dict(arguments), strict=True)
        except ValidationError as error:
            raise UsageError(f"{self.name}: {_first_complaint(error, self.arguments)}") from error
        return model.model_dump(mode="json", exclude_unset=True)


_tasks: dict[str, Task] = {}


def job(
    arguments: type[BaseModel],
    *,
    queue: str | None,
    soft: int = SOFT_LIMIT_SECONDS,
    hard: int = HARD_LIMIT_SECONDS,
    retries: int = 3,
    backoff: float = 60.0,
    preload: Callable[[], object] | None = None,
) -> Callable[[JobFunction], JobFunction]:
    """Declare a job function; it is returned unchanged."""

    def register(function: JobFunction) -> JobFunction:
        name = function.__name__
        path = f"{function.__module__}.{name}"
        summary = (function.__doc__ or "").strip().splitlines()[0]
        retry = RetryPolicy(retries, backoff)
        _tasks[name] = Task(name, path, queue, arguments, summary, soft, hard, retry, preload)
        return function

    return register


def load() -> Mapping[str, Task]:
    """All tasks by name, importing the jobs package the first time."""
    package = importlib.import_module("jobs")
    for module in package.MODULES:
        importlib.import_module(f"jobs.{module}")
    return _tasks


def configure(changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Apply `[tasks.NAME]` of mingus.toml: `soft`, `retries`, `backoff`. NotFound for an unknown task."""
    for name, table in changes.items():
        task = find(name)
        retry = RetryPolicy(
            table.get("retries", task.retry.retries), table.get("backoff", task.retry.backoff)
        )
        _tasks[name] = replace(task, soft=table.get("soft", task.soft), retry=retry)


def find(name: str) -> Task:
    """The task of that name; NotFound suggests the nearest."""
    tasks = load()
    if name not in tasks:
        raise NotFound(f"no task named {name!r}{nearest(name, tuple(tasks))}; `mingus tasks` lists them")
    return tasks[name]


def by_path(path: str) -> Task | None:
    """The task whose job function has that dotted path."""
    return next((task for task in load().values() if task.path == path), None)


def check_queue(name: str) -> str:
    """The queue's name, or NotFound suggesting the nearest."""
    if name not in QUEUES:
        raise NotFound(f"no queue named {name!r}{nearest(name, QUEUES)}; the queues are {', '.join(QUEUES)}")
    return name


def nearest(name: str, known: Sequence[str]) -> str:
    """`, did you mean "x"?` or nothing."""
    match = difflib.get_close_matches(name, known, n=1)
    return f', did you mean "{match[0]}"?' if match else ""


def _first_complaint(error: Any, model: type[BaseModel]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "arguments"
    known = tuple(model.model_fields)
    if first["type"] == "extra_forbidden":
        return f"unknown argument {field!r}{nearest(field, known)}; allowed: {', '.join(known) or 'none'}"
    more = len(error.errors()) - 1
    return f"{field}: {first['msg']}" + (f" (and {more} more)" if more else "")
