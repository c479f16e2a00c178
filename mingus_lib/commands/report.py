"""Feed: reports on the library."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib.commands import report_recommendations
from mingus_lib.commands.common import Json, runtime_of
from mingus_lib.view import output

app = typer.Typer(
    help="Report on the library, its costs and its recommendations.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def report() -> None:
    """Report on the library, its costs and its recommendations."""


@app.command()
def quality(ctx: typer.Context, as_json: Json = False) -> None:
    """Compare the library's labels with its targets and its mix of phases.

    Example: mingus report quality --json
    """
    from mingus_lib.services import labelreports
    from mingus_lib.view import labels as view

    view.show_quality(labelreports.quality(runtime_of(ctx).labels), output.choose(as_json=as_json))


@app.command()
def costs(
    ctx: typer.Context,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="So many days back, today too.")] = 30,
    as_json: Json = False,
) -> None:
    """Show what calls of AI models cost, by model and day, and the budgets.

    Example: mingus report costs --days 7
    """
    from mingus_lib.services import labelreports
    from mingus_lib.view import labels as view

    here = runtime_of(ctx)
    found = labelreports.costs(here.costs, here.batches, here.budget, here.prices, days)
    view.show_costs(found, output.choose(as_json=as_json))


app.command()(report_recommendations.recommendations)
