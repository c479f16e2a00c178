"""A report as plain data: sections with figures, tables and series. Whoever prints it knows no report in particular.

Pure. Stored as JSON with the version of this shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

# A kept report of another number is made anew when it is asked for.
SCHEMA = 1

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `unit`: count, share (0-1), seconds, usd, score or text. `trailing`: the four before, oldest first.

    None stands for what cannot be known: no such period yet, or nothing to divide by. `of`: what a share is a share
    of. `aim`: what it should be, `state` (ok, fail, missing) whether it is.
    """

    key: str
    label: str
    unit: str
    value: Value
    trailing: tuple[float | None, ...] | None = None
    of: int | None = None
    aim: float | None = None
    state: str | None = None

    @property
    def previous(self) -> float | None:
        """The period before."""
        return self.trailing[-1] if self.trailing else None

    @property
    def change(self) -> float | None:
        """Against the period before."""
        return _less(self.value, self.previous)

    @property
    def mean(self) -> float | None:
        """Of the trailing periods that are known."""
        known = [each for each in self.trailing or () if each is not None]
        return rounded(sum(known) / len(known)) if known else None

    @property
    def change_from_mean(self) -> float | None:
        """Against that mean."""
        return _less(self.value, self.mean)

    def as_json(self) -> dict[str, Any]:
        """With what follows from it."""
        return {
            **asdict(self),
            "trailing": None if self.trailing is None else list(self.trailing),
            "previous": self.previous,
            "change": self.change,
            "trailing_mean": self.mean,
            "change_from_mean": self.change_from_mean,
        }


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the key of its cells, what stands above, and their unit."""

    key: str
    label: str
    unit: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells by column; the first column names the row."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Rows with the columns' keys alone, in their order."""
        keys = [column.key for column in self.columns]
        return {
            "key": self.key,
            "title": self.title,
            "columns": [asdict(column) for column in self.columns],
            "rows": [{key: row.get(key) for key in keys} for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time, for a chart: labels and values, oldest first."""

    key: str
    title: str
    unit: str
    points: tuple[tuple[str, float | None], ...]

    def as_json(self) -> dict[str, Any]:
        """With the points as objects."""
        points = [{"at": at, "value": value} for at, value in self.points]
        return {"key": self.key, "title": self.title, "unit": self.unit, "points": points}


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together."""

    key: str
    title: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    series: tuple[Series, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return {
            "key": self.key,
            "title": self.title,
            "figures": [each.as_json() for each in self.figures],
            "tables": [each.as_json() for each in self.tables],
            "series": [each.as_json() for each in self.series],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. `period`: what it covers, in words a script can read; `made_at`: ISO 8601 in UTC."""

    report: str
    title: str
    made_at: str
    sections: tuple[Section, ...]
    period: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `report ... --format json`."""
        return {
            "schema": SCHEMA,
            "report": self.report,
            "title": self.title,
            "period": None if self.period is None else dict(self.period),
            "made_at": self.made_at,
            "notes": list(self.notes),
            "sections": [each.as_json() for each in self.sections],
        }


def from_json(found: Mapping[str, Any]) -> Document:
    """The reverse of as_json. Raises KeyError or TypeError for another shape."""
    return Document(
        found["report"],
        found["title"],
        found["made_at"],
        tuple(_section(each) for each in found["sections"]),
        found["period"],
        tuple(found["notes"]),
    )


def _section(found: Mapping[str, Any]) -> Section:
    return Section(
        found["key"],
        found["title"],
        tuple(_figure(each) for each in found["figures"]),
        tuple(
            Table(
                each["key"],
                each["title"],
                tuple(Column(**column) for column in each["columns"]),
                tuple(each["rows"]),
            )
            for each in found["tables"]
        ),
        tuple(
            Series(
                each["key"], each["title"], each["unit"], tuple((p["at"], p["value"]) for p in each["points"])
            )
            for each in found["series"]
        ),
        tuple(found["notes"]),
    )


def _figure(found: Mapping[str, Any]) -> Figure:
    own = ("key", "label", "unit", "value", "of", "aim", "state")
    trailing = found["trailing"]
    return Figure(
        **{name: found[name] for name in own}, trailing=None if trailing is None else tuple(trailing)
    )


def over_time(
    key: str,
    label: str,
    unit: str,
    values: Sequence[float | None],
    *,
    known: Sequence[bool],
    of: int | None = None,
) -> Figure:
    """A figure from the values of the trailing periods and the present one; None before the library began."""
    *before, now = (rounded(value) if there else None for value, there in zip(values, known, strict=True))
    return Figure(key, label, unit, now, tuple(before), of)


def share(part: float, whole: float) -> float | None:
    """From 0 to 1; None of nothing."""
    return part / whole if whole else None


def rounded(value: float | None) -> float | None:
    """To a millionth, so that a report made again is the same text; None for what is no number."""
    if isinstance(value, float):
        # JSON has no nan and no infinity.
        return round(value, 6) if math.isfinite(value) else None
    return value


def _less(value: Value, other: float | None) -> float | None:
    if value is None or other is None or isinstance(value, str):
        return None
    return rounded(value - other)
