"""Links of HTML, read as a stream of tags: no tree, so that depth costs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin

from lxml.etree import HTMLParser

from mingus_lib.domain.extract.markup import without_floods
from mingus_lib.domain.mails import FoundLink

MAX_ANCHOR = 300
# Words on two sides of one of these are two.
PARTING_TAGS = frozenset(
    ("br", "hr", "p", "div", "li", "tr", "td", "th", "table", "center", "h1", "h2", "h3", "h4", "h5", "h6")
)
UNSEEN_TAGS = frozenset({"script", "style", "template", "noscript", "head"})
# The look-aheads pass over 0.8em and the like, which also begin with a 0.
_HIDING = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|opacity\s*:\s*0(?![.\d]*[1-9])|max-height\s*:\s*0(?![.\d]*[1-9]))",
    re.IGNORECASE,
)
_FONT_SIZE = re.compile(r"(?:^|[;\s])font-size\s*:\s*([^\s;]+)", re.IGNORECASE)
_NO_SIZE = re.compile(r"0(?![.\d]*[1-9])")
# A share of nothing is nothing.
_RELATIVE_SIZE = re.compile(r"[.\d]+(?:%|em|ex)|inherit|unset|larger|smaller", re.IGNORECASE)
_TINY_STYLE = re.compile(r"(?:^|[;\s])(?:width|height)\s*:\s*[01](?:px)?\s*(?:!|;|$)", re.IGNORECASE)
_TINY = re.compile(r"\s*[01](?:\.0*)?(?:px)?\s*", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LINE_ENDS = re.compile(r"[\t\r\n]+")
_BLANKS = re.compile(r"\s+")


def html_links(text: str, place: str, *, limit: int) -> tuple[list[FoundLink], int]:
    """The links in the order of the page, at most `limit`, and how many there are in all."""
    reader = _Reader(place, limit)
    # libxml2 would stop at a depth of 256 otherwise; no tree grows here, so depth is free.
    parser = HTMLParser(target=reader, huge_tree=True, encoding="utf-8")
    parser.feed(without_floods(text).encode("utf-8", "replace") or b" ")
    parser.close()
    return reader.links, reader.count


class _Reader:
    """What lxml's parser reports to. Every start has its end, void elements too."""

    def __init__(self, place: str, limit: int) -> None:
        self.links: list[FoundLink] = []
        self.count = 0
        self._place = place
        self._limit = limit
        self._base: str | None = None
        self._hidden = [False]
        self._sizeless = [False]
        self._link: _OpenLink | None = None
        # The parser ends a link where a table begins, browsers do not: an empty one waits for what comes,
        # and the table, known by its depth, is its text.
        self._waiting = False
        self._table_depth = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag opens."""
        if self._waiting:
            self._go_on(tag)
        self._part(tag)
        # What is hidden hides all inside: preheaders of newsletters are, and links of spam.
        hidden = self._hidden[-1] or tag in UNSEEN_TAGS or _hides(attributes)
        self._hidden.append(hidden)
        self._sizeless.append(_is_sizeless(tag, attributes, self._sizeless[-1]))
        if tag == "a" and "href" in attributes:
            # Links do not nest: the next one ends an open one, as in browsers.
            self._finish()
            self._link = _OpenLink(
                attributes["href"], hidden, attributes.get("title", ""), sizeless=self._sizeless[-1]
            )
        elif tag == "area" and "href" in attributes:
            self._keep(_OpenLink(attributes["href"], hidden, attributes.get("alt", "")))
        # Most bases of mails have a target only, and are none.
        elif tag == "base" and self._base is None and "href" in attributes:
            self._base = _cleaned(attributes["href"])
        elif tag == "img" and self._link is not None:
            self._link.image(attributes, hidden)

    def end(self, tag: str) -> None:
        """A tag closes."""
        # What a waiting link stands in ends with it: a table after that is none of its text.
        if self._waiting:
            self._finish()
        self._part(tag)
        # The outermost entry stays, whatever ends without a start: start() looks at the last one.
        if len(self._hidden) > 1:
            self._hidden.pop()
            self._sizeless.pop()
        if tag == "a" and self._link is not None and self._link.is_empty():
            self._waiting = True
        elif tag == "a" or len(self._hidden) == self._table_depth:
            self._finish()

    def data(self, text: str) -> None:
        """Text between tags."""
        if self._waiting and not text.isspace():
            self._finish()
        if self._link is not None:
            self._link.text(text)
            self._link.sizeless &= self._sizeless[-1] or self._hidden[-1] or text.isspace()

    def comment(self, text: str) -> None:
        """Comments hold what no reader sees."""

    def close(self) -> None:
        """The end of the page."""
        self._finish()

    def _part(self, tag: str) -> None:
        if self._link is not None and tag in PARTING_TAGS:
            self._link.text(" ")

    def _go_on(self, tag: str) -> None:
        self._waiting = False
        if tag == "table":
            self._table_depth = len(self._hidden)
        else:
            self._finish()

    def _finish(self) -> None:
        self._waiting, self._table_depth = False, 0
        if self._link is not None:
            self._keep(self._link)
            self._link = None

    def _keep(self, link: _OpenLink) -> None:
        self.count += 1
        if self.count <= self._limit:
            url = self._resolved(_cleaned(link.href))
            hidden = link.hidden or link.sizeless
            self.links.append(FoundLink(url, link.anchor(), self._place, hidden, link.is_pixel()))

    def _resolved(self, href: str) -> str:
        # Written by hand; mail programs open it as readers mean it.
        if href[:4].lower() == "www.":
            return f"http://{href}"
        # A place in the mail itself stays as it is: joined to a base it would look like a page.
        if self._base and not _ABSOLUTE.match(href) and not href.startswith("#"):
            try:
                href = urljoin(self._base, href)
            except ValueError:
                return href
        # A mail has no address of its own from which to take the scheme.
        return f"https:{href}" if href.startswith("//") else href


class _OpenLink:
    """A link whose text is still coming. `sizeless`: nothing seen of it so far but text of size 0."""

    def __init__(self, href: str, hidden: bool, title: str, *, sizeless: bool = False) -> None:
        self.href = href
        self.hidden = hidden
        self.sizeless = sizeless
        self._title = title
        self._text = ""
        self._images: list[bool] = []

    def text(self, text: str) -> None:
        """More of its text; what is beyond the longest anchor is left out."""
        if len(self._text) < MAX_ANCHOR:
            # Blanks in a row count once: those of a layout would leave no room for its words.
            added = _BLANKS.sub(" ", text)
            self._text += added.lstrip() if self._text[-1:] in ("", " ") else added

    def image(self, attributes: Mapping[str, str], hidden: bool) -> None:
        """An image in it speaks by its alternative text."""
        tiny = _is_tiny(attributes)
        self._images.append(tiny)
        # Layouts set a size of 0 around pictures and columns, against gaps: only text goes by it.
        self.sizeless &= tiny or hidden
        # With spaces, or the words of two pictures would grow together.
        self.text(f" {attributes.get('alt', '')} ")

    def is_empty(self) -> bool:
        """Whether there is nothing in it yet."""
        return not self._images and not self._text.strip()

    def anchor(self) -> str:
        """What a reader sees of it."""
        return (self._text.strip() or " ".join(self._title.split()))[:MAX_ANCHOR]

    def is_pixel(self) -> bool:
        """Whether it holds nothing but images of one pixel."""
        return bool(self._images) and all(self._images) and not self._text.strip()


def _hides(attributes: Mapping[str, str]) -> bool:
    style = attributes.get("style")
    return "hidden" in attributes or (style is not None and _HIDING.search(style) is not None)


def _is_sizeless(tag: str, attributes: Mapping[str, str], around: bool) -> bool:
    """Whether text in a tag has no size; `around`: whether it had none around it."""
    sizes = _FONT_SIZE.findall(attributes.get("style", ""))
    if not sizes:
        return around and not (tag == "font" and "size" in attributes)
    return _NO_SIZE.match(sizes[-1]) is not None or (around and _RELATIVE_SIZE.match(sizes[-1]) is not None)


def _is_tiny(attributes: Mapping[str, str]) -> bool:
    sizes = (attributes.get("width"), attributes.get("height"))
    if any(size is not None and _TINY.fullmatch(size) for size in sizes):
        return True
    return _TINY_STYLE.search(attributes.get("style", "")) is not None


def _cleaned(href: str) -> str:
    """The address as browsers read it: line ends out, spaces encoded."""
    return _LINE_ENDS.sub("", href).strip().replace(" ", "%20")
