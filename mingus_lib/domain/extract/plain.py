"""Plain text: paragraphs as they stand, the first line as the title."""

from __future__ import annotations

import re
from html import escape

from mingus_lib.domain.extract.decode import decode
from mingus_lib.domain.language import language_of
from mingus_lib.domain.models import Extracted
from mingus_lib.domain.words import count_words

MAX_TITLE = 200


def read_plain(body: bytes, charset: str | None, url: str) -> Extracted:
    """The Extracted of a text file."""
    return from_text(decode(body, charset))


def from_text(raw: str, *, title: str | None = None) -> Extracted:
    """An Extracted of running text whose paragraphs are parted by blank lines."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n[ \t]*\n", raw) if part.strip()]
    text = "\n\n".join(paragraphs)
    html = "".join(f"<p>{escape(p, quote=False)}</p>" for p in paragraphs)
    return Extracted(
        title=title or _title(raw),
        text=text,
        html=html,
        language=language_of(text),
        word_count=count_words(text),
    )


def _title(raw: str) -> str:
    # A line of signs alone is a rule, above a title or around facts about the file.
    first = next((line for line in raw.splitlines() if any(map(str.isalnum, line))), "")
    # Marks of headings in Markdown and in wikis.
    folded = " ".join(first.lstrip("#= ").split())
    return folded if len(folded) <= MAX_TITLE else ""
