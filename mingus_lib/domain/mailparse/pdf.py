"""Links of a PDF: its annotations, then its text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from mingus_lib.domain.extract.pdf_text import Locked, PdfText, TooMuchWork, opened
from mingus_lib.domain.mailparse.plain import text_links
from mingus_lib.domain.mails import FoundLink, UnreadablePart

# Pages and bytes bound the time: pypdf takes up to some tenths of a second a page.
MAX_PAGES = 20
MAX_BYTES = 5_000_000
MAX_ANNOTATIONS = 1_000


def pdf_links(body: bytes, place: str, *, limit: int) -> tuple[list[FoundLink], int]:
    """The links of the first pages, at most `limit`, and how many those pages have.

    Raises UnreadablePart for a file that is too large, wants a password or is broken.
    """
    if len(body) > MAX_BYTES:
        raise UnreadablePart(f"pdf-too-large: more than {MAX_BYTES // 1_000_000} MB")
    try:
        with opened(body) as reader:
            pages = [reader.pages[number] for number in range(min(len(reader.pages), MAX_PAGES))]
            found = [link for page in pages for link in _annotated(page, place)]
            texts = _texts(pages)
    except Locked as error:
        raise UnreadablePart(f"pdf-encrypted: it {error}") from error
    except Exception as error:  # a damaged file breaks pypdf in any of its layers
        raise UnreadablePart(f"pdf-broken: {type(error).__name__}") from error
    # An annotation often lies over its own address in the text.
    known = {link.url for link in found}
    in_text, count = text_links(texts, place, limit=limit)
    unread = count - len(in_text)
    found += [link for link in in_text if link.url not in known]
    return found[:limit], len(found) + unread


def _texts(pages: list[Any]) -> str:
    """As many pages as the budget allows: the annotations of all of them have been read."""
    budget, texts = PdfText(), list[str]()
    with contextlib.suppress(TooMuchWork):
        texts.extend(budget.of(page) for page in pages)
    return "\n".join(texts)


def _annotated(page: Any, place: str) -> Iterator[FoundLink]:
    for each in list(page.get("/Annots") or ())[:MAX_ANNOTATIONS]:
        action = each.get_object().get("/A")
        uri = action.get_object().get("/URI") if action is not None else None
        if uri is not None:
            yield FoundLink(str(uri).strip(), "", place)
