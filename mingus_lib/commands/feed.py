"""Feed: what goes into the queues."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, Quiet, Wait, runtime_of
from mingus_lib.commands.ending import awaited, finish, worker_hint
from mingus_lib.domain.library import MAX_ID
from mingus_lib.services import add as adding
from mingus_lib.services import enqueueing, waiting
from mingus_lib.view import output, receipts

app = typer.Typer(add_completion=False)


@app.command()
def add(
    ctx: typer.Context,
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="[URL]...", help="Addresses; - reads standard input.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="Read addresses from a file, one a line.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch addresses that are known already, too.")
    ] = False,
    wait: Wait = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add articles by their addresses.

    Addresses come as arguments, from --file, or from standard input with -, one a line; # begins a
    comment. Every address is checked before anything is enqueued.

    Example: mingus add https://example.com/article --wait
    """
    here = runtime_of(ctx)
    given = adding.gather(addresses or [], file, sys.stdin.buffer)
    # `limits_on` is called after the addresses were checked, so that a slip starts no Redis.
    receipt = adding.add(here.enqueuer, given, here.limits_on, force=force)
    if not wait:
        receipts.show_added(receipt.as_json(), output.choose(as_json=as_json, quiet=quiet))
        return
    steps = waiting.follow_addresses(here.history, here.articles, receipt.job_ids, receipt.addresses)
    last = awaited(steps, receipt.job_ids, "addresses", worker_hint(here, "article_processing"))
    receipts.show_outcomes(
        receipt.as_json(), last.outcomes, last.jobs, output.choose(as_json=as_json, quiet=quiet)
    )
    if last.failed:
        raise typer.Exit(1)


@app.command()
def reprocess(
    ctx: typer.Context,
    article_ids: Annotated[
        list[int], typer.Argument(metavar="ARTICLE_ID...", min=1, max=MAX_ID, help="Articles by id.")
    ],
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the kept page again instead of fetching.")
    ] = False,
    wait: Wait = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch articles again, or read their kept pages again.

    Example: mingus reprocess 12 13 --offline --wait
    """
    here = runtime_of(ctx)
    arguments = [{"article_id": number, **({"offline": True} if offline else {})} for number in article_ids]
    # All are looked for first: one wrong id must not leave jobs for half of them.
    enqueueing.require_articles(here.articles, article_ids)
    ids = enqueueing.enqueue(here.enqueuer, "reprocess_article", arguments)
    finish(here, ids, "article_processing", wait, output.choose(as_json=as_json, quiet=quiet))


@app.command()
def enqueue(
    ctx: typer.Context,
    task: Annotated[
        str, typer.Argument(help="A task; `mingus tasks` lists them.", autocompletion=completing.tasks)
    ],
    args: Annotated[str | None, typer.Option("--args", help="The arguments, a JSON object.")] = None,
    args_file: Annotated[
        str | None, typer.Option("--args-file", help="Read the arguments from a file; - is standard input.")
    ] = None,
    lines: Annotated[
        str | None,
        typer.Option("--lines", help="One JSON object a line, a job for each; - is standard input."),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option("--queue", help="For tasks that run on any queue.", autocompletion=completing.queues),
    ] = None,
    wait: Wait = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Enqueue any task with its arguments as JSON.

    Example: mingus enqueue ping --queue analytics --args '{"token": "hello"}' --wait
    """
    here = runtime_of(ctx)
    arguments = enqueueing.read_arguments(args, args_file, lines, sys.stdin.buffer)
    ids = enqueueing.enqueue(here.enqueuer, task, arguments, queue=queue)
    finish(here, ids, enqueueing.queue_of(task, queue), wait, output.choose(as_json=as_json, quiet=quiet))
