"""The one look of all tables: columns by kind, states with a symbol, a word and a colour.

Rich is imported only when something is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mingus_lib.view import human

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

Row = Mapping[str, Any]


class Kind(StrEnum):
    """What a column holds, hence how it is aligned and written."""

    TEXT = "text"
    ID = "id"
    NUMBER = "number"
    BYTES = "bytes"
    AGE = "age"
    TIME = "time"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the row's key, what stands above it, and its kind."""

    key: str
    header: str
    kind: Kind = Kind.TEXT


# A symbol and a word beside every colour: colour alone says nothing to some.
STATES = {
    "queued": ("·", "cyan"),
    "scheduled": ("◷", "cyan"),
    "started": ("▶", "blue"),
    "busy": ("▶", "blue"),
    "finished": ("✓", "green"),
    "published": ("✓", "green"),
    "added": ("✓", "green"),
    "accepted": ("✓", "green"),
    "up": ("✓", "green"),
    "ok": ("✓", "green"),
    "idle": ("·", "green"),
    "open": ("·", "green"),
    "unchanged": ("=", "dim"),
    "duplicate": ("=", "dim"),
    "archived": ("–", "dim"),
    "cancelled": ("–", "dim"),
    "stopped": ("–", "dim"),
    "held": ("?", "yellow"),
    "review": ("?", "yellow"),
    "pending": ("·", "yellow"),
    "rejected": ("✗", "yellow"),
    "suspended": ("–", "yellow"),
    "paused": ("–", "yellow"),
    "missing": ("–", "yellow"),
    "dead": ("✗", "red"),
    "failed": ("✗", "red"),
    "unreachable": ("✗", "red"),
}
# Between two columns, and the least width of a column whose text may fold.
GAP, FOLDED = 3, 12
_RIGHT = (Kind.NUMBER, Kind.BYTES, Kind.AGE)


def table(found: Sequence[Row], columns: Sequence[Column], title: str | None = None) -> RenderableType:
    """A table in the one look that all share; where it is too wide for the screen, a record per row.

    Long text folds; nothing is ever cut.
    """
    return _Drawing(found, columns, title)


class _Drawing:
    """Decides on its form when the width is known."""

    def __init__(self, found: Sequence[Row], columns: Sequence[Column], title: str | None) -> None:
        self._columns = columns
        self._cells = [[cell(row.get(column.key), column.kind) for column in columns] for row in found]
        self._title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        if self._title:
            yield Text(f"\n{self._title}", style="bold")
        yield self._table() if self._least_width() <= options.max_width else self._records()

    def _least_width(self) -> int:
        return sum(map(self._least_column, range(len(self._columns)))) + GAP * (len(self._columns) - 1)

    def _least_column(self, index: int) -> int:
        """What a column needs at least: its longest cell, or little when it may fold."""
        column = self._columns[index]
        longest = max((row[index].cell_len for row in self._cells), default=0)
        return max(len(column.header), longest if column.kind is not Kind.TEXT else min(longest, FOLDED))

    def _table(self) -> Table:
        from rich import box
        from rich.table import Table

        drawn = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
        for index, column in enumerate(self._columns):
            fixed = column.kind is not Kind.TEXT
            drawn.add_column(
                column.header,
                justify="right" if column.kind in _RIGHT else "left",
                no_wrap=fixed,
                overflow="fold",
                min_width=self._least_column(index),
            )
        for row in self._cells:
            drawn.add_row(*row)
        return drawn

    def _records(self) -> Table:
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold")
        grid.add_column(overflow="fold")
        for row in self._cells:
            for column, content in zip(self._columns, row, strict=True):
                grid.add_row(column.header, content)
            grid.add_row()
        return grid


def cell(content: Any, kind: Kind) -> Text:
    """One cell's text, safe to print whatever it holds."""
    from rich.text import Text

    if kind is Kind.STATE:
        symbol, style = STATES.get(str(content), ("·", ""))
        return Text(f"{symbol} {human.printable(str(content))}", style=style, no_wrap=False, overflow="fold")
    return Text(_worded(content, kind), no_wrap=False, overflow="fold")


def state(word: str) -> Text:
    """A state's symbol and word in its colour."""
    return cell(word, Kind.STATE)


def _worded(content: Any, kind: Kind) -> str:
    if content is None:
        return ""
    if kind is Kind.AGE:
        return human.age(content)
    if kind is Kind.BYTES:
        return human.size(content)
    if kind is Kind.NUMBER:
        return human.number(content)
    if kind is Kind.TIME:
        return human.moment(content)
    return human.printable(
        ", ".join(map(str, content)) if isinstance(content, list | tuple) else str(content)
    )
