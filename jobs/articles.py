"""The queue article_processing: addresses in, articles out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from jobs.arguments import Arguments, Id
from mingus_lib import runtime
from mingus_lib.domain.urls import canonical
from mingus_lib.errors import UsageError
from mingus_lib.queues import context
from mingus_lib.queues.catalog import job

if TYPE_CHECKING:
    from mingus_lib.services.ingest import IngestResult


def _checked(url: str) -> str:
    try:
        canonical(url)
    except UsageError as error:
        # pydantic makes a complaint of a ValueError; an error of ours would go through it as it is.
        raise ValueError(str(error)) from error
    return url


Address = Annotated[str, Field(min_length=1, max_length=8192), AfterValidator(_checked)]

# The most that classify_article_batch takes.
BACKLOG_BATCH = 100
# As long as a job waits before its own first retry.
RETRY_SECONDS = 60.0


class NewArticles(Arguments):
    """`urls`: 1 to 100 addresses; `force` fetches those already known again."""

    urls: list[Address] = Field(min_length=1, max_length=100)
    force: bool = False


class OneArticle(Arguments):
    """`article_id`; `offline` extracts again from the page as it was kept, without fetching."""

    article_id: Id
    offline: bool = False


@job(
    NewArticles,
    queue="article_processing",
    permission="articles:write",
    rate_limit="10/min",
)
def process_new_articles(urls: list[str], force: bool = False) -> list[dict[str, Any]]:
    """Fetch addresses and store what is worth reading: one outcome per address."""
    now = context.current()
    here = runtime.current()
    result = here.ingest.process(urls, job=now, force=force)
    # Before anything is raised: what came in goes on, whatever becomes of the rest.
    for start in range(0, len(result.fresh), BACKLOG_BATCH):
        batch = result.fresh[start : start + BACKLOG_BATCH]
        here.follow_up("classify_article_batch", {"article_ids": batch}, parent=now.id)
    if result.left_over:
        _hand_over(result, now, force)
    result.raise_for_unfinished()
    return result.as_json()


def _hand_over(result: IngestResult, now: context.JobContext, force: bool) -> None:
    """Time ran out: the rest goes to a job of its own (not an attempt), failures for now to another (one)."""
    here = runtime.current()
    rest = {"urls": result.left_over, "force": force}
    here.follow_up("process_new_articles", rest, parent=now.id, delay=result.pause)
    if waiting := result.release_waiting():
        again = {"urls": waiting, "force": force}
        delay = max(RETRY_SECONDS, result.retry_after or 0.0)
        here.follow_up("process_new_articles", again, parent=now.id, delay=delay, attempts=now.tries)


@job(OneArticle, queue="article_processing", permission="articles:write")
def reprocess_article(article_id: int, offline: bool = False) -> dict[str, Any]:
    """Fetch one article again if it changed (or read its kept page again), keeping editors' work."""
    now = context.current()
    here = runtime.current()
    item = here.reprocess.run(article_id, offline=offline, deadline=now.deadline)
    if item.changed:
        ids = [item.outcome.article_id]
        here.follow_up("classify_article_batch", {"article_ids": ids}, parent=now.id)
    return item.outcome.as_json()
