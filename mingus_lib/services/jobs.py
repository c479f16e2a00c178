"""Looking at jobs and tasks: from the ledger, so that it works with Redis away."""

from __future__ import annotations

from typing import Any

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.queues import catalog
from mingus_lib.store.history import History, JobFilter

MIN_PREFIX = 4


def find(history: History, typed: str) -> tuple[JobRun, list[JobRun]]:
    """The job of that id, or of that unambiguous beginning of one, and the jobs it caused."""
    job = history.get(typed) or _by_prefix(history, typed)
    caused = [child for child in history.families([job.id]) if child.id != job.id]
    return job, caused


def _by_prefix(history: History, typed: str) -> JobRun:
    ids = history.ids_starting(typed) if len(typed) >= MIN_PREFIX and typed.isascii() else []
    if len(ids) > 1:
        raise UsageError(f"{typed} begins more than one job id: {', '.join(ids)}; type more of it")
    job = history.get(ids[0]) if ids else None
    if job is None:
        raise NotFound(f"no job {typed[:80]!r}; `mingus jobs` lists the newest")
    return job


def chosen(state: str | None, task: str | None, queue: str | None) -> JobFilter:
    """A checked filter; UsageError and NotFound suggest the nearest word."""
    states = tuple(each.value for each in JobState)
    if state is not None and state not in states:
        raise UsageError(f"no state {state!r}{catalog.nearest(state, states)}; they are {', '.join(states)}")
    if task is not None:
        catalog.find(task)
    if queue is not None:
        catalog.check_queue(queue)
    return JobFilter(states=(JobState(state),) if state else (), task=task, queue=queue)


def tasks() -> list[dict[str, Any]]:
    """The catalog; the documented shape of `tasks --json`."""
    return [
        {
            "name": task.name,
            "queue": task.queue or "any",
            "arguments": list(task.arguments.model_fields),
            "permission": task.permission,
            "soft": task.soft,
            "hard": task.hard,
            "memory_bytes": task.memory,
            "rate_limit": f"{task.rate[0]}/{task.rate[1]}s" if task.rate else None,
            "retries": task.retry.retries,
            "backoff": task.retry.backoff,
            "summary": task.summary,
            "schema": task.arguments.model_json_schema(),
        }
        for task in catalog.load().values()
    ]
