"""Jobs as they change, one event at a time: read from the ledger, so that Redis may come and go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mingus_lib.domain.jobs import ENDED, OPEN, JobRun, JobState
from mingus_lib.errors import NotFound

if TYPE_CHECKING:
    from mingus_lib.store.history import History, JobFilter

POLL_SECONDS = 0.25
# A job is recorded a moment after the time of its creation was taken.
OVERLAP = timedelta(seconds=5)
PAGE = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a job: `what` is its state, or "progress"; `text` says more."""

    at: str
    job: str
    task: str
    what: str
    text: str


def follow_one(
    history: History, job_id: str, wait: Callable[[float], object] = time.sleep
) -> Iterator[Event]:
    """Every change of one job until it has ended; the last event's `what` is how."""
    said: Event | None = None
    while True:
        job = history.get(job_id)
        if job is None:
            raise NotFound(f"job {job_id} is no longer on the record")
        event = _event(job)
        # The time of a progress is that of the look, and by itself no change.
        if said is None or replace(event, at=said.at) != said:
            said = event
            yield event
        if job.ended:
            return
        wait(POLL_SECONDS)


def follow_many(
    history: History, chosen: JobFilter, wait: Callable[[float], object] = time.sleep
) -> Iterator[Event]:
    """New jobs that the filter chooses, and every change of them, for ever; first those that are open now.

    At most 500 new jobs in five seconds are seen, the newest.
    """
    since = datetime.now(UTC)
    known: dict[str, JobState] = {}
    for job in reversed(history.newest(replace(chosen, states=_open_of(chosen)), PAGE)):
        known[job.id] = job.state
        yield _event(job)
    while True:
        fresh = replace(chosen, states=(), since=max(filter(None, (since - OVERLAP, chosen.since))))
        # Before the look: what is recorded while it lasts belongs to the next one.
        since = datetime.now(UTC)
        recent = [job.id for job in reversed(history.newest(fresh, PAGE))]
        watched = [job_id for job_id, state in known.items() if state not in ENDED]
        # Briefs of all, the whole record of what has changed: this is asked four times a second.
        for brief in history.briefs_of([*dict.fromkeys([*recent, *watched])]):
            before, known[brief.id] = known.get(brief.id), brief.state
            wanted = not chosen.states or brief.state in chosen.states
            if brief.state is not before and wanted and (now := history.get(brief.id)) is not None:
                yield _event(now)
        # What has ended is forgotten only when it is too old to be found as new again.
        known = {each: state for each, state in known.items() if state not in ENDED or each in recent}
        wait(POLL_SECONDS)


def _open_of(chosen: JobFilter) -> tuple[JobState, ...]:
    return tuple(state for state in chosen.states if state in OPEN) if chosen.states else OPEN


def _event(job: JobRun) -> Event:
    what, at, text = job.state.value, job.created_at, job.reason or ""
    if job.state is JobState.STARTED:
        at, text = job.started_at or at, f"attempt {job.attempts}, worker {job.worker}"
        if job.progress_total:
            what, at = "progress", datetime.now(UTC).isoformat(timespec="microseconds")
            text = f"{job.progress_done} of {job.progress_total} {job.progress_text or ''}".strip()
    elif job.state is JobState.SCHEDULED:
        text = f"due {job.scheduled_for}{f'; {text}' if text else ''}"
    elif job.ended:
        at = job.ended_at or at
    return Event(at, job.id, job.task, what, text)
