"""Lists for all readers: learn once, then spread the readers over jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.recommend.parameters import FitOptions
from mingus_lib.errors import MingusError
from mingus_lib.services import recommender_model
from mingus_lib.services.recommending import Recommender

# Some five seconds of work for a worker, as measured with 100,000 readers.
READERS_A_JOB = 5_000


@dataclass(frozen=True, slots=True)
class Plan:
    """The model that lists are made with, and the first and last number of each job's readers."""

    model: str
    parameters: dict[str, Any]
    readers: int
    chunks: list[tuple[int, int]]

    def as_json(self) -> dict[str, Any]:
        """The result of the job."""
        told = {"model": self.model, "readers": self.readers, "jobs": len(self.chunks)}
        return {**told, "parameters": self.parameters}


def learn(
    recommender: Recommender, options: FitOptions, job_id: str, now: datetime,
    report: Callable[[int, int, str], None],
) -> Plan:  # fmt: skip
    """Fit and keep the model, unless this job has done so before it was cut short; then who is in which job."""
    model = _kept(recommender, job_id)
    if model is None:
        model = recommender_model.fit(
            recommender.readers, recommender.events, recommender.lists, options, now, job_id, report
        )
        recommender_model.save(model, recommender.home)
    chunks = list(recommender.readers.chunks(READERS_A_JOB))
    return Plan(model.version, model.parameters.as_json(), recommender.readers.count(), chunks)


def _kept(recommender: Recommender, job_id: str) -> recommender_model.Model | None:
    try:
        model = recommender_model.load(recommender.home)
    except MingusError:
        # None yet, damaged or of another release: the one made now takes its place.
        return None
    return model if model.made_by == job_id else None


def make_lists(
    recommender: Recommender, first: int, last: int, limit: int, now: datetime,
    report: Callable[[int, int, str], None],
) -> dict[str, int]:  # fmt: skip
    """The lists of the readers of these numbers; what was made before it was cut short stays."""
    total = len(recommender.readers.revisions(first, last))
    done = 0
    for done in recommender.refresh_chunk(first, last, limit, now=now):
        report(done, total, "lists")
    return {"first": first, "last": last, "lists": done}
