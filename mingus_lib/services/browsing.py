"""Looking for jobs in the whole history, as the dashboard's form says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mingus_lib.domain.control import Brief
from mingus_lib.domain.jobs import JobState
from mingus_lib.domain.spans import parse_moment
from mingus_lib.errors import UsageError
from mingus_lib.services import jobs
from mingus_lib.services.jobs import Wanted
from mingus_lib.store.browsing import Browsing, JobPage, Place
from mingus_lib.store.history import JobFilter

FIELDS = ("text", "state", "task", "queue", "since", "until")
# A query string that anybody may have written is cut before the whole ledger is searched for it.
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Search:
    """The form as typed; an empty field does not narrow. `text` is part of an id, an argument or a reason."""

    text: str = ""
    state: str = ""
    task: str = ""
    queue: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def typed(cls, fields: Mapping[str, str]) -> Search:
        """From a query string or a form."""
        return cls(**{name: fields.get(name, "").strip()[:LONGEST_TEXT] for name in FIELDS})

    def given(self) -> dict[str, str]:
        """The fields that narrow."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}

    def filter(self) -> JobFilter:
        """Checked. Raises UsageError and NotFound, which suggest the nearest word."""
        chosen = jobs.chosen(
            Wanted(
                task=self.task or None,
                queue=self.queue or None,
                since=self.since or None,
                state=self.state or None,
            )
        )
        return replace(chosen, before=parse_moment(self.until, "until") if self.until else None)


def page(browsing: Browsing, search: Search, after: str, size: int) -> JobPage:
    """The jobs found, from the place on that `as_text` wrote. Raises UsageError, NotFound, StoreUnavailable."""
    return browsing.page(search.filter(), search.text, _place(after), size)


def matching(browsing: Browsing, search: Search, states: Sequence[JobState], limit: int) -> list[Brief]:
    """The newest jobs that the form chooses, for acting on. Raises UsageError when its state is none of `states`."""
    if search.state not in states:
        raise UsageError(f"choose one state first: {' or '.join(states)}")
    return browsing.briefs(search.filter(), search.text, limit)


def as_text(place: Place) -> str:
    """A place in one word, for an address."""
    return f"{place.moment}~{place.row}"


def _place(text: str) -> Place | None:
    if not text:
        return None
    moment, _, row = text.rpartition("~")
    # It comes from an address that anybody may have written; SQLite's row ids have 63 bits.
    # str.isdigit() takes digits that int() refuses, such as a raised two; none of them is ASCII.
    if not row.isascii() or not row.isdigit() or len(row) > 18:
        raise UsageError("this is no place in the list; start from its top")
    return Place(moment, int(row))
