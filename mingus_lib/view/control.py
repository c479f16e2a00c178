"""What came of an operator's wish, job by job, queue by queue, worker by worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mingus_lib.domain.control import Act, Did
from mingus_lib.view import looks, output
from mingus_lib.view.output import Column, Format, Kind, Row

ACT_COLUMNS = (
    Column("id", "Job", Kind.ID),
    Column("outcome", "Outcome", Kind.STATE),
    Column("task", "Task"),
    Column("reason", "Reason"),
)
PAUSE_COLUMNS = (Column("queue", "Queue", Kind.ID), Column("paused", "Paused"))
TOLD_COLUMNS = (
    Column("name", "Worker", Kind.ID),
    Column("outcome", "Outcome", Kind.STATE),
    Column("reason", "How"),
)
WORKER_COLUMNS = (
    Column("name", "Worker", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("pid", "Pid", Kind.ID),
    Column("host", "Host"),
    Column("queues", "Queues"),
    Column("current_job", "Job", Kind.ID),
    Column("job_seconds", "For", Kind.AGE),
    Column("since_seconds", "Since", Kind.AGE),
    Column("done", "Done", Kind.NUMBER),
    Column("failed", "Failed", Kind.NUMBER),
    Column("memory_bytes", "Memory", Kind.BYTES),
    Column("child_memory_bytes", "Child", Kind.BYTES),
    Column("recycled", "Recycled"),
)
# A person asks what a worker takes, its child (which is what grows) included; a script gets both numbers.
_BOTH = Column("both_memory_bytes", "Memory", Kind.BYTES)
SEEN_WORKER_COLUMNS = tuple(
    _BOTH if column.key == "memory_bytes" else column
    for column in WORKER_COLUMNS
    if column.key != "child_memory_bytes"
)
# What a narrow screen goes without, one after another.
NARROW_WORKERS = (
    "recycled", "pid", "queues", "host", "job_seconds", "both_memory_bytes", "since_seconds",
)  # fmt: skip
ALL_QUEUES = 6
# The state is plain text here: an open queue is well, which is what STATES knows, an open breaker is not.
BREAKER_COLUMNS = (
    Column("name", "Breaker", Kind.ID),
    Column("state", "State"),
    Column("failures", "Failures", Kind.NUMBER),
    Column("opened_at", "Opened", Kind.TIME),
    Column("reason", "Reason"),
)
KEY_COLUMNS = (
    Column("name", "Key"),
    Column("id", "Id", Kind.ID),
    Column("permissions", "May enqueue"),
    Column("created_at", "Created", Kind.TIME),
    Column("revoked_at", "Revoked", Kind.TIME),
)
# More rows than these are counted on a terminal, not listed.
SHOWN = 50


def show_workers(found: Sequence[Row], form: Format) -> None:
    """The workers, one a row; the documented shape of `workers list --json`."""
    # Who names columns means those of --json.
    eyes = form is Format.TABLE and looks.wish.columns is None
    output.rows(
        [seen_worker(row) for row in found] if eyes else found,
        SEEN_WORKER_COLUMNS if eyes else WORKER_COLUMNS,
        form,
        id_key="name",
        empty="No worker is running. Start one: mingus up",
        drop=NARROW_WORKERS,
    )


def seen_worker(row: Row) -> Row:
    """A worker as a row for people: the memory of both processes together, `all six` for all queues."""
    both = (row.get("memory_bytes") or 0) + (row.get("child_memory_bytes") or 0)
    queues = "all six" if len(row["queues"]) == ALL_QUEUES else row["queues"]
    return {**row, "both_memory_bytes": both or None, "queues": queues}


def show_acts(acts: Sequence[Act], form: Format, *, dry_run: bool) -> None:
    """One row a job, and on a terminal the counts; `-q` has the ids of those that were done."""
    rows = [{**act._asdict(), "dry_run": dry_run} for act in acts]
    if form is Format.IDS:
        rows = [row for row in rows if row["outcome"] not in (Did.REFUSED, Did.ENDED)]
    if form is not Format.TABLE or len(rows) <= SHOWN:
        output.rows(rows, ACT_COLUMNS, form)
    if form is Format.TABLE or not acts:
        output.message(_tally(acts, dry_run))
    # Ids alone would hide that some were refused.
    if form is Format.IDS:
        show_refused(acts)


def tell_dry_run(form: Format, *, dry_run: bool) -> None:
    """Say on a terminal that what is shown was not done."""
    if dry_run and form is Format.TABLE:
        output.message("Nothing was done (--dry-run).")


def show_refused(acts: Sequence[Act]) -> None:
    """Say which jobs were left as they are, and why."""
    for act in acts:
        if act.outcome in (Did.REFUSED, Did.ENDED):
            output.message(f"{act.id}: {act.outcome.value}: {act.reason}")


def _tally(acts: Sequence[Act], dry_run: bool) -> str:
    counts = Counter(act.outcome.value for act in acts)
    told = ", ".join(f"{number:,} {word}" for word, number in counts.most_common()) or "No job matches"
    return f"{told}; nothing was done (--dry-run)." if dry_run else f"{told}."


def count(found: Sequence[Any]) -> str:
    """`1 job`, `12 jobs`."""
    return f"{len(found):,} job{'' if len(found) == 1 else 's'}"


def show_pauses(rows: Sequence[Mapping[str, Any]], form: Format) -> None:
    """The queues, and on a terminal what that means."""
    output.rows(rows, PAUSE_COLUMNS, form, id_key="queue")
    # Only these: what somebody else has paused is to stay so.
    paused = [row["queue"] for row in rows if row["paused"] and row["changed"]]
    if form is Format.TABLE and paused:
        output.message(f"Running jobs go on. Let the others start again: mingus resume {' '.join(paused)}")
