"""The HTML kept beside the text: the structure of the article's blocks, and nothing that acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import nh3
from lxml.html import HtmlElement, tostring

from mingus_lib.domain.extract.blocks import Block, Place
from mingus_lib.domain.extract.head import absolute

_TAGS = """
    a abbr b blockquote br caption cite code dd del dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr
    i img ins kbd li ol p pre q s samp small strong sub sup table tbody td tfoot th thead time tr u
    ul var
"""
TAGS = frozenset(_TAGS.split())
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "td": {"colspan"}, "th": {"colspan"}}
PICTURES = frozenset({"figure", "picture"})


def clean_html(html: str) -> str:
    """The HTML with only harmless tags and attributes, and only absolute http(s) and mailto links."""
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        # nh3 holds schemes to the list, but lets addresses without one pass.
        attribute_filter=_only_safe,
    ).strip()


def body_html(blocks: Sequence[Block], article: Sequence[Block], base: str) -> str:
    """The sanitised HTML of the article's blocks; the tree they stand in is used up."""
    if not article:
        return ""
    kept = {id(block) for block in article}
    for block in blocks:
        if id(block) in kept:
            # A mark is a letter to the sanitiser: it would be stored in the article.
            block.unmark()
        else:
            block.erase()
    root = _around(article)
    _prune(root, {place.element for block in article for place in block.place.line()})
    _resolve_links(root, base)
    return clean_html(tostring(root, encoding="unicode", with_tail=False))


def _only_safe(tag: str, attribute: str, value: str) -> str | None:
    start = value[:8].lower()
    if attribute == "src":
        return value if start.startswith(("http://", "https://")) else None
    return value if attribute != "href" or start.startswith(("http://", "https://", "mailto:")) else None


def _around(article: Sequence[Block]) -> HtmlElement:
    """The innermost element around the whole article."""
    common = list(article[0].place.line())
    for block in article[1:]:
        around = {id(place) for place in block.place.line()}
        common = [place for place in common if id(place) in around]
    return _element(common[0])


def _element(place: Place) -> HtmlElement:
    assert place.element is not None
    return place.element


def _resolve_links(root: HtmlElement, base: str) -> None:
    for link in root.iter("a"):
        target = link.get("href")
        # absolute() knows web addresses alone, and would take away a mailto link.
        if target and not target.lower().startswith("mailto:"):
            _set(link, "href", absolute(base, target))
    for image in root.iter("img"):
        source = image.get("src") or ""
        # A picture that loads late has a placeholder in src.
        lazy = image.get("data-src") or image.get("data-original") or source
        _set(image, "src", absolute(base, lazy if source.startswith("data:") else source or lazy))


def _set(element: HtmlElement, name: str, value: str | None) -> None:
    if value is None:
        element.attrib.pop(name, None)
    else:
        element.set(name, value)


def _prune(root: HtmlElement, kept: Iterable[object]) -> None:
    """Take out what holds no text of the article and is no picture of it."""
    holders = set(kept)
    # As a list: dropping an element changes the tree that iter walks.
    for element in [e for e in root.iter() if e is not root and e not in holders]:
        if element.getparent() is not None and not _worth_keeping(element):
            element.drop_tree()


def _worth_keeping(element: HtmlElement) -> bool:
    if element.tag == "img":
        return bool(element.get("src") or element.get("data-src"))
    if element.tag in PICTURES:
        return next(element.iter("img"), None) is not None
    return element.tag == "br" or any(text.strip() for text in element.itertext())
