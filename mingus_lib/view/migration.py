"""What became of another system's messages, one by one and in sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from mingus_lib.domain.celery import Outcome
from mingus_lib.view import output
from mingus_lib.view.control import SHOWN
from mingus_lib.view.output import Column, Format, Kind

COLUMNS = (
    Column("id", "Message", Kind.ID),
    Column("outcome", "Outcome", Kind.STATE),
    Column("queue", "Queue"),
    Column("task", "Task"),
    Column("reason", "Reason"),
)


class Row(Protocol):
    """One message."""

    @property
    def outcome(self) -> Outcome:
        """What became of it."""

    @property
    def jobs(self) -> list[str]:
        """The jobs that it has become."""

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""


def show(rows: Sequence[Row], form: Format, *, dry_run: bool) -> None:
    """One row a message, on a terminal only what was left when there are many; `-q` has the ids of the jobs."""
    if form is Format.IDS:
        # Those of messages taken over before were given when that happened.
        output.lines(job for row in rows if row.outcome is Outcome.MOVED for job in row.jobs)
        return
    listed = rows
    if form is Format.TABLE and len(rows) > SHOWN:
        listed = [row for row in rows if row.outcome is Outcome.LEFT]
    found = [{**row.as_json(), "dry_run": dry_run} for row in listed]
    if form is Format.TABLE:
        # The module of a task is the same in all messages of an application.
        found = [{**row, "task": (row["task"] or "").rpartition(".")[2]} for row in found]
    output.rows(found, COLUMNS, form, drop=("queue", "task"))
    if form is Format.TABLE or not rows:
        output.message(_tally(rows, dry_run))


def _tally(rows: Sequence[Row], dry_run: bool) -> str:
    counts = Counter(row.outcome.value for row in rows)
    told = (
        ", ".join(f"{number:,} {word}" for word, number in counts.most_common()) or "Nothing waits in Celery"
    )
    return f"{told}; nothing was done (--dry-run)." if dry_run else f"{told}."
