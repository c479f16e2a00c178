"""Watch: the circuit breakers of what jobs need from outside."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, ListsByDefault, Quiet, runtime_of
from mingus_lib.services import breakers
from mingus_lib.view import output
from mingus_lib.view.control import BREAKER_COLUMNS

app = typer.Typer(
    help="Show and reset the circuit breakers of what jobs need.", cls=ListsByDefault, add_completion=False
)

RESET_COLUMNS = (output.Column("name", "Breaker", output.Kind.ID), output.Column("reset", "Reset"))


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the breakers: closed, open, or half-open while one job tries.

    Example: mingus breakers list --json
    """
    here = runtime_of(ctx)
    # As found: looking starts no Redis, which `limits` would.
    found = breakers.listed(here.limits_as_found())
    output.rows(
        found,
        BREAKER_COLUMNS,
        output.choose(as_json=as_json, quiet=quiet),
        id_key="name",
        empty="No task needs anything that could fail.",
    )


@app.command()
def reset(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Breakers by name.", autocompletion=completing.breakers),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All breakers.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Close breakers by hand: jobs start again at once.

    Example: mingus breakers reset --all
    """
    done = breakers.reset(runtime_of(ctx).limits, names or [], everything=everything)
    output.rows(done, RESET_COLUMNS, output.choose(as_json=as_json, quiet=quiet), id_key="name")
