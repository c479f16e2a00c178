"""Facts about one thing, a name and a value a line: words in columns on a terminal, tab-separated elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mingus_lib.view import output
from mingus_lib.view.output import Format

if TYPE_CHECKING:
    from rich.table import Table

Facts = Iterable[tuple[str, str]]
STATES = frozenset({"state", "status", "verdict"})


def show(facts: Facts, form: Format) -> None:
    """Print facts whose values are safe to print."""
    if form is Format.TABLE:
        output.console().print(grid(facts))
    else:
        output.lines(f"{name}\t{value}" for name, value in facts)


def grid(facts: Facts) -> Table:
    """The facts as rich draws them; a state has its sign and colour."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in facts:
        drawn.add_row(name.replace("_", " "), output.state(value) if name in STATES else Text(value))
    return drawn
