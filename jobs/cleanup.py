"""The queue cleanup: what keeps the house in order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from jobs.arguments import Arguments, Nothing
from mingus_lib import runtime
from mingus_lib.errors import TransientError
from mingus_lib.queues import context
from mingus_lib.queues.catalog import job


class OldArticles(Arguments):
    """`days_old`: articles older than so many days are archived, unless a rule of docs/retention.md keeps them."""

    days_old: int = Field(default=90, ge=1, le=36_500)


@job(Nothing, queue="cleanup", permission="cleanup:run")
def sweep() -> dict[str, Any]:
    """Find what a crash left undone, and have it done: follow-ups, half-read mails, jobs out of step, old slots."""
    return runtime.current().sweeper.run().as_json()


@job(OldArticles, queue="cleanup", permission="cleanup:run")
def cleanup_old_articles(days_old: int = 90) -> dict[str, Any]:
    """Archive old articles that no rule keeps, and delete pages of those archived long ago."""
    here, now = runtime.current(), context.current()
    done = here.article_cleaning.run(days_old, datetime.now(UTC), now.stop_at(), now.report)
    if done["left"]:
        _go_on(
            now, {"days_old": days_old}, done["archived"] + done["pages_deleted"] + done["articles_deleted"]
        )
    return done


@job(Nothing, queue="cleanup", permission="cleanup:run")
def cleanup_expired_cache() -> dict[str, Any]:
    """Delete lists, pages, answers, bodies, ended jobs and logs that have had their time, and orphans in Redis."""
    here, now = runtime.current(), context.current()
    done = here.cache_cleaning.run(datetime.now(UTC), now.stop_at(), now.report)
    if done["left"]:
        _go_on(now, {}, done["removed"])
    return done


# A copy of a large store takes its time, and half a copy is none.
@job(Nothing, queue="cleanup", permission="cleanup:run", soft=1800, hard=2100)
def maintain_database() -> dict[str, Any]:
    """Back the store up, check it, and tidy statistics, search index, free pages and log, while others work."""
    here, now = runtime.current(), context.current()
    return here.housekeeping.run(datetime.now(UTC), now.stop_at(), now.report)


def _go_on(now: context.JobContext, arguments: dict[str, Any], done: int) -> None:
    """Another job for the rest; one that had no time for anything would only have successors like it."""
    task = str(now.task)
    if not done:
        raise TransientError(
            f"no time was left to change anything: raise `soft` of [tasks.{task}]", code="no-time"
        )
    runtime.current().follow_up(task, arguments, parent=now.id)
