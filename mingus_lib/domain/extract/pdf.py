"""PDF: the text layer of the first pages, and the title and author of its information dictionary."""

from __future__ import annotations

import re
from dataclasses import replace

import pypdf

from mingus_lib.domain.extract.decode import tidy
from mingus_lib.domain.extract.names import clean_names
from mingus_lib.domain.extract.pdf_text import Locked, PdfText, TooMuchWork, opened
from mingus_lib.domain.extract.plain import from_text
from mingus_lib.domain.models import Extracted
from mingus_lib.errors import PermanentError

MAX_PAGES = 60
MAX_CHARACTERS = 400_000
# What programs put in the place of a title.
FILE_NAME = re.compile(
    r"microsoft (?:word|powerpoint|excel) - .*|untitled[\W\d]*|"
    r".+\.(?:docx?|pptx?|xlsx?|pdf|indd|qxd|rtf|odt|pages|tex)",
    re.I,
)


def read_pdf(body: bytes, charset: str | None, url: str) -> Extracted:
    """The Extracted of a PDF; raises PermanentError `pdf-encrypted`, `pdf-too-complex` or `pdf-broken`."""
    try:
        with opened(body) as reader:
            return _read(reader)
    except Locked as error:
        raise PermanentError(f"the PDF {error}", code="pdf-encrypted") from error
    except TooMuchWork as error:
        raise PermanentError("the PDF takes too much work", code="pdf-too-complex") from error
    except Exception as error:  # a damaged file breaks pypdf in any of its layers
        # The kind of the error alone: pypdf's messages quote the file, and reasons are kept and shown.
        raise PermanentError(f"the PDF cannot be read ({type(error).__name__})", code="pdf-broken") from error


def _read(reader: pypdf.PdfReader) -> Extracted:
    said = reader.metadata
    title = " ".join(tidy(str(said.title or "")).split()) if said else ""
    title = "" if FILE_NAME.fullmatch(title) else title
    authors = clean_names([tidy(str(said.author or ""))]) if said else ()
    found = from_text(_text(reader), title=title)
    return replace(found, author=", ".join(authors) or None, authors=authors)


def _text(reader: pypdf.PdfReader) -> str:
    """The text of the pages, up to a number of pages and characters that bounds the time."""
    parts: list[str] = []
    size, budget = 0, PdfText()
    for number in range(min(len(reader.pages), MAX_PAGES)):
        # A soft hyphen at the end of a line parts a word that was too long for it.
        parts.append(tidy(budget.of(reader.pages[number]).replace("\u00ad\n", "")))
        size += len(parts[-1])
        # By default the gate refuses a tenth of that as too long.
        if size > MAX_CHARACTERS:
            break
    return "\n\n".join(parts)
