"""What all reports share: their formats, their file, and how they are delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mingus_lib.view import output
from mingus_lib.view import report as view

if TYPE_CHECKING:
    from mingus_lib.domain.report_document import Document
    from mingus_lib.services.periodic_reports import Made

InFormat = Annotated[
    view.ReportFormat | None,
    typer.Option(
        "--format", "-f", help="json, md, csv or html; else tables, or tab-separated off a terminal."
    ),
]
ToFile = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write here; the name's ending tells the format, too."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Make it anew, even if it is kept.")]


def deliver(
    made: Made | Document,
    form: view.ReportFormat | None,
    file: str | None,
    found: Mapping[str, Any] | None = None,
) -> None:
    """Print the report, or write it whole to a file and say so; say, too, whether it was made now."""
    from mingus_lib.domain.report_document import Document
    from mingus_lib.domain.spreadsheets import MARK
    from mingus_lib.services import library

    document = made if isinstance(made, Document) else made.document
    if file is None:
        view.show(document, form, found)
    else:
        # chosen() names a format wherever there is a file.
        assert form is not None
        # Whole or not at all: a reader of the file sees the old report or the new one.
        with library.replacing(file) as stream:
            stream.write(MARK if form is view.ReportFormat.CSV else "")
            stream.write(view.text(document, form, found))
        output.message(f"{document.title} is written to {file}.")
    if not isinstance(made, Document):
        output.message(view.provenance(document, kept=made.kept))
