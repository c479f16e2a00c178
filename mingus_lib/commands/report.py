"""Feed: reports on the library, its readers, its mails, its costs and its machinery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from mingus_lib.commands.common import Json, Limit, runtime_of, tell_of_more
from mingus_lib.commands.report_output import Fresh, InFormat, ToFile, deliver
from mingus_lib.view import output, progress
from mingus_lib.view import report as view

app = typer.Typer(
    help="Report on days, weeks, articles, quality, costs, mails, lists and trends.",
    no_args_is_help=True,
    add_completion=False,
)

LongDays = Annotated[int, typer.Option("--days", min=1, max=3650, help="So many days back, today too.")]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="So many days back, today too.")]


@app.callback()
def report() -> None:
    """Report on days, weeks, articles, quality, costs, mails, lists and trends."""


@app.command()
def daily(
    ctx: typer.Context,
    day: Annotated[
        str | None, typer.Argument(metavar="[DAY]", help="2026-11-23, yesterday or today.")
    ] = None,
    fresh: Fresh = False,
    form: InFormat = None,
    file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Report on a day: library, readers, reading, mails, labels, recommendations, operations.

    Example: mingus report daily --format html --output yesterday.html
    """
    # Each report loads its own part: `mingus report --help` loads none of them.
    from mingus_lib.domain import periods

    here, now = runtime_of(ctx), datetime.now(UTC)
    # First here and below: flags that contradict each other are refused before anything is counted.
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    period = periods.day(day, now, here.settings.report_timezone)
    with progress.steps() as told:
        made = here.reports.get(period, now, fresh=fresh, told=told)
    deliver(made, wanted, file)


@app.command()
def weekly(
    ctx: typer.Context,
    week: Annotated[
        str | None, typer.Argument(metavar="[WEEK]", help="2026-W48, a day of the week, last or this.")
    ] = None,
    fresh: Fresh = False,
    form: InFormat = None,
    file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Report on a week from Monday on, trends included.

    Example: mingus report weekly --format md
    """
    from mingus_lib.domain import periods

    here, now = runtime_of(ctx), datetime.now(UTC)
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    period = periods.week(week, now, here.settings.report_timezone)
    with progress.steps() as told:
        made = here.reports.get(period, now, fresh=fresh, told=told)
    deliver(made, wanted, file)


@app.command()
def article(
    ctx: typer.Context,
    article_id: Annotated[str, typer.Argument(metavar="ID|URL", help="An article's id or address.")],
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="So many days one by one.")] = 28,
    form: InFormat = None,
    file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Report on how one article does: readers, completion, time, ratings, its score.

    Example: mingus report article 1
    """
    from mingus_lib.services import analytics, library, report_documents

    here, now = runtime_of(ctx), datetime.now(UTC)
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    found = library.find(here.articles, article_id)
    zone = here.settings.report_timezone
    figures = analytics.article(here.article_totals, found.id, now, zone, days)
    deliver(report_documents.article(figures, analytics.about(found), now, zone), wanted, file, figures)


@app.command()
def quality(ctx: typer.Context, form: InFormat = None, file: ToFile = None, as_json: Json = False) -> None:
    """Compare the library's labels with its targets and its mix of phases.

    Example: mingus report quality --json
    """
    from mingus_lib.services import labelreports, report_documents

    wanted = view.chosen(form, as_json=as_json, to_file=file)
    found = labelreports.quality(runtime_of(ctx).labels)
    deliver(report_documents.quality(found, datetime.now(UTC)), wanted, file, found)


@app.command()
def costs(
    ctx: typer.Context,
    days: LongDays = 30,
    form: InFormat = None,
    file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Show what calls of AI models cost, by model and day, and the budgets.

    Example: mingus report costs --days 7
    """
    from mingus_lib.services import labelreports, report_documents

    here = runtime_of(ctx)
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    found = labelreports.costs(here.costs, here.batches, here.budget, here.prices, days)
    deliver(report_documents.costs(found, days, datetime.now(UTC)), wanted, file, found)


@app.command()
def recommendations(
    ctx: typer.Context,
    days: LongDays = 30,
    form: InFormat = None,
    file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Report click-through, coverage, novelty, diversity and fairness of the lists.

    Example: mingus report recommendations --days 7
    """
    from mingus_lib.services import report_documents, report_recommendations

    here, now = runtime_of(ctx), datetime.now(UTC)
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    found = report_recommendations.report(here.recommender, days, now)
    deliver(report_documents.recommendations(found, now), wanted, file, found)


@app.command()
def funnel(
    ctx: typer.Context, days: Days = 30, form: InFormat = None, file: ToFile = None, as_json: Json = False
) -> None:
    """Follow the links of mails to the articles that were kept, with each loss.

    Example: mingus report funnel --days 7
    """
    from mingus_lib.services import report_funnel

    here, now = runtime_of(ctx), datetime.now(UTC)
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    deliver(report_funnel.report(here.mail_funnel, days, now), wanted, file)


@app.command()
def trends(
    ctx: typer.Context,
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=104, help="So many complete weeks back.")] = 12,
    form: InFormat = None,
    file: ToFile = None,
    as_json: Json = False,
) -> None:
    """Tell which phases, topics and hosts rise or fall, tested against chance.

    Example: mingus report trends --weeks 12
    """
    from mingus_lib.services import report_trends

    here, now = runtime_of(ctx), datetime.now(UTC)
    wanted = view.chosen(form, as_json=as_json, to_file=file)
    deliver(report_trends.report(here.store, now, here.settings.report_timezone, weeks), wanted, file)


@app.command("list")
def list_(
    ctx: typer.Context,
    kind: Annotated[view.StoredKind | None, typer.Option("--kind", help="daily or weekly.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List the daily and weekly reports that are kept, the newest first.

    Example: mingus report list --kind daily
    """
    found = runtime_of(ctx).reports.stored.list(kind and kind.value, limit + 1)
    view.show_stored(found[:limit], output.choose(as_json=as_json))
    tell_of_more(ctx, found, limit)


@app.command()
def update(
    ctx: typer.Context,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Count every article anew.")] = False,
    as_json: Json = False,
) -> None:
    """Bring articles' totals up to date with readers' events, as the timetable does every hour.

    Example: mingus report update
    """
    from mingus_lib.services import analytics

    here = runtime_of(ctx)
    with progress.counting("Counted", "articles and events") as told:
        done = (analytics.rebuild if rebuild else analytics.update)(here.article_totals, told)
    view.show_updated(done.as_json(), output.choose(as_json=as_json))
