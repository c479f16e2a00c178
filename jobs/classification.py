"""The queue ai_classification: articles in, labels out."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from jobs.arguments import Arguments, Id, Nothing
from mingus_lib import runtime
from mingus_lib.queues import context
from mingus_lib.queues.catalog import job
from mingus_lib.queues.modelgate import NAME
from mingus_lib.services.choosing import BATCH

if TYPE_CHECKING:
    from mingus_lib.services.classify import ClassifyResult

# A new budget begins for everybody at once: the jobs that waited for it do not.
SPREAD_SECONDS = 600.0


class ArticleBatch(Arguments):
    """`article_ids`: 1 to 100; `engine`: auto, openai or offline; `force` labels those that are labelled, too."""

    article_ids: list[Id] = Field(min_length=1, max_length=100)
    engine: Literal["auto", "offline", "openai"] = "auto"
    force: bool = False


class Upgrade(Arguments):
    """`article_ids`: 1 to 100 whose offline labels the AI engine is to replace."""

    article_ids: list[Id] = Field(min_length=1, max_length=100)


class ImproveLabels(Arguments):
    """`limit`: how many articles without labels, and how many with offline ones, are taken at most."""

    limit: int = Field(default=500, ge=1, le=10_000)


@job(ArticleBatch, queue="ai_classification", permission="labels:write", rate_limit="5/min")
def classify_article_batch(
    article_ids: list[int], engine: str = "auto", force: bool = False
) -> list[dict[str, Any]]:
    """Label articles by phase, difficulty, topics and scores: one outcome per article."""
    now = context.current()
    result = runtime.current().classify.process(article_ids, job=now, engine=engine, force=force)
    _go_on(result, now.id, {"engine": engine, "force": force})
    result.raise_for_unfinished()
    return result.as_json()


@job(Upgrade, queue="ai_classification", permission="labels:write", dependency=NAME, retries=5)
def upgrade_labels(article_ids: list[int]) -> list[dict[str, Any]]:
    """Let the AI engine, when it is back, replace labels that the offline engine gave in its absence."""
    now = context.current()
    result = runtime.current().classify.process(article_ids, job=now, engine="openai", probing=True)
    # With one answer the server is back: the job succeeds, which closes the breaker.
    if result.down is not None and not any(item.engine == "openai" for item in result.items):
        raise result.down
    _go_on(result, now.id, {})
    result.raise_for_unfinished()
    return result.as_json()


def _go_on(result: ClassifyResult, parent: str, more: dict[str, Any]) -> None:
    """Enqueue what is left: for want of time at once, for want of the AI engine when it is back."""
    here = runtime.current()
    if result.left_over:
        here.follow_up("classify_article_batch", {"article_ids": result.left_over, **more}, parent=parent)
    # Run in place, a job that is to wait would go round in circles; improve_labels takes its articles later.
    if result.again and not here.settings.eager:
        delay = 0.0
        if result.until is not None:
            delay = (result.until - datetime.now(UTC)).total_seconds()
            delay += random.uniform(0, SPREAD_SECONDS)  # noqa: S311
        here.follow_up("upgrade_labels", {"article_ids": result.again}, parent=parent, delay=max(0.0, delay))


@job(ImproveLabels, queue="ai_classification", permission="labels:write")
def improve_labels(limit: int = 500) -> dict[str, Any]:
    """Label what was left without labels, and put offline labels before the AI engine if there is one."""
    from mingus_lib.services import choosing

    now, here = context.current(), runtime.current()
    found = choosing.left(here.labels, here.history, here.ai_labels is not None, limit)
    jobs = [
        (task, ids[start : start + BATCH])
        for task, ids in found.items()
        for start in range(0, len(ids), BATCH)
    ]
    for task, ids in jobs:
        here.follow_up(task, {"article_ids": ids}, parent=now.id)
    unlabelled, improvable = found.values()
    return {"unlabelled": len(unlabelled), "improvable": len(improvable), "jobs": len(jobs)}


@job(Nothing, queue="ai_classification", permission="labels:write", dependency=NAME)
def poll_label_batches() -> dict[str, Any]:
    """Fetch what the provider has finished of batches; what it left unanswered goes the ordinary way."""
    now, here = context.current(), runtime.current()
    # First: what dead processes have reserved is still held against the budget.
    here.costs.close_lost(datetime.now(UTC))
    batches = here.label_batches
    if batches is None:
        return {"running": len(here.batches.open()), "ended": 0, "labelled": 0, "unanswered": 0}
    found = batches.poll()
    for start in range(0, len(found.unanswered), BATCH):
        ids = found.unanswered[start : start + BATCH]
        here.follow_up("classify_article_batch", {"article_ids": ids}, parent=now.id)
    # After what came in was sent on: a failure here must not keep that back.
    if found.down is not None:
        raise found.down
    return found.as_json()


@job(Nothing, queue="ai_classification", permission="labels:write", soft=600, hard=900)
def refit_label_model() -> dict[str, Any]:
    """Learn from editors' and AI labels; use what was learned only if it beats the word lists."""
    return runtime.current().refitting.run()
