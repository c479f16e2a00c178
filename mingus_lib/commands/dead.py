"""Control: the dead letters."""

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
    Limit,
    ListsByDefault,
    NewerThan,
    OfError,
    OfQueue,
    OfTask,
    OlderThan,
    Quiet,
    Yes,
    confirm,
    runtime_of,
    tell_of_more,
)
from mingus_lib.domain.control import Act, Did
from mingus_lib.domain.jobs import JobState
from mingus_lib.services import jobs, retrying
from mingus_lib.services.jobs import Wanted
from mingus_lib.view import control as view
from mingus_lib.view import output
from mingus_lib.view.jobs import show_list, show_story

app = typer.Typer(
    help="List, show, requeue and drop jobs that failed for good.", cls=ListsByDefault, add_completion=False
)

# Filters look among these alone; a named job in another state is refused, with its state.
DEAD = (JobState.DEAD,)
REFUSED = 5
# The usual hint for an empty list, how to make one, would be none here.
NONE = "No dead job."


@app.command("list")
def list_(
    ctx: typer.Context,
    task: OfTask = None,
    queue: OfQueue = None,
    error: OfError = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    limit: Limit = 50,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List dead jobs, the latest first. Ages are those of their death.

    Example: mingus dead list --error http-503 --newer-than 2d
    """
    here = runtime_of(ctx)
    chosen = jobs.chosen(Wanted(task, queue, error, older_than, newer_than), states=DEAD, ended=True)
    found = here.history.newest(chosen, limit + 1)
    show_list(found[:limit], output.choose(as_json=as_json, quiet=quiet), empty=NONE)
    tell_of_more(ctx, found, limit)


@app.command()
def show(
    ctx: typer.Context,
    job_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A job's id, or the beginning of it.", autocompletion=completing.jobs
        ),
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell the whole story of a dead job, with its traceback.

    Example: mingus dead show 4f2a91c0
    """
    here = runtime_of(ctx)
    found, caused = jobs.find_dead(here.history, job_id)
    show_story(found, caused, output.choose(as_json=as_json, quiet=quiet))


@app.command()
def requeue(
    ctx: typer.Context,
    ids: JobIds = None,
    task: OfTask = None,
    queue: OfQueue = None,
    error: OfError = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    limit: AtMost = None,
    everything: AllJobs = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run dead jobs again, with all their tries. Exit 5 if one was refused.

    Example: mingus dead requeue --error http-503 --newer-than 2d
    """
    here = runtime_of(ctx)
    wanted = Wanted(task, queue, error, older_than, newer_than)
    found = jobs.pick(
        here.history, ids or [], wanted, everything=everything, limit=limit, states=DEAD, ended=True
    )
    acts = retrying.planned(found, Did.REQUEUED) if dry_run else here.retrier.requeue(found)
    _show(acts, output.choose(as_json=as_json, quiet=quiet), dry_run)


@app.command()
def drop(
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
    """Take dead jobs away for good; the ledger keeps their history.

    Example: mingus dead drop --older-than 30d --dry-run
    """
    here = runtime_of(ctx)
    wanted = Wanted(task, queue, error, older_than, newer_than)
    found = jobs.pick(
        here.history, ids or [], wanted, everything=everything, limit=limit, states=DEAD, ended=True
    )
    if not dry_run:
        confirm(f"Drop {view.count(found)} for good?", yes=yes or not found)
    acts = retrying.planned(found, Did.DROPPED) if dry_run else here.retrier.drop(found)
    _show(acts, output.choose(as_json=as_json, quiet=quiet), dry_run)


def _show(acts: list[Act], form: output.Format, dry_run: bool) -> None:
    view.show_acts(acts, form, dry_run=dry_run)
    # After all were tried: what was refused is named, and the others are done.
    if any(act.outcome is Did.REFUSED for act in acts):
        raise typer.Exit(REFUSED)
