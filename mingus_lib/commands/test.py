"""Run: whether jobs pass through every queue."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, Quiet, failed, runtime_of
from mingus_lib.view import output, progress
from mingus_lib.view.output import Column, Kind

app = typer.Typer(add_completion=False)

COLUMNS = (
    Column("queue", "Queue", Kind.ID),
    Column("answer", "Answer", Kind.STATE),
    Column("seconds", "Seconds", Kind.NUMBER),
    Column("worker", "Worker", Kind.ID),
    Column("reason", "Reason"),
)


@app.command()
def test(
    ctx: typer.Context,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            help="Only through this queue; repeat it. All, when left out.",
            autocompletion=completing.queues,
        ),
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="Wait so long at most: 30s, 15m or 2h.")
    ] = "30s",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send a ping through every queue and wait for the answers; exit 1 when one is missing.

    Pings that nobody took in time are cancelled.

    Example: mingus test --queue cleanup --timeout 1m
    """
    from mingus_lib.domain.spans import parse_span
    from mingus_lib.services import pinging

    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    # Before anything is sent: a slip leaves no pings behind.
    seconds = parse_span(timeout, "--timeout").total_seconds()
    sent = pinging.send(here.enqueuer, queue or [])
    last = progress.show(pinging.follow(here.history, list(sent), seconds), "pings")
    if not last.ended:
        pinging.take_back(here.canceller, here.history, last.jobs)
    found = pinging.rows(sent, last.jobs)
    # `-q` gives the jobs, for `mingus job` tells most about a ping that got lost.
    output.rows(found, COLUMNS, form, id_key="job")
    missing = [row["queue"] for row in found if row["answer"] != "ok"]
    if missing:
        raise failed(f"no good answer from {', '.join(missing)}; see: mingus doctor, mingus job ID")
