"""A report in the form that was asked for, on standard output or in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from mingus_lib.domain.report_document import Document
from mingus_lib.errors import UsageError
from mingus_lib.view import looks, output, report_html, report_terminal, report_text
from mingus_lib.view.jsontext import json_text
from mingus_lib.view.output import Column, Format, Kind

STORED = (
    Column("kind", "Report"),
    Column("start", "From"),
    Column("zone", "Time zone"),
    Column("made_at", "Made", Kind.TIME),
    Column("bytes", "Size", Kind.BYTES),
)


class ReportFormat(StrEnum):
    """What a report is written as."""

    JSON = "json"
    MD = "md"
    CSV = "csv"
    HTML = "html"


class StoredKind(StrEnum):
    """Which reports are kept."""

    DAILY = "daily"
    WEEKLY = "weekly"


TEXTS: Mapping[ReportFormat, Callable[[Document], str]] = {
    ReportFormat.MD: report_text.markdown,
    ReportFormat.CSV: report_text.as_csv,
    ReportFormat.HTML: report_html.html,
}


def chosen(form: ReportFormat | None, *, as_json: bool, to_file: str | None) -> ReportFormat | None:
    """The format of flags and file name; None is the terminal's. Raises UsageError for contradictions."""
    if as_json and form not in (None, ReportFormat.JSON):
        raise UsageError(f"--json goes with no --format {form}: choose one")
    if looks.wish.tsv and (as_json or form is not None):
        raise UsageError("--tsv goes with neither --json nor --format: choose one")
    if as_json:
        return ReportFormat.JSON
    if form is None and to_file is not None:
        return _by_name(to_file)
    return form


def _by_name(file: str) -> ReportFormat:
    ending = file.rpartition(".")[2].lower()
    try:
        return ReportFormat(ending)
    except ValueError as error:
        raise UsageError(
            f"--output {file}: end its name in .json, .md, .csv or .html, or name a --format"
        ) from error


def text(document: Document, form: ReportFormat, found: Mapping[str, Any] | None = None) -> str:
    """The report as text. `found` is what JSON has instead of the document, for reports with a shape of their own."""
    if form is ReportFormat.JSON:
        return json_text(document.as_json() if found is None else found, indent=2) + "\n"
    return TEXTS[form](document)


def show(document: Document, form: ReportFormat | None, found: Mapping[str, Any] | None = None) -> None:
    """Print the report: on a terminal with rich, off one tab-separated, or in the format."""
    if form is not None:
        # As it is in a file: print would add an empty line.
        sys.stdout.write(text(document, form, found))
    elif output.choose() is Format.TSV:
        sys.stdout.write(report_text.as_tsv(document))
    else:
        report_terminal.show(document)


def show_stored(found: list[dict[str, Any]], form: Format) -> None:
    """Which reports are kept; the documented shape of `report list --json`."""
    output.rows(
        found,
        STORED,
        form,
        id_key="start",
        empty="No report is kept yet: mingus report daily",
        drop=("zone",),
    )


def provenance(document: Document, *, kept: bool) -> str:
    """Whether a periodic report was made now or read as it was kept."""
    if kept:
        return f"Made at {document.made_at[:16]}Z and kept; --fresh makes it anew."
    over = (document.period or {}).get("over")
    return "Made now and kept." if over else "Made now and not kept: the time is not over yet."


def show_updated(found: Mapping[str, int], form: Format) -> None:
    """What an update of totals did; the documented shape of `report update --json`."""
    if form is Format.JSON:
        output.value(found)
        return
    if form is Format.TABLE:
        output.message(
            f"{found['events']:,} new events and {found['articles']:,} whole articles counted, {found['left']:,} wait."
        )
        return
    output.lines(["\t".join(str(found[name]) for name in ("events", "articles", "left"))])
