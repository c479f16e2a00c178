"""Readers and their assessments."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mingus_lib.domain import gate
from mingus_lib.domain.gate import Assessment, GatePolicy, Levels
from mingus_lib.domain.readers import Reader
from mingus_lib.errors import NotFound
from mingus_lib.store.database import Row, Store
from mingus_lib.store.values import as_optional_time, as_text, as_time, clean

_COLUMNS = "number, id, name, income_range, career_stage, goals, created_at"
# A profile given again fills in what it says and keeps the rest.
_PUT = """
INSERT INTO readers (id, name, income_range, career_stage, goals, created_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name),
  income_range = coalesce(excluded.income_range, income_range),
  career_stage = coalesce(excluded.career_stage, career_stage),
  goals = CASE excluded.goals WHEN '[]' THEN goals ELSE excluded.goals END, revision = revision + 1
RETURNING number
"""
_ASSESS = """
INSERT INTO assessments (reader, taken_at, be_score, do_score, have_score, is_valid) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (reader, taken_at) DO UPDATE SET be_score = excluded.be_score, do_score = excluded.do_score,
  have_score = excluded.have_score, is_valid = excluded.is_valid
"""
# By those that are there: forgotten readers leave gaps in the numbers.
_CHUNK = """
SELECT min(number), max(number) FROM (SELECT number FROM readers WHERE number > ? ORDER BY number LIMIT ?)
"""
_TOUCH = "UPDATE readers SET revision = revision + 1 WHERE number = ?"


class Readers:
    """The readers of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, readers: Iterable[Reader], now: datetime) -> dict[str, int]:
        """Add readers, or fill in what is known of them; their numbers by id."""
        with self.store.transaction() as connection:
            return {each.id: put_reader(connection, each, now) for each in readers}

    def assess(self, number: int, assessments: Iterable[Assessment]) -> None:
        """Add assessments; one of the same time is replaced."""
        with self.store.transaction() as connection:
            for each in assessments:
                put_assessment(connection, number, each)

    def invalidate(self, number: int) -> int:
        """Say that the reader's assessments count no more; how many did."""
        with self.store.transaction() as connection:
            connection.execute(_TOUCH, (number,))
            sql = "UPDATE assessments SET is_valid = 0 WHERE reader = ? AND is_valid = 1"
            return connection.execute(sql, (number,)).rowcount

    def find(self, reader_id: str) -> Reader:
        """The reader of that id. Raises NotFound."""
        row = self.store.row(f"SELECT {_COLUMNS} FROM readers WHERE id = ?", (clean(reader_id),))  # noqa: S608
        if row is None:
            raise NotFound(
                f"no reader {reader_id[:200]!r}: see `mingus readers list`; `mingus readers import` brings new ones",
                code="no-such-reader",
            )
        return _reader(row)

    def list(self, limit: int = 50, after: int = 0) -> list[Reader]:
        """Readers in the order they came; `after` is the number of the last one already seen."""
        sql = f"SELECT {_COLUMNS} FROM readers WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
        return [_reader(row) for row in self.store.rows(sql, (after, limit))]

    def between(self, first: int, last: int) -> Sequence[Reader]:
        """The readers of these numbers."""
        sql = f"SELECT {_COLUMNS} FROM readers WHERE number BETWEEN ? AND ? ORDER BY number"  # noqa: S608
        return [_reader(row) for row in self.store.rows(sql, (first, last))]

    def count(self) -> int:
        """How many there are."""
        return int(self.store.value("SELECT count(*) FROM readers"))

    def numbers(self) -> dict[str, int]:
        """All numbers by id."""
        with self.store.reading() as connection:
            return {row[0]: row[1] for row in connection.execute("SELECT id, number FROM readers")}

    def chunks(self, size: int) -> Iterator[tuple[int, int]]:
        """The first and last number of runs of `size` readers."""
        first = 0
        while True:
            low, high = self.store.rows(_CHUNK, (first, size))[0]
            if low is None:
                return
            yield low, high
            first = high

    def revisions(self, first: int, last: int) -> dict[int, int]:
        """What grows with every change of these readers."""
        rows = self.store.rows(
            "SELECT number, revision FROM readers WHERE number BETWEEN ? AND ?", (first, last)
        )
        return {row[0]: row[1] for row in rows}

    def assessments(self, first: int, last: int | None = None) -> Mapping[int, Sequence[Assessment]]:
        """The assessments of the readers of these numbers, by number."""
        rows = self.store.rows(
            "SELECT reader, be_score, do_score, have_score, taken_at, is_valid FROM assessments "
            "WHERE reader BETWEEN ? AND ? ORDER BY reader, taken_at",
            (first, first if last is None else last),
        )
        found: dict[int, Any] = {}
        for row in rows:
            be, do, have, taken_at, valid = tuple(row)[1:]
            found.setdefault(row["reader"], []).append(
                Assessment(be, do, have, as_time(taken_at), bool(valid))
            )
        return found

    def levels(self, number: int, policy: GatePolicy, now: datetime) -> Levels:
        """What the gate opens to a reader now."""
        latest = gate.current(self.assessments(number).get(number, ()), policy, now)
        return gate.levels(latest, policy)


def put_reader(connection: sqlite3.Connection, reader: Reader, now: datetime) -> int:
    """Inside the caller's transaction: add or fill in a reader; the number."""
    goals = json.dumps([clean(goal) for goal in reader.goals])
    name = None if reader.name is None else clean(reader.name)
    created = as_text(reader.created_at or now)
    values = (clean(reader.id), name, reader.income_range, reader.career_stage, goals, created)
    return int(connection.execute(_PUT, values).fetchone()[0])


def put_assessment(connection: sqlite3.Connection, number: int, assessment: Assessment) -> None:
    """Inside the caller's transaction: add an assessment."""
    values = (number, as_text(assessment.taken_at), *assessment.scores, assessment.is_valid)
    connection.execute(_ASSESS, values)
    connection.execute(_TOUCH, (number,))


def _reader(row: Row) -> Reader:
    return Reader(
        row["id"],
        row["name"],
        row["income_range"],
        row["career_stage"],
        tuple(json.loads(row["goals"])),
        as_optional_time(row["created_at"]),
        row["number"],
    )
