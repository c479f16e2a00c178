"""A report as one HTML file that needs nothing else: styles and charts inside, no script, no address outside."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mingus_lib.domain import datafiles
from mingus_lib.domain.report_document import Column, Document, Figure
from mingus_lib.view import human, report_charts, report_words

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

# Shares that are parts of a whole, which a bar shows.
PARTS = ("share", "completion_rate", "click_through")


def html(document: Document) -> str:
    """The whole page."""
    return _template().render(
        document=document,
        covered=report_words.covered(document),
        printable=human.printable,
        word=report_words.word,
        change=report_words.change,
        direction=_direction,
        left=report_words.left,
        cell=_cell,
        charts=report_charts,
        unknown=report_words.UNKNOWN,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    # Everything that is not markup of our own is escaped.
    engine = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return engine.from_string(datafiles.text("report.html"))


def _direction(figure: Figure) -> str:
    # By what is written: what rounds to nothing has no arrow.
    return {"+": "up", "−": "down"}.get(report_words.change(figure.change, figure.unit)[:1], "")


def _cell(value: Any, column: Column) -> Markup | str:
    """A cell: a share with a bar, a row of values as a line, all else as words."""
    from markupsafe import Markup

    words = report_words.word(value, column.unit)
    if column.unit == "spark":
        return report_charts.spark(value, "share") if isinstance(value, list | tuple) else words
    part = report_words.numbers([value])
    if part and column.key in PARTS:
        return Markup("{}{}").format(words, report_charts.meter(part[0]))
    if column.unit == "state":
        return Markup('<span class="trend {}">{}</span>').format(words.replace(" ", "-"), words)
    return words
