"""Jobs and tasks as tables, and the whole story of one job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from mingus_lib.domain.jobs import JobRun
from mingus_lib.view import facts as facts_view
from mingus_lib.view import human, output
from mingus_lib.view.output import Column, Format, Kind

COLUMNS = (
    Column("id", "Job", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("task", "Task"),
    Column("created_at", "Created", Kind.TIME),
    Column("attempts", "Tries", Kind.NUMBER),
    Column("reason", "Reason"),
)
TASK_COLUMNS = (
    Column("name", "Task", Kind.ID),
    Column("queue", "Queue", Kind.ID),
    Column("arguments", "Arguments"),
    Column("soft", "Soft s", Kind.NUMBER),
    Column("retries", "Retries", Kind.NUMBER),
    Column("summary", "What it does"),
)
# An empty list tells a newcomer what to type, on stderr, where no script takes it for a job.
EMPTY = "No jobs yet. Add some articles: mingus add https://..."
NO_MATCH = "No job matches."
LIST_KEYS = (
    "id", "task", "queue", "state", "origin", "parent_id", "created_at", "scheduled_for", "started_at",
    "ended_at", "attempts", "worker", "reason",
)  # fmt: skip


def show_list(jobs: Sequence[JobRun], form: Format, *, narrowed: bool = False, empty: str = EMPTY) -> None:
    """Jobs, newest first; the documented shape of `jobs --json`. `narrowed`: filters have chosen them."""
    found = [{key: getattr(job, key) for key in LIST_KEYS} for job in jobs]
    output.rows(found, COLUMNS, form, empty=NO_MATCH if narrowed else empty, drop=("attempts", "created_at"))


def as_json(job: JobRun, caused: Iterable[JobRun]) -> dict[str, Any]:
    """The documented shape of `job ID --json`."""
    told = asdict(job)
    return {
        **told,
        "caused": [{"id": child.id, "task": child.task, "state": child.state} for child in caused],
    }


def show_story(job: JobRun, caused: Sequence[JobRun], form: Format) -> None:
    """Everything known of one job."""
    if form is Format.JSON:
        output.value(as_json(job, caused))
    elif form is Format.IDS:
        output.lines([job.id])
    elif form is Format.TSV:
        output.lines(f"{name}\t{value}" for name, value in [*_facts(job, caused), *_attempts(job)])
    else:
        _draw(job, caused)


def _facts(job: JobRun, caused: Sequence[JobRun]) -> list[tuple[str, str]]:
    progress = (
        f"{job.progress_done} of {job.progress_total} {job.progress_text or ''}" if job.progress_total else ""
    )
    facts = [
        ("job", job.id),
        ("state", job.state.value),
        ("task", job.task),
        ("queue", job.queue),
        ("asked by", job.origin),
        ("first job", (job.root_id or "") if job.root_id != job.parent_id else ""),
        ("arguments", json.dumps(job.args, ensure_ascii=False)),
        ("created", human.moment(job.created_at)),
        ("due", human.moment(job.scheduled_for)),
        ("started", human.moment(job.started_at)),
        ("ended", human.moment(job.ended_at)),
        ("attempts", str(job.attempts)),
        ("processes killed", str(job.deaths or "")),
        ("worker", job.worker or ""),
        ("progress", progress),
        ("reason", job.reason or ""),
        ("result", json.dumps(job.result, ensure_ascii=False) if job.result is not None else ""),
        *(("caused", f"{child.id} {child.task} {child.state.value}") for child in caused),
    ]
    return [(name, human.printable(value)) for name, value in facts if value]


def _attempts(job: JobRun) -> list[tuple[str, str]]:
    """Each attempt as one line: number, state, start, end, worker, reason."""
    return [
        (
            "attempt",
            "\t".join(
                output.plain(part)
                for part in (
                    each.attempt,
                    each.state,
                    each.started_at,
                    each.ended_at,
                    each.worker,
                    each.reason,
                )
            ),
        )
        for each in job.history
    ]


def _draw(job: JobRun, caused: Sequence[JobRun]) -> None:
    from rich.text import Text

    console = output.console()
    console.print(facts_view.grid(_facts(job, caused)))
    # One attempt that ended as usual tells no more than the facts above it.
    if len(job.history) > 1 or any(attempt.state == "lost" for attempt in job.history):
        console.print(
            output.table([asdict(attempt) for attempt in job.history], _ATTEMPT_COLUMNS, "Attempts")
        )
    if job.traceback:
        console.print(Text(human.printable(job.traceback, keep_lines=True), style="dim"))


_ATTEMPT_COLUMNS = (
    Column("attempt", "Try", Kind.NUMBER),
    Column("state", "State", Kind.STATE),
    Column("started_at", "Started", Kind.TIME),
    Column("ended_at", "Ended", Kind.TIME),
    Column("worker", "Worker"),
    Column("reason", "Reason"),
)
