"""Tasks in numbers: how often they ran, failed, and how long they took, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from mingus_lib.domain.jobs import JobState
from mingus_lib.domain.runs import Runs, together
from mingus_lib.queues import catalog
from mingus_lib.store.task_days import TaskDays

DAYS = 30

ByDay = list[tuple[date, Runs]]


@dataclass(frozen=True, slots=True)
class TaskNumbers:
    """One task over some days, oldest first; `jobs` are those on the record now, by state."""

    name: str
    whole: Runs
    days: ByDay
    jobs: dict[JobState, int]


def of_tasks(counted: TaskDays, today: date, days: int = DAYS) -> list[TaskNumbers]:
    """Every task of the catalog, and what else has run, by name; its days have no durations."""
    span = _span(today, days)
    whole, daily, jobs = counted.whole(span[0]), counted.daily(span[0]), counted.jobs()
    names = sorted({*catalog.load(), *whole, *(task for task, _ in jobs)})
    return [
        TaskNumbers(
            name,
            whole.get(name, Runs()),
            [(day, daily.get((name, str(day)), Runs())) for day in span],
            _of(name, jobs),
        )
        for name in names
    ]


def of_task(counted: TaskDays, name: str, today: date, days: int = DAYS) -> TaskNumbers:
    """One task, its days with durations. Raises NotFound, which suggests the nearest."""
    span = _span(today, days)
    found, jobs = counted.of_task(name, span[0]), _of(name, counted.jobs())
    # A task of an earlier release has its numbers, though the catalog knows it no more.
    if not found and not jobs:
        catalog.find(name)
    return TaskNumbers(
        name, together(found.values()), [(day, found.get(str(day), Runs())) for day in span], jobs
    )


def by_day(counted: TaskDays, today: date, days: int = DAYS) -> ByDay:
    """All tasks together, day by day."""
    span = _span(today, days)
    daily = counted.daily(span[0])
    return [(day, together(runs for (_, when), runs in daily.items() if when == str(day))) for day in span]


def _span(today: date, days: int) -> list[date]:
    return [today - timedelta(days=back) for back in reversed(range(days))]


def _of(name: str, jobs: dict[tuple[str, JobState], int]) -> dict[JobState, int]:
    return {state: count for (task, state), count in jobs.items() if task == name}
