"""Lines of an import: a record by its fields' names in, a reader, assessment or event out. Pure.

Raises ValueError with the reason, for the list of bad lines. Longer than 300 lines on purpose: the short way and
the careful one have to agree, and are read beside each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import eq
from typing import Any

from mingus_lib.domain.gate import Assessment
from mingus_lib.domain.labels import CAREER_STAGES, INCOME_RANGES
from mingus_lib.domain.readers import DEVICES, KINDS, Event, Reader
from mingus_lib.domain.words import is_printable, must_be_utf8

# Other names that exports of such data use.
ALIASES = {
    "user": "reader", "user_id": "reader", "reader_id": "reader", "article_id": "article", "item": "article",
    "event_type": "event", "type": "event", "timestamp": "at", "display_name": "name", "rating": "overall",
    "event_id": "id", "overall_rating": "overall", "review_text": "review",
}  # fmt: skip
RECORDS = ("reader", "assessment", "event")
RATINGS = ("helpfulness", "clarity", "actionability", "cultural_relevance")
TEXTS = {"review": 10_000, "folder": 200, "notes": 10_000}
LONGEST_ID = 200
MAX_SECONDS = 86_400 * 7
EARLIEST_UNIX = 1e8


Record = Mapping[str, Any]


def named(names: list[str]) -> list[str]:
    """The fields' own names for those found in a file."""
    plain = (name.strip().lower().replace(" ", "_") for name in names)
    return [ALIASES.get(name, name) for name in plain]


def kind_of(record: Record) -> str:
    """reader, assessment or event: as it says, or as its fields show."""
    kind = _word(record.get("kind"))
    if kind in RECORDS:
        return str(kind)
    if kind in KINDS:
        return "event"
    if kind:
        raise ValueError(f"kind {_shown(kind)} is none of {', '.join(RECORDS)}")
    if record.get("event"):
        return "event"
    return "assessment" if _given(record, "be_score") else "reader"


def identity(record: Record, field: str = "reader") -> str:
    """A reader's or an event's id."""
    value = record.get(field)
    if type(value) is not str:
        # JSON exports have ids as numbers; true is no id.
        value = str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
    text: str = value.strip()
    # A soft hyphen would make two ids that look alike.
    if not text or len(text) > LONGEST_ID or not is_printable(text) or "\u00ad" in text:
        must_be_utf8(field, text)
        raise ValueError(f"{field}: an id of 1 to {LONGEST_ID} printable characters is needed")
    return text


def reader(record: Record) -> Reader:
    """A reader's profile; its id may stand in `id` or `reader`."""
    return Reader(
        identity(record, "reader" if _given(record, "reader") else "id"),
        _text(record, "name", 200),
        _one_of(record, "income_range", INCOME_RANGES),
        _one_of(record, "career_stage", CAREER_STAGES),
        topics(record, "goals"),
        moment(record, "created_at") if _given(record, "created_at") else None,
    )


def assessment(record: Record) -> Assessment:
    """The scores of an assessment."""
    be, do, have = (_number(record, name, 0, 100) for name in ("be_score", "do_score", "have_score"))
    valid = _flag(record, "is_valid")
    return Assessment(be, do, have, moment(record, "taken_at"), True if valid is None else valid)


def event(record: Record, article_id: int, reader_id: str) -> Event:
    """An event; one without an id gets one made of its reader, article, kind and time."""
    # The other fields are looked at only where there is something: ten million lines come this way.
    kind: Any = record.get("event") or record.get("kind")
    if kind not in KINDS and (kind := _word(kind)) not in KINDS:
        raise ValueError(f"event: {_shown(kind)} is none of {', '.join(KINDS)}")
    at = moment(record, "at")
    given = identity(record, "id") if _given(record, "id") else _made_id(reader_id, article_id, kind, at)
    if _OPTIONAL.isdisjoint(record):
        if kind == "rated":
            raise ValueError("overall: a rating needs 1 to 5")
        return Event(given, article_id, kind, at)
    return Event(
        given, article_id, kind, at,
        _whole(record, "time_spent_seconds", 0, MAX_SECONDS),
        _whole(record, "scroll_depth", 0, 100),
        _flag(record, "found_helpful"),
        _one_of(record, "device", DEVICES),
        _text(record, "source", 200),
        _rating(record, kind),
        _details(record, kind),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlainEvents:
    """Columns of events that say no more: ids, readers and articles as written, kinds, and times as they are kept."""

    ids: Sequence[str]
    readers: Sequence[str]
    articles: Sequence[str | int]
    kinds: Sequence[str]
    times: Sequence[str]


def plain_events(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> PlainEvents | None:
    """Lines of the same fields, if all are events that say no more and are written as most are; None: ask `event`.

    Ten million come this way: a look at a column takes a third of the time that one at each line takes.
    """
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    if not columns.keys() >= _NEEDED or not _OPTIONAL.isdisjoint(columns):
        return None
    ids, readers, articles, kinds, times = (columns[name] for name in _PLAIN_ORDER)
    texts = all(set(map(type, column)) == {str} for column in (ids, readers, kinds, times))
    if not texts or not set(map(type, articles)) <= {str, int} or not _unsaid(columns.get("kind", ())):
        return None
    if _PLAIN.keys() >= set(kinds) and _plain_ids(ids) and _plain_times(times):
        # Times as isoformat() writes UTC, for the careful way keeps them so.
        return PlainEvents(
            ids, readers, articles, [_PLAIN[kind] for kind in kinds], [f"{at[:19]}+00:00" for at in times]
        )
    return None


def _unsaid(kinds: Sequence[Any]) -> bool:
    return all(kind in _UNSAID for kind in kinds)


def _plain_ids(ids: Sequence[str]) -> bool:
    lengths = set(map(len, ids))
    sized = min(lengths) > 0 and max(lengths) <= LONGEST_ID
    return sized and "".join(ids).isprintable() and all(map(eq, ids, map(str.strip, ids)))


def _plain_times(times: Sequence[str]) -> bool:
    """Whether all are written as 2026-03-01T12:00:00Z."""
    if set(map(len, times)) != {20}:
        return False
    together = "".join(times)
    if any(set(together[place::20]) != {mark} for place, mark in _MARKS):
        return False
    try:
        # Only the calendar knows that there is no 31 February.
        return all(map(datetime.fromisoformat, times))
    except ValueError:
        return False


_PLAIN_ORDER = ("id", "reader", "article", "event", "at")
_NEEDED = frozenset(_PLAIN_ORDER)
_MARKS = ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "Z"))
_UNSAID = (None, "", "event")
# One text for all events of a kind; a rating has more to say.
_PLAIN = {kind: kind for kind in KINDS if kind != "rated"}
_OPTIONAL = frozenset(
    ("time_spent_seconds", "scroll_depth", "found_helpful", "device", "source", "overall", "tags", "priority")
).union(RATINGS, TEXTS)


_READ = _OPTIONAL.union(
    ("kind", "id", "reader", "article", "event", "at"),
    ("name", "income_range", "career_stage", "goals", "created_at"),
    ("be_score", "do_score", "have_score", "taken_at", "is_valid"),
)


def unread(names: Sequence[str]) -> list[str]:
    """The columns of a file that no record has a use for."""
    return [name for name in names if name and name not in _READ]


def moment(record: Record, field: str) -> datetime:
    """An ISO 8601 time (UTC unless it says otherwise), or Unix seconds from 1973 on."""
    value = record.get(field)
    try:
        # Digits alone are Unix seconds, though Python would read some as a date, such as 20260301.
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            found = datetime.fromisoformat(value)
        else:
            found = datetime.fromtimestamp(_unix(value), UTC)
        # Most are: astimezone would cost each of ten million lines.
        if found.tzinfo is UTC:
            return found
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise ValueError(f"{field}: {_shown(value)} is no time; write it as 2026-03-01T12:00:00Z") from None


def _unix(value: Any) -> float:
    # True would be the first second of 1970.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    seconds = float(value)
    # A spreadsheet's count of days (46082), or a date without hyphens, would be a day of 1970.
    if seconds < EARLIEST_UNIX:
        raise ValueError
    return seconds


def topics(record: Record, field: str) -> tuple[str, ...]:
    """A list of short texts: a JSON list, or words separated by semicolons or commas."""
    value = record.get(field)
    if value in (None, ""):
        return ()
    if isinstance(value, str):
        must_be_utf8(field, value)
        value = value.split(";" if ";" in value else ",")
    if not isinstance(value, list) or len(value) > 50 or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{field}: at most 50 texts, separated by semicolons")
    return tuple(dict.fromkeys(each.strip()[:100] for each in value if each.strip()))


def _made_id(*parts: Any) -> str:
    return (
        # As JSON, so that no two lists of parts make the same text.
        "~" + hashlib.blake2b(json.dumps([str(part) for part in parts]).encode(), digest_size=9).hexdigest()
    )


def _rating(record: Record, kind: str) -> int | None:
    if kind != "rated":
        return None
    overall = _whole(record, "overall", 1, 5)
    if overall is None:
        raise ValueError("overall: a rating needs 1 to 5")
    return overall


def _details(record: Record, kind: str) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    if kind == "rated":
        found = {name: _whole(record, name, 1, 5) for name in RATINGS} | {
            "review": _text(record, "review", TEXTS["review"])
        }
    elif kind == "bookmarked":
        found = {name: _text(record, name, TEXTS[name]) for name in ("folder", "notes")}
        found |= {"priority": _whole(record, "priority", 1, 5), "tags": list(topics(record, "tags"))}
    return {name: value for name, value in found.items() if value not in (None, [])} or None


def _word(value: Any) -> Any:
    # As with the names of columns, capitals do not count.
    return value.strip().lower() if isinstance(value, str) else value


def _given(record: Record, field: str) -> bool:
    return record.get(field) not in (None, "")


def _text(record: Record, field: str, longest: int) -> str | None:
    value = record.get(field)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{field}: a text of at most {longest} characters is needed")
    must_be_utf8(field, value)
    return value


def _one_of(record: Record, field: str, options: tuple[str, ...]) -> str | None:
    value = record.get(field)
    if value in (None, ""):
        return None
    if value not in options:
        raise ValueError(f"{field}: {_shown(value)} is none of {', '.join(options)}")
    return str(value)


def _number(record: Record, field: str, low: float, high: float) -> float:
    try:
        value = record[field]
        number = float("nan") if isinstance(value, bool) else float(value)
    except (KeyError, TypeError, ValueError, OverflowError):
        number = float("nan")
    # nan is neither, so that all that is no number ends here.
    if not low <= number <= high:
        raise ValueError(f"{field}: {_shown(record.get(field))} is no number from {low} to {high}")
    return number


def _whole(record: Record, field: str, low: int, high: int) -> int | None:
    if not _given(record, field):
        return None
    number = _number(record, field, low, high)
    if not number.is_integer():
        raise ValueError(f"{field}: {_shown(record.get(field))} is no whole number")
    return int(number)


def _flag(record: Record, field: str) -> bool | None:
    value = record.get(field)
    if value in (None, ""):
        return None
    word = str(value).lower()
    if word not in ("true", "false", "yes", "no", "1", "0"):
        raise ValueError(f"{field}: {_shown(value)} is neither yes nor no")
    return word in ("true", "yes", "1")


def _shown(value: Any) -> str:
    return repr(value)[:60] if value not in (None, "") else "nothing"
