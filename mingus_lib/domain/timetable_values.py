"""What the keys of an entry of the timetable take. Each reader raises ValueError saying what it wants. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from mingus_lib.domain import crontimes
from mingus_lib.domain.timetable import CatchUp, Overlap
from mingus_lib.domain.words import is_printable, nearest

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SHORTEST_EVERY, LONGEST_EVERY = timedelta(minutes=1), timedelta(days=366)
LONGEST_TIMEOUT = timedelta(days=1)
DEEPEST = 20
# They follow the machine, count leap seconds, or are there on some machines only.
NO_ZONES = re.compile(r"localtime|posixrules|(?:right|posix)/.*")

Choice = TypeVar("Choice", bound=StrEnum)


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not is_printable(raw) or not raw.strip():
        raise ValueError("must be a line of text in quotes")
    return raw.strip()


def _flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError("must be true or false, without quotes")
    return raw


def _arguments(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError("must be a table, such as { limit = 20 }")
    if not _is_json(raw, DEEPEST):
        raise ValueError(f"only what JSON has, at most {DEEPEST} deep; write dates and times in quotes")
    return raw


def _is_json(value: object, deepest: int) -> bool:
    """Whether JSON has the value too, which it has not for TOML's dates, times, nan and inf."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return deepest > 0 and all(_is_json(each, deepest - 1) for each in inner)
    if isinstance(value, int):
        # What SQLite keeps as a whole number; TOML and Python have longer ones.
        return abs(value) < 2**63
    return isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))


def _cron(raw: object) -> str:
    text = " ".join(_text(raw).split())
    if fault := crontimes.fault(text):
        raise ValueError(fault)
    return text


def _zone(raw: object) -> str:
    text = _text(raw)
    try:
        known = not NO_ZONES.fullmatch(text) and bool(ZoneInfo(text))
    # A folder of zones, such as America, is an error of the file system.
    except (KeyError, ValueError, OSError):
        known = False
    if not known:
        # Reads the whole zone directory, so only for the error.
        names = (name for name in available_timezones() if not NO_ZONES.fullmatch(name))
        raise ValueError(f"no time zone of that name{nearest(text, sorted(names))}; as in Europe/Paris")
    return text


def _duration(low: timedelta, high: timedelta) -> Callable[[object], timedelta]:
    def read(raw: object) -> timedelta:
        # type(), for true is an int as well.
        text = f"{raw}s" if type(raw) is int else raw
        # Nine digits at most, as timedelta overflows beyond.
        if not isinstance(text, str) or not re.fullmatch(r"(?:[0-9]{1,9} ?[smhd] ?)+", text):
            raise ValueError("must be a time such as 90s, 30m, 6h, 1d or 1h30m")
        parts = re.findall(r"([0-9]{1,9}) ?([smhd])", text)
        seconds = sum(int(number) * UNITS[unit] for number, unit in parts)
        if not low.total_seconds() <= seconds <= high.total_seconds():
            raise ValueError(f"must be {spoken(low)} to {spoken(high)}")
        return timedelta(seconds=seconds)

    return read


def spoken(span: timedelta) -> str:
    """Whole seconds as an entry would have them, in the largest unit: 6h."""
    seconds = int(span.total_seconds())
    unit = max((unit for unit in UNITS if seconds % UNITS[unit] == 0), key=UNITS.__getitem__)
    return f"{seconds // UNITS[unit]}{unit}"


def _timeout(raw: object) -> int:
    return int(_duration(timedelta(seconds=1), LONGEST_TIMEOUT)(raw).total_seconds())


def _choice(kind: type[Choice]) -> Callable[[object], Choice]:
    def read(raw: object) -> Choice:
        words = [str(word) for word in kind]
        if raw not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}{nearest(str(raw), words)}")
        return kind(raw)

    return read


READERS: Mapping[str, Callable[[object], Any]] = {
    "task": _text,
    "args": _arguments,
    "cron": _cron,
    "every": _duration(SHORTEST_EVERY, LONGEST_EVERY),
    "timezone": _zone,
    "queue": _text,
    "enabled": _flag,
    "catch_up": _choice(CatchUp),
    "overlap": _choice(Overlap),
    "jitter": _duration(timedelta(0), LONGEST_EVERY),
    "timeout": _timeout,
    "description": _text,
}
