"""The authors of a page.

People before agencies; among either JSON-LD, then <meta>, then a byline on the page, then what trafilatura
finds, then a link to an author. Where JSON-LD names people, <meta> or the byline may add to them if they
name them too, and who the byline names for another part (photographs, contributions) is no author.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from lxml.etree import XPath, iterwalk
from lxml.html import HtmlElement

from mingus_lib.domain.extract.dateline import MONTH
from mingus_lib.domain.extract.names import ADDRESS, clean_names, is_full_name, persons

META = (
    "author",
    "article:author",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "dcterms.creator",
    "citation_author",
    "byl",
    "rbauthors",
    "article:author_name",
    "shareaholic:article_author_name",
)
# Their first letters are left out, since XPath 1.0 has no lower case: Byline and byline both match.
PLACES = XPath(
    "//*[@rel='author' or @itemprop='author' or contains(@class, 'yline') or contains(@class, 'uthor')]"
)
# Those who comment under an article are marked by the same classes, and there may be thousands of them.
MAX_PLACES = 40
MAX_BYLINE = 200
MAX_LINK = 60
# Starts and ends of elements: empty ones are no text, and one place may hold the whole page.
MAX_EVENTS = 1_000
BY = re.compile(r"\W*(?:(?:written|words|story|text|reported|published|posted)\s+)?by\b\W*", re.I)
# Where the names of a byline end: at a date or another part in the work.
OTHERS = re.compile(
    rf"(?:\b{MONTH}\s+)?\d|\b(?:(?:last |first )?(?:updated|published|posted)|(?:art|graphics|video)\s+by|"
    r"(?:additional|medically|fact.checked|reviewed|edited|translated|styl(?:ed|ing)|"
    r"(?:contribut|photo|illustrat)\w*)\b)",
    re.I,
)
DANGLING = re.compile(r"(?:[\s,;]+(?:on|at|in|for|and|with)\b)?\W*$")


@dataclass(frozen=True, slots=True)
class Byline:
    """The line on the page that says who wrote it, and what it says of others."""

    authors: str = ""
    others: str = ""


def choose_authors(
    people: Iterable[str],
    desks: Iterable[str],
    meta: dict[str, str],
    tree: HtmlElement | None,
    site_name: str,
) -> tuple[str, ...]:
    """The authors' names, in order; empty if nobody is named.

    `people` and `desks` are the authors of JSON-LD that are persons or of no stated kind, and
    organisations; without a `tree` bylines are not searched for.
    """
    people = list(people)
    # A single word there is a name of an account or of the site; an address is that of a profile.
    stated = [meta[name] for name in META if " " in meta.get(name, "") and not ADDRESS.search(meta[name])][:1]
    places = PLACES(tree)[:MAX_PLACES] if tree is not None else []
    byline = find_byline(places)
    if named := persons(people, site_name):
        return _reconciled(named, persons(stated, site_name), byline)
    tried = [people]
    for source in chain([stated], _searched(tree, places, byline)):
        if named := persons(source, site_name):
            return named
        tried.append(source)
    agencies = (names for source in (*tried, desks) if (names := clean_names(source, site_name)))
    return next(agencies, ()) or clean_names(people)


def find_byline(places: Iterable[HtmlElement]) -> Byline:
    """The first short text of the elements that begins with "by"; an empty Byline if there is none."""
    for place in places:
        text = _short_text(place, MAX_BYLINE)
        if opening := BY.match(text):
            line = text[opening.end() :]
            end = found.start() if (found := OTHERS.search(line)) else len(line)
            return Byline(DANGLING.sub("", line[:end]), line[end:])
    return Byline()


def _reconciled(named: tuple[str, ...], stated: tuple[str, ...], byline: Byline) -> tuple[str, ...]:
    others = byline.others.casefold()
    shown = persons([byline.authors])
    left = tuple(name for name in named if name.casefold() not in others or name in shown)
    for fuller in (stated, shown):
        # Only with all whom JSON-LD names: a list of other people is no better than it.
        if _folded(named) < _folded(fuller) and all(is_full_name(name) for name in fuller):
            return fuller
    # Where the byline would take out everybody it was misread: somebody did write the article.
    return left or named


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _searched(tree: HtmlElement | None, places: Iterable[HtmlElement], byline: Byline) -> Iterator[list[str]]:
    if tree is None:
        return
    # One at a time, the cheapest first: trafilatura searches only where the byline named nobody.
    yield [byline.authors]
    yield _found_by_trafilatura(tree)
    links = (_short_text(place, MAX_LINK) for place in places if _is_link(place))
    yield list(islice((text for text in links if text and not BY.match(text)), 1))


def _is_link(place: HtmlElement) -> bool:
    return "author" in (place.get("rel"), place.get("itemprop"))


def _short_text(element: HtmlElement, longest: int) -> str:
    """The text of an element, folded; empty if it is longer, however much longer."""
    parts: list[str] = []
    size = 0
    for seen, (event, inner) in enumerate(iterwalk(element, events=("start", "end"))):
        part = (inner.text if event == "start" else inner.tail if inner is not element else None) or ""
        # What stands in a line of its own behind a full name is a job or a paper, no more of the name.
        parts += "," if event == "end" and inner.tag == "br" and _is_named(" ".join(parts)) else ""
        # A text may be megabytes, and every place is asked.
        parts += part[: longest + 1].split()
        size += len(part.strip())
        if size > longest or seen >= MAX_EVENTS:
            return ""
    return " ".join(parts)


def _is_named(line: str) -> bool:
    opening = BY.match(line)
    return len(line[opening.end() if opening else 0 :].split()) > 1


def _found_by_trafilatura(tree: HtmlElement) -> list[str]:
    from trafilatura.metadata import extract_author

    author = extract_author(tree)
    return author.split(";") if author else []
