"""Control: change what the queues hold."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import (
    AllJobs,
    AtMost,
    DryRun,
    JobIds,
    Json,
    NewerThan,
    OfError,
    OfQueue,
    OfTask,
    OlderThan,
    Quiet,
    Wait,
    Yes,
    confirm,
    failed,
    runtime_of,
)
from mingus_lib.commands.ending import finish
from mingus_lib.domain.control import Did
from mingus_lib.domain.jobs import OPEN
from mingus_lib.queues import catalog
from mingus_lib.services import cancelling, jobs, pausing, purging, retrying
from mingus_lib.services.jobs import Wanted
from mingus_lib.view import control as view
from mingus_lib.view import output

app = typer.Typer(add_completion=False)

COLUMNS = (
    output.Column("queue", "Queue"),
    output.Column("removed", "Removed", output.Kind.NUMBER),
)
REFUSED = 5


@app.command()
def retry(
    ctx: typer.Context,
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID...", help="Jobs by id, or the beginning of one.", autocompletion=completing.jobs
        ),
    ],
    wait: Wait = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run jobs again, or right now.

    Dead and cancelled jobs start anew with all their tries; earlier attempts stay on the record. A
    scheduled job that waits for its next attempt starts at once. Exit 5 if one was refused.

    Example: mingus retry 4f2a91c0 --wait
    """
    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    found = jobs.pick(here.history, ids, Wanted(), everything=False, limit=None, states=())
    acts = retrying.planned(found, Did.REQUEUED) if dry_run else here.retrier.retry(found)
    again = [act for act in acts if act.outcome is Did.REQUEUED]
    # What was refused has no end to wait for, so that it is told first.
    if wait and again and not dry_run:
        view.show_refused(acts)
        # The hint that no worker runs is about one queue; jobs of several go without it.
        queues = {act.queue for act in again}
        finish(here, [act.id for act in again], queues.pop() if len(queues) == 1 else None, True, form)
    else:
        view.show_acts(acts, form, dry_run=dry_run)
    # At the end: one that was refused keeps none of the others from running.
    if len(again) < len(acts):
        raise typer.Exit(REFUSED)


@app.command()
def cancel(
    ctx: typer.Context,
    ids: JobIds = None,
    task: OfTask = None,
    queue: OfQueue = None,
    error: OfError = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    limit: AtMost = None,
    everything: AllJobs = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """End jobs that wait or run.

    Queued and scheduled jobs are taken out; a running one is stopped, which takes a second or two.
    Exit 1 if one had not stopped after 5 s; it stops as soon as its worker hears of it.

    Example: mingus cancel --task process_new_articles --older-than 2h --dry-run
    """
    here = runtime_of(ctx)
    wanted = Wanted(task, queue, error, older_than, newer_than)
    found = jobs.pick(here.history, ids or [], wanted, everything=everything, limit=limit, states=OPEN)
    # Who names jobs has chosen them; a filter may choose more than was meant.
    if not ids and not dry_run:
        confirm(f"Cancel {view.count(found)}?", yes=yes or not found)
    canceller = here.canceller
    acts = cancelling.planned(found) if dry_run else canceller.run(found)
    view.show_acts(acts, output.choose(as_json=as_json, quiet=quiet), dry_run=dry_run)
    # No failure: the ledger is what workers obey, and it has been told.
    if canceller.trouble is not None:
        output.message(
            f"mingus: {canceller.trouble}; the jobs are cancelled in the ledger, no worker runs them"
        )
    if not dry_run and any(act.outcome is Did.ASKED for act in acts):
        raise failed("some jobs have not stopped yet; `mingus job ID` tells when they have")


Queues = Annotated[
    list[str], typer.Argument(metavar="QUEUE...", help="Queues by name.", autocompletion=completing.queues)
]


@app.command()
def pause(ctx: typer.Context, queues: Queues, as_json: Json = False, quiet: Quiet = False) -> None:
    """Hold queues back: their jobs wait, running ones go on.

    A pause stays until `mingus resume`, also when Redis loses its memory.

    Example: mingus pause article_processing
    """
    here = runtime_of(ctx)
    names = catalog.check_queues(queues)
    view.show_pauses(
        pausing.pause(here.control, here.hand, names), output.choose(as_json=as_json, quiet=quiet)
    )


@app.command()
def resume(
    ctx: typer.Context,
    queues: Annotated[
        list[str] | None,
        typer.Argument(metavar="[QUEUE]...", help="Queues by name.", autocompletion=completing.queues),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All queues.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let paused queues go on.

    Example: mingus resume --all
    """
    here = runtime_of(ctx)
    names = pausing.chosen(queues or [], everything=everything)
    view.show_pauses(
        pausing.resume(here.control, here.hand, names), output.choose(as_json=as_json, quiet=quiet)
    )


@app.command()
def purge(
    ctx: typer.Context,
    queues: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUEUE]...", help="All, when none is named.", autocompletion=completing.queues
        ),
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
    # A Redis of another library is refused before anything is counted.
    here.control_if_up()
    counts = purging.waiting(here.settings, here.redis_url, names)
    if not dry_run:
        total = sum(counts.values())
        confirm(f"Remove {total:,} waiting jobs from {', '.join(names)}?", yes=yes or not total)
        # Counted anew, since workers take jobs while somebody thinks about the answer.
        counts = purging.run(here.delivery, here.hand, here.ledger, names, here.settings.results_ttl)
    found = [{"queue": name, "removed": count, "dry_run": dry_run} for name, count in counts.items()]
    form = output.choose(as_json=as_json)
    output.rows(found, COLUMNS, form)
    view.tell_dry_run(form, dry_run=dry_run)
