"""Feed: reports."""

from __future__ import annotations

import typer

from mingus_lib.commands import report_recommendations

app = typer.Typer(help="Report what became of recommendations.", no_args_is_help=True, add_completion=False)
app.command()(report_recommendations.recommendations)


@app.callback()
def report() -> None:
    """Report what became of recommendations."""
