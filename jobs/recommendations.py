"""The queue recommendations: readers' lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field, model_validator

from jobs.arguments import Arguments, Id, Nothing
from mingus_lib import runtime
from mingus_lib.errors import NotFound
from mingus_lib.queues import context
from mingus_lib.queues.catalog import job

_ALL = "update_all_user_recommendations"


class OneReader(Arguments):
    """`user_id`: a reader's id; `limit`: how long the list becomes."""

    user_id: str = Field(min_length=1, max_length=200)
    limit: int = Field(default=20, ge=1, le=200)


class AllReaders(Arguments):
    """Nothing to learn anew and make all lists; `first` and `last`, the readers' own numbers, to make theirs alone."""

    first: Id | None = None
    last: Id | None = None
    limit: int = Field(default=20, ge=1, le=200)

    @model_validator(mode="after")
    def _both_or_none(self) -> AllReaders:
        if (self.first is None) is not (self.last is None):
            raise ValueError("first and last go together")
        return self


@job(OneReader, queue="recommendations", permission="recommendations:run", memory=1_500_000_000)
def update_user_recommendations(user_id: str, limit: int = 20) -> dict[str, Any]:
    """Make one reader's list anew."""
    recommender = runtime.current().recommender
    try:
        reader = recommender.readers.find(user_id)
    except NotFound:
        # Not an error: the reader was forgotten meanwhile, and no record may bring the id back.
        return {"articles": 0, "gone": True}
    return {"articles": recommender.refresh(reader, limit, now=datetime.now(UTC)), "gone": False}


@job(
    AllReaders,
    queue="recommendations",
    permission="recommendations:run",
    soft=900,
    hard=1200,
    # Three times what the largest fit takes that was measured (964 MB).
    memory=3_000_000_000,
)
def update_all_user_recommendations(
    first: int | None = None, last: int | None = None, limit: int = 20
) -> dict[str, Any]:
    """Learn from all events, then make every reader's list, spread over jobs of 5,000 readers.

    While another of its kind learns already, it only names that one: `{"same_as": ID}`.
    """
    from mingus_lib.services import recommend_all

    here, now = runtime.current(), context.current()
    moment = datetime.now(UTC)
    if first is not None and last is not None:
        return recommend_all.make_lists(here.recommender, first, last, limit, moment, now.report)
    if (other := here.ledger.running_alike(now.id, _ALL, {}, ("limit",))) is not None:
        # The timetable's and an operator's may come together: one model is enough.
        return {"same_as": other}
    plan = recommend_all.learn(here.recommender, here.settings.fit_options(), now.id, moment, now.report)
    for low, high in plan.chunks:
        chunk = {"first": low, "last": high, "limit": limit}
        here.follow_up(_ALL, chunk, parent=now.id)
    return plan.as_json()


@job(
    Nothing,
    queue="recommendations",
    permission="recommendations:run",
    soft=900,
    hard=1200,
    memory=3_000_000_000,
)
def evaluate_recommendations() -> dict[str, Any]:
    """Measure the recommender on each reader's latest readings, and keep the figures."""
    from mingus_lib.services import evaluate_recommendations as service

    here, now = runtime.current(), context.current()
    options = here.settings.fit_options()
    found = service.evaluate_library(here.recommender, service.Question(), options, now.report)
    return {name: found[name] for name in ("mingus", "popularity", "data")}
