"""Spans of time and moments, as a person types them. Pure."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta

from mingus_lib.errors import UsageError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# A hundred years before now are on the calendar; ten thousand would overflow where they are taken off.
LONGEST = timedelta(days=36_500)
SPAN_FORM = "a number and s, m, h or d, such as 90m or 2d"
SINCE_FORM = "an age such as 90m or 2d, or an ISO date or time, such as 2026-11-25 or 2026-11-25T08:30"
MOMENT_FORM = "an ISO date or time, such as 2026-11-25 or 2026-11-25T08:30"


def parse_span(text: str, option: str) -> timedelta:
    """`2d`, `90m`; UsageError naming the option for anything else."""
    # Nine digits at most: timedelta overflows beyond, with an error that names no option.
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip().lower())
    span = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else None
    if span is None or span > LONGEST:
        raise UsageError(f"{option} {text[:40]!r} will not do; use {SPAN_FORM}")
    return span


def age_words(seconds: float) -> str:
    """`3m 12s`: the two largest units."""
    whole = max(0, round(seconds))
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2])


def parse_moment(text: str, option: str) -> datetime:
    """An ISO 8601 date or time, in UTC where it names no zone; UsageError naming the option for anything else."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option} {text[:40]!r} will not do; use {MOMENT_FORM}") from error


def parse_since(text: str, option: str, now: datetime) -> datetime:
    """`30d` before `now`, or an ISO 8601 date or time; UsageError naming the option for anything else."""
    with contextlib.suppress(UsageError):
        return now - parse_span(text, option)
    with contextlib.suppress(UsageError):
        return parse_moment(text, option)
    raise UsageError(f"{option} {text[:40]!r} will not do; use {SINCE_FORM}")
