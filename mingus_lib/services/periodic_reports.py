"""The daily and the weekly report: made from the store, kept, and read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mingus_lib.domain.gate import GatePolicy
from mingus_lib.domain.periods import WEEKLY, Period
from mingus_lib.domain.report_document import SCHEMA, Document, Section, from_json
from mingus_lib.services import report_library, report_operations, report_readers, report_trends
from mingus_lib.services.report_span import Span
from mingus_lib.store.database import Store
from mingus_lib.store.mail_funnel import MailFunnel
from mingus_lib.store.period_library import PeriodLibrary
from mingus_lib.store.period_operations import PeriodOperations
from mingus_lib.store.period_reading import PeriodReading
from mingus_lib.store.recommendations import Recommendations
from mingus_lib.store.stored_reports import StoredReports

TITLES = {"daily": "Daily report", "weekly": "Weekly report"}
# Hears how many parts are done, of how many, and which comes next.
Told = Callable[[int, int, str], None]
SO_FAR = "The time is not over yet: figures so far."


def _nobody(_done: int, _total: int, _text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator set: the time zone of days, the gate, US dollars a UTC day for models."""

    zone: str
    gate: GatePolicy
    daily_budget: float | None


@dataclass(frozen=True, slots=True)
class Made:
    """A report; `kept`: it was read as it had been made before."""

    document: Document
    kept: bool


class PeriodicReports:
    """The reports of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self.rules = rules
        self.stored = StoredReports(store)

    def get(self, period: Period, now: datetime, *, fresh: bool = False, told: Told = _nobody) -> Made:
        """The kept report of that time, else (or if `fresh`) made now and kept; one of today is made, never kept."""
        # By shape as well: one that another release has kept is made anew, not misread.
        body = None if fresh else self.stored.get(period.kind, str(period.start), period.zone, SCHEMA)
        if body is not None:
            return Made(from_json(body), True)
        return Made(self.make(period, now, told), False)

    def make(self, period: Period, now: datetime, told: Told = _nobody) -> Document:
        """Make the report and keep it, if its time is over; the one before is replaced in one step."""
        over = period.bounds()[1] <= now
        # One state of the store for all parts, so that their figures agree.
        with self._store.snapshot():
            document = self._document(period, now, over, told)
        # What is kept of a time that goes on would stay half of it for ever.
        if over:
            body = document.as_json()
            self.stored.put(period.kind, str(period.start), period.zone, document.made_at, body)
        return document

    def _document(self, period: Period, now: datetime, over: bool, told: Told) -> Document:
        reading = PeriodReading(self._store)
        first = reading.first_day()
        span = Span(period, _moment(first))
        start, end = period.bounds()
        covered = {
            "kind": period.kind,
            "label": period.label,
            "start": str(period.start),
            "end": str(period.end),
            "zone": period.zone,
            "from": start.isoformat(),
            "until": end.isoformat(),
            "over": over,
        }
        sections = self._sections(reading, span, told)
        notes = () if over else (SO_FAR,)
        title = f"{TITLES[period.kind]} {period.label}"
        return Document(period.kind, title, now.astimezone(UTC).isoformat(), sections, covered, notes)

    def _sections(self, reading: PeriodReading, span: Span, told: Told) -> tuple[Section, ...]:
        """Each part, from its own tables; `told` hears which is being made."""
        store, rules, library = self._store, self.rules, PeriodLibrary(self._store)
        evaluations = Recommendations(store).evaluations(1)
        # Not made yet, so that `told` hears of each part before its time is spent.
        parts: dict[str, Callable[[], Section]] = {
            "library": lambda: report_library.library(library, span),
            "readers": lambda: report_readers.readers(reading, span, rules.gate),
            "reading": lambda: report_readers.reading(reading, span, rules.gate),
            "mails": lambda: report_library.funnel(MailFunnel(store), span),
            "labels": lambda: report_library.classification(library, span, rules.daily_budget),
            "recommendations": lambda: report_readers.recommendations(
                reading, span, library.published(), next(iter(evaluations), None)
            ),
            "operations": lambda: report_operations.operations(PeriodOperations(store), span),
        }
        if span.period.kind == WEEKLY:
            parts["trends"] = lambda: report_trends.section(store, span.period.end, span.period.zone)
        found = []
        for place, (name, part) in enumerate(parts.items()):
            told(place, len(parts), name)
            found.append(part())
        return tuple(found)


def _moment(text: str | None) -> datetime | None:
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)
