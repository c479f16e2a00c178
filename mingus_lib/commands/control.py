"""Control: change what the queues hold."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands.common import DryRun, Json, Yes, confirm, runtime_of
from mingus_lib.services import purging
from mingus_lib.view import output

app = typer.Typer(add_completion=False)

COLUMNS = (
    output.Column("queue", "Queue"),
    output.Column("removed", "Removed", output.Kind.NUMBER),
)


@app.command()
def purge(
    ctx: typer.Context,
    queues: Annotated[
        list[str] | None, typer.Argument(metavar="[QUEUE]...", help="All, when none is named.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove the waiting jobs of queues.

    Queued and scheduled jobs are removed and end as cancelled. Running jobs, dead jobs and the
    timetable stay.

    Example: mingus purge analytics --dry-run
    """
    here = runtime_of(ctx)
    names = purging.chosen(queues or [])
    counts = purging.waiting(here.redis, here.redis_where, names)
    if not dry_run:
        total = sum(counts.values())
        confirm(f"Remove {total:,} waiting jobs from {', '.join(names)}?", yes=yes or not total)
        keep = here.settings.results_ttl
        counts = purging.run(here.redis, here.redis_where, here.ledger, names, keep)
    found = [{"queue": name, "removed": count, "dry_run": dry_run} for name, count in counts.items()]
    output.rows(found, COLUMNS, output.choose(as_json=as_json))
