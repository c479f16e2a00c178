"""What a chosen article loses, block by block: titles, captions, notices, repeats, and what only frames it.

Pure rules over blocks, run after the vote. In order:

1. The title, captions, house notices and lines that are only a link; a heading that is a link stays if
   prose follows it. Of what is left, a line that stood in another part of the page before.
2. Everything from a heading like "Related stories" on, if that is little; else that line alone.
3. At either end, lines that only name an author or give a date; at the end, a line about the author.
4. At the end, short headings with nothing under them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, zip_longest

from mingus_lib.domain.extract.blocks import HEADINGS, Block, Place, squeeze
from mingus_lib.domain.extract.bylines import is_about, is_byline, is_stamp
from mingus_lib.domain.extract.furniture import is_caption, is_ending, is_notice

# What stands in lists and tables is short, linked and repeated for good reasons.
ITEMS = frozenset({"li", "td", "th", "dd", "dt"})
MIN_LINE = 25
MIN_TITLE = 8
MAX_TITLE = 500
PROSE = 80
# A longer heading at the end introduces what is no text: a post, a picture.
MAX_HEADING = 60
# The share of the text that may stand under a heading like "Related stories".
MAX_AFTERWORD = 0.25
# How many lines of the end may be about the author.
TAIL = 3


def trimmed(chosen: Sequence[Block], titles: Iterable[str], authors: Sequence[str]) -> list[Block]:
    """The blocks without what is not of the article; `titles` name the page, `authors` wrote it."""
    named = {line for title in titles if len(line := squeeze(title)) > MIN_TITLE}
    article = _without_endings(_without_repeats(_without_furniture(chosen, named)))
    return _without_tail(_without_frame(article, authors))


def kind_of(place: Place) -> Place:
    """Paragraphs side by side are of one kind."""
    return place.parent or place


def _without_furniture(chosen: Sequence[Block], titles: set[str]) -> list[Block]:
    pairs = zip_longest(chosen, chosen[1:])
    return [b for b, after in pairs if not (_is_title(b, titles) or _is_furniture(b, after))]


def _is_title(block: Block, titles: set[str]) -> bool:
    return len(block.text) <= MAX_TITLE and squeeze(block.text) in titles


def _is_furniture(block: Block, after: Block | None) -> bool:
    only_a_link = block.link_density > 0.8 and len(block.text) > 20 and not block.place.near(ITEMS)
    if only_a_link and not (block.place.near(HEADINGS) and after and is_prose(after)):
        return True
    return is_caption(block.place) or is_notice(block.text, block.link_density)


def is_prose(block: Block) -> bool:
    """Whether a block is a paragraph that is read, and no line of links."""
    return len(block.text) >= PROSE and block.link_density < 0.3


def _without_repeats(blocks: Sequence[Block]) -> list[Block]:
    first_seen: dict[str, Place] = {}

    def repeated(block: Block) -> bool:
        line, kind = squeeze(block.text), kind_of(block.place)
        # Repeats among siblings are the author's own, such as a refrain; elsewhere they are teasers.
        return len(line) > MIN_LINE and first_seen.setdefault(line, kind) is not kind

    return [block for block in blocks if block.place.near(ITEMS) or not repeated(block)]


def _without_endings(article: Sequence[Block]) -> list[Block]:
    body = _end_of_body(article)
    end = next((n for n, block in enumerate(article) if n >= body and is_ending(block.text)), None)
    return [block for block in article[:end] if not is_ending(block.text)]


def _end_of_body(article: Sequence[Block]) -> int:
    """The number of the block from which on there is little, and no prose where the prose before it stood."""
    before = [0, *accumulate(len(block.text) for block in article)]
    start = bisect_left(before, (1 - MAX_AFTERWORD) * before[-1])
    # Prose elsewhere is what stands under an article; it must not draw the end of the body down.
    homes = {home_of(block) for block in article[:start] if is_prose(block)}
    late = enumerate(article[start:], start + 1)
    return max((n for n, block in late if is_prose(block) and home_of(block) in homes), default=start)


def home_of(block: Block) -> object:
    """What paragraphs of one article share: the element around them, or its class."""
    around = kind_of(block.place)
    return around.classes.strip() or around


def _without_frame(article: list[Block], authors: Sequence[str]) -> list[Block]:
    start = next((n for n, block in enumerate(article) if is_prose(block)), 0)
    end = max(len(article) - TAIL, start + 1)
    head = [b for b in article[:start] if not (is_byline(b.text, authors) or _is_dated(b))]
    tail = [b for b in article[end:] if not (is_byline(b.text, authors) or is_about(b.text, authors))]
    return head + article[start:end] + tail


def _is_dated(block: Block) -> bool:
    return is_stamp(block.text) and not block.place.near(ITEMS)


def _without_tail(article: list[Block]) -> list[Block]:
    """The article without headings that nothing follows."""
    end = len(article)
    while end and len(article[end - 1].text) < MAX_HEADING and article[end - 1].place.near(HEADINGS):
        end -= 1
    # Headings alone are still more than nothing.
    return article[:end] or article
