"""Doctor: what is wrong, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands.common import Json, Quiet, failed, runtime_of
from mingus_lib.view import checks, output

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    ctx: typer.Context,
    jobs: Annotated[
        bool, typer.Option("--jobs", help="Check only that ledger and Redis agree about every job.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check everything that a running mingus needs; exit 3 when something fails.

    Files and keys, the store from end to end, Redis, clocks, workers for every queue, every open job,
    unit files. Each line says what to do. Nothing is started or changed.

    Example: mingus doctor
    """
    from mingus_lib.domain.checks import Grade
    from mingus_lib.services import checking
    from mingus_lib.services import doctor as examining

    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    if jobs:
        found = checking.findings(here.delivery_as_found(), here.ledger)
    else:
        found = list(
            # A lambda: opened only when earlier checks have found Redis and the store fit for it.
            examining.examine(here.settings, here.redis_url, lambda: (here.delivery_as_found(), here.ledger))
        )
    checks.show(examining.rows(found), form)
    if form is output.Format.TABLE:
        output.message(checks.verdict(examining.rows(found)))
    # Warnings are shown and fail nothing: exit 3 is what a monitor calls somebody for.
    wrong = sum(finding.state is Grade.FAIL for finding in found)
    if wrong:
        raise failed(f"{wrong} check{'s' * (wrong > 1)} failed", 3)
