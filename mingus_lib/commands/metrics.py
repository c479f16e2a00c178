"""Watch: the numbers for a monitor."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import typer

from mingus_lib.commands.common import runtime_of

app = typer.Typer(add_completion=False)


@app.command()
def metrics(ctx: typer.Context) -> None:
    """Print the metrics for Prometheus.

    They are those of the dashboard's /metrics. Nothing is started or changed; a Redis or a store that is away shows
    as 0 in mingus_redis_up or mingus_store_up.

    Example: mingus metrics
    """
    from mingus_lib.domain.metrics import text
    from mingus_lib.services.metrics import collect
    from mingus_lib.services.overview import overview

    here = runtime_of(ctx)
    seen, _ = overview(here.settings, here.redis_url)
    # Opening the store would make a missing one and migrate an older one, and a look changes nothing.
    counted = here.counted if seen["store"]["state"] == "ok" else None
    sys.stdout.write(text(collect(seen, counted, datetime.now(UTC))))
