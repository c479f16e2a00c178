"""The ledger page by page, newest first: every page in about the same time, however many jobs there are.

A page begins after the last job of the one before, in the order of an index; nothing is counted or skipped.
What no index answers is looked for in the jobs that the other filters leave, newest first, for a bounded time: a
page then says how far back it has looked, and the next one goes on from there.
"""

# ruff: noqa: S608  (statements are put together from constants of this module and of history.py only)
from __future__ import annotations

import time
from dataclasses import dataclass, replace

from mingus_lib.domain.control import Brief
from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.store.database import Row, Store
from mingus_lib.store.history import (
    BY_END,
    COLUMNS,
    History,
    JobFilter,
    lower_ascii,
    run_of,
    spelled_as_arguments,
)

# A page may take about a tenth of a second, with the stride that is under way when the time is over.
SEARCH_SECONDS = 0.06
PATIENT_SECONDS = 20.0
# Some three milliseconds: a million jobs are read in a second and a half.
STRIDE = 2_000
# A condition and its parameters.
Sieve = tuple[str, list[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after this job, in the order of its time (ISO 8601, UTC) and row."""

    moment: str
    row: int


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs; `older` is where the next page begins, None at the end.

    `searched_to` is how far back was looked when the time ran out before the page was full.
    """

    jobs: list[JobRun]
    older: Place | None = None
    searched_to: str | None = None


class Browsing:
    """Pages of the ledger. Every method may raise StoreUnavailable."""

    def __init__(self, store: Store, *, search_seconds: float | None = None) -> None:
        self._store = store
        self._seconds = SEARCH_SECONDS if search_seconds is None else search_seconds

    def page(self, chosen: JobFilter, text: str = "", after: Place | None = None, size: int = 50) -> JobPage:
        """The newest jobs chosen, or those after `after`; dead and cancelled ones by their end.

        `text` is part of the id, the arguments or the reason, in any case.
        """
        chosen = replace(chosen, ended=bool(chosen.states) and set(chosen.states) <= BY_END)
        walked, sieve = _split(chosen, text)
        if sieve[0]:
            return self._sift(walked, sieve, after, size)
        where, parameters, order = _walk(chosen, after)
        rows = self._store.rows(
            f"SELECT {COLUMNS}, rowid FROM job_runs WHERE {where} ORDER BY {order} LIMIT ?",
            [*parameters, size + 1],
        )
        return _page(rows, size, chosen.moment)

    def briefs(self, chosen: JobFilter, text: str, size: int) -> list[Brief]:
        """The newest jobs chosen, as much of them as is needed to act on them; looked for as long as that takes.

        At most PATIENT_SECONDS: a library of a million jobs takes a second or two.
        """
        patient = Browsing(self._store, search_seconds=PATIENT_SECONDS)
        ids = [job.id for job in patient.page(chosen, text, None, size).jobs]
        return History(self._store).briefs_of(ids)

    def _sift(self, walked: JobFilter, sieve: Sieve, after: Place | None, size: int) -> JobPage:
        deadline = time.monotonic() + self._seconds
        found: list[Row] = []
        while True:
            last, rows = self._stride(walked, sieve, after, size + 1 - len(found))
            found += rows
            if last is None or len(found) > size:
                return _page(found, size, walked.moment)
            after = last
            if time.monotonic() >= deadline:
                return JobPage([run_of(row) for row in found], after, searched_to=after.moment)

    def _stride(
        self, walked: JobFilter, sieve: Sieve, after: Place | None, wanted: int
    ) -> tuple[Place | None, list[Row]]:
        """The next STRIDE jobs: where they end (None when there are no more), and those that the sieve keeps."""
        where, values, order = _walk(walked, after)
        last = self._store.row(
            f"SELECT {walked.moment} AS moment, rowid FROM job_runs WHERE {where} "
            f"ORDER BY {order} LIMIT 1 OFFSET ?",
            [*values, STRIDE - 1],
        )
        condition, texts = sieve
        kept = (
            # Only these columns, and whole rows of what is kept alone: results and tracebacks fill pages of their own.
            "SELECT rowid FROM (SELECT rowid, id, args, reason, state, task, queue FROM job_runs "
            f"WHERE {where} ORDER BY {order} LIMIT ?) WHERE {condition} LIMIT ?"
        )
        rows = self._store.rows(
            f"SELECT {COLUMNS}, rowid FROM job_runs WHERE rowid IN ({kept}) ORDER BY {order}",
            [*values, STRIDE, *texts, wanted],
        )
        return (Place(last["moment"], last["rowid"]) if last else None), rows


def _split(chosen: JobFilter, text: str) -> tuple[JobFilter, Sieve]:
    """What an index answers, and the rest: a text, the state that most jobs are in, a task or queue within a state."""
    given: list[tuple[str, tuple[str, ...]]] = []
    walked = chosen
    if text:
        found = "(instr(lower(args), ?) > 0 OR instr(lower(reason), ?) > 0 OR instr(id, ?) > 0)"
        given.append((found, (spelled_as_arguments(text), lower_ascii(text), lower_ascii(text))))
    if JobState.FINISHED in chosen.states:
        # Nearly every job is: an index of them would cost each job its upkeep and skip nothing.
        given.append(("state = 'finished'", ()))
        walked = replace(walked, states=())
    elif chosen.states:
        if chosen.queue is not None:
            given.append(("queue = ?", (chosen.queue,)))
            walked = replace(walked, queue=None)
        # The dead have an index by task.
        if chosen.task is not None and chosen.states != (JobState.DEAD,):
            given.append(("task = ?", (chosen.task,)))
            walked = replace(walked, task=None)
    return walked, (" AND ".join(words for words, _ in given), [value for _, some in given for value in some])


def _walk(chosen: JobFilter, after: Place | None) -> tuple[str, list[str | int], str]:
    """Condition, its parameters and order of the jobs after a place."""
    where, values = chosen.where()
    moment = chosen.moment
    parameters: list[str | int] = list(values)
    if chosen.ended:
        where += " AND ended_at IS NOT NULL"
    if after is not None:
        # With the row, because jobs that were made together may have the same time.
        where += f" AND ({moment}, rowid) < (?, ?)"
        parameters += [after.moment, after.row]
    return where, parameters, f"{moment} DESC, rowid DESC"


def _page(rows: list[Row], size: int, moment: str) -> JobPage:
    shown = rows[:size]
    # Who asks for a page asks for one job more than it shows.
    more = len(rows) > size
    older = Place(shown[-1][moment], shown[-1]["rowid"]) if more else None
    return JobPage([run_of(row) for row in shown], older)
