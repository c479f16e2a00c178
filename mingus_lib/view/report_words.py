"""Values of reports as people read them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mingus_lib.domain.report_document import Column, Document, Figure
from mingus_lib.view import human

BLOCKS = "▁▂▃▄▅▆▇█"
UNKNOWN = "–"
RIGHT = frozenset(("count", "share", "seconds", "usd", "score", "id"))


def word(value: Any, unit: str) -> str:
    """A value with its unit; a dash for what is not known. Text that could steer a terminal is made visible."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if unit == "spark":
        return sparkline(value) if isinstance(value, list | tuple) else UNKNOWN
    if isinstance(value, bool) or not isinstance(value, int | float):
        return human.printable(str(value))
    return number(value, unit)


def number(value: float, unit: str) -> str:
    """A number with its unit; beyond all reason, in scientific notation."""
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "seconds":
        return human.age(value) if value >= 60 else f"{value:.3g} s"
    if unit == "usd":
        return f"${value:,.2f}" if abs(value) >= 1 else f"${value:.4f}"
    if unit == "id":
        return str(value)
    if unit == "score" or (isinstance(value, float) and not value.is_integer()):
        return f"{value:,.2f}"
    return f"{value:,.0f}" if isinstance(value, float) else f"{value:,}"


def change(difference: float | None, unit: str) -> str:
    """A difference with its sign, shares in percentage points; empty where there is none to tell."""
    if difference is None:
        return ""
    if not difference:
        return "±0"
    # In points: a change of a share in percent could also be read as one relative to the share.
    size = f"{100 * abs(difference):.1f} pp" if unit == "share" else number(abs(difference), unit)
    # What rounds to nothing is neither up nor down.
    sign = "±" if set(size).isdisjoint("123456789") else "+" if difference > 0 else "−"
    return f"{sign}{size}"


def aim(figure: Figure) -> str:
    """`aim 33 %`, or nothing."""
    return "" if figure.aim is None else f"aim {100 * figure.aim:.0f} %"


def sparkline(values: Sequence[Any]) -> str:
    """A row of blocks, the highest value being the full one; a dot for what is not known."""
    known = numbers(values)
    top = max(known, default=0)
    return "".join(_block(each, top) if numbers([each]) else "·" for each in values)


def numbers(values: Sequence[Any]) -> list[float]:
    """Those of the values that a chart can draw."""
    # NaN and infinity have no place on a scale, and spoil an SVG.
    return [each for each in values if isinstance(each, int | float) and math.isfinite(each)]


def _block(value: float, top: float) -> str:
    return BLOCKS[round((len(BLOCKS) - 1) * (max(0.0, value) / top)) if top > 0 else 0]


def history(figure: Figure) -> str:
    """The trailing periods and the present one as a sparkline; empty where there are none."""
    if figure.trailing is None or isinstance(figure.value, str):
        return ""
    return sparkline((*figure.trailing, figure.value))


def covered(document: Document) -> str:
    """What time the report is about."""
    period = document.period or {}
    zone = f", {period['zone']}" if period.get("zone") else ""
    if period.get("start") and period.get("end"):
        return f"{period['start']} to before {period['end']}{zone}"
    return f"the last {period['days']} days" if period.get("days") else zone.removeprefix(", ")


def left(column: Column) -> bool:
    """Whether the column is text."""
    return column.unit not in RIGHT
