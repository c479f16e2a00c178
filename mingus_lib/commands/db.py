"""Deploy: the store as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, failed, runtime_of
from mingus_lib.services import upkeep
from mingus_lib.view import output, progress

app = typer.Typer(
    help="Migrate, back up, check and tidy the store.", no_args_is_help=True, add_completion=False
)


@app.command()
def migrate(ctx: typer.Context, as_json: Json = False) -> None:
    """Create the store, or bring its schema up to date.

    Example: mingus db migrate
    """
    here = runtime_of(ctx)
    done = upkeep.migrate(here.settings.store_path)
    if as_json:
        output.value(done)
    else:
        output.lines([f"{done['path']}: schema {done['before']} -> {done['after']}"])


@app.command()
def backup(
    ctx: typer.Context,
    destination: Annotated[str, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the store while it is in use; whole or not at all.

    Example: mingus db backup mingus-backup.db
    """
    here = runtime_of(ctx)
    with progress.counting("Copying", "pages") as report:
        done = upkeep.backup(here.settings.store_path, Path(destination), overwrite=force, report=report)
    if as_json:
        output.value(done)
    else:
        output.lines([done["path"]])


@app.command()
def vacuum(
    ctx: typer.Context,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the search index anew, too.")] = False,
    as_json: Json = False,
) -> None:
    """Give free pages back to the disk and merge the search index.

    Example: mingus db vacuum
    """
    here = runtime_of(ctx)
    done = upkeep.vacuum(here.settings.store_path, rebuild=rebuild)
    if as_json:
        output.value(done)
    else:
        output.lines([f"{done['path']}: {done['freed_bytes']} bytes given back"])


@app.command()
def check(ctx: typer.Context, as_json: Json = False) -> None:
    """Read the whole store and look for damage; exit 3 when there is some.

    Example: mingus db check
    """
    here = runtime_of(ctx)
    found = upkeep.check(here.settings.store_path)
    if as_json:
        output.value(found)
    else:
        output.lines(f"{name}\t{value}" for name, value in found["facts"].items())
    if found["problems"]:
        raise failed("; ".join(found["problems"]), 3)
