"""Days and weeks of the report time zone, and those before them. Pure.

A day begins at the first instant of its date in the zone, also where clocks are put forward at midnight; a week
begins on a Monday (ISO 8601).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mingus_lib.errors import UsageError

DAILY, WEEKLY = "daily", "weekly"
DAYS = {DAILY: 1, WEEKLY: 7}
TRAILING = 4


@dataclass(frozen=True, slots=True)
class Period:
    """So many days from `start` on, in a zone; `kind` is daily or weekly."""

    kind: str
    start: date
    zone: str

    @property
    def days(self) -> int:
        """How many."""
        return DAYS[self.kind]

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.start + timedelta(self.days)

    @property
    def label(self) -> str:
        """`2026-11-23`, or `2026-W48`."""
        if self.kind == DAILY:
            return str(self.start)
        year, week, _ = self.start.isocalendar()
        return f"{year:04d}-W{week:02d}"

    def back(self, periods: int) -> Period:
        """The period so many before."""
        return Period(self.kind, self.start - timedelta(periods * self.days), self.zone)

    def bounds(self) -> tuple[datetime, datetime]:
        """Its first instant and the first one after it, in UTC."""
        return midnight(self.start, self.zone), midnight(self.end, self.zone)

    def with_trailing(self) -> tuple[Period, ...]:
        """The trailing four and this one, oldest first."""
        return tuple(self.back(periods) for periods in reversed(range(TRAILING + 1)))


def midnight(day: date, zone: str) -> datetime:
    """The first instant of that date in the zone, in UTC. Raises UsageError beyond the calendar."""
    try:
        # fold=0 of PEP 495: where the clocks jump over midnight, or over the whole day, it begins where they land.
        return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{day} is beyond the calendar: name a day between 1970 and 9990") from error


def cuts(periods: tuple[Period, ...]) -> tuple[datetime, ...]:
    """The instants between adjoining periods, first and last included."""
    return (*(period.bounds()[0] for period in periods), periods[-1].bounds()[1])


def today(now: datetime, zone: str) -> date:
    """The date there now."""
    return now.astimezone(ZoneInfo(zone)).date()


def day(text: str | None, now: datetime, zone: str) -> Period:
    """`2026-11-23`, `yesterday` (also None) or `today`. Raises UsageError for another word and for the future."""
    here = today(now, zone)
    known = {None: here - timedelta(1), "yesterday": here - timedelta(1), "today": here}
    found = (
        known[text] if text in known else _date(text or "", "a day such as 2026-11-23, yesterday or today")
    )
    return _not_ahead(Period(DAILY, found, zone), here)


def week(text: str | None, now: datetime, zone: str) -> Period:
    """`2026-W48`, a day in it, `last` (also None) or `this`. Raises UsageError for another word and for the future."""
    here = today(now, zone)
    monday = here - timedelta(here.weekday())
    if text in (None, "last"):
        found = monday - timedelta(7)
    elif text == "this":
        found = monday
    # ASCII, since \d takes the digits of all scripts.
    elif numbered := re.fullmatch(r"(\d{4})-?W(\d{2})", text or "", re.ASCII):
        found = _week(text or "", int(numbered[1]), int(numbered[2]))
    else:
        given = _date(text or "", "a week such as 2026-W48, a day in it, last or this")
        found = given - timedelta(given.weekday())
    return _not_ahead(Period(WEEKLY, found, zone), here)


def _week(text: str, year: int, number: int) -> date:
    try:
        return date.fromisocalendar(year, number, 1)
    except ValueError as error:
        raise UsageError(f"there is no week {text}: {year} has 52 or 53") from error


def _date(text: str, wanted: str) -> date:
    try:
        # fromisoformat also reads 20261123 and 2026-W48-1, which are no form of ours.
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text[:40]!r}: name {wanted}") from error
    # Short of 9999: the end of a period and its midnight in a zone are on the calendar, too.
    if not 1970 <= found.year <= 9990:
        raise UsageError(f"{text}: name {wanted}, between 1970 and 9990")
    return found


def _not_ahead(period: Period, here: date) -> Period:
    if not 1970 <= period.start.year <= 9990:
        raise UsageError(f"{period.label}: name a time between 1970 and 9990")
    if period.start > here:
        raise UsageError(f"{period.label} has not begun: the newest there can be is that of {here}")
    return period
