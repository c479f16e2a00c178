"""Looking at jobs and tasks: from the ledger, so that it works with Redis away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain.control import Brief
from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.domain.spans import parse_since, parse_span
from mingus_lib.domain.words import nearest
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.queues import catalog
from mingus_lib.store.history import History, JobFilter

MIN_PREFIX = 4


def find(history: History, typed: str) -> tuple[JobRun, list[JobRun]]:
    """The job of that id, or of that unambiguous beginning of one, and the jobs it caused."""
    job = find_one(history, typed)
    caused = [child for child in history.families([job.id]) if child.id != job.id]
    return job, caused


def find_dead(history: History, typed: str) -> tuple[JobRun, list[JobRun]]:
    """The same of a job that is dead. Raises NotFound."""
    job, caused = find(history, typed)
    if job.state is not JobState.DEAD:
        raise NotFound(f"job {job.id} is {job.state.value}, not dead; `mingus job {job.id}` tells its story")
    return job, caused


def find_one(history: History, typed: str) -> JobRun:
    """The job alone. Raises NotFound or UsageError."""
    # A whole id first: that of an old Celery message begins the ids of its other parts.
    return history.get(typed) or _by_prefix(history, typed)


def _by_prefix(history: History, typed: str) -> JobRun:
    # Ids are ASCII, and the look-up is a range that ends behind it.
    ids = history.ids_starting(typed) if len(typed) >= MIN_PREFIX and typed.isascii() else []
    if len(ids) > 1:
        raise UsageError(f"{typed} begins more than one job id: {', '.join(ids)}; type more of it")
    job = history.get(ids[0]) if ids else None
    if job is None:
        raise NotFound(f"no job {typed[:80]!r}; `mingus jobs` lists the newest")
    return job


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a command, as typed; None where one was not given."""

    task: str | None = None
    queue: str | None = None
    error: str | None = None
    older_than: str | None = None
    newer_than: str | None = None
    since: str | None = None
    arg: str | None = None
    state: str | None = None

    def __bool__(self) -> bool:
        """Whether any was given."""
        return any(value is not None for value in asdict(self).values())


def chosen(wanted: Wanted, *, states: tuple[JobState, ...] = (), ended: bool = False) -> JobFilter:
    """A checked filter; UsageError and NotFound suggest the nearest word.

    Ages are those of a job's creation, or of its end when `ended`.
    """
    if wanted.task is not None:
        catalog.find(wanted.task)
    if wanted.queue is not None:
        catalog.check_queue(wanted.queue)
    now = datetime.now(UTC)
    since = [
        *([now - parse_span(wanted.newer_than, "--newer-than")] if wanted.newer_than is not None else []),
        *([parse_since(wanted.since, "--since", now)] if wanted.since is not None else []),
    ]
    before = now - parse_span(wanted.older_than, "--older-than") if wanted.older_than is not None else None
    return JobFilter(
        states=(_state(wanted.state),) if wanted.state is not None else states,
        task=wanted.task,
        queue=wanted.queue,
        error=wanted.error,
        arg=wanted.arg,
        since=max(since, default=None),
        before=before,
        ended=ended,
    )


def _state(word: str) -> JobState:
    states = tuple(each.value for each in JobState)
    if word not in states:
        raise UsageError(f"no state {word!r}{nearest(word, states)}; they are {', '.join(states)}")
    return JobState(word)


def pick(
    history: History,
    ids: Sequence[str],
    wanted: Wanted,
    *,
    everything: bool,
    limit: int | None,
    states: tuple[JobState, ...],
    ended: bool = False,
) -> list[Brief]:
    """The jobs that a command is to act on: those named, or those in `states` that the filters choose.

    Raises UsageError when nothing or both is said, NotFound for an id that is none.
    """
    narrowed = bool(wanted) or limit is not None
    if ids and (narrowed or everything):
        raise UsageError("name jobs by their ids or choose them with filters, not both")
    if ids:
        # Two beginnings of ids may mean one job, which is acted on once.
        found = [find_one(history, typed).id for typed in ids]
        return history.briefs_of(list(dict.fromkeys(found)))
    # Never all of them for want of a word: what follows ends or repeats jobs.
    if not (narrowed or everything):
        raise UsageError("which jobs? name their ids, choose with filters, or say --all")
    return history.briefs(chosen(wanted, states=states, ended=ended), limit)


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
