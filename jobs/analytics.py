"""The queue analytics: articles' figures, and reports of days and weeks."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from jobs.arguments import Arguments, Id
from mingus_lib import runtime
from mingus_lib.queues import context
from mingus_lib.queues.catalog import job

if TYPE_CHECKING:
    from mingus_lib.domain.periods import Period


class OneArticleOrAll(Arguments):
    """`article_id`: that one, with all its figures; without it, every article with new events."""

    article_id: Id | None = None


class OneDay(Arguments):
    """`day`: such as 2026-11-23, in the report time zone; yesterday without it."""

    day: str | None = Field(default=None, max_length=20)


class OneWeek(Arguments):
    """`week`: such as 2026-W48, or a day in it; the last whole one without it."""

    week: str | None = Field(default=None, max_length=20)


@job(OneArticleOrAll, queue="analytics", permission="analytics:run")
def update_article_analytics(article_id: int | None = None) -> dict[str, Any]:
    """Bring one article's figures, or those of all with new events, up to date with what readers did."""
    # In the job, here and elsewhere: commands load this module for its names alone.
    from mingus_lib.services import analytics

    here, now = runtime.current(), context.current()
    if article_id is not None:
        return analytics.article(
            here.article_totals, article_id, datetime.now(UTC), here.settings.report_timezone
        )
    end = now.stop_at()
    done = analytics.update(
        here.article_totals, lambda part, whole: now.report(part, whole, "articles and events"), until=end
    )
    # What readers do meanwhile waits for the next hour; what there was no time for does not.
    if done.left and time.monotonic() >= end:
        here.follow_up("update_article_analytics", {}, parent=now.id)
    return done.as_json()


@job(OneDay, queue="analytics", permission="analytics:run")
def generate_daily_analytics_report(day: str | None = None) -> dict[str, Any]:
    """Make the report of a day and keep it, in place of an earlier one of that day."""
    from mingus_lib.domain import periods

    here, now = runtime.current(), datetime.now(UTC)
    return _made(periods.day(day, now, here.settings.report_timezone), now)


@job(OneWeek, queue="analytics", permission="analytics:run")
def generate_weekly_analytics_report(week: str | None = None) -> dict[str, Any]:
    """Make the report of a week and keep it, in place of an earlier one of that week."""
    from mingus_lib.domain import periods

    here, now = runtime.current(), datetime.now(UTC)
    return _made(periods.week(week, now, here.settings.report_timezone), now)


def _made(period: Period, now: datetime) -> dict[str, Any]:
    document = runtime.current().reports.make(period, now, context.current().report)
    over = bool(document.period and document.period["over"])
    return {
        "report": document.report,
        "label": period.label,
        "kept": over,
        "sections": len(document.sections),
    }
