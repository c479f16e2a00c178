"""Watch and control workers, wherever they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from mingus_lib.commands.common import DryRun, Json, ListsByDefault, Quiet, failed, runtime_of
from mingus_lib.services import workers
from mingus_lib.view import output, progress
from mingus_lib.view.control import TOLD_COLUMNS, show_workers, tell_dry_run

app = typer.Typer(
    help="List workers, stop them, or wait until they have left.", cls=ListsByDefault, add_completion=False
)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Workers by name.")]
Everyone = Annotated[bool, typer.Option("--all", help="All workers.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the workers and what each is doing.

    Example: mingus workers list --json
    """
    here = runtime_of(ctx)
    # If it is up: a list of workers does not start the private Redis to find none.
    found = [asdict(worker) for worker in workers.listed(here.redis_if_up(), here.redis_where)]
    show_workers(found, output.choose(as_json=as_json, quiet=quiet))


@app.command()
def stop(
    ctx: typer.Context,
    names: Names = None,
    everyone: Everyone = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell workers to leave after the job in hand.

    Workers that were started together (by one `mingus worker` or `mingus up`) leave together.

    Example: mingus workers stop --all
    """
    here = runtime_of(ctx)
    # If it is up: the private Redis is not started to find nobody in it.
    control = here.control_if_up()
    handles = workers.choose(control, names or [], everything=everyone)
    told = workers.planned(handles) if dry_run or control is None else workers.stop(control, handles)
    _show(told, output.choose(as_json=as_json, quiet=quiet), dry_run)
    if any(each.outcome == "unheard" for each in told):
        raise failed("some workers could not be told; stop them on their own host")


@app.command()
def drain(
    ctx: typer.Context,
    names: Names = None,
    everyone: Everyone = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="Wait so long at most: 30s, 15m or 2h.")
    ] = "15m",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell workers to leave after the job in hand, and wait until they are gone.

    Exit 1 if one is still there when the time is over; it leaves later all the same.

    Example: mingus workers drain --all --timeout 10m
    """
    here = runtime_of(ctx)
    # Before anybody is told: a slip in --timeout stops no worker.
    seconds = workers.patience(timeout)
    form, control = output.choose(as_json=as_json, quiet=quiet), here.control_if_up()
    handles = workers.choose(control, names or [], everything=everyone)
    if control is None:
        _show([], form)
        return
    told = workers.stop(control, handles)
    last = progress.show(workers.follow(control, told, handles, seconds), "workers")
    _show(last.told, form)
    if last.done < last.total:
        raise failed(f"still there after {timeout}: {last.text}")


def _show(told: Sequence[workers.Told], form: output.Format, dry_run: bool = False) -> None:
    rows = [{**each._asdict(), "dry_run": dry_run} for each in told]
    output.rows(rows, TOLD_COLUMNS, form, id_key="name", empty="No worker is running.")
    tell_dry_run(form, dry_run=dry_run)
