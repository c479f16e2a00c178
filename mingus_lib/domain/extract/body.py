"""The main body of a page: cut into blocks, chosen by two tools, given back as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lxml.html import HtmlElement

from mingus_lib.domain.extract.blocks import Block, Cutter
from mingus_lib.domain.extract.dateline import days_beside_title
from mingus_lib.domain.extract.sanitise import body_html
from mingus_lib.domain.extract.signals import page_signals
from mingus_lib.domain.extract.tools import readability_choice, trafilatura_choice
from mingus_lib.domain.extract.vote import Choices, article_blocks, prose_choice
from mingus_lib.domain.models import PageSignals

CELLS = frozenset({"td", "th"})


@dataclass(frozen=True, slots=True)
class Body:
    """The article as text, paragraphs parted by blank lines, and as sanitised HTML; the `days` it shows."""

    text: str
    html: str
    signals: PageSignals
    days: tuple[str, ...] = ()


def read_body(
    tree: HtmlElement,
    *,
    names: Sequence[str],
    authors: Sequence[str],
    declared: str,
    base: str,
    free: bool | None,
    thorough: bool = True,
) -> Body:
    """The Body of a page; `tree` is used up.

    `names`, `authors` and `declared` are as in vote.article_blocks, `base` is for links, `free` for the
    signals.
    Unless `thorough`, no tool is run and paragraphs of prose are the article.
    """
    # Before any tool: both look at the marks that this sets into the tree.
    blocks = Cutter().cut(tree)
    choices = (
        Choices(readability_choice(tree, blocks), trafilatura_choice(tree, blocks))
        if thorough
        else prose_choice(blocks)
    )
    article = article_blocks(blocks, choices, titles=names, authors=authors, declared=declared)
    # Before the HTML is made, which takes the tree apart.
    signals = page_signals(tree, blocks, article, free)
    days = tuple(days_beside_title(blocks, article, names))
    return Body(as_text(article), body_html(blocks, article, base), signals, days)


def as_text(article: Sequence[Block]) -> str:
    """Blocks of one element on lines of their own, cells of a row side by side, else a blank line between."""
    if not article:
        return ""
    parts = [article[0].text]
    for before, block in pairwise(article):
        parts += [_between(before, block), block.text]
    return "".join(parts)


def _between(before: Block, after: Block) -> str:
    if before.place is after.place:
        return "\n"
    # Side by side, so that a table of numbers stays readable as text.
    same_row = before.place.parent is after.place.parent and {before.place.tag, after.place.tag} <= CELLS
    return " | " if same_row else "\n\n"
