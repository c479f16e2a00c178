"""What a person asked of the look of this command's output: one wish a process, kept here.

`commands/looks.py` gives every command the options; `output.py` obeys them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mingus_lib.domain.words import nearest
from mingus_lib.errors import UsageError
from mingus_lib.view.table import Column, Row


@dataclass
class Wish:
    """`columns` as typed, None for the usual ones; `every` is seconds between two looks, None for one look."""

    tsv: bool = False
    columns: tuple[str, ...] | None = None
    every: float | None = None


wish = Wish()


def chosen(columns: Sequence[Column], found: Sequence[Row]) -> Sequence[Column]:
    """The columns that were asked for, by key or header; any key of the rows will do. Raises UsageError."""
    if wish.columns is None:
        return columns
    known = {name.lower(): column for column in columns for name in (column.header, column.key)}
    # The rows of one list have the same keys, so that one row names them all.
    more = {key: Column(key, _titled(key)) for row in found[:1] for key in row}
    if not found:
        # Of an empty list nobody can tell whether its rows would have that key.
        more = {name.lower(): Column(name, _titled(name)) for name in wish.columns}
    return [_named(name, {**more, **known}) for name in wish.columns]


def _named(name: str, known: dict[str, Column]) -> Column:
    if name.lower() not in known:
        hint = nearest(name.lower(), known)
        names = ", ".join(dict.fromkeys(column.key for column in known.values()))
        raise UsageError(f"--columns: no column {name[:40]!r}{hint}; there are: {names}")
    return known[name.lower()]


def _titled(key: str) -> str:
    return key.replace("_", " ").capitalize()
