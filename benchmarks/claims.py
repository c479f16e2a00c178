"""What a benchmark says in the end: claims with their figures, as a table or as JSON."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from machine import machine

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
}
HEADINGS = ("claim", "figure", "limit", "holds")


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure and the limit it is held to."""

    claim: str
    figure: float
    comparison: str
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure keeps the limit."""
        return COMPARISONS[self.comparison](self.figure, self.limit)

    def row(self) -> tuple[str, str, str, str]:
        """The claim as the cells of a table."""
        return (
            self.claim,
            f"{self.figure:.3g}{self.unit}" if self.figure < 100 else f"{self.figure:.0f}{self.unit}",
            f"{self.comparison} {self.limit:g}{self.unit}",
            "yes" if self.holds else "NO",
        )


def publish(claims: Sequence[Claim], figures: dict[str, Any], *, as_json: bool) -> None:
    """Print everything measured: `figures` are titled tables of plain values."""
    if as_json:
        held = [{**asdict(each), "holds": each.holds} for each in claims]
        print(json.dumps({"machine": machine(), "claims": held, "figures": figures}, indent=2))
        return
    print(machine())
    for title, facts in figures.items():
        print(f"\n{title}")
        _print_columns([(name, _shown(value)) for name, value in facts.items()], indent="  ")
    print()
    _print_columns([HEADINGS, *(each.row() for each in claims)])


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _print_columns(rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print((indent + "  ".join(cells)).rstrip())
