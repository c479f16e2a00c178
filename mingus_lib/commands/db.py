"""Deploy: the store as a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, Yes, confirm, failed, runtime_of
from mingus_lib.services import upkeep
from mingus_lib.view import cleanup as view
from mingus_lib.view import human, output, progress

app = typer.Typer(
    help="Migrate, back up, restore, check, measure and tidy the store.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def migrate(ctx: typer.Context, as_json: Json = False) -> None:
    """Create the store, or bring its schema up to date.

    Example: mingus db migrate
    """
    here = runtime_of(ctx)
    # By its path: `here.store` would bring the schema up to date before anybody saw what it was.
    done = upkeep.migrate(here.settings.store_path)
    if as_json:
        output.value(done)
    else:
        became = "" if done["before"] == done["after"] else f"{done['before']} -> "
        output.lines([f"{done['path']}: schema {became}{done['after']}"])


@app.command()
def backup(
    ctx: typer.Context,
    destination: Annotated[str, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the store while it is in use, and check the copy; whole or not at all.

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
def restore(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A backup; it stays where it is.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the store, which is kept aside.

    The backup is checked first. Where workers are alive, or the store is newer or another library, it asks; off a
    terminal that needs --yes.

    Example: mingus db restore backups/mingus-20260309T050000Z.db --yes
    """
    here = runtime_of(ctx)
    with progress.counting("Copying", "pages") as report:
        prepared = here.restoring.prepare(Path(file), report)
    try:
        reasons = "; ".join(prepared.objections)
        # Asked when the backup is known to be whole, and who is alive on the store.
        confirm(f"Replace {here.settings.store_path}? {reasons}.", yes=yes or not reasons)
        done = prepared.run(datetime.now(UTC))
    finally:
        # Also after a no: the copy that was checked is as large as the store.
        prepared.drop()
    view.show_restored(done, output.choose(as_json=as_json))


@app.command()
def salvage(
    ctx: typer.Context,
    destination: Annotated[str, typer.Argument(metavar="FILE", help="The new store.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="A damaged store, if not this library's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what can still be read of a damaged store to a new one, where there is no backup.

    The damaged store stays as it is. `mingus db restore FILE` puts the new one in its place.

    Example: mingus db salvage salvaged.db
    """
    here = runtime_of(ctx)
    with progress.steps() as report:
        done = upkeep.salvage(Path(source) if source else here.settings.store_path, Path(destination), report)
    view.show_salvaged(done, output.choose(as_json=as_json))


@app.command()
def stats(ctx: typer.Context, as_json: Json = False) -> None:
    """Show what the store is made of: rows and bytes by table, what is free, and its log.

    Example: mingus db stats
    """
    here = runtime_of(ctx)
    with progress.steps() as report:
        found = upkeep.stats(here.settings.store_path, report)
    view.show_sizes(found, output.choose(as_json=as_json))


@app.command()
def vacuum(
    ctx: typer.Context,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the search index anew, too.")] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Write the file anew, without gaps; who writes meanwhile has to wait."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Give free pages back to the disk and merge the search index.

    Example: mingus db vacuum
    """
    here = runtime_of(ctx)
    with progress.steps() as report:
        done = upkeep.vacuum(here.settings.store_path, rebuild=rebuild, full=full, report=report)
    if as_json:
        output.value(done)
    else:
        output.lines([f"{done['path']}: {human.size(done['freed_bytes'])} given back"])


@app.command()
def check(ctx: typer.Context, as_json: Json = False) -> None:
    """Read the whole store and look for damage; exit 3 when there is some.

    Example: mingus db check
    """
    here = runtime_of(ctx)
    with progress.steps() as report:
        found = upkeep.check(here.settings.store_path, report)
    view.show_checked(found, output.choose(as_json=as_json))
    # After the facts, which help to judge the damage.
    if found["problems"]:
        raise failed("; ".join(found["problems"]), 3)
