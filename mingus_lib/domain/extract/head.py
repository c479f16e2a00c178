"""The facts in a page's head: <meta>, <title>, canonical link, language."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml.etree import iterwalk
from lxml.html import HtmlElement

from mingus_lib.domain.extract.blocks import PARTING, SILENT
from mingus_lib.domain.extract.decode import plain_text

MAX_VALUE = 5_000
# Starts and ends of elements; one heading may hold the whole page, and so may each of those inside it.
MAX_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class Head:
    """<meta> values by lower-case name or property, the first of each; texts are white-space folded."""

    meta: dict[str, str]
    title: str
    canonical: str | None
    language: str | None
    base: str

    def first(self, *names: str) -> str:
        """The first of the named <meta> values that is there, else an empty string."""
        return next((self.meta[name] for name in names if name in self.meta), "")


def read_head(tree: HtmlElement, url: str) -> Head:
    """The Head of a page that was fetched from `url`."""
    base = base_of(tree, url)
    meta = _meta(tree)
    # rel is a list of words in any case, as in rel="canonical nofollow".
    links = [e.get("href") for e in tree.iter("link") if "canonical" in (e.get("rel") or "").lower().split()]
    found = (absolute(base, link) for link in (*links, meta.get("og:url")) if link)
    title = next((text for e in tree.iter("title") if (text := fold(e.text_content()))), "")
    return Head(meta, title, next((link for link in found if link), None), _language(tree, meta), base)


def fold(text: str | None) -> str:
    """The beginning of a text, at most MAX_VALUE characters, with white space folded to single spaces."""
    # Cut before it is split, since one attribute may hold megabytes.
    return " ".join((text or "")[:MAX_VALUE].split())


def heading_text(heading: HtmlElement) -> str:
    """The text of a heading, folded: a line break in it parts words, and the name of an icon is not of it."""
    parts: list[str] = []
    silent, size = 0, 0
    for event, element in islice(iterwalk(heading, events=("start", "end")), MAX_EVENTS):
        at_start = event == "start"
        silent += (element.tag in SILENT) * (1 if at_start else -1)
        text = element.text if at_start else element.tail if element is not heading else None
        parts += [" " if element.tag in PARTING else "", "" if silent else (text or "")[:MAX_VALUE]]
        size += len(parts[-1])
        if size > MAX_VALUE:
            break
    return fold("".join(parts))


def base_of(tree: HtmlElement, url: str) -> str:
    """What relative links of the page are relative to."""
    # The first with an address counts, as in browsers.
    for element in tree.iter("base"):
        if element.get("href"):
            return absolute(url, element.get("href")) or url
    return url


def absolute(base: str, link: str) -> str | None:
    """The link as an absolute http(s) address, None if it is not one."""
    try:
        # urljoin raises for an IPv6 host without its bracket: one such link would lose the page.
        joined = urljoin(base, link.strip())
        parts = urlsplit(joined)
        return joined if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _meta(tree: HtmlElement) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        kinds = ("property", "name", "itemprop", "http-equiv")
        name = next((said for kind in kinds if (said := element.get(kind))), "")
        value = fold(plain_text((element.get("content") or "")[:MAX_VALUE]))
        if name and value:
            found.setdefault(name.strip().lower(), value)
    return found


def _language(tree: HtmlElement, meta: dict[str, str]) -> str | None:
    """The declared language as its ISO 639-1 code."""
    root = tree if tree.tag == "html" else next(tree.iter("html"), tree)
    declared = (root.get("lang"), root.get("xml:lang"), meta.get("content-language"), meta.get("og:locale"))
    for value in declared:
        code = (value or "").strip().replace("_", "-").partition("-")[0].lower()
        # isalpha alone is true of the letters of any script.
        if len(code) == 2 and code.isalpha() and code.isascii():
            return code
    return None
