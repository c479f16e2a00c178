"""What a page's JSON-LD says of its article (schema.org), read without trust: any shape, any depth."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from mingus_lib.domain.extract.decode import plain_text

# A longer one is cut, and is no JSON then: such a page is read by its markup.
MAX_SCRIPT = 2_000_000
MAX_NODES = 20_000
ARTICLE = re.compile(r"(?:Article|Posting|Report|Review|Story|Recipe|LiveBlog)", re.I)
# Comments around the data, and raw line ends inside its strings, are common and harmless.
WRAPPING = re.compile(r"^\s*+(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*+\]\]>|\]\]>)\s*+;?\s*+$")


# What follows the data, such as a semicolon, is passed over.
DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """The article a page declares, empty where it says nothing; `desks` are its organisations as authors."""

    headline: str = ""
    authors: tuple[str, ...] = ()
    desks: tuple[str, ...] = ()
    published: str = ""
    modified: str = ""
    site_name: str = ""
    description: str = ""
    language: str = ""
    body: str = ""
    free: bool | None = None


def declared_article(tree: HtmlElement) -> Statement:
    """The Statement of the node that is most like an article; an empty one if there is none."""
    nodes = [node for data in _data(tree) for node in _nodes(data)]
    # A graph names a person once, and refers to them by @id from its articles.
    named = {key: node for node in nodes if (key := _plain(node.get("@id"))) and node.get("name")}
    articles = [node for node in nodes if ARTICLE.search(_type(node))]
    if not articles:
        return Statement()
    best = max(articles, key=lambda node: sum(key in node for key in ("headline", "author", "datePublished")))
    return _statement(best, named)


def _statement(node: dict[str, object], named: dict[str, dict[str, object]]) -> Statement:
    free = node.get("isAccessibleForFree")
    authors = [*_named(node.get("author") or node.get("creator"), named)]
    return Statement(
        headline=_text(node.get("headline")) or _text(node.get("name")),
        authors=tuple(name for name, kind in authors if "Organization" not in kind),
        desks=tuple(name for name, kind in authors if "Organization" in kind),
        published=_text(node.get("datePublished")) or _text(node.get("dateCreated")),
        modified=_text(node.get("dateModified")),
        site_name=next((name for name, _ in _named(node.get("publisher"), named)), ""),
        description=_text(node.get("description")),
        language=_text(node.get("inLanguage")),
        body=_text(node.get("articleBody")),
        free=None if free is None else _is_free(free),
    )


def _is_free(said: object) -> bool:
    # Publishers write it as a boolean, a number or a word; what cannot be understood counts as free.
    return said not in (False, 0) and _plain(said).lower() not in ("false", "0", "no")


def _data(tree: HtmlElement) -> Iterator[object]:
    for script in tree.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower() or not script.text:
            continue
        # Twice, since a comment may hold a CDATA section.
        source = WRAPPING.sub("", WRAPPING.sub("", script.text[:MAX_SCRIPT]))
        try:
            yield DECODER.raw_decode(source.lstrip())[0]
        # The page may have other scripts, and says the same things in its markup.
        except (ValueError, RecursionError):
            continue


def _nodes(data: object) -> Iterator[dict[str, object]]:
    """Every object in the data, outermost first, without recursion."""
    # A deque, since taking the first of a list moves all others: a million values took quadratic time.
    waiting: deque[object] = deque([data])
    for _ in range(MAX_NODES):
        if not waiting:
            return
        item = waiting.popleft()
        if isinstance(item, dict):
            yield item
            waiting += [value for value in item.values() if isinstance(value, dict | list)]
        elif isinstance(item, list):
            waiting += item


def _type(node: dict[str, object]) -> str:
    kind = node.get("@type")
    return " ".join(map(_plain, kind if isinstance(kind, list) else [kind]))


def _plain(value: object) -> str:
    """A text as it is, "" for anything else: what is nested is never printed, which takes depth times size."""
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name") or ""
    return plain_text(value).strip() if isinstance(value, str) else ""


def _named(value: object, named: dict[str, dict[str, object]]) -> Iterator[tuple[str, str]]:
    """Names and types of a person, an organisation, or a list of them: text, object or reference."""
    for item in value if isinstance(value, list) else [value]:
        node = {"name": item} if isinstance(item, str) else item if isinstance(item, dict) else {}
        if not node.get("name"):
            node = named.get(_plain(node.get("@id")), {})
        names = node.get("name")
        for name in names if isinstance(names, list) else [names]:
            if isinstance(name, str) and (readable := " ".join(plain_text(name).split())):
                yield readable, _type(node)
