"""The one look of all tables: columns by kind, states with a symbol, a word and a colour.

Rich is imported only when something is drawn.
"""

from __future__ import annotations

import json
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
    "progress": ("▶", "blue"),
    "busy": ("▶", "blue"),
    "finished": ("✓", "green"),
    "published": ("✓", "green"),
    "added": ("✓", "green"),
    "labelled": ("✓", "green"),
    "current": ("=", "dim"),
    "override": ("=", "dim"),
    "batched": ("◷", "cyan"),
    "accepted": ("✓", "green"),
    "up": ("✓", "green"),
    "ok": ("✓", "green"),
    "leading": ("✓", "green"),
    "warn": ("!", "yellow"),
    "idle": ("·", "green"),
    "open": ("·", "green"),
    "on": ("·", "green"),
    "off": ("–", "dim"),
    "on (switched)": ("·", "green"),
    "off (switched)": ("–", "yellow"),
    "enqueued": ("·", "cyan"),
    "skipped": ("–", "yellow"),
    "done": ("✓", "green"),
    "stored": ("·", "cyan"),
    "decided": ("◷", "cyan"),
    "waiting": ("◷", "cyan"),
    "known": ("=", "dim"),
    "unchanged": ("=", "dim"),
    "duplicate": ("=", "dim"),
    "archived": ("–", "dim"),
    "cancelled": ("–", "dim"),
    "stopped": ("–", "dim"),
    "dropped": ("–", "dim"),
    "gone": ("–", "dim"),
    "already ended": ("=", "dim"),
    "requeued": ("·", "cyan"),
    "asked": ("◷", "yellow"),
    "stopping": ("◷", "yellow"),
    "degraded": ("✗", "yellow"),
    "refused": ("✗", "yellow"),
    "unheard": ("✗", "red"),
    "lost": ("✗", "red"),
    "fail": ("✗", "red"),
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
# Columns between two columns; the least width of folded text, and the one that is worth a dropped column.
GAP, FOLDED, READABLE = 3, 12, 30
_RIGHT = (Kind.NUMBER, Kind.BYTES, Kind.AGE)


def table(
    found: Sequence[Row], columns: Sequence[Column], title: str | None = None, *, drop: Sequence[str] = ()
) -> RenderableType:
    """A table in the one look that all share. Long text folds; nothing is ever cut.

    Where the screen is too narrow, the columns of the keys in `drop` go, one after another; where it
    still is, every row becomes a record with all its values.
    """
    return _Drawing(found, columns, title, drop)


class _Drawing:
    """Decides on its form when the width is known."""

    def __init__(
        self, found: Sequence[Row], columns: Sequence[Column], title: str | None, drop: Sequence[str]
    ) -> None:
        self._columns = columns
        self._cells = [[cell(row.get(column.key), column.kind) for column in columns] for row in found]
        self._title = title
        self._drop = drop

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        if self._title:
            yield Text(f"\n{self._title}", style="bold")
        shown = self._fitting(options.max_width)
        yield self._table(shown) if shown else self._records()

    def _fitting(self, width: int) -> list[int]:
        """The columns that fit beside each other; none when too few are left to make a table."""
        shown = list(range(len(self._columns)))
        # Texts are given a readable width first: a column less is better than a word a line.
        for key in self._drop:
            if self._width(shown, READABLE) <= width:
                break
            shown = [index for index in shown if self._columns[index].key != key]
        return shown if self._width(shown, FOLDED) <= width else []

    def _width(self, shown: Sequence[int], folded: int) -> int:
        return sum(self._least_column(index, folded) for index in shown) + GAP * (len(shown) - 1)

    def _least_column(self, index: int, folded: int = FOLDED) -> int:
        """What a column needs at least: its longest cell, or little when it may fold."""
        column = self._columns[index]
        # Cells of the screen, not characters: an ideograph takes two.
        longest = max((row[index].cell_len for row in self._cells), default=0)
        return max(len(column.header), longest if column.kind is not Kind.TEXT else min(longest, folded))

    def _table(self, shown: Sequence[int]) -> Table:
        from rich import box
        from rich.table import Table

        drawn = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
        for index in shown:
            column = self._columns[index]
            drawn.add_column(
                column.header,
                justify="right" if column.kind in _RIGHT else "left",
                no_wrap=column.kind is not Kind.TEXT,
                overflow="fold",
                # Where folding is not enough rich narrows every column, and a cut id cannot be copied.
                min_width=self._least_column(index),
            )
        for row in self._cells:
            drawn.add_row(*(row[index] for index in shown))
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
    # Before numbers: to Python True is one.
    if isinstance(content, bool):
        return "yes" if content else "no"
    if kind is Kind.AGE:
        return human.age(content)
    if kind is Kind.BYTES:
        return human.size(content)
    if kind is Kind.NUMBER:
        return human.number(content)
    if kind is Kind.TIME:
        return human.moment(content)
    if isinstance(content, dict):
        # In ASCII, so that nothing in it steers a terminal.
        return json.dumps(content)
    return human.printable(
        ", ".join(map(str, content)) if isinstance(content, list | tuple) else str(content)
    )
