"""Library: the readers."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from mingus_lib.commands.common import (
    DryRun,
    Json,
    Limit,
    ListsByDefault,
    Quiet,
    Yes,
    confirm,
    failed,
    runtime_of,
    tell_of_more,
)
from mingus_lib.domain.library import MAX_ID
from mingus_lib.domain.readers import DEVICES, KINDS, EventKind
from mingus_lib.domain.words import some
from mingus_lib.errors import UsageError
from mingus_lib.services import reader_import
from mingus_lib.view import facts, human, output, progress
from mingus_lib.view import readers as view
from mingus_lib.view.control import tell_dry_run

app = typer.Typer(
    help="Import, list, show, assess, export and forget readers.", cls=ListsByDefault, add_completion=False
)

# So many are named where all might be too many for a line.
NAMED = 5
Who = Annotated[str, typer.Argument(metavar="READER", help="A reader's id.")]
Score = Annotated[float | None, typer.Option(min=0, max=100, help="A score, 0 to 100.")]


class Form(StrEnum):
    """What a file holds."""

    CSV = "csv"
    JSONL = "jsonl"


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON Lines; - is standard input.")],
    form: Annotated[Form | None, typer.Option("--format", help="Else the first line tells.")] = None,
    max_errors: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Stop when there are more bad lines than this.")
    ] = 100,
    as_json: Json = False,
) -> None:
    """Bring in readers, assessments and events.

    Events that are there already, by their id, are left out. An import that was cut short goes on where it was
    when the same file is given again. Exit 1 when a line was bad.

    Example: mingus readers import events.csv
    """
    here = runtime_of(ctx)
    reading, making = progress.counting("Read", "bytes"), progress.counting("Made", "indexes of events")
    # Two lines, for an import of many events makes the indexes anew when all is read.
    with reading as report, making as indexing:
        importer = reader_import.Importer(here.store, report, indexing)
        done = importer.run(file, sys.stdin.buffer, max_errors=max_errors, form=form.value if form else None)
    # One more than may be bad: the line that stopped the import is told as well.
    view.show_import(done.as_json(), output.choose(as_json=as_json), max_errors + 1)
    if done.unread:
        output.message(
            f"Columns that nothing was read from: {some([*map(human.printable, done.unread)], NAMED)}"
        )
    if done.stopped:
        raise failed(
            f"stopped: bad lines, more than {max_errors}; what came before them is kept. Mend them and run it again"
        )
    if done.counts.bad:
        bad = "1 bad line was" if done.counts.bad == 1 else f"{done.counts.bad:,} bad lines were"
        raise failed(f"{bad} left out; mend what is wrong and run it again")


@app.command("list")
def list_(ctx: typer.Context, limit: Limit = 50, as_json: Json = False, quiet: Quiet = False) -> None:
    """List readers, in the order they came.

    Example: mingus readers list --limit 20
    """
    here = runtime_of(ctx)
    found = here.readers.list(limit + 1)
    view.show_list(found[:limit], output.choose(as_json=as_json, quiet=quiet))
    tell_of_more(ctx, found, limit)


@app.command()
def show(ctx: typer.Context, reader: Who, as_json: Json = False) -> None:
    """Show a reader: what is open to them, progress, streaks.

    Example: mingus readers show ada
    """
    here = runtime_of(ctx)
    portrait = here.reader_records.portrait(reader, datetime.now(UTC))
    view.show_portrait(portrait.as_json(), output.choose(as_json=as_json))


@app.command()
def assess(
    ctx: typer.Context,
    reader: Who,
    be: Score = None,
    do: Score = None,
    have: Score = None,
    invalid: Annotated[bool, typer.Option("--invalid", help="The assessments so far count no more.")] = False,
    as_json: Json = False,
) -> None:
    """Note a reader's assessment, which opens articles to them.

    Example: mingus readers assess ada --be 72 --do 64 --have 41
    """
    here = runtime_of(ctx)
    now = datetime.now(UTC)
    scores = [score for score in (be, do, have) if score is not None]
    if invalid and not scores:
        portrait = here.reader_records.invalidate(reader, now)
    elif be is not None and do is not None and have is not None and not invalid:
        portrait = here.reader_records.assess(reader, be, do, have, now)
    else:
        raise UsageError("give --be, --do and --have, or --invalid alone")
    view.show_portrait(portrait.as_json(), output.choose(as_json=as_json))


@app.command()
def event(
    ctx: typer.Context,
    reader: Who,
    what: Annotated[EventKind, typer.Argument(metavar="EVENT", help=f"One of {', '.join(KINDS)}.")],
    article: Annotated[int, typer.Argument(metavar="ARTICLE_ID", min=1, max=MAX_ID, help="An article's id.")],
    at: Annotated[str | None, typer.Option(help="When, as 2026-03-01T12:00:00Z; now without it.")] = None,
    seconds: Annotated[int | None, typer.Option(min=0, help="The time spent reading.")] = None,
    scroll: Annotated[int | None, typer.Option(min=0, max=100, help="How far down, 0 to 100.")] = None,
    helpful: Annotated[
        bool | None, typer.Option("--helpful/--not-helpful", help="Whether it helped.")
    ] = None,
    device: Annotated[str | None, typer.Option(help=f"Where it was read: {', '.join(DEVICES)}.")] = None,
    overall: Annotated[int | None, typer.Option(min=1, max=5, help="The stars of a rating.")] = None,
    folder: Annotated[str | None, typer.Option(help="The folder of a bookmark.")] = None,
    as_json: Json = False,
) -> None:
    """Note one thing that a reader did.

    Example: mingus readers event ada finished 1 --seconds 240
    """
    here = runtime_of(ctx)
    given: dict[str, Any] = {
        "event": what.value, "at": at, "time_spent_seconds": seconds, "scroll_depth": scroll,
        "found_helpful": helpful, "device": device, "overall": overall, "folder": folder,
        "source": "cli",
    }  # fmt: skip
    # The rules are those of an import, where an absent field is not known.
    record = {name: value for name, value in given.items() if value is not None}
    done = here.reader_records.note(reader, article, record, datetime.now(UTC))
    if as_json:
        output.value(done)
    else:
        output.lines([done["id"]])


@app.command()
def export(
    ctx: typer.Context,
    reader: Who,
    file: Annotated[
        str | None, typer.Option("--output", "-o", help="Write here instead of to standard output.")
    ] = None,
) -> None:
    """Write everything that is kept about a reader, as JSON.

    Example: mingus readers export ada --output ada.json
    """
    here = runtime_of(ctx)
    told = here.reader_records.export(reader)
    if file is None:
        output.value(told)
        return
    from mingus_lib.services import library

    # What a person read is for nobody else on the machine.
    with library.replacing(file, 0o600) as stream:
        # Texts as they are: what output.value escapes for a terminal is harmless in a file.
        json.dump(told, stream, ensure_ascii=False, indent=2)
    output.message(f"Written to {file}.")


@app.command()
def forget(
    ctx: typer.Context,
    readers: Annotated[list[str], typer.Argument(metavar="READER...", help="Readers by id.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove readers wholly: every row about them, and every trace of it in the store's file.

    The file is written anew, which takes a second for each 100 MB; nobody else can write meanwhile.

    Example: mingus readers forget ada --yes
    """
    here = runtime_of(ctx)
    found = list(dict.fromkeys(readers))
    for each in found:
        # All are looked for first: one that is misspelt must not leave the others forgotten.
        here.readers.find(each)
    confirm(f"Forget {some(found, NAMED)} for good?", yes=yes or dry_run)
    counts = {**here.reader_records.forget(found, dry_run=dry_run), "dry_run": dry_run}
    form = output.choose(as_json=as_json)
    if as_json:
        output.value(counts)
    else:
        facts.show(((name, str(count)) for name, count in counts.items() if name != "dry_run"), form)
    tell_dry_run(form, dry_run=dry_run)
