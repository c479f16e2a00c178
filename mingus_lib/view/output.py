"""How results are printed: rich tables on a terminal, tab-separated lines elsewhere, JSON, or ids alone.

Standard output is data, standard error is messages. Rich is imported only when a table is drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mingus_lib.errors import UsageError
from mingus_lib.view import human, looks
from mingus_lib.view.jsontext import as_json, json_text
from mingus_lib.view.table import Column, Kind, Row, cell, state, table

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "Column", "Format", "Kind", "Row", "cell", "choose", "console", "json_line", "json_text", "lines",
    "message", "rows", "state", "table", "value",
]  # fmt: skip


class Format(StrEnum):
    """What a result is printed as."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"
    IDS = "ids"


def choose(*, as_json: bool = False, quiet: bool = False) -> Format:
    """The format that flags and the terminal ask for. Raises UsageError when flags contradict each other."""
    if looks.wish.tsv and (as_json or quiet):
        raise UsageError("--tsv goes with neither --json nor --quiet: choose one")
    if looks.wish.tsv:
        return Format.TSV
    if as_json:
        return Format.JSON
    if quiet:
        return Format.IDS
    # Standard output alone decides: with messages on a terminal the data may go to a file.
    return Format.TABLE if sys.stdout.isatty() else Format.TSV


def rows(
    found: Sequence[Row],
    columns: Sequence[Column],
    form: Format,
    *,
    id_key: str = "id",
    empty: str = "",
    drop: Sequence[str] = (),
) -> None:
    """Print a list.

    `empty` is what an empty table says instead, on stderr: what to type next. `drop` names the
    columns that a narrow screen goes without; `--columns` chooses among them all.
    """
    if looks.wish.columns is not None:
        # Who names columns wants them all, however narrow the screen.
        columns, drop = looks.chosen(columns, found), ()
    if form is Format.JSON:
        value(found if looks.wish.columns is None else [_narrowed(row, columns) for row in found])
    elif form is Format.IDS:
        lines(str(row[id_key]) for row in found)
    elif form is Format.TSV:
        lines("\t".join(plain(row.get(column.key)) for column in columns) for row in found)
    elif found:
        console().print(table(found, columns, drop=drop))
    if not found and empty and form in (Format.TABLE, Format.TSV):
        message(empty)


def _narrowed(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    return {column.key: row.get(column.key) for column in columns}


def value(result: Any) -> None:
    """Print a result as JSON: one document, keys in the documented order."""
    # Not by rich, which breaks lines at 80 columns off a terminal.
    print(json_text(result, indent=2))


def json_line(result: Any) -> None:
    """Print a result as one line of JSON."""
    # At once, since what follows may take long to come.
    print(json_text(result), flush=True)


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

    # Titles and reasons are strangers' text: brackets and :names: in it stay what they are.
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)


def plain(content: Any) -> str:
    """A value as scripts read it: ISO times, yes or no, JSON for objects, nothing for None."""
    if content is None:
        return ""
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, datetime):
        return content.isoformat()
    if isinstance(content, dict) or (isinstance(content, list) and any(isinstance(x, dict) for x in content)):
        # All ASCII, so that nothing in it steers a terminal.
        return json.dumps(content, ensure_ascii=True, default=as_json)
    return human.printable(",".join(map(str, content)) if isinstance(content, list | tuple) else str(content))
