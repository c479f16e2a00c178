"""Everything a page says about itself, in one documented order per field.

title        titles.choose_title             author  authors.choose_authors        date  dates.choose_date
site_name    og:site_name, JSON-LD publisher, application-name
language     declared by <html lang>, content-language, og:locale, JSON-LD; the gate detects it too
description  og:description, description, JSON-LD
declared_url rel=canonical, og:url; absolute http(s) only
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from mingus_lib.domain.extract.authors import choose_authors
from mingus_lib.domain.extract.dates import choose_date, revised_days
from mingus_lib.domain.extract.head import Head, fold, heading_text, read_head
from mingus_lib.domain.extract.jsonld import Statement, declared_article
from mingus_lib.domain.extract.markup import strip_unread
from mingus_lib.domain.extract.titles import choose_title, variants

MAX_HEADINGS = 50


@dataclass(frozen=True, slots=True)
class Metadata:
    """A page's own account of itself; `names` are all texts that call it by its title."""

    title: str
    names: tuple[str, ...]
    authors: tuple[str, ...]
    published_at: str | None
    revised_at: frozenset[str]
    site_name: str | None
    language: str | None
    description: str | None
    declared_url: str | None
    base: str
    body: str
    free: bool | None


def read_metadata(tree: HtmlElement, url: str, *, thorough: bool = True) -> Metadata:
    """The Metadata of a page; scripts and the like are gone from `tree` afterwards.

    Unless `thorough`, only what is stated is read and bylines are not searched for.
    """
    head, article = read_head(tree, url), declared_article(tree)
    headings = [heading_text(e) for e, _ in zip(tree.iter("h1"), range(MAX_HEADINGS), strict=False)]
    site = head.first("og:site_name") or article.site_name or head.first("application-name")
    names = [
        name for name in (head.first("og:title"), fold(article.headline), head.first("twitter:title")) if name
    ]
    title = choose_title(headings, names, head.title, site)
    published_at = choose_date(tree if thorough else None, article.published, head.meta, url)
    # The date may stand in <meta> or a script; bylines never do, and are found faster without them.
    strip_unread(tree)
    return Metadata(
        title=title,
        # With what stands before the title in its heading, the line is still no more than the title.
        names=_all_names([title, *names, head.title, *(h for h in headings if title and h.endswith(title))]),
        authors=choose_authors(article.authors, article.desks, head.meta, tree if thorough else None, site),
        published_at=published_at,
        revised_at=revised_days(article.modified, head.meta),
        site_name=fold(site) or None,
        # inLanguage may be en-US or English: of both the first two letters are the code.
        language=head.language or article.language[:2].lower() or None,
        description=_description(head, article),
        declared_url=head.canonical,
        base=head.base,
        body=article.body,
        free=article.free,
    )


def _all_names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for name in names if name for v in variants(name)))


def _description(head: Head, article: Statement) -> str | None:
    return head.first("og:description", "description") or fold(article.description) or None
