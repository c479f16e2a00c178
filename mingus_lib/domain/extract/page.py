"""An HTML page to an Extracted: parsed once; metadata first, then the body, which uses the tree up."""

from __future__ import annotations

from lxml.etree import ParserError

from mingus_lib.domain.extract.body import read_body
from mingus_lib.domain.extract.dates import day_shown
from mingus_lib.domain.extract.decode import decode
from mingus_lib.domain.extract.markup import is_large, parse
from mingus_lib.domain.extract.metadata import read_metadata
from mingus_lib.domain.language import language_of
from mingus_lib.domain.models import Extracted
from mingus_lib.domain.words import count_words
from mingus_lib.errors import PermanentError


def read_page(body: bytes, charset: str | None, url: str) -> Extracted:
    """The Extracted of an HTML page; raises PermanentError `page-empty` if it has no element."""
    try:
        tree = parse(decode(body, charset))
    except ParserError:
        raise PermanentError("the page is empty", code="page-empty") from None
    # Before any tool runs: what takes them seconds is told by its size, not by a clock.
    large = is_large(tree, len(body))
    said = read_metadata(tree, url, thorough=not large)
    # A line that only repeats the title or names the author is not of the text.
    bylines = [f"By {name}" for name in (*said.authors, " and ".join(said.authors)) if name]
    found = read_body(
        tree,
        names=(*said.names, *bylines),
        authors=said.authors,
        declared=said.body,
        base=said.base,
        free=said.free,
        thorough=not large,
    )
    return Extracted(
        title=said.title,
        text=found.text,
        html=found.html,
        author=", ".join(said.authors) or None,
        authors=said.authors,
        published_at=day_shown(said.published_at, said.revised_at, found.days),
        site_name=said.site_name,
        language=language_of(found.text, said.language),
        description=said.description,
        declared_url=said.declared_url,
        word_count=count_words(found.text),
        signals=found.signals,
    )
