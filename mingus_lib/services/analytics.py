"""Articles' figures from readers' events: kept up to date, told, made anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mingus_lib.domain import article_figures, periods
from mingus_lib.domain.library import Article
from mingus_lib.store.article_totals import ArticleTotals

# So many articles are counted at once: their events are read in one statement, and kept in one short transaction.
BATCH = 200
DAYS = 28

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did. `left`: articles that wait; `cut_short`: for want of time, not because readers read on."""

    articles: int
    left: int
    cut_short: bool = False

    def as_json(self) -> dict[str, int]:
        """The result of the job."""
        return {"articles": self.articles, "left": self.left}


def update(totals: ArticleTotals, report: Report, *, seconds: float = float("inf")) -> Updated:
    """Bring the totals of all articles with new events up to date, in batches, for at most so long.

    Each article is taken once; what readers do to it meanwhile is left for the next update.
    """
    end, done, last = time.monotonic() + seconds, 0, 0
    whole = totals.count_waiting()
    while time.monotonic() < end and (news := totals.waiting(BATCH, last)):
        done += totals.renew(news)
        last = news[-1][0]
        report(min(done, whole), whole)
    return Updated(done, totals.count_waiting(), bool(totals.waiting(1, last)))


def rebuild(totals: ArticleTotals, report: Report) -> Updated:
    """Count every article anew. Killed half-way, it is finished by the next update."""
    totals.doubt_all()
    return update(totals, report)


def article(
    totals: ArticleTotals, article_id: int, now: datetime, zone: str, days: int = DAYS
) -> dict[str, Any]:
    """Every figure of one article, counted now: the documented shape of the job's result.

    `by_day` are the last `days` of the report time zone, today included.
    """
    totals.renew_one(article_id)
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
