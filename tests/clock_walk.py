"""Cron by brute force: every minute looks at the clock on the wall. Slow, and too simple to be wrong.

A wall minute counts when the clocks show it for the first time, or when they step over it. No code is shared with
mingus: expressions are not parsed, they are drawn together with what they mean.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
ZONES = (
    "UTC",
    "Africa/Casablanca",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
)


@dataclass(frozen=True)
class Drawn:
    """An expression and what it means."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    on: Callable[[date], bool]

    def __repr__(self) -> str:
        return f"Drawn({self.text!r})"


def slots(cron: Drawn, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """The slots with after < slot <= until, both whole minutes in UTC."""
    seen_days: dict[date, bool] = {}

    def matches(wall: datetime) -> bool:
        if wall.minute not in cron.minutes or wall.hour not in cron.hours:
            return False
        if wall.date() not in seen_days:
            seen_days[wall.date()] = cron.on(wall.date())
        return seen_days[wall.date()]

    return [at for at, walls in new_walls(zone, after, until) if any(map(matches, walls))]


def new_walls(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[tuple[datetime, list[datetime]]]:
    """Each minute with the wall minutes that are new at it: one, none in a fold, all of a gap after it."""
    # A day before, so that a fold's first pass has been seen.
    at = after - timedelta(days=1)
    latest = at.astimezone(zone).replace(tzinfo=None)
    while at < until:
        at += MINUTE
        wall = at.astimezone(zone).replace(tzinfo=None)
        if wall <= latest:
            continue
        new = [wall] if wall - latest == MINUTE else list(minutes_between(latest, wall))
        latest = wall
        if at > after:
            yield at, new


def minutes_between(before: datetime, last: datetime) -> Iterator[datetime]:
    """Wall minutes after `before`, up to and with `last`."""
    while before < last:
        before += MINUTE
        yield before


def transitions(zone: ZoneInfo, first_year: int = 2020, last_year: int = 2035) -> list[datetime]:
    """The minutes at which the zone's offset changes."""
    found = []
    day, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while day < end:
        low, high = day, day + timedelta(days=1)
        if offset(low, zone) != offset(high, zone):
            while high - low > MINUTE:
                middle = low + (high - low) // MINUTE // 2 * MINUTE
                low, high = (middle, high) if offset(middle, zone) == offset(low, zone) else (low, middle)
            found.append(high)
        day += timedelta(days=1)
    return found


def offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    """How far the zone's clocks are ahead of UTC at that instant."""
    return at.astimezone(zone).utcoffset()


@st.composite
def field(draw: st.DrawFn, low: int, high: int, names: tuple[str, ...] = ()) -> tuple[str, frozenset[int]]:
    """One field's text and numbers; names stand for low, low + 1 ..."""
    texts, numbers = [], set[int]()
    for _ in range(draw(st.integers(1, 3))):
        text, some = draw(item(low, high, names))
        texts.append(text)
        numbers |= some
    return ",".join(texts), frozenset(numbers)


@st.composite
def item(draw: st.DrawFn, low: int, high: int, names: tuple[str, ...]) -> tuple[str, set[int]]:
    """One item of a list: a star, a number or a range, perhaps with a step."""
    first = draw(st.integers(low, high - 1))
    last = draw(st.integers(first + 1, high))
    step = draw(st.integers(1, high))
    case = draw(st.sampled_from((str.upper, str.lower, str.title)))
    named = last - low < len(names) and draw(st.booleans())

    def spelt(number: int) -> str:
        return case(names[number - low]) if named else str(number)

    kinds = {
        "star": ("*", set(range(low, high + 1))),
        "star step": (f"*/{step}", set(range(low, high + 1, step))),
        "number": (spelt(first), {first}),
        "range": (f"{spelt(first)}-{spelt(last)}", set(range(first, last + 1))),
        "range step": (f"{spelt(first)}-{spelt(last)}/{step}", set(range(first, last + 1, step))),
    }
    return kinds[draw(st.sampled_from(sorted(kinds)))]


def last_of_month(day: date) -> int:
    """The number of the last day of that month."""
    return monthrange(day.year, day.month)[1]


@st.composite
def expressions(draw: st.DrawFn, *, often: bool = False) -> Drawn:
    """Any expression; `often`: one that comes on every day of the week and month."""
    minute, minutes = draw(field(0, 59))
    hour, hours = draw(field(0, 23))
    month, months = ("*", frozenset(range(1, 13))) if often else draw(field(1, 12, MONTHS))
    days, weekdays = ("*", "*") if often else (draw(month_days()), draw(week_days()))
    if isinstance(days, str) or isinstance(weekdays, str):
        return Drawn(f"{minute} {hour} * {month} *", minutes, hours, lambda day: True)
    either = not days[0].startswith("*") and not weekdays[0].startswith("*")

    def on(day: date) -> bool:
        in_month, in_week = days[1](day), weekdays[1](day)
        return day.month in months and (in_month or in_week if either else in_month and in_week)

    return Drawn(f"{minute} {hour} {days[0]} {month} {weekdays[0]}", minutes, hours, on)


@st.composite
def month_days(draw: st.DrawFn) -> tuple[str, Callable[[date], bool]]:
    """A day-of-month field; L is the last, LW the last from Monday to Friday."""
    text, numbers = draw(field(1, 31))
    special = draw(st.sampled_from(("", "", "", "L", "LW")))

    def on(day: date) -> bool:
        last = last_of_month(day)
        if special == "L" and day.day == last:
            return True
        working = [n for n in range(1, last + 1) if day.replace(day=n).isoweekday() <= 5]
        return day.day in numbers or (special == "LW" and day.day == working[-1])

    return (f"{text},{special}" if special else text), on


@st.composite
def week_days(draw: st.DrawFn) -> tuple[str, Callable[[date], bool]]:
    """A day-of-week field, 0 and 7 are Sunday; FRIL is the last Friday, FRI#2 the second."""
    text, numbers = draw(field(0, 7, WEEKDAYS))
    which, nth = draw(st.integers(0, 6)), draw(st.integers(1, 5))
    name = WEEKDAYS[which]
    special = draw(st.sampled_from(("", "", "", f"{which}L", f"{name}L", f"{name}#{nth}")))

    def on(day: date) -> bool:
        number = day.isoweekday() % 7
        if number in numbers or (number == 0 and 7 in numbers):
            return True
        if not special or number != which:
            return False
        return day.day + 7 > last_of_month(day) if special.endswith("L") else (day.day - 1) // 7 + 1 == nth

    return (f"{text},{special}" if special else text), on
