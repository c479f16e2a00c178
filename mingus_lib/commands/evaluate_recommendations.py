"""Watch: how good the recommender is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, runtime_of
from mingus_lib.errors import UsageError
from mingus_lib.services import evaluate_recommendations as service
from mingus_lib.view import output, progress
from mingus_lib.view import recommend as view

app = typer.Typer(add_completion=False)


class Split(StrEnum):
    """How one file is split."""

    TIME = "time"
    RANDOM = "random"


@app.command()
def recommendations(
    ctx: typer.Context,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="CSV user,item,weight,at to learn from; weight and at are optional."
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="CSV of the same form to be found; else --train is split."),
    ] = None,
    items: Annotated[
        str | None, typer.Option(metavar="FILE", help="CSV item,title,text: what the items are about.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Lists are cut here.")] = 10,
    at: Annotated[int, typer.Option("--at", min=1, max=1000, help="And here.")] = 20,
    split: Annotated[
        Split, typer.Option(help="Hold out each reader's latest readings, or random ones.")
    ] = Split.TIME,
    holdout: Annotated[float, typer.Option(min=0.01, max=0.9, help="The share held out.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The seed of all that is random.")] = 0,
    tune: Annotated[
        bool, typer.Option("--tune/--no-tune", help="Choose parameters by validation on a part of train.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure the recommender beside popularity and chance.

    Every item that a reader does not have in the train part competes. Without --train, the library's own
    events are used, and the figures are kept.

    Example: mingus evaluate recommendations --train train.csv --test test.csv --json
    """
    from dataclasses import replace

    here = runtime_of(ctx)
    if train is None and (test is not None or items is not None):
        raise UsageError("--test and --items go with --train: name the file to learn from")
    question = service.Question(train, test, items, tuple(sorted({k, at})), split.value, holdout, seed)
    options = here.settings.fit_options()
    options = replace(options, tune=tune and options.tune)
    with progress.steps() as report:
        if train is None:
            found = service.evaluate_library(here.recommender, question, options, report)
        else:
            # On files content may weigh nothing: that it always counts is for new articles of a library.
            found = service.evaluate(question, replace(options, least_content=0.0), report)
    view.show_evaluation(found, output.choose(as_json=as_json))
