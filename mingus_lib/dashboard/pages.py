"""Pages that look: overview, tasks, workers, articles. Each docstring states the cost in Redis calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from flask import Blueprint, render_template, request

from mingus_lib.dashboard import charts
from mingus_lib.dashboard.panels import PANELS
from mingus_lib.dashboard.reach import here, seen
from mingus_lib.dashboard.words import seconds
from mingus_lib.domain.library import ArticleFilter
from mingus_lib.errors import UsageError
from mingus_lib.services import library, statistics

ARTICLES_SHOWN = 50

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def overview() -> str:
    """How things stand. Six round trips of Redis, however many jobs there are."""
    shown = [(panel, facts) for panel in PANELS if (facts := panel.read()) is not None]
    return render_template("overview.html", panels=shown)


@blueprint.get("/workers")
def workers() -> str:
    """Every worker: four round trips of Redis."""
    return render_template("workers.html", workers=seen()["workers"], redis=seen()["redis"])


@blueprint.get("/tasks")
def tasks() -> str:
    """Every task in numbers, over thirty days. No Redis call."""
    found = statistics.of_tasks(here().task_days, _today())
    charted = [
        (task, charts.runs_a_day(task.days, f"Runs a day of {task.name}", height=charts.SMALL))
        for task in found
    ]
    return render_template("tasks.html", tasks=charted, days=statistics.DAYS)


@blueprint.get("/tasks/<name>")
def task(name: str) -> str:
    """One task in numbers, day by day. No Redis call."""
    found = statistics.of_task(here().task_days, name, _today())
    slowest = [
        charts.Bar(runs.percentile(0.95) or 0, 0, f"{day}: {seconds(runs.percentile(0.95)) or 'no run'}")
        for day, runs in found.days
    ]
    return render_template(
        "task.html",
        task=found,
        runs=charts.runs_a_day(found.days, f"Runs a day of {name}"),
        durations=charts.bars(slowest, f"Duration that 95 % of the runs of {name} did not exceed, by day"),
    )


@blueprint.get("/articles")
def articles() -> str:
    """Articles, newest first, or those that a search finds. No Redis call."""
    status, words = request.args.get("status", ""), request.args.get("search", "").strip()[:200]
    if words:
        result = here().articles.search(words, limit=ARTICLES_SHOWN)
        found, older = [hit.article for hit in result.hits], None
    else:
        # One more than is shown tells whether there are older ones.
        wanted = library.chosen([status] if status else [], None, ARTICLES_SHOWN + 1)
        found = here().articles.list(_after(wanted))
        older = found[ARTICLES_SHOWN - 1].id if len(found) > ARTICLES_SHOWN else None
    return render_template(
        "articles.html",
        articles=found[:ARTICLES_SHOWN],
        counts=here().articles.counts(),
        status=status,
        words=words,
        older=older,
    )


@blueprint.get("/articles/<int:article_id>")
def article(article_id: int) -> str:
    """One article, read-only. No Redis call."""
    return render_template("article.html", article=here().articles.find(article_id))


def _after(wanted: ArticleFilter) -> ArticleFilter:
    typed = request.args.get("after", "")
    if not typed:
        return wanted
    # More digits may not fit into an integer of SQLite.
    if not typed.isascii() or not typed.isdigit() or len(typed) > 18:
        raise UsageError("this is no place in the list; start from its top")
    return replace(wanted, after=int(typed))


def _today() -> date:
    # The store counts runs by days of UTC.
    return datetime.now(UTC).date()
