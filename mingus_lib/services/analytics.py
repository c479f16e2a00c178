"""Articles' figures from readers' events: kept up to date, told, made anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from mingus_lib.domain import article_figures, periods
from mingus_lib.domain.library import Article
from mingus_lib.store.article_totals import ArticleTotals

# So many articles are counted from the first event on in one transaction.
BATCH = 50
# Between two transactions others write, too.
PAUSE_SECONDS = 0.002
DAYS = 28

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did: `events` counted as they came, `articles` from their first event on; `left` of both."""

    events: int
    articles: int
    left: int

    def as_json(self) -> dict[str, int]:
        """The result of the job, and the documented shape of `report update --json`."""
        return asdict(self)


def update(totals: ArticleTotals, report: Report, *, until: float = float("inf")) -> Updated:
    """Bring the totals of all articles up to date, in short transactions, up to that time.monotonic()."""
    # Statements name the indexes of events, which an import that was killed may have left out.
    totals.mend_indexes()
    doubted, waiting = totals.waiting()
    # The doubted first: counting them whole takes in their new events, too.
    articles = _all(lambda: totals.count_doubted(BATCH), until, lambda done: report(done, doubted + waiting))
    events = _all(totals.count_new, until, lambda done: report(articles + done, doubted + waiting))
    return Updated(events, articles, sum(totals.waiting()))


def _all(count: Callable[[], int], end: float, told: Callable[[int], None]) -> int:
    done = 0
    while time.monotonic() < end and (more := count()):
        done += more
        told(done)
        time.sleep(PAUSE_SECONDS)
    return done


def rebuild(totals: ArticleTotals, report: Report) -> Updated:
    """Count every article from its first event on. Killed half-way, it is finished by the next update."""
    totals.mend_indexes()
    totals.doubt_all()
    return update(totals, report)


def article(
    totals: ArticleTotals, article_id: int, now: datetime, zone: str, days: int = DAYS
) -> dict[str, Any]:
    """Every figure of one article, counted now: the documented shape of the job's result.

    `by_day` are the last `days` of the report time zone, today included.
    """
    totals.count_whole([article_id])
    found = totals.of(article_id) or article_figures.NOTHING
    library = totals.library()
    medians = totals.medians(article_id)
    told = article_figures.figures(found, library)
    today = periods.today(now, zone)
    dates = [today - timedelta(back) for back in reversed(range(days))]
    instants = [periods.midnight(day, zone) for day in (*dates, today + timedelta(1))]
    by_day = zip(dates, totals.by_day(article_id, instants), strict=True)
    splits = totals.splits(article_id)
    return {
        "article_id": article_id,
        **told,
        "median_seconds": medians["seconds"],
        "median_scroll_depth": medians["depth"],
        "by_device": splits["device"],
        "by_source": splits["source"],
        "by_day": [
            {"day": str(day), "views": views, "readers": readers, "finishers": finishers}
            for day, (views, readers, finishers) in by_day
        ],
    }


def about(article: Article) -> dict[str, Any]:
    """What heads an article's report."""
    return {"id": article.id, "title": article.title, "host": article.domain, "status": article.status.value}
