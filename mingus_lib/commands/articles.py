"""Library: the articles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mingus_lib.commands import review
from mingus_lib.commands.common import Json, Limit, ListsByDefault, Quiet, runtime_of, tell_of_more
from mingus_lib.domain.library import MAX_ID
from mingus_lib.runtime import Runtime
from mingus_lib.services import library
from mingus_lib.view import article as view
from mingus_lib.view import output

app = typer.Typer(
    help="List, show, search, review, feature, keep, archive and export articles.",
    cls=ListsByDefault,
    add_completion=False,
)
app.command()(review.review)

Status = Annotated[
    list[str] | None,
    typer.Option("--status", "-s", help="published, review, rejected, held, pending or archived; repeat it."),
]
Host = Annotated[str | None, typer.Option("--host", help="Only this registrable host, such as example.com.")]
Note = Annotated[str | None, typer.Option("--note", help="Why, for whoever looks next.")]
AsReader = Annotated[
    str | None, typer.Option("--reader", metavar="READER", help="Only what the gate opens to this reader.")
]
Ids = Annotated[list[int], typer.Argument(metavar="ID...", min=1, max=MAX_ID, help="Articles by id.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    status: Status = None,
    host: Host = None,
    reader: AsReader = None,
    limit: Limit = 50,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List articles, newest first.

    Example: mingus articles list --status rejected --limit 20
    """
    here = runtime_of(ctx)
    chosen = library.chosen(status or [], host, limit + 1, here.levels_of(reader))
    found = here.articles.list(chosen)
    narrowed = bool(status or host or reader)
    view.show_list(found[:limit], output.choose(as_json=as_json, quiet=quiet), narrowed=narrowed)
    tell_of_more(ctx, found, limit)


@app.command()
def show(
    ctx: typer.Context,
    article: Annotated[str, typer.Argument(metavar="ID|URL", help="An article's id or address.")],
    why: Annotated[
        bool, typer.Option("--why", help="Show why it has its labels, instead of its text.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one article with its text, or why it has its labels.

    Example: mingus articles show 12
    """
    here = runtime_of(ctx)
    found = library.find(here.articles, article)
    form = output.choose(as_json=as_json)
    if not why:
        view.show_article(found, form)
        return
    from mingus_lib.view import labels

    labels.show_why(found.classification, here.labels.details(found.id), found.title, form)


@app.command()
def search(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="What to look for.")],
    reader: AsReader = None,
    limit: Limit = 20,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search titles and texts, best first.

    Example: mingus articles search emergency fund
    """
    here = runtime_of(ctx)
    found = here.articles.search(" ".join(words), limit=limit, reader=here.levels_of(reader))
    view.show_hits(found, output.choose(as_json=as_json, quiet=quiet))


@app.command()
def archive(ctx: typer.Context, article_ids: Ids, note: Note = None, as_json: Json = False) -> None:
    """Take articles out of the library without deleting them.

    Example: mingus articles archive 12 13 --note "out of date"
    """
    here = runtime_of(ctx)
    changed = here.articles.archive(article_ids, datetime.now(UTC), library.checked_note(note))
    _tell(here, "archived", changed, article_ids, as_json)


@app.command()
def feature(
    ctx: typer.Context,
    article_ids: Ids,
    off: Annotated[bool, typer.Option("--off", help="Feature them no longer.")] = False,
    note: Note = None,
    as_json: Json = False,
) -> None:
    """Put articles forward, or no longer.

    Example: mingus articles feature 12 --note "the best on credit so far"
    """
    here = runtime_of(ctx)
    changed = here.articles.feature(article_ids, not off, datetime.now(UTC), library.checked_note(note))
    _tell(here, "unfeatured" if off else "featured", changed, article_ids, as_json)


@app.command()
def keep(
    ctx: typer.Context,
    article_ids: Ids,
    off: Annotated[bool, typer.Option("--off", help="Let clean-up archive them when they are old.")] = False,
    note: Note = None,
    as_json: Json = False,
) -> None:
    """Mark articles that clean-up never archives, however old, or take the mark off.

    Example: mingus articles keep 12 --note "timeless"
    """
    here = runtime_of(ctx)
    changed = here.articles.keep(article_ids, not off, datetime.now(UTC), library.checked_note(note))
    _tell(here, "unkept" if off else "kept", changed, article_ids, as_json)


@app.command()
def restore(ctx: typer.Context, article_ids: Ids, as_json: Json = False) -> None:
    """Bring archived articles back, with the mark that keeps them.

    Example: mingus articles restore 12
    """
    here = runtime_of(ctx)
    changed = here.articles.restore(article_ids, datetime.now(UTC))
    _tell(here, "restored", changed, article_ids, as_json)


def _tell(here: Runtime, what: str, changed: list[int], asked: list[int], as_json: bool) -> None:
    left = {each: library.state(here.articles, each) for each in asked if each not in changed}
    view.show_changed(what, changed, left, output.choose(as_json=as_json))
    # Told at the end: one id that did not fit keeps none of the others from being changed.
    if left:
        raise typer.Exit(4)


@app.command()
def export(
    ctx: typer.Context,
    status: Status = None,
    host: Host = None,
    reader: AsReader = None,
    file: Annotated[
        str | None, typer.Option("--output", "-o", help="Write here instead of to standard output.")
    ] = None,
    format_: Annotated[
        library.ExportFormat, typer.Option("--format", help="JSON Lines, or CSV for spreadsheets.")
    ] = library.ExportFormat.JSONL,
) -> None:
    """Write whole articles, one a line.

    Example: mingus articles export --format csv --output articles.csv
    """
    here = runtime_of(ctx)
    # An export has no limit: the one of lists is not looked at.
    rows = here.articles.export(library.chosen(status or [], host, 1, here.levels_of(reader)))
    # Row by row, so that a library of any size fits into memory.
    count = library.export(rows, file, format_)
    if file is not None:
        output.message(f"{count:,} articles written to {file}.")
