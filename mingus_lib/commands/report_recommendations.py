"""Feed: what became of recommendations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, runtime_of
from mingus_lib.services import report_recommendations
from mingus_lib.view import output
from mingus_lib.view import recommend as view


def recommendations(
    ctx: typer.Context,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="Over so many days.")] = 30,
    as_json: Json = False,
) -> None:
    """Report click-through, coverage, novelty, diversity and fairness of the lists.

    Example: mingus report recommendations --days 7
    """
    here = runtime_of(ctx)
    found = report_recommendations.report(here.recommender, days, datetime.now(UTC))
    view.show_report(found, output.choose(as_json=as_json))
