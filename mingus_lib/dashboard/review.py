"""The editor's page: labels that wait for a look, to be accepted, overridden or skipped. No Redis call anywhere.

Everything that changes something is a POST, and calls the service behind `mingus articles review`.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mingus_lib.dashboard.reach import here
from mingus_lib.domain.overrides import CHOICES, FIELDS
from mingus_lib.errors import UsageError
from mingus_lib.services import review

SHOWN = 50

blueprint = Blueprint("review", __name__)


@blueprint.get("/review")
def waiting() -> str:
    """What waits, the most valuable look first."""
    labels = here().labels
    return render_template(
        "review.html",
        waiting=labels.waiting(SHOWN),
        count=labels.count_waiting(),
        fields=FIELDS,
        choices=CHOICES,
    )


@blueprint.post("/review")
def decide() -> Response:
    """Accept, skip or override the marked articles: all or none of them."""
    deed, field = request.form.get("deed", ""), request.form.get("field", "")
    made = review.decision(
        accept=deed == "accept",
        skip=deed == "skip",
        assignments=[f"{field}={request.form.get('value', '')}"] if deed == "override" else [],
        # Cut, since a form may hold a million signs, and the note stays on the record.
        note=request.form.get("note", "").strip()[:500] or None,
    )
    if made is None:
        raise UsageError("what is to be done? Press one of the buttons")
    # Followed by a redirect: loading an answer again would send the form again.
    review.decide(here().labels, _marked(), made)
    return redirect(url_for("review.waiting"), 303)


@blueprint.post("/review/undo")
def undo() -> Response:
    """Take back the latest decision of all."""
    review.undo(here().labels, [])
    return redirect(url_for("review.waiting"), 303)


def _marked() -> list[int]:
    typed = request.form.getlist("id")
    if not typed:
        raise UsageError("mark the articles first")
    # More digits may not fit into an integer of SQLite.
    if not all(each.isascii() and each.isdigit() and len(each) <= 18 for each in typed):
        raise UsageError("these are no ids of articles; load the page again")
    return [int(each) for each in typed]
