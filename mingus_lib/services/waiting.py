"""Follow jobs, and all that they cause, until nothing more happens to them by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.domain.models import ItemOutcome, Outcome
from mingus_lib.store.articles import Articles
from mingus_lib.store.history import History

POLL_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: `done` of `total` addresses or jobs, and the counts by outcome or state."""

    done: int
    total: int
    counts: dict[str, int]
    text: str
    jobs: tuple[JobRun, ...]
    outcomes: tuple[ItemOutcome, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether every job has ended."""
        return all(job.ended for job in self.jobs)

    @property
    def failed(self) -> bool:
        """Whether an address failed, or a job did not finish."""
        bad_job = any(job.state in (JobState.DEAD, JobState.CANCELLED) for job in self.jobs)
        return bad_job or any(item.outcome is Outcome.FAILED for item in self.outcomes)


def follow_jobs(history: History, ids: Sequence[str]) -> Iterator[Progress]:
    """Snapshots of any jobs, the last one when all have ended."""
    return _until_ended(lambda: _job_progress(history.families(ids)))


def follow_addresses(
    history: History, articles: Articles, ids: Sequence[str], total: int
) -> Iterator[Progress]:
    """Snapshots of article jobs, counted in addresses."""
    return _until_ended(lambda: _address_progress(history.families(ids), articles, total))


def follow_labels(history: History, ids: Sequence[str]) -> Iterator[Progress]:
    """Snapshots of labelling jobs; not of `upgrade_labels`, which may wait for the AI engine until tomorrow."""

    def look() -> Progress:
        return _job_progress([job for job in history.families(ids) if job.task == "classify_article_batch"])

    return _until_ended(look)


def _until_ended(look: Callable[[], Progress]) -> Iterator[Progress]:
    # Looked up in the ledger, which tells of follow-up jobs as well, and is there while Redis is away.
    while not (now := look()).ended:
        yield now
        time.sleep(POLL_SECONDS)
    yield now


def _job_progress(jobs: Sequence[JobRun]) -> Progress:
    running = next((job for job in jobs if job.state is JobState.STARTED), None)
    return Progress(
        done=sum(job.ended for job in jobs),
        total=len(jobs),
        counts=dict(Counter(job.state.value for job in jobs)),
        text=(running.progress_text or running.task) if running else "",
        jobs=tuple(jobs),
    )


def _address_progress(jobs: Sequence[JobRun], articles: Articles, total: int) -> Progress:
    # Labels are made by other jobs, which are not waited for here.
    jobs = [job for job in jobs if job.task == "process_new_articles"]
    # An address that was handed over has an outcome in more than one job: the latest counts.
    outcomes = {item.url: item for item in articles.outcomes_of([job.id for job in jobs])}.values()
    final = [item for item in outcomes if item.final]
    return Progress(
        done=len(final),
        total=max(total, len(final)),
        counts=dict(Counter(item.outcome.value for item in final)),
        text=final[-1].url if final else "",
        jobs=tuple(jobs),
        outcomes=tuple(outcomes),
    )
