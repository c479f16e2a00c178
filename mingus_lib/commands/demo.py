"""Run: mingus at work, on sample pages of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands.common import Json
from mingus_lib.runtime import Runtime
from mingus_lib.view import output, progress, receipts

app = typer.Typer(add_completion=False)

NEXT = """Next:
  mingus add https://...          feed it an article of your own
  mingus up                       run everything in this terminal
  mingus status                   see how things stand"""


@app.command()
def demo(
    as_json: Json = False,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, max=16, help="Worker processes.")
    ] = 2,
) -> None:
    """See mingus at work on sample pages, in a throw-away library.

    Starts a Redis of its own, serves a few pages on loopback, enqueues their addresses and runs
    workers until every address has become an article or a refusal with its reason.

    Example: mingus demo
    """
    from mingus_lib.services.demonstration import demonstrate

    output.message("Sample pages on loopback, a private Redis, workers: a library that is gone afterwards.")
    # Its settings are its own: no flag, variable or file of the machine leads it into the library in use.
    with demonstrate(concurrency, Runtime) as (receipt, steps):
        last = progress.show(steps, "addresses")
    # The library is gone by now, and `last` has all that is told of it.
    form = output.choose(as_json=as_json)
    receipts.show_outcomes(receipt, last.outcomes, last.jobs, form)
    if form is output.Format.TABLE:
        output.message(NEXT)
