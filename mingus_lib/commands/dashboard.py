"""Run: the dashboard in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands.common import runtime_of
from mingus_lib.runtime import Runtime
from mingus_lib.view import output

app = typer.Typer(add_completion=False)


@app.command()
def dashboard(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", help="Listen on this address; other than loopback needs a token.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Listen on this port.")] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", metavar="URL", help="Where a reverse proxy shows it, path and all."),
    ] = None,
    loglevel: Annotated[
        str | None,
        typer.Option("--loglevel", "--log-level", help="debug, info, warning or error.", metavar="LEVEL"),
    ] = None,
) -> None:
    """Serve the dashboard for a browser.

    On loopback it asks for no login; the token that it asks for elsewhere is read from the file that
    MINGUS_DASHBOARD_TOKEN_FILE names. SIGTERM or Ctrl-C ends it.

    Example: mingus dashboard --port 9181
    """
    # Here, so that --help does without what the dashboard loads.
    from mingus_lib.dashboard.serving import serve
    from mingus_lib.queues.notify import Notifier

    def ready(url: str) -> None:
        output.message(f"The dashboard is at {url}")
        manager.status(f"at {url}")

    manager = Notifier.take()
    here = runtime_of(
        ctx,
        loglevel=loglevel,
        dashboard_host=host,
        dashboard_port=None if port is None else str(port),
        dashboard_public_url=public_url,
    )
    # Each thread of the server opens its own.
    serve(here.settings, lambda: Runtime(here.settings), ready, manager.turned)
    manager.stopping()
