"""A report as Markdown, and as plain records for spreadsheets and scripts. Everything in it is taken for hostile."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from mingus_lib.domain.report_document import Document, Figure, Section, Series, Table
from mingus_lib.domain.spreadsheets import defused
from mingus_lib.view import human, report_words

RECORD = ("section", "block", "row", "column", "value", "unit")
_MARKS = re.compile(r"([\\`*_{}\[\]#+!|~-])")


def markdown(document: Document) -> str:
    """GitHub's Markdown: a heading for each section, tables, series as sparklines."""
    lines = [f"# {_md(document.title)}", "", _md(report_words.covered(document)), ""]
    lines += [f"> {_md(note)}\n" for note in document.notes]
    for section in document.sections:
        lines += _section(section)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {_md(section.title)}", "")
    if section.figures:
        yield from _figures(section.figures)
    for series in section.series:
        yield from _series(series)
    for table in section.tables:
        if table.rows:
            yield from _table(table)
    yield from (f"{_md(note)}\n" for note in section.notes)


def _figures(figures: Sequence[Figure]) -> Iterator[str]:
    timed = any(figure.trailing is not None for figure in figures)
    heads = ["Figure", "Value", "Aim", *(["Change", "From mean of 4", "Last 5"] if timed else [])]
    rows = []
    for figure in figures:
        cells = [figure.label, report_words.word(figure.value, figure.unit), _aim(figure)]
        if timed:
            cells += [
                report_words.change(figure.change, figure.unit),
                report_words.change(figure.change_from_mean, figure.unit),
                report_words.history(figure),
            ]
        rows.append(cells)
    yield from _drawn(heads, [False, True, False, True, True, False], rows)


def _aim(figure: Figure) -> str:
    return f"{report_words.aim(figure)}: {figure.state}" if figure.aim is not None else ""


def _series(series: Series) -> Iterator[str]:
    if not series.points:
        return
    values = [value for _, value in series.points]
    first, last = series.points[0][0], series.points[-1][0]
    known = report_words.numbers(values)
    most = report_words.number(max(known), series.unit) if known else report_words.UNKNOWN
    yield from (f"**{_md(series.title)}** (highest {_md(most)})", "")
    yield from (f"{_md(first)} {report_words.sparkline(values)} {_md(last)}", "")


def _table(table: Table) -> Iterator[str]:
    yield from (f"### {_md(table.title)}", "")
    rows = [[report_words.word(row.get(each.key), each.unit) for each in table.columns] for row in table.rows]
    right = [not report_words.left(column) for column in table.columns]
    yield from _drawn([column.label for column in table.columns], right, rows)


def _drawn(heads: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_md, heads))} |"
    # Figures without earlier periods have three of the six columns.
    yield f"| {' | '.join('--:' if each else '---' for each, _ in zip(right, heads, strict=False))} |"
    yield from (f"| {' | '.join(map(_md, row))} |" for row in rows)
    yield ""


def _md(text: str) -> str:
    """Text that no Markdown, HTML or link can hide in, on one line."""
    # The ampersand first, or those of the entities that follow would be escaped, too.
    plain = human.printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A bare address would become a link: the colon goes between.
    return (
        _MARKS.sub(r"\\\1", plain).replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
    )


def records(document: Document) -> Iterator[tuple[str, str, str, str, Any, str]]:
    """Every number in a line of its own: section, block, row, column, value, unit."""
    for section in document.sections:
        for figure in section.figures:
            found = figure.as_json()
            for name in (
                "value",
                "of",
                "aim",
                "state",
                "previous",
                "change",
                "trailing_mean",
                "change_from_mean",
            ):
                if name == "value" or found[name] is not None:
                    yield section.key, "figures", figure.key, name, found[name], _unit(name, figure.unit)
        for table in section.tables:
            yield from _cells(section.key, table)
        for series in section.series:
            for at, value in series.points:
                yield section.key, series.key, at, "value", value, series.unit


def _unit(name: str, unit: str) -> str:
    return {"of": "count", "state": "text"}.get(name, unit)


def _cells(section: str, table: Table) -> Iterator[tuple[str, str, str, str, Any, str]]:
    for number, row in enumerate(table.rows, 1):
        name = row.get(table.columns[0].key)
        label = str(number if name is None else name)
        for column in table.columns[1:]:
            value = row.get(column.key)
            # Rows of values are for sparklines; a record has one value.
            if not isinstance(value, list | tuple):
                yield section, table.key, label, column.key, value, column.unit


def as_csv(document: Document) -> str:
    """The records for a spreadsheet, which runs none of them as a formula."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(RECORD)
    writer.writerows([defused(_plain(value)) for value in record] for record in records(document))
    return stream.getvalue()


def as_tsv(document: Document) -> str:
    """The records for scripts, without a head."""
    return "".join("\t".join(str(_plain(value)) for value in record) + "\n" for record in records(document))


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    # Numbers stay numbers: as text, a minus before one would be defused as the start of a formula.
    return (
        value
        if isinstance(value, int | float) and not isinstance(value, bool)
        else human.printable(str(value))
    )
