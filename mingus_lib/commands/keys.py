"""Control: the keys that jobs are signed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, ListsByDefault, Quiet, Yes, confirm, runtime_of
from mingus_lib.services import keys
from mingus_lib.view import output
from mingus_lib.view.control import KEY_COLUMNS

app = typer.Typer(
    help="List, add and revoke the keys that jobs are signed with.",
    cls=ListsByDefault,
    add_completion=False,
)


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the keys, revoked ones too; never their secrets.

    Example: mingus keys list
    """
    _show(keys.listed(runtime_of(ctx).keyring), output.choose(as_json=as_json, quiet=quiet))


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is called, after who has it.")],
    permission: Annotated[
        list[str],
        typer.Option(
            "--permission", "-p", help="What it may enqueue; repeat it. `mingus tasks --json` has them."
        ),
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the producer's file; only you may read it."
        ),
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a key for a producer, and write the file that it signs with.

    Example: mingus keys add newsroom --permission articles:write --output newsroom-key.json
    """
    # The secret goes into the file alone: a terminal has a history, and output may go into a log.
    made = keys.add(runtime_of(ctx).keyring, name, permission, to)
    form = output.choose(as_json=as_json, quiet=quiet)
    if form is output.Format.JSON:
        output.value(made)
        return
    _show([made], form)
    if form is output.Format.TABLE:
        output.message(f"Its secret is in {to}: give that file to the producer, and to nobody else.")


@app.command()
def revoke(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A valid key.", autocompletion=completing.keys)],
    yes: Yes = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let no job signed with a key run any more, those that wait included.

    Example: mingus keys revoke newsroom --yes
    """
    ring = runtime_of(ctx).keyring
    # Before the question: nobody is asked about a key that is not there.
    keys.check_valid(ring, name)
    confirm(f"Refuse every job signed with the key {name!r}, also those that wait?", yes=yes)
    revoked = keys.revoke(ring, name)
    form = output.choose(as_json=as_json, quiet=quiet)
    if form is output.Format.JSON:
        output.value(revoked)
    else:
        _show([revoked], form)


def _show(rows: list[dict[str, Any]], form: output.Format) -> None:
    output.rows(
        rows, KEY_COLUMNS, form, drop=("created_at", "id"), empty="No key yet: the first job makes one."
    )
