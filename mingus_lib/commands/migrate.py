"""Deploy: take over what waits in another system's queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mingus_lib.commands.common import DryRun, Json, Quiet, Yes, confirm, failed, runtime_of
from mingus_lib.domain.celery import OLD_QUEUES, Outcome
from mingus_lib.errors import TransientError
from mingus_lib.view import migration as view
from mingus_lib.view import output, progress

if TYPE_CHECKING:
    from mingus_lib.services.celery_migration import Row

app = typer.Typer(
    help="Take over what waits in another system's queues.", no_args_is_help=True, add_completion=False
)


# Without it Typer would take a group of one command for the command, and `celery` for an argument.
@app.callback()
def migrate() -> None:
    """Take over what waits in another system's queues."""


@app.command()
def celery(
    ctx: typer.Context,
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker",
            help="The Redis of Celery's broker; mingus's own, when none is given. "
            "Put one with a password into the variable.",
            envvar="CELERY_BROKER_URL",
            metavar="URL",
            show_envvar=True,
        ),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            help=f"A queue of Celery; repeat it. Without it: {', '.join(OLD_QUEUES)}.",
            metavar="QUEUE",
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take the waiting messages of Celery's queues over as jobs.

    A job keeps the message's id, so running this again doubles nothing. What is not known here is
    left where it is, with the reason; exit 1 then, but not after a dry run. See docs/migrating.md.

    Example: mingus migrate celery --dry-run
    """
    here = runtime_of(ctx)
    # A queue that is named twice would be counted twice.
    moving = here.celery_migration(broker, tuple(dict.fromkeys(queue or OLD_QUEUES)), dry_run=dry_run)
    form = output.choose(as_json=as_json, quiet=quiet)
    total = moving.waiting()
    if not dry_run:
        confirm(
            f"Take over what mingus knows of {total:,} messages in {moving.broker.where}?",
            yes=yes or not total,
        )
    rows: list[Row] = []
    try:
        with progress.counting("Looked at", "messages") as report:
            for page in moving.run():
                rows += page
                report(len(rows), total)
    except (TransientError, KeyboardInterrupt):
        # What was taken over until then is done.
        if rows:
            view.show(rows, form, dry_run=dry_run)
        raise
    view.show(rows, form, dry_run=dry_run)
    left = sum(row.outcome is Outcome.LEFT for row in rows)
    # A dry run tells of it, and has failed at nothing.
    if left and not dry_run:
        raise failed(f"{left:,} messages were left in Celery's queues; each line says why")
