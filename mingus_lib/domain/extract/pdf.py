"""PDF: the text layer of the first pages, the title and author of its information dictionary."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from mingus_lib.domain.extract.decode import tidy
from mingus_lib.domain.extract.plain import from_text
from mingus_lib.domain.models import Extracted
from mingus_lib.errors import PermanentError

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 60
MAX_CHARACTERS = 400_000


def read_pdf(body: bytes, charset: str | None, url: str) -> Extracted:
    """The Extracted of a PDF; raises PermanentError `pdf-encrypted` or `pdf-broken`."""
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        return _read(pypdf.PdfReader(BytesIO(body)))
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise PermanentError(f"the PDF cannot be read ({type(error).__name__})", code="pdf-broken") from error


def _read(reader: PdfReader) -> Extracted:
    if reader.is_encrypted and not reader.decrypt(""):
        raise PermanentError("the PDF wants a password", code="pdf-encrypted")
    return from_text(_text(reader))


def _text(reader: PdfReader) -> str:
    parts: list[str] = []
    size = 0
    for page in reader.pages[:MAX_PAGES]:
        parts.append(tidy(page.extract_text()))
        size += len(parts[-1])
        if size > MAX_CHARACTERS:
            break
    return "\n\n".join(parts)
