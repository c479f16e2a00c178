"""Control: the timetable."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, ListsByDefault, Quiet, Wait, runtime_of
from mingus_lib.commands.ending import finish
from mingus_lib.domain.timetable import Timetable
from mingus_lib.runtime import Runtime
from mingus_lib.services import timetables
from mingus_lib.view import output, schedule

app = typer.Typer(
    help="List, check, run and switch the entries of the timetable.",
    cls=ListsByDefault,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(help="An entry of the timetable.", autocompletion=completing.entries)]
Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help="Entries of the timetable.", autocompletion=completing.entries),
]


def _timetable(here: Runtime) -> Timetable:
    return timetables.read(timetables.locate(here.settings))


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the entries: their next slots, their last run, what was missed.

    Example: mingus schedule list --json
    """
    here = runtime_of(ctx)
    timetable = _timetable(here)
    rows = timetables.listed(timetable, here.slots, datetime.now(UTC))
    schedule.show_entries(rows, timetable.source, output.choose(as_json=as_json, quiet=quiet))


@app.command("next")
def next_(
    ctx: typer.Context,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="How many slots.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the next slots of all entries in the order of time, in UTC and in the entry's own time.

    Example: mingus schedule next -n 20
    """
    here = runtime_of(ctx)
    found = timetables.upcoming(_timetable(here), here.slots.states(), datetime.now(UTC), count)
    schedule.show_upcoming(found, output.choose(as_json=as_json))


@app.command()
def run(
    ctx: typer.Context, name: Name, wait: Wait = False, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Enqueue an entry's job now, once, marked as run by hand. Its slots stay as they are.

    Example: mingus schedule run sweep --wait
    """
    here = runtime_of(ctx)
    entry = timetables.entry_of(_timetable(here), name)
    job_id = timetables.run_now(entry, here.slots, here.enqueuer)
    finish(here, [job_id], entry.queue, wait, output.choose(as_json=as_json, quiet=quiet))


@app.command()
def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A timetable; the one in use, when left out.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a timetable as a whole. A fault is named with its line; exit 2.

    Example: mingus schedule check schedules.toml
    """
    # A file alone is checked: neither the store nor a scheduler has to be there.
    timetable = timetables.read(file or timetables.locate(runtime_of(ctx).settings))
    rows = timetables.checked(timetable)
    schedule.show_checked(rows, timetable.source, output.choose(as_json=as_json, quiet=quiet))


@app.command()
def sync(ctx: typer.Context, as_json: Json = False) -> None:
    """Take the timetable over now. A running scheduler does so by itself when the file changes.

    Example: mingus schedule sync
    """
    here = runtime_of(ctx)
    timetable = _timetable(here)
    # In the store, where any scheduler looks: none has to run now.
    changes = here.slots.sync(timetable.entries, datetime.now(UTC))
    schedule.show_changes(changes, timetable.source, output.choose(as_json=as_json))


@app.command()
def enable(ctx: typer.Context, names: Names, as_json: Json = False, quiet: Quiet = False) -> None:
    """Switch entries on, whatever the file says; kept until switched again. Slots count from now.

    Example: mingus schedule enable sweep
    """
    _switch(runtime_of(ctx), names, True, as_json, quiet)


@app.command()
def disable(ctx: typer.Context, names: Names, as_json: Json = False, quiet: Quiet = False) -> None:
    """Switch entries off, whatever the file says; kept until switched again.

    Example: mingus schedule disable sweep
    """
    _switch(runtime_of(ctx), names, False, as_json, quiet)


@app.command()
def reset(ctx: typer.Context, names: Names, as_json: Json = False, quiet: Quiet = False) -> None:
    """Undo enable and disable: entries are on or off as the file says.

    Example: mingus schedule reset sweep
    """
    # None is a third answer: neither on nor off, but what the file says, also when it changes.
    _switch(runtime_of(ctx), names, None, as_json, quiet)


def _switch(here: Runtime, names: list[str], on: bool | None, as_json: bool, quiet: bool) -> None:
    rows = timetables.switch(_timetable(here), names, here.slots, on=on)
    schedule.show_switched(rows, output.choose(as_json=as_json, quiet=quiet))
