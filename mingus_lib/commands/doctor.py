"""Doctor: what is wrong, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands.common import Json, failed, runtime_of
from mingus_lib.view import output

app = typer.Typer(add_completion=False)

COLUMNS = (
    output.Column("check", "Check"),
    output.Column("state", "State", output.Kind.STATE),
    output.Column("count", "Count", output.Kind.NUMBER),
    output.Column("fix", "Fix"),
)


@app.command()
def doctor(
    ctx: typer.Context,
    jobs: Annotated[
        bool, typer.Option("--jobs", help="Check the jobs alone. There is no other check yet.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Check that the ledger and Redis agree about every job.

    Exit 3 when they do not.

    Example: mingus doctor --jobs
    """
    from mingus_lib.services import checking

    here = runtime_of(ctx)
    found = checking.jobs(here.delivery, here.ledger)
    output.rows(found, COLUMNS, output.choose(as_json=as_json), id_key="check", drop=("jobs",))
    wrong = sum(row["count"] for row in found)
    if wrong:
        raise failed(f"{wrong:,} jobs are not where they should be", 3)
