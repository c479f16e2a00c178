"""How results are printed: rich tables on a terminal, tab-separated lines elsewhere, JSON, or ids alone.

Standard output is data, standard error is messages. Rich is imported only when a table is drawn.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mingus_lib.view import human

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Row = Mapping[str, Any]


class Format(StrEnum):
    """What a result is printed as."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"
    IDS = "ids"


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
    "dead": ("✗", "red"),
    "failed": ("✗", "red"),
    "unreachable": ("✗", "red"),
}
_RIGHT = (Kind.NUMBER, Kind.BYTES, Kind.AGE)


def choose(*, as_json: bool = False, quiet: bool = False) -> Format:
    """The format that flags and the terminal ask for."""
    if as_json:
        return Format.JSON
    if quiet:
        return Format.IDS
    return Format.TABLE if sys.stdout.isatty() else Format.TSV


def rows(
    found: Sequence[Row], columns: Sequence[Column], form: Format, *, id_key: str = "id", empty: str = ""
) -> None:
    """Print a list. `empty` is what an empty table says instead, on stderr: what to type next."""
    if form is Format.JSON:
        value(found)
    elif form is Format.IDS:
        lines(str(row[id_key]) for row in found)
    elif form is Format.TSV:
        lines("\t".join(_plain(row.get(column.key)) for column in columns) for row in found)
    elif found:
        console().print(table(found, columns))
    if not found and empty and form in (Format.TABLE, Format.TSV):
        message(empty)


def value(result: Any) -> None:
    """Print a result as JSON: one document, keys in the documented order."""
    print(json.dumps(result, indent=2, ensure_ascii=False, default=_json_default))


def json_line(result: Any) -> None:
    """Print a result as one line of JSON."""
    print(json.dumps(result, ensure_ascii=False, default=_json_default), flush=True)


def lines(texts: Iterable[str]) -> None:
    """Print lines of data."""
    for text in texts:
        print(text)


def message(text: str) -> None:
    """Say something to the person, on stderr."""
    print(human.printable(text, keep_lines=True), file=sys.stderr)


def console(*, stderr: bool = False) -> Console:
    """A rich console; colours only where they are wanted (NO_COLOR, TERM=dumb, no terminal)."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)


def table(found: Sequence[Row], columns: Sequence[Column], title: str | None = None) -> Any:
    """A rich table in the one look that all share; long text folds, ids and numbers are never cut."""
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, header_style="bold")
    for column in columns:
        fixed = column.kind is not Kind.TEXT
        drawn.add_column(
            column.header,
            justify="right" if column.kind in _RIGHT else "left",
            no_wrap=fixed,
            overflow="fold",
            min_width=None if fixed else 8,
        )
    for row in found:
        drawn.add_row(*(cell(row.get(column.key), column.kind) for column in columns))
    return drawn


def cell(content: Any, kind: Kind) -> Text:
    """One cell's text, safe to print whatever it holds."""
    from rich.text import Text

    if kind is Kind.STATE:
        symbol, style = STATES.get(str(content), ("·", ""))
        return Text(f"{symbol} {human.printable(str(content))}", style=style)
    return Text(_worded(content, kind))


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


def _plain(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, datetime):
        return content.isoformat()
    return human.printable(",".join(map(str, content)) if isinstance(content, list | tuple) else str(content))


def _json_default(thing: Any) -> Any:
    if isinstance(thing, datetime):
        return thing.isoformat()
    if isinstance(thing, os.PathLike):
        return str(thing)
    raise TypeError(f"{type(thing).__name__} has no JSON form")
