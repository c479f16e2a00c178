"""Feed: clean-up by hand, as the timetable does it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mingus_lib.commands.common import DryRun, Json, Yes, confirm, runtime_of
from mingus_lib.view import cleanup as view
from mingus_lib.view import output, progress

app = typer.Typer(
    help="Archive old articles, empty caches and tidy the store, by hand.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def articles(
    ctx: typer.Context,
    days_old: Annotated[
        int, typer.Option("--days-old", min=1, max=36_500, help="Articles older than so many days.")
    ] = 90,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", min=0, max=1_000_000, help="A dry run lists at most so many articles."),
    ] = 50,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Archive old articles that no rule keeps; later delete their pages, and where set the articles.

    `mingus articles restore` brings an archived one back, `mingus articles keep` marks what is never archived.

    Example: mingus cleanup articles --days-old 180 --dry-run
    """
    here = runtime_of(ctx)
    cleaning, now, form = here.article_cleaning, datetime.now(UTC), output.choose(as_json=as_json)
    if dry_run:
        view.show_articles(cleaning.planned(days_old, now, limit), form)
        return
    # A plan looks at every old article, which nobody waits for who has said yes already.
    if not yes:
        # The question has counts alone, so that no titles are read for it.
        plan = cleaning.planned(days_old, now, 0)
        # Where nothing would be done nobody is asked, and a script without --yes is not refused.
        confirm(view.question(plan), yes=not view.anything(plan))
    with progress.steps() as report:
        done = cleaning.run(days_old, now, None, report)
    view.show_articles(done, form)


@app.command()
def cache(ctx: typer.Context, yes: Yes = False, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete what can be had again, or has done its work, when it has had its time.

    Lists of readers, raw pages, answers of models, bodies of mails, ended jobs with their outcomes, old logs, and
    what is left in Redis and belongs to nothing. docs/retention.md tells how long each is kept.

    Example: mingus cleanup cache --dry-run
    """
    here = runtime_of(ctx)
    cleaning, now, form = here.cache_cleaning, datetime.now(UTC), output.choose(as_json=as_json)
    if dry_run:
        view.show_cache(cleaning.planned(now), form)
        return
    if not yes:
        plan = cleaning.planned(now)
        confirm(f"Delete {plan['removed']:,} things for good?", yes=not plan["removed"])
    with progress.steps() as report:
        done = cleaning.run(now, None, report)
    view.show_cache(done, form)


@app.command()
def database(ctx: typer.Context, yes: Yes = False, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Back the store up, check it, and tidy it while others work.

    Old backups go as the rotation says. A damaged store is left as it is, with all its backups.

    Example: mingus cleanup database --dry-run
    """
    here = runtime_of(ctx)
    keeping, now, form = here.housekeeping, datetime.now(UTC), output.choose(as_json=as_json)
    plan = keeping.planned(now)
    if dry_run:
        view.show_database(plan, form)
        return
    going = plan["removed_backups"]
    # Only what is lost is asked about: the other steps take nothing away.
    confirm(f"Remove {len(going)} old backups?", yes=yes or not going)
    with progress.steps() as report:
        done = keeping.run(now, None, report)
    view.show_database(done, form)
