"""Charts as inline SVG: numbers in, markup out. No script, no style of their own; each has an alt text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from mingus_lib.domain.report_document import Figure, Series
from mingus_lib.view import human, report_words

WIDTH, HEIGHT, FOOT, HEAD = 360.0, 130.0, 18.0, 14.0
SPARK_WIDTH, SPARK_HEIGHT = 56.0, 18.0


def columns(series: Series) -> Markup:
    """A column for each point, with the highest value, the first and the last label written out."""
    # Values that are all unknown or nothing have no highest one to divide by.
    top = max(report_words.numbers([value for _, value in series.points]), default=0.0) or 1.0
    step = WIDTH / max(1, len(series.points))
    floor = HEIGHT - FOOT
    drawn = Markup("").join(
        _column(label, value, series.unit, place * step, step, floor, top)
        for place, (label, value) in enumerate(series.points)
    )
    first, last = (human.printable(series.points[place][0]) for place in (0, -1))
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {w:.0f} {h:.0f}" aria-label="{alt}"><title>{alt}</title>'
        '<line class="grid" x1="0" x2="{w:.0f}" y1="{head:.0f}" y2="{head:.0f}"/>'
        '<text class="tick" x="0" y="10">{top}</text>{drawn}'
        '<line class="axis" x1="0" x2="{w:.0f}" y1="{floor:.1f}" y2="{floor:.1f}"/>'
        '<text class="tick" x="0" y="{foot:.0f}">{first}</text>'
        '<text class="tick" x="{w:.0f}" y="{foot:.0f}" text-anchor="end">{last}</text></svg>'
    ).format(
        w=WIDTH, h=HEIGHT, head=HEAD, alt=alt(series), top=report_words.number(top, series.unit), drawn=drawn,
        floor=floor, foot=HEIGHT - 4, first=first, last=last,
    )  # fmt: skip


def _column(
    label: str, value: float | None, unit: str, x: float, step: float, floor: float, top: float
) -> Markup:
    drawn = report_words.numbers([value])
    # SVG refuses a negative height, and would then draw no column at all.
    height = (floor - HEAD) * (max(0.0, drawn[0]) / top) if drawn and top > 0 else 0.0
    told = f"{human.printable(label)}: {report_words.word(value, unit)}"
    return Markup(
        '<g><title>{}</title><rect class="hit" x="{:.2f}" y="0" width="{:.2f}" height="{:.1f}"/>'
        '<rect class="bar" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" rx="1"/></g>'
    ).format(told, x, step, floor, x + step * 0.12, floor - height, step * 0.76, height)


def alt(series: Series) -> str:
    """What the chart shows, in a sentence."""
    # NaN is neither more nor less than another, and would be the highest or lowest by chance.
    known = [(value, label) for label, value in series.points if value is not None and math.isfinite(value)]
    if not known:
        return f"{human.printable(series.title)}: nothing is known."
    high, low = max(known), min(known)
    words = [
        f"{name} {report_words.number(value, series.unit)} ({human.printable(label)})"
        for name, (value, label) in (("highest", high), ("lowest", low), ("last", known[-1]))
    ]
    return f"{human.printable(series.title)}: {', '.join(words)}."


def spark(values: Sequence[Any], unit: str) -> Markup:
    """A few values as a line with its last point marked."""
    known = report_words.numbers(values)
    if len(known) < 2:
        return Markup("")
    # Halves, so that no difference is beyond the largest number.
    low, reach = min(known) / 2, max(known) / 2 - min(known) / 2 or 1
    step, tall = (SPARK_WIDTH - 6) / (len(values) - 1), SPARK_HEIGHT - 6
    places = [
        (3 + step * place, SPARK_HEIGHT - 3 - tall * ((each / 2 - low) / reach))
        for place, each in enumerate(values)
        if report_words.numbers([each])
    ]
    told = "before: " + ", ".join(report_words.word(each, unit) for each in values[:-1])
    return Markup(
        '<svg class="spark" role="img" viewBox="0 0 {:.0f} {:.0f}" aria-label="{}"><title>{}</title>'
        '<polyline points="{}"/><circle cx="{:.1f}" cy="{:.1f}" r="2.2"/></svg>'
    ).format(
        SPARK_WIDTH, SPARK_HEIGHT, told, told, " ".join(f"{x:.1f},{y:.1f}" for x, y in places), *places[-1]
    )


def figure_spark(figure: Figure) -> Markup:
    """The trailing periods and the present one."""
    if figure.trailing is None or not isinstance(figure.value, int | float):
        return Markup("")
    return spark((*figure.trailing, figure.value), figure.unit)


def meter(part: float) -> Markup:
    """A share from 0 to 1 as a bar behind a cell; the number stands beside it."""
    width = 100 * max(0.0, min(1.0, part))
    return Markup(
        '<svg class="meter" aria-hidden="true" viewBox="0 0 100 4" preserveAspectRatio="none">'
        '<rect class="rest" width="100" height="4"/><rect class="bar" width="{:.1f}" height="4"/></svg>'
    ).format(width)
