"""HTML text to an lxml tree that no page can make too deep, too wide or too costly."""

from __future__ import annotations

from lxml.html import HtmlElement, HTMLParser, document_fromstring


def parse(text: str) -> HtmlElement:
    """The tree of a page; raises lxml's ParserError for an empty one."""
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    return document_fromstring(text.encode("utf-8", "replace"), parser=parser)
