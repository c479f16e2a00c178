"""Watch: how good mingus is at what it does."""

from __future__ import annotations

import typer

from mingus_lib.commands import evaluate_recommendations

app = typer.Typer(help="Measure how good the recommender is.", no_args_is_help=True, add_completion=False)
app.command()(evaluate_recommendations.recommendations)


@app.callback()
def evaluate() -> None:
    """Measure how good the recommender is."""
