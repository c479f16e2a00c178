"""Watch: how things stand."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import (
    Json,
    Limit,
    NewerThan,
    OfError,
    OfQueue,
    OfTask,
    OlderThan,
    Quiet,
    failed,
    runtime_of,
    tell_of_more,
)
from mingus_lib.errors import MingusError
from mingus_lib.runtime import Runtime
from mingus_lib.view import output

app = typer.Typer(add_completion=False)

QUEUE_COLUMNS = (
    output.Column("name", "Queue", output.Kind.ID),
    output.Column("queued", "Queued", output.Kind.NUMBER),
    output.Column("scheduled", "Scheduled", output.Kind.NUMBER),
    output.Column("started", "Started", output.Kind.NUMBER),
    output.Column("dead", "Dead", output.Kind.NUMBER),
    output.Column("oldest_age_seconds", "Oldest", output.Kind.AGE),
    output.Column("paused", "Paused"),
    output.Column("next_in_seconds", "Next in", output.Kind.AGE),
)


@app.command()
def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Show Redis, the store, queues, workers and the last failures.

    Nothing is started or changed. Exit 69 when the configured Redis does not answer.

    Example: mingus status --json
    """
    from mingus_lib.services.overview import overview
    from mingus_lib.view.status import show_status

    here = runtime_of(ctx)
    seen, trouble = overview(here.settings, here.redis_url)
    show_status(seen, output.choose(as_json=as_json))
    _end_with(trouble)


@app.command()
def queues(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show the six queues.

    Example: mingus queues --json
    """
    from mingus_lib.services import overview
    from mingus_lib.view.status import NARROW_QUEUES

    here = runtime_of(ctx)
    found, trouble = overview.queues(here.settings, here.redis_url)
    form = output.choose(as_json=as_json, quiet=quiet)
    output.rows(found, QUEUE_COLUMNS, form, id_key="name", drop=NARROW_QUEUES)
    _end_with(trouble)


def _end_with(trouble: MingusError | None) -> None:
    if trouble is not None:
        # After what is known was shown: the ledger answers for a Redis that is away.
        raise failed(str(trouble), trouble.exit_code)


@app.command()
def tasks(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the tasks and what each accepts.

    Example: mingus tasks
    """
    from mingus_lib.services import jobs as looking
    from mingus_lib.view.jobs import TASK_COLUMNS

    # Settings may have changed their limits.
    runtime_of(ctx)
    output.rows(
        looking.tasks(),
        TASK_COLUMNS,
        output.choose(as_json=as_json, quiet=quiet),
        id_key="name",
        drop=("soft", "retries"),
    )


@app.command()
def jobs(
    ctx: typer.Context,
    state: Annotated[
        str | None,
        typer.Option("--state", "-s", help="Only jobs in this state.", autocompletion=completing.states),
    ] = None,
    task: OfTask = None,
    queue: OfQueue = None,
    error: OfError = None,
    arg: Annotated[
        str | None, typer.Option("--arg", metavar="TEXT", help="Only jobs whose arguments contain this.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE|DATE", help="Only jobs created since: 2d, or a date in UTC."),
    ] = None,
    older_than: OlderThan = None,
    newer_than: NewerThan = None,
    limit: Limit = 50,
    follow: Annotated[
        bool, typer.Option("--follow", help="Print changes of such jobs as they are seen, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List jobs, newest first.

    All filters must hold. Ages are those of a job's creation. The ledger answers, also without Redis.
    With --follow --json each change is one line of JSON; of a quick job only the end may be seen.

    Example: mingus jobs --state dead --error http-503 --newer-than 2d --limit 20
    """
    from mingus_lib.services import jobs as looking
    from mingus_lib.view.jobs import show_list

    here = runtime_of(ctx)
    wanted = looking.Wanted(task, queue, error, older_than, newer_than, since, arg, state)
    form, chosen = output.choose(as_json=as_json, quiet=quiet), looking.chosen(wanted)
    if follow:
        from mingus_lib.services.following import follow_many
        from mingus_lib.view import events

        # It never ends by itself: Ctrl-C or a closed pipe leads past the list below.
        events.show(follow_many(here.history, chosen), form)
    found = here.history.newest(chosen, limit + 1)
    show_list(found[:limit], form, narrowed=bool(wanted))
    tell_of_more(ctx, found, limit)


@app.command()
def job(
    ctx: typer.Context,
    job_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A job's id, or the beginning of it.", autocompletion=completing.jobs
        ),
    ],
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Print what happens to it until it has ended; exit 1 unless well."),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell the whole story of one job.

    With --follow the exit code is 0 when it finished, 1 when it is dead or cancelled.

    Example: mingus job 4f2a --json
    """
    from mingus_lib.services import jobs as looking
    from mingus_lib.view.jobs import show_story

    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    if follow:
        # The whole id: its beginning, as typed, may become ambiguous while it is followed.
        _follow(here, looking.find_one(here.history, job_id).id, form)
        return
    found, caused = looking.find(here.history, job_id)
    show_story(found, caused, form)


def _follow(here: Runtime, job_id: str, form: output.Format) -> None:
    from mingus_lib.services.following import follow_one
    from mingus_lib.view import events

    if events.show(follow_one(here.history, job_id), form) != "finished":
        raise typer.Exit(1)
