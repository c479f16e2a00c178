"""Library: read pages without storing anything."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, runtime_of

app = typer.Typer(add_completion=False)


@app.command()
def extract(
    ctx: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE|URL|-...", help="Files, addresses, or - for standard input.")
    ],
    url: Annotated[
        str | None, typer.Option("--url", help="The address a file came from, for its relative links.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read articles from files or addresses, storing nothing.

    Neither the store nor Redis is touched. With --json, each source gives one object; many sources
    give one a line, in the order given. Exit 1 when a source could not be read.

    Example: mingus extract page.html --url https://example.com/page --json
    """
    from mingus_lib.services.reading import Reader
    from mingus_lib.view.extract import show_reading

    settings = runtime_of(ctx).settings
    # Bytes of standard input: which charset a page is in, its reader finds out.
    reader = Reader(settings.fetch_policy(), settings.quality_policy(), sys.stdin.buffer)
    unread = False
    for reading in reader.read_all(sources, url):
        show_reading(reading, as_json=as_json, one_of_many=len(sources) > 1)
        # The others are read all the same; the exit code tells of it at the end.
        unread = unread or reading.error is not None
    if unread:
        raise typer.Exit(1)
