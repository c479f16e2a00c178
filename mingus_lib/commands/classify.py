"""Feed: labels for articles."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from mingus_lib.commands.common import DryRun, Json, Quiet, Wait, failed, runtime_of
from mingus_lib.commands.ending import awaited, worker_hint
from mingus_lib.domain.library import MAX_ID
from mingus_lib.domain.spans import parse_since
from mingus_lib.errors import UsageError
from mingus_lib.runtime import Runtime
from mingus_lib.services import choosing, enqueueing, waiting
from mingus_lib.view import labels as view
from mingus_lib.view import output, progress, receipts

app = typer.Typer(add_completion=False)

QUEUE = "ai_classification"


class Engine(StrEnum):
    """Which engine labels."""

    AUTO = "auto"
    OFFLINE = "offline"
    OPENAI = "openai"


@app.command()
def classify(
    ctx: typer.Context,
    article_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", min=1, max=MAX_ID, help="Articles by id.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All articles of the library.")] = False,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Those without labels of their present text.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="AGE|DATE", help="With --all: only those added since: 30d, or a date (UTC)."
        ),
    ] = None,
    engine: Annotated[
        Engine, typer.Option("--engine", help="AI where there is a key, or one of the two.")
    ] = Engine.AUTO,
    force: Annotated[
        bool, typer.Option("--force", help="Label anew what is labelled; never editors' labels.")
    ] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="Half the price, answers within a day: the Batch API.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say tokens and cost by AI; do nothing.")
    ] = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Label articles by phase, difficulty, topics and scores.

    Articles given by id are labelled anew.

    Example: mingus classify --unlabelled --wait
    """
    here = runtime_of(ctx)
    form = output.choose(as_json=as_json, quiet=quiet)
    oldest = None if since is None else parse_since(since, "--since", datetime.now(UTC))
    wanted = choosing.wish(article_ids or [], everything, unlabelled, oldest)
    if batch and (engine is Engine.OFFLINE or wait):
        other = "--engine offline" if engine is Engine.OFFLINE else "--wait"
        raise UsageError(f"--batch hands articles to the AI provider for a day: leave {other} or --batch out")
    # `auto` goes on with the offline engine; who names AI should hear that there is none.
    if engine is Engine.OPENAI or batch:
        _require_ai(here)
    with_ai = engine is not Engine.OFFLINE and here.ai_labels is not None
    ids = choosing.chosen(here.labels, wanted, with_ai=with_ai)
    anew = force or bool(wanted.ids)
    if estimate:
        with progress.counting("estimating", "articles") as report:
            found = choosing.estimate(
                here.labels, ids, here.models, here.prices, here.costs, batch=batch, force=anew, report=report
            )
        view.show_estimate(found, form)
    elif dry_run:
        receipts.show_dry_run(ids, form)
    elif batch:
        _start_batches(here, ids, anew, form)
    else:
        arguments = list(choosing.jobs(ids, engine.value, anew))
        # A library where all is labelled needs no job: none is not an error.
        jobs = enqueueing.enqueue(here.enqueuer, "classify_article_batch", arguments) if arguments else []
        _finish(here, jobs, wait and bool(jobs), form)


def _finish(here: Runtime, jobs: list[str], wait: bool, form: output.Format) -> None:
    """The ids or, with `wait`, what became of every article; exit 1 when a job or an article failed."""
    if not wait:
        receipts.show_ids(jobs, form)
        return
    last = awaited(waiting.follow_labels(here.history, jobs), jobs, "jobs", worker_hint(here, QUEUE))
    # A job that failed has no result.
    items = [item for job in last.jobs for item in job.result or ()]
    if form is output.Format.JSON:
        receipts.show_jobs(last.jobs, form)
    else:
        view.show_items(items, form)
    if last.failed:
        raise failed("not every job finished; `mingus job ID` tells why")
    if any(item["outcome"] == "failed" for item in items):
        raise failed("the AI engine gave up on some articles; `mingus articles review` shows them")


def _require_ai(here: Runtime) -> None:
    if here.ai_labels is None:
        why = "MINGUS_AI is off" if here.settings.ai == "off" else "no key is set"
        raise UsageError(
            f"the AI engine cannot be used, {why}: set OPENAI_API_KEY, or leave --engine and --batch out"
        )


def _start_batches(here: Runtime, ids: list[int], force: bool, form: output.Format) -> None:
    batches = here.label_batches
    # _require_ai has been asked before.
    assert batches is not None
    with progress.counting("preparing", "articles") as report:
        found = batches.start(ids, force=force, report=report)
    # Their answers are kept from before: an ordinary job uses them, and nothing is paid twice.
    arguments = list(choosing.jobs(found.answered, "auto", force))
    if arguments:
        enqueueing.enqueue(here.enqueuer, "classify_article_batch", arguments)
    view.show_started(found.as_json(), form)
    # Last: what was handed over costs money, and has to be told whatever stopped the rest.
    if found.error is not None:
        raise found.error
