"""The part of a periodic report on the machinery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mingus_lib.domain.report_document import Column, Section, Table, rounded
from mingus_lib.domain.runs import Runs, together
from mingus_lib.services.report_span import Span
from mingus_lib.store.period_operations import PeriodOperations

STATES = ("finished", "dead", "cancelled", "queued", "scheduled", "started")
JOB_COLUMNS = (Column("task", "Task"), *(Column(state, state.capitalize(), "count") for state in STATES))
RUN_COLUMNS = (
    Column("task", "Task"),
    Column("runs", "Runs", "count"),
    Column("failed", "Failed", "count"),
    Column("p50", "p50", "seconds"),
    Column("p95", "p95", "seconds"),
    Column("longest", "Longest", "seconds"),
)


def operations(store: PeriodOperations, span: Span) -> Section:
    """Jobs by task and state, how long runs took, retries, dead letters, the timetable's lag, workers' starts."""
    jobs = store.jobs(span.spans)
    runs = store.runs([(each.start, each.end) for each in span.periods])
    whole = [together(each.values()) for each in runs]
    lags = store.lags(span.spans)
    return Section(
        "operations",
        "Operations",
        (
            span.figure("jobs", "Jobs created", [sum(each.values()) for each in jobs]),
            span.figure("runs", "Runs ended", [each.total for each in whole]),
            span.shares(
                "failed_runs",
                "Runs that failed",
                [each.failed for each in whole],
                [each.total for each in whole],
            ),
            span.figure(
                "run_p50", "Duration of a run, p50", [each.percentile(0.5) for each in whole], "seconds"
            ),
            span.figure(
                "run_p95", "Duration of a run, p95", [each.percentile(0.95) for each in whole], "seconds"
            ),
            span.figure("retries", "Retries", store.retries(span.spans)),
            span.figure("dead", "Dead letters", store.dead(span.spans)),
            span.figure(
                "lag_p50", "Timetable lag, p50", [nearest_rank(each, 0.5) for each in lags], "seconds"
            ),
            span.figure(
                "lag_p95", "Timetable lag, p95", [nearest_rank(each, 0.95) for each in lags], "seconds"
            ),
            span.figure("missed", "Slots missed", store.missed(span.spans)),
            span.figure("worker_starts", "Workers started", store.starts(span.spans)),
            span.figure(
                "lost", "Runs lost with their worker", [each.outcomes.get("lost", 0) for each in whole]
            ),
        ),
        (
            Table("jobs", "Jobs created, by what became of them", JOB_COLUMNS, _by_state(jobs[-1])),
            Table("runs", "Runs and how long they took", RUN_COLUMNS, _durations(runs[-1])),
        ),
        notes=("Runs are counted by UTC days, whatever the report time zone.",)
        if span.period.zone != "UTC"
        else (),
    )


def nearest_rank(ascending: Sequence[float], part: float) -> float | None:
    """The least value that at least that part of all does not exceed (the nearest-rank percentile)."""
    if not ascending:
        return None
    return ascending[max(0, -int(-part * len(ascending) // 1) - 1)]


def _by_state(jobs: Mapping[tuple[str, str], int]) -> tuple[dict[str, Any], ...]:
    tasks = sorted({task for task, _ in jobs})
    return tuple({"task": task, **{state: jobs.get((task, state), 0) for state in STATES}} for task in tasks)


def _durations(runs: Mapping[str, Runs]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "task": task,
            "runs": each.total,
            "failed": each.failed,
            "p50": rounded(each.percentile(0.5)),
            "p95": rounded(each.percentile(0.95)),
            "longest": rounded(each.longest),
        }
        for task, each in sorted(runs.items())
    )
