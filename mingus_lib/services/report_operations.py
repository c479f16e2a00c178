"""The part of a periodic report on the machinery."""

from __future__ import annotations

from collections import Counter
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
    # Runs are counted by UTC days: the instants of another zone would cut them.
    days = [(each.start, each.end) for each in span.periods]
    # Jobs that left the record were counted by day, so that a report of long ago stays true.
    gone = store.forgotten(days)
    jobs = [_with(here, old) for here, old in zip(store.jobs(span.spans), gone, strict=True)]
    runs = store.runs(days)
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
            span.figure(
                "retries",
                "Retries",
                [
                    here + sum(retries for _, retries in old.values())
                    for here, old in zip(store.retries(span.spans), gone, strict=True)
                ],
            ),
            span.figure(
                "dead",
                "Dead letters",
                [
                    here + sum(number for (_, state), (number, _) in old.items() if state == "dead")
                    for here, old in zip(store.dead(span.spans), gone, strict=True)
                ],
            ),
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
        notes=_notes(span.period.zone, sum(number for number, _ in gone[-1].values())),
    )


def _with(
    jobs: Mapping[tuple[str, str], int], gone: Mapping[tuple[str, str], tuple[int, int]]
) -> Mapping[tuple[str, str], int]:
    """The jobs on the record and those that were taken off it."""
    return Counter(jobs) + Counter({key: number for key, (number, _) in gone.items()})


def _notes(zone: str, gone: int) -> tuple[str, ...]:
    found = []
    if zone != "UTC":
        found.append("Runs are counted by UTC days, whatever the report time zone.")
    if gone:
        found.append(
            f"{gone:,} of these jobs are no longer on the record: they are counted on the UTC day on which they ended."
        )
    return tuple(found)


def nearest_rank(ascending: Sequence[float], part: float) -> float | None:
    """The least value that at least that part of all does not exceed (the nearest-rank percentile)."""
    if not ascending:
        return None
    # -(-x // 1) is the ceiling of x.
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
