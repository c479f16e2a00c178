"""Watch: how good what mingus decides is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mingus_lib.commands import evaluate_recommendations
from mingus_lib.commands.common import Json, runtime_of
from mingus_lib.view import output, progress

app = typer.Typer(
    help="Measure labels and recommendations on files.", no_args_is_help=True, add_completion=False
)


@app.callback()
def evaluate() -> None:
    """Measure labels and recommendations on files."""


@app.command()
def labels(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or JSONL with text, label and perhaps title.")],
    field: Annotated[
        str, typer.Option("--field", "-f", help="Which label of ours: phase, difficulty, topics ...")
    ] = "phase",
    lexicon: Annotated[
        Path | None,
        typer.Option("--lexicon", metavar="LEX.toml", help="Words for labels of your own: a table a label."),
    ] = None,
    learn: Annotated[
        int, typer.Option("--learn", min=0, max=100_000, metavar="K", help="Learn from K texts a class.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Which texts are learned from.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure the offline engine, or a lexicon, on labelled texts.

    Example: mingus evaluate labels articles.jsonl --field difficulty
    """
    from mingus_lib.services import evaluate_labels
    from mingus_lib.view import labels as view

    # For its logging and its checks of settings alone: nothing of the library is opened.
    runtime_of(ctx)
    question = evaluate_labels.Question(file, field, lexicon, learn, seed)
    with progress.counting("measuring", "texts") as report:
        found = evaluate_labels.run(question, report)
    view.show_scores(found, output.choose(as_json=as_json))


app.command()(evaluate_recommendations.recommendations)
