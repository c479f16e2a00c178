"""Links of a PDF: its annotations, then its text."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pypdf

from mingus_lib.domain.extract.pdf_text import PdfText, TooMuchWork
from mingus_lib.domain.mailparse.plain import text_links
from mingus_lib.domain.mails import FoundLink

# Pages and bytes bound the time: pypdf takes up to some tenths of a second a page.
MAX_PAGES = 20
MAX_BYTES = 5_000_000
MAX_ANNOTATIONS = 1_000
# pypdf logs what it repairs, page by page.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)


def pdf_links(body: bytes, place: str, *, limit: int) -> tuple[list[FoundLink], int]:
    """The links of the first pages, at most `limit`, and how many those pages have.

    Raises ValueError, with the reason, for a file that is too large, wants a password or is broken.
    """
    if len(body) > MAX_BYTES:
        raise ValueError(f"pdf-too-large: more than {MAX_BYTES // 1_000_000} MB")
    try:
        pages = _pages(body)
        found = [link for page in pages for link in _annotated(page, place)]
        texts = _texts(pages)
    except ValueError:
        raise
    except Exception as error:  # a damaged file breaks pypdf in any of its layers
        raise ValueError(f"pdf-broken: {type(error).__name__}") from error
    known = {link.url for link in found}
    in_text, _ = text_links(texts, place, limit=limit)
    found += [link for link in in_text if link.url not in known]
    return found[:limit], len(found)


def _texts(pages: list[Any]) -> str:
    """As many pages as the budget allows: the annotations of all of them have been read."""
    budget, texts = PdfText(), list[str]()
    with contextlib.suppress(TooMuchWork):
        texts.extend(budget.of(page) for page in pages)
    return "\n".join(texts)


def _pages(body: bytes) -> list[Any]:
    reader = pypdf.PdfReader(BytesIO(body))
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("pdf-encrypted: it wants a password")
    return [reader.pages[number] for number in range(min(len(reader.pages), MAX_PAGES))]


def _annotated(page: Any, place: str) -> Iterator[FoundLink]:
    for each in list(page.get("/Annots") or ())[:MAX_ANNOTATIONS]:
        action = each.get_object().get("/A")
        uri = action.get_object().get("/URI") if action is not None else None
        if uri is not None:
            yield FoundLink(str(uri).strip(), "", place)
