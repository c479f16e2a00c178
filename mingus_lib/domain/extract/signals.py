"""What the whole page looks like beside its article, for the gate in domain/quality."""

from __future__ import annotations

from collections.abc import Sequence

from lxml.html import HtmlElement

from mingus_lib.domain.extract.blocks import Block, squeeze
from mingus_lib.domain.models import PageSignals
from mingus_lib.domain.words import count_words

LEAD = 3_000
# A line that is only a link, and long enough to be a headline rather than a menu entry.
HEADLINE = 25
PROSE = 100


def page_signals(
    tree: HtmlElement, blocks: Sequence[Block], article: Sequence[Block], free: bool | None
) -> PageSignals:
    """The signals of a page whose blocks and article are known."""
    characters = sum(len(block.text) for block in blocks)
    own = sum(len(block.text) for block in article)
    return PageSignals(
        lead=_lead(blocks),
        characters=characters,
        linked_share=_share(sum(block.linked for block in blocks), characters),
        article_share=_share(own, characters),
        article_linked_share=_share(sum(block.linked for block in article), own),
        # Each once: menus repeat at the top and the bottom.
        link_lines=len({squeeze(block.text) for block in blocks if _is_headline(block)}),
        prose_words=sum(count_words(block.text) for block in article if _is_prose(block)),
        asks_password=any((e.get("type") or "").lower() == "password" for e in tree.iter("input")),
        free=free,
    )


def _lead(blocks: Sequence[Block]) -> str:
    lines: list[str] = []
    size = 0
    for block in blocks:
        # Each block is cut, since a single one may be megabytes.
        lines.append(block.text[:LEAD])
        size += len(lines[-1])
        if size > LEAD:
            break
    return "\n".join(lines)[:LEAD]


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0


def _is_headline(block: Block) -> bool:
    return len(block.text) >= HEADLINE and block.link_density > 0.8


def _is_prose(block: Block) -> bool:
    return len(block.text) >= PROSE and block.link_density < 0.3
