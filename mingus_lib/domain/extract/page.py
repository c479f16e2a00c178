"""An HTML page to an Extracted: parse once, then body, metadata and sanitised HTML from the one tree."""

from __future__ import annotations

import trafilatura
from lxml.html import tostring

from mingus_lib.domain.extract.decode import decode
from mingus_lib.domain.extract.markup import parse
from mingus_lib.domain.models import Extracted
from mingus_lib.domain.words import count_words


def read_page(body: bytes, charset: str | None, url: str) -> Extracted:
    """The Extracted of an HTML page."""
    tree = parse(decode(body, charset))
    found = trafilatura.bare_extraction(tree, url=url, fast=True, include_comments=False, with_metadata=True)
    if found is None:
        return Extracted(title="", text="")
    text = found.text or ""
    return Extracted(
        title=found.title or "", text=text, author=found.author, published_at=found.date,
        site_name=found.sitename, description=found.description, word_count=count_words(text), language=tree.get("lang"),
    )
