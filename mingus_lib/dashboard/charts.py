"""Charts as inline SVG: plain numbers in, markup out. No script, no style attribute, so the strict policy holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from mingus_lib.domain.runs import Runs

HEIGHT = 120
SMALL = 28


class Bar(NamedTuple):
    """One column of a chart: `good` below, `bad` on top; `label` is read out and shown on hovering."""

    good: float
    bad: float
    label: str


def runs_a_day(days: Sequence[tuple[date, Runs]], title: str, *, height: int = HEIGHT) -> Markup:
    """Runs by day, those that failed on top."""
    columns = [
        Bar(runs.total - runs.failed, runs.failed, f"{day}: {runs.total:,} runs, {runs.failed:,} failed")
        for day, runs in days
    ]
    return bars(columns, title, height=height)


def bars(columns: Sequence[Bar], title: str, *, height: int = HEIGHT) -> Markup:
    """Stacked columns; the picture's text is its title, and every column has its own."""
    # Days without a run have no highest one to divide by.
    top = max((column.good + column.bad for column in columns), default=0) or 1
    width = 100 / max(1, len(columns))
    drawn = Markup("").join(
        _column(column, at * width, width * 0.8, top) for at, column in enumerate(columns)
    )
    # Markup.format escapes what is put in, so that names of tasks cannot become markup.
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 100 100" preserveAspectRatio="none" height="{}" width="100%">'
        '<title>{}</title><line class="axis" x1="0" y1="100" x2="100" y2="100"/>{}</svg>'
    ).format(height, title, drawn)


def _column(column: Bar, x: float, width: float, top: float) -> Markup:
    # The highest column ends just below the edge, where its end can be seen.
    good, bad = (96 * value / top for value in (column.good, column.bad))
    # The whole height answers to the pointer, also over an empty day.
    return Markup(
        '<g><title>{}</title><rect class="hover" x="{:.3f}" y="0" width="{:.3f}" height="100"/>{}{}</g>'
    ).format(
        column.label,
        x,
        width / 0.8,
        _rect("good", x, 100 - good, width, good),
        _rect("bad", x, 100 - good - bad, width, bad),
    )


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    if not height:
        return Markup("")
    return Markup('<rect class="{}" x="{:.3f}" y="{:.3f}" width="{:.3f}" height="{:.3f}"/>').format(
        kind, x, y, width, height
    )


def share(part: float, title: str) -> Markup:
    """A share from 0 to 1 as a small bar; the number stands beside it."""
    return Markup(
        '<svg class="share" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none" width="48" height="6">'
        '<title>{}</title><rect class="rest" width="100" height="10"/>{}</svg>'
    ).format(title, _rect("bad", 0, 0, round(100 * min(1.0, part), 2), 10))
