"""The catalog of tasks: what each accepts, where it runs and how long, as its @job decorator says.

The CLI, the worker, the timetable and the docs all read it. Task names are a contract; dotted
paths are the wire format in Redis.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from mingus_lib.domain.jobs import RetryPolicy
from mingus_lib.domain.words import nearest
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.queues.names import QUEUES as QUEUES

if TYPE_CHECKING:
    from pydantic import BaseModel

SOFT_LIMIT_SECONDS = 300
HARD_LIMIT_SECONDS = 600
MEMORY_LIMIT_BYTES = 1_000_000_000
DEFAULT_RETRY = RetryPolicy()

JobFunction = TypeVar("JobFunction", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of job. `queue` None means any queue, named when it is enqueued.

    `permission` is what a key must have to sign its jobs. `soft` and `hard` are seconds, `memory` is bytes.
    `rate` is (jobs, seconds): so many start in any such time, over all workers. While the circuit breaker of
    `dependency` is open, no job starts.
    """

    name: str
    path: str
    queue: str | None
    arguments: type[BaseModel]
    summary: str
    permission: str
    soft: int = SOFT_LIMIT_SECONDS
    hard: int = HARD_LIMIT_SECONDS
    memory: int = MEMORY_LIMIT_BYTES
    retry: RetryPolicy = DEFAULT_RETRY
    rate: tuple[int, int] | None = None
    dependency: str | None = None

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as they will travel (plain JSON), or a UsageError naming the wrong field."""
        # 41 ms, which only those pay who check arguments.
        from pydantic import ValidationError

        try:
            model = self.arguments.model_validate(dict(arguments), strict=True)
        except ValidationError as error:
            raise UsageError(f"{self.name}: {_first_complaint(error, self.arguments)}") from error
        # What was not given stays out, so that a default that a release changes holds for jobs that wait, too.
        return model.model_dump(mode="json", exclude_unset=True)

    def within(self, timeout: int | None) -> Task:
        """The task with a soft limit of so many seconds; the hard one keeps its distance. None changes nothing."""
        return self if timeout is None else replace(self, soft=timeout, hard=timeout + self.hard - self.soft)


_tasks: dict[str, Task] = {}


def job(
    arguments: type[BaseModel],
    *,
    queue: str | None,
    permission: str,
    soft: int = SOFT_LIMIT_SECONDS,
    hard: int = HARD_LIMIT_SECONDS,
    memory: int = MEMORY_LIMIT_BYTES,
    retries: int = 3,
    backoff: float = 60.0,
    rate_limit: str | None = None,
    dependency: str | None = None,
) -> Callable[[JobFunction], JobFunction]:
    """Declare a job function; it is returned unchanged. The arguments are as in Task, `rate_limit` as "10/min"."""

    def register(function: JobFunction) -> JobFunction:
        name = function.__name__
        _tasks[name] = Task(
            name=name,
            path=f"{function.__module__}.{name}",
            queue=queue,
            arguments=arguments,
            summary=(function.__doc__ or "").strip().splitlines()[0],
            permission=permission,
            soft=soft,
            hard=hard,
            memory=memory,
            retry=RetryPolicy(retries, backoff),
            rate=parse_rate(rate_limit),
            dependency=dependency,
        )
        return function

    return register


def parse_rate(text: str | None) -> tuple[int, int] | None:
    """`10/min` as (10, 60); None and `off` are no limit."""
    if text is None or text == "off":
        return None
    number, _, unit = text.partition("/")
    return int(number), {"s": 1, "min": 60, "h": 3600, "day": 86_400}[unit]


@cache
def load() -> Mapping[str, Task]:
    """All tasks by name, importing the jobs package the first time."""
    # By name and late: mingus_lib imports no jobs, and `status` starts without them.
    package = importlib.import_module("jobs")
    for module in package.MODULES:
        importlib.import_module(f"jobs.{module}")
    return _tasks


def configure(changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Apply `[tasks.NAME]` of mingus.toml. NotFound for an unknown task, UsageError for limits that contradict."""
    for name, table in changes.items():
        task = find(name)
        retry = RetryPolicy(
            table.get("retries", task.retry.retries), table.get("backoff", task.retry.backoff)
        )
        soft, hard = table.get("soft", task.soft), table.get("hard", task.hard)
        if "soft" in table and "hard" not in table:
            # Whoever raises soft alone wants more time, and not a contradiction.
            hard = max(hard, soft + HARD_LIMIT_SECONDS - SOFT_LIMIT_SECONDS)
        # The settings have compared what stands in the file; here the task's own limits count, too.
        if soft >= hard:
            raise UsageError(f"tasks.{name}: hard ({hard} s) must be more than soft ({soft} s)")
        rate = parse_rate(table["rate_limit"]) if "rate_limit" in table else task.rate
        _tasks[name] = replace(task, soft=soft, hard=hard, retry=retry, rate=rate)


def find(name: str) -> Task:
    """The task of that name; NotFound suggests the nearest."""
    tasks = load()
    if name not in tasks:
        raise NotFound(f"no task named {name!r}{nearest(name, tuple(tasks))}; `mingus tasks` lists them")
    return tasks[name]


def by_path(path: str) -> Task | None:
    """The task whose job function has that dotted path."""
    # Looked up, never imported: whoever writes to Redis gets no function called but a task.
    return next((task for task in load().values() if task.path == path), None)


def function(task: Task) -> Callable[..., Any]:
    """The job function itself."""
    module, _, name = task.path.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def check_queue(name: str) -> str:
    """The queue's name, or NotFound suggesting the nearest."""
    if name not in QUEUES:
        raise NotFound(f"no queue named {name!r}{nearest(name, QUEUES)}; the queues are {', '.join(QUEUES)}")
    return name


def check_queues(names: Iterable[str]) -> tuple[str, ...]:
    """The queues, each once, in the order given. Raises NotFound."""
    return tuple(dict.fromkeys(check_queue(name) for name in names))


def dependencies() -> set[str]:
    """What the tasks need from outside: each has a circuit breaker."""
    return {task.dependency for task in load().values() if task.dependency}


def _first_complaint(error: Any, model: type[BaseModel]) -> str:
    # Without the input, which may be a whole mail.
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "arguments"
    known = tuple(model.model_fields)
    if first["type"] == "extra_forbidden":
        return f"unknown argument {field!r}{nearest(field, known)}; allowed: {', '.join(known) or 'none'}"
    more = len(error.errors()) - 1
    return f"{field}: {first['msg']}" + (f" (and {more} more)" if more else "")
