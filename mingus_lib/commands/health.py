"""Health: for load balancers, containers and monitors."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands import completing
from mingus_lib.commands.common import Json, Quiet, runtime_of
from mingus_lib.view import output
from mingus_lib.view.checks import show_health

app = typer.Typer(add_completion=False)


@app.command()
def health(
    ctx: typer.Context,
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            help="Only this queue; repeat it. All, when left out.",
            autocompletion=completing.queues,
        ),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", metavar="TIME", help="How long a job may wait: 90s, 15m or 2h."),
    ] = None,
    here: Annotated[
        bool, typer.Option("--here", help="Count only the workers of this host, as a container wants it.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say whether it is up and working; exit 3 when it is not.

    A worker must be live, every queue with waiting jobs must have one, and none may wait longer than
    --max-age (setting health_max_age). Redis and store must answer. Nothing is started.

    Example: mingus health --json
    """
    from mingus_lib.domain.checks import healthy
    from mingus_lib.domain.spans import parse_span
    from mingus_lib.queues import catalog
    from mingus_lib.services import health as looking

    told = runtime_of(ctx)
    limit = parse_span(max_age, "--max-age").total_seconds() if max_age else told.settings.health_max_age
    # A misspelt queue would otherwise be healthy for ever: nothing waits in it.
    names = catalog.check_queues(queue or [])
    # An address instead of a client, which would start the private Redis that is asked about.
    found = looking.look(told.settings, told.redis_url, queues=names, max_age=limit, here=here)
    show_health(looking.as_json(found), output.choose(as_json=as_json, quiet=quiet))
    if not healthy(found):
        raise typer.Exit(3)
