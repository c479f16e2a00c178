"""The instants of a cron expression in a time zone. Pure.

cronsim reads the expression and finds the local times, as Debian's cron does: where both days are restricted,
either will do; a day that begins with a star is not restricted. It is given times without a zone, and which
instants they are is decided here: a local time that the zone skips counts as the first instant after the gap,
one that comes twice as the first of the two (crontab(5) of Vixie cron; PEP 495 for gap and fold).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from mingus_lib.domain.words import nearest

SECOND = timedelta(seconds=1)
LONGEST = 200
# cronsim knows none of them.
ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# Each field with its largest number and what it takes.
FIELDS = {
    "minute": (59, "0-59"),
    "hour": (23, "0-23"),
    "day-of-month": (31, "1-31, L for the last, LW for the last from Monday to Friday"),
    "month": (12, "1-12 or JAN to DEC"),
    "day-of-week": (7, "0-7 or SUN to SAT, FRIL for the last Friday, FRI#2 for the second"),
}
ORDER = " ".join(FIELDS)
# cronsim takes steps from L and # in silence, and reads 7-7/2 as 7/2, which is 7, 9, 11 and so on.
MISREAD = re.compile(r"(?<!JU)[L#][^,]*/|\b0*(\w+)-0*\1/|[A-Z]-\d+/|\d-[A-Z]+/")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LAST_DAY = re.compile(rf"\b({'|'.join(DAYS)})L\b", re.IGNORECASE)


def following(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The instants after `after`, ascending, in UTC, until none comes for 50 years."""
    last = after
    for local in CronSim(_expression(cron), _local(after, zone)):
        instant = _instant(local, zone)
        # Later local times are never earlier instants: those of a gap share one, those of a fold are past.
        if instant > last:
            yield instant
            last = instant


def preceding(cron: str, zone: ZoneInfo, until: datetime) -> Iterator[datetime]:
    """The instants at or before `until`, newest first, in UTC, until there was none for 50 years."""
    now, last = _local(until, zone), until + timedelta.resolution
    # In a fold's second pass, the rest of the first pass has been too.
    ahead = until - _instant(now, zone)
    for local in CronSim(_expression(cron), now + ahead + SECOND, reverse=True):
        instant = _instant(local, zone)
        if instant < last:
            yield instant
            last = instant


def fault(cron: str) -> str | None:
    """What is wrong with an expression; None when it is good and comes at least once in 50 years."""
    if len(cron) > LONGEST:
        return f"longer than {LONGEST} characters"
    if cron.startswith("@") and cron.lower() not in ALIASES:
        return f"no such form{nearest(cron, ALIASES)}; there are {', '.join(ALIASES)}"
    parts = ALIASES.get(cron.lower(), cron).split()
    if len(parts) != len(FIELDS):
        return f"{len(parts)} fields instead of 5: {ORDER}"
    found = (_field_fault(part, name) for part, name in zip(parts, FIELDS, strict=True))
    # The date last: in 30 February each field is right by itself.
    return next(filter(None, found), None) or _date_fault(cron)


def _field_fault(part: str, name: str) -> str | None:
    largest, takes = FIELDS[name]
    # Each field is tried by itself, because cronsim's error names only the field.
    alone = _expression(" ".join(part if name == each else "*" for each in FIELDS))
    try:
        CronSim(alone, datetime(2000, 1, 1))  # noqa: DTZ001
        good = not MISREAD.search(part.upper())
    except (CronSimError, AssertionError):
        good = False
    if not good:
        return f"{name} {part!r} is wrong; it takes {takes}, with lists, ranges and /steps"
    steps = [int(step) for step in re.findall(r"/(\d+)", part)]
    if max(steps, default=0) > largest:
        return f"{name} {part!r}: steps go up to {largest}; `every` takes any time"
    return None


def _date_fault(cron: str) -> str | None:
    try:
        comes = next(CronSim(_expression(cron), datetime(2000, 1, 1)), None)  # noqa: DTZ001
    except CronSimError:
        comes = None
    return None if comes else "there is no such date"


def _expression(cron: str) -> str:
    # Of the last Friday cronsim takes the number alone: 5L.
    return LAST_DAY.sub(lambda found: f"{DAYS.index(found[1].upper())}L", ALIASES.get(cron.lower(), cron))


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """What clocks of the zone show, in whole seconds, without a zone."""
    if at.tzinfo is None:
        raise ValueError("slots are asked for by an instant with its time zone")
    return at.astimezone(zone).replace(microsecond=0, tzinfo=None, fold=0)


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks of the zone show `local` or, when none do, at which they have skipped it.

    As PEP 495 has it, a skipped time is read with the offset before the gap, which puts it after the gap;
    with fold=1, with the offset after it, which puts it before.
    """
    after = local.replace(tzinfo=zone).astimezone(UTC)
    if _local(after, zone) == local:
        return after
    before, offset = local.replace(tzinfo=zone, fold=1).astimezone(UTC), _offset(after, zone)
    # By halving, since zoneinfo tells no list of a zone's changes.
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        before, after = (before, middle) if _offset(middle, zone) == offset else (middle, after)
    return after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
