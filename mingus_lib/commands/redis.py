"""Run: the private Redis as a service."""

from __future__ import annotations

import typer

from mingus_lib.commands.common import runtime_of

app = typer.Typer(add_completion=False)


@app.command()
def redis(ctx: typer.Context) -> None:
    """Run the private Redis in the foreground, for systemd, supervisord and containers.

    Commands and workers start it by themselves where no service does. SIGTERM stops it.

    Example: mingus redis
    """
    from mingus_lib.queues.notify import Notifier
    from mingus_lib.queues.redis_service import become_redis

    home = runtime_of(ctx).settings.home
    # This process becomes the server, so that signals and the exit code are the server's own.
    become_redis(home, Notifier.take())
