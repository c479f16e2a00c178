"""Jobs: the whole history, one job's story, and what an operator does to them.

Everything that changes something is a POST, and calls the service that the command of the same name calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mingus_lib.dashboard.reach import here
from mingus_lib.domain.control import Act, Brief, no_retry
from mingus_lib.domain.jobs import OPEN, JobRun, JobState
from mingus_lib.errors import UsageError
from mingus_lib.queues import catalog
from mingus_lib.services import browsing, jobs, pausing

# dashboard.js fills the page of a search up to the same number.
PAGE = 50
# As many as one click changes; the page says so, and the next click goes on.
BULK = 500

blueprint = Blueprint("jobs", __name__)


class Deed(NamedTuple):
    """Something to do to jobs: its button, the states it is for, and whether it asks before."""

    label: str
    states: tuple[JobState, ...]
    do: Callable[[Sequence[Brief]], list[Act]]
    asks: bool = False


DEEDS = {
    "retry": Deed(
        "Run again",
        (JobState.DEAD, JobState.CANCELLED, JobState.SCHEDULED),
        # A lambda each: `here` is known only while a request is answered.
        lambda found: here().retrier.retry(found),
    ),
    "cancel": Deed("Cancel", OPEN, lambda found: here().canceller.run(found), asks=True),
    "drop": Deed("Drop for good", (JobState.DEAD,), lambda found: here().retrier.drop(found), asks=True),
}


@blueprint.get("/jobs")
def listing() -> str | Response:
    """Jobs on the record, newest first; a job's whole id leads to its page. No Redis call."""
    search = browsing.Search.typed(request.args)
    if search.text and here().history.get(search.text) is not None:
        return redirect(url_for("jobs.story", job_id=search.text), 303)
    found = browsing.page(here().browsing, search, request.args.get("after", ""), PAGE)
    return render_template(
        "jobs.html",
        search=search,
        page=found,
        older=browsing.as_text(found.older) if found.older else None,
        states=list(JobState),
        tasks=list(catalog.load()),
        queues=catalog.QUEUES,
        deeds=DEEDS,
        bulk=BULK,
    )


@blueprint.get("/jobs/<job_id>")
def story(job_id: str) -> str:
    """The whole story of one job, as the ledger tells it. No Redis call."""
    job, caused = jobs.find(here().history, job_id)
    return render_template(
        "job.html", job=job, caused=caused[:100], more=len(caused) > 100, deeds=_fitting(job)
    )


@blueprint.post("/jobs/act")
def act() -> str:
    """Do something to the jobs marked, or to all that the form chose.

    Redis: one script for 500 jobs of a queue; a running job that is cancelled is asked to stop, and awaited for 5 s.
    """
    deed = DEEDS.get(request.form.get("deed", ""))
    if deed is None:
        raise UsageError("what is to be done? Press one of the buttons")
    found = _chosen(deed)
    # The question carries the ids that it shows, so that no job that came later is ended with them.
    if deed.asks and not request.form.get("sure"):
        return render_template("sure.html", deed=deed, found=found, form=request.form, bulk=BULK)
    acts = deed.do(found)
    return render_template("acts.html", deed=deed, acts=acts, bulk=BULK, form=request.form)


@blueprint.post("/queues/<name>/<any(pause, resume):wish>")
def hold(name: str, wish: str) -> Response:
    """Pause a queue or let it go on: one round trip of Redis."""
    change = pausing.pause if wish == "pause" else pausing.resume
    change(here().control, here().hand, catalog.check_queues([name]))
    return redirect(url_for("pages.overview"), 303)


def _chosen(deed: Deed) -> list[Brief]:
    if request.form.get("all"):
        search = browsing.Search.typed(request.form)
        return browsing.matching(here().browsing, search, deed.states, BULK)
    # Our pages mark fewer, but what a browser sends is not up to them.
    ids = request.form.getlist("id")[:BULK]
    if not ids:
        raise UsageError("no job is marked; mark some in the list, or choose all of them")
    # What is marked twice is changed, and counted, once.
    return here().history.briefs_of(list(dict.fromkeys(ids)))


def _fitting(job: JobRun) -> dict[str, Deed]:
    """What may be done to a job in its state."""
    (brief,) = here().history.briefs_of([job.id])
    fitting = {name: deed for name, deed in DEEDS.items() if job.state in deed.states}
    return {name: deed for name, deed in fitting.items() if name != "retry" or no_retry(brief) is None}
