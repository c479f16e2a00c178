"""What readers did: append-only rows, kept by reader."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from mingus_lib.domain.readers import RATED, STRENGTHS, Event
from mingus_lib.store.database import Row, Store
from mingus_lib.store.event_indexes import MANY
from mingus_lib.store.values import clean

_COLUMNS = (
    "id, article, kind, at, time_spent_seconds, scroll_depth, found_helpful, device, source, rating, details"
)
_NAMES = ("reader", *_COLUMNS.split(", "))
# Every event has these; the others may be left out of a row's end.
_NEEDED = 5
# Of a great many, so many rows are one statement.
_AT_ONCE = 100
_TOUCH = "UPDATE readers SET revision = revision + 1 WHERE number IN (SELECT value FROM json_each(?))"
_KINDS = " ".join(f"WHEN '{kind}' THEN {strength}" for kind, strength in STRENGTHS.items())
_STARS = " ".join(f"WHEN {stars} THEN {strength}" for stars, strength in RATED.items())
# Many events at once are not noted one by one: their articles are counted from the first event on.
_DOUBT = "INSERT INTO article_doubts SELECT value FROM json_each(?) WHERE {} ON CONFLICT DO NOTHING"
_UNCOUNTED = """
INSERT INTO events_uncounted SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM article_totals WHERE article = ?1)
ON CONFLICT DO NOTHING
"""
# How much an event tells (domain/readers.py), and its day in Julian days; shown articles tell nothing.
_STRENGTH = f"CASE kind WHEN 'rated' THEN CASE rating {_STARS} ELSE 0.0 END {_KINDS} ELSE 0.0 END"
_READINGS = f"""
SELECT reader, article, {_STRENGTH}, julianday(at), kind IN ('finished', 'rated') FROM events
WHERE reader BETWEEN ? AND ? AND kind NOT IN ('recommended', 'unbookmarked') ORDER BY reader
"""  # noqa: S608
# Julian day of 1970-01-01T00:00Z.
EPOCH_DAY = 2440587.5

# reader's number, article id, strength, Julian day, whether it ends the article for this reader
Reading = tuple[int, int, float, float, int]


class Events:
    """The events of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def append(self, number: int, events: Sequence[Event]) -> int:
        """Add a reader's events; how many were new. All but `recommended` make the reader's list stale."""
        with self.store.transaction() as connection:
            return append(connection, [row(number, event) for event in events])

    def of(self, number: int, limit: int = -1) -> list[Event]:
        """A reader's events, newest first."""
        sql = f"SELECT {_COLUMNS} FROM events WHERE reader = ? ORDER BY at DESC, id LIMIT ?"  # noqa: S608
        return [_event(found) for found in self.store.rows(sql, (number, limit))]

    def count(self) -> int:
        """How many there are; reads the whole table."""
        return int(self.store.value("SELECT count(*) FROM events"))

    def readings(self, first: int, last: int, size: int = 100_000) -> Iterator[list[Reading]]:
        """What the readers of these numbers read, in runs of `size`, by reader."""
        with self.store.reading() as connection:
            cursor = connection.cursor()
            # Plain tuples: a Row for each of millions takes twice the time.
            cursor.row_factory = None
            cursor.execute(_READINGS, (first, last))
            while found := cursor.fetchmany(size):
                yield found


def append(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Inside the caller's transaction: add the rows of `row`, or their first five values; how many were new.

    The same event again, by its reader and id, adds nothing. What article totals are to count is noted beside.
    """
    # By reader, as they lie: pages are written once instead of here and there.
    ordered = sorted(rows, key=itemgetter(0))
    names, values = _used(ordered)
    if len(rows) < MANY:
        sql = _insertion(names, 1)
        new = [
            each
            for each, value in zip(ordered, values, strict=True)
            if connection.execute(sql, value).rowcount
        ]
        added = len(new)
        _note(connection, new)
    else:
        added = _add_many(connection, names, iter(values))
        connection.execute(_DOUBT.format("true"), (_articles(rows),))
    touched = sorted({found[0] for found in rows if found[3] != "recommended"})
    if added and touched:
        connection.execute(_TOUCH, (json.dumps(touched),))
    return added


def _add_many(
    connection: sqlite3.Connection, names: tuple[str, ...], values: Iterator[tuple[Any, ...]]
) -> int:
    """Add rows, many with each statement: for each one SQLite opens the table and finds its place anew."""
    added = 0
    while some := list(islice(values, _AT_ONCE)):
        sql = _insertion(names, len(some))
        added += connection.execute(sql, list(chain.from_iterable(some))).rowcount
    return added


@lru_cache(maxsize=8)
def _insertion(names: tuple[str, ...], rows: int) -> str:
    places = ", ".join([f"({', '.join('?' * len(names))})"] * rows)
    return f"INSERT INTO events ({', '.join(names)}) VALUES {places} ON CONFLICT (reader, id) DO NOTHING"  # noqa: S608


def _note(connection: sqlite3.Connection, new: Sequence[tuple[Any, ...]]) -> None:
    """What article totals are to count: the event, or its article from the first event on, if it has no totals."""
    connection.execute(_DOUBT.format("value NOT IN (SELECT article FROM article_totals)"), (_articles(new),))
    connection.executemany(_UNCOUNTED, ((each[2], each[0], each[1]) for each in new))


def _articles(rows: Sequence[tuple[Any, ...]]) -> str:
    return json.dumps(sorted({each[2] for each in rows}))


def _used(rows: Sequence[tuple[Any, ...]]) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
    """The columns that some row fills, and the rows cut to them: binding all twelve takes twice the time."""
    if set(map(len, rows)) == {_NEEDED}:
        return _NAMES[:_NEEDED], rows
    empty = (None,) * (len(_NAMES) - _NEEDED)
    columns = list(zip(*(each if len(each) > _NEEDED else each + empty for each in rows), strict=True))
    used = [n for n, column in enumerate(columns) if n < _NEEDED or column.count(None) < len(column)]
    return tuple(_NAMES[n] for n in used), zip(*(columns[n] for n in used), strict=True)


def row(number: int, event: Event) -> tuple[Any, ...]:
    """An event as it is stored. Its id is printable, as domain/reader_lines.py makes sure."""
    details = None if event.details is None else json.dumps(event.details, sort_keys=True)
    at = event.at if event.at.tzinfo is UTC else event.at.astimezone(UTC)
    return (
        number, event.id, event.article_id, event.kind, at.isoformat("T", "seconds"),
        event.time_spent_seconds, event.scroll_depth, event.found_helpful, event.device,
        None if event.source is None else clean(event.source), event.rating, details,
    )  # fmt: skip


def _event(found: Row) -> Event:
    values = dict(found)
    values["article_id"] = values.pop("article")
    values["at"] = datetime.fromisoformat(values["at"])
    values["details"] = None if values["details"] is None else json.loads(values["details"])
    values["found_helpful"] = None if values["found_helpful"] is None else bool(values["found_helpful"])
    return Event(**values)
