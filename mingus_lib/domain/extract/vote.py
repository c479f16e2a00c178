"""Which blocks of a page are its article: readability and trafilatura checked against each other.

Pure rules over blocks and the two tools' choices; the tools themselves run in `tools`. In order:

1. Where the tools mostly agree, what both kept is the article. A block only trafilatura kept stays if it
   stands inside the element that holds the common text (and, before or after that text, only among
   paragraphs of the same kind); a block only readability kept stays among such paragraphs or leads them.
2. Where one saw far less than the other, the fuller one is believed; where they saw different things,
   trafilatura is. If the publisher's JSON-LD carries the body, the tool nearer to it is believed instead.
3. Whatever was chosen is trimmed of what is not of the article: `trim`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mingus_lib.domain.extract.blocks import Block, Place, squeeze
from mingus_lib.domain.extract.furniture import is_consent
from mingus_lib.domain.extract.trim import home_of, is_prose, kind_of, trimmed

# Below this share of the fuller choice the tools did not see the same article.
AGREEMENT = 0.6
# The publisher's own body counts if it is this long and can be found on the page.
MIN_DECLARED = 500
FOUND_DECLARED = 0.6
NEAR_DECLARED = 0.7
BOX_SHARE = 0.9
MIN_CORE = 25
LONG_LINE = 40
# How far before the common text readability may begin the article.
LEAD = 5


@dataclass(frozen=True, slots=True)
class Choices:
    """The numbers of the blocks each tool kept."""

    readability: frozenset[int]
    trafilatura: frozenset[int]


def article_blocks(
    blocks: Sequence[Block],
    choices: Choices,
    *,
    titles: Iterable[str] = (),
    authors: Sequence[str] = (),
    declared: str = "",
) -> list[Block]:
    """The blocks of the article, in the page's order.

    `titles` are the texts that name the page, `authors` the names of who wrote it; `declared` is the body
    the publisher states in JSON-LD.
    """
    numbers = _combine(blocks, choices, declared) or prose_choice(blocks).trafilatura
    return trimmed([blocks[n] for n in sorted(numbers)], titles, authors)


def prose_choice(blocks: Sequence[Block]) -> Choices:
    """What stands in for the tools on a page too large for them: long paragraphs that are not links."""
    prose = {n for n, block in enumerate(blocks) if is_prose(block)}
    kinds = Counter(kind_of(blocks[n].place) for n in prose)
    common = {kind for kind, times in kinds.items() if times > 1}
    kin = {n for n, b in enumerate(blocks) if kind_of(b.place) in common and b.link_density < 0.5}
    return Choices(frozenset(prose), frozenset(prose | kin))


def size(blocks: Sequence[Block], numbers: Iterable[int]) -> int:
    """How many characters the numbered blocks hold."""
    return sum(len(blocks[n].text) for n in numbers)


def _combine(blocks: Sequence[Block], choices: Choices, declared: str) -> set[int]:
    # The long text of a consent box looks like an article to readability.
    first = {n for n in choices.readability if not is_consent(blocks[n].place)}
    second = set(choices.trafilatura)
    both = first & second
    if both and size(blocks, both) >= AGREEMENT * max(size(blocks, first), size(blocks, second)):
        return _agreed(blocks, first, second)
    stated = _stated(blocks, declared)
    return _nearest(blocks, stated, first, second) if stated else _fuller(blocks, first, second)


def _fuller(blocks: Sequence[Block], first: set[int], second: set[int]) -> set[int]:
    much, little = size(blocks, first), size(blocks, second)
    overlap = size(blocks, first & second)
    # A fuller choice that shares little with the other one is another part of the page.
    return first if much > little and overlap >= little / 2 else second


def _stated(blocks: Sequence[Block], declared: str) -> set[int]:
    """The long blocks that are part of the body the publisher declares."""
    if len(declared) < MIN_DECLARED:
        return set()
    whole = squeeze(declared)
    found = {
        n for n, block in enumerate(blocks) if len(block.text) >= LONG_LINE and squeeze(block.text) in whole
    }
    return found if size(blocks, found) >= FOUND_DECLARED * len(declared) else set()


def _nearest(blocks: Sequence[Block], stated: set[int], first: set[int], second: set[int]) -> set[int]:
    def likeness(chosen: set[int]) -> float:
        return 2 * size(blocks, stated & chosen) / (size(blocks, stated) + size(blocks, chosen))

    # trafilatura first, since max keeps the first of equals.
    best = max((second, first), key=likeness)
    return best if likeness(best) >= NEAR_DECLARED else stated


def _agreed(blocks: Sequence[Block], first: set[int], second: set[int]) -> set[int]:
    both = sorted(first & second)
    # Where all that both kept is short, as in a poem, it has to do.
    core = [n for n in both if _is_core(blocks[n])] or both
    box = _box([blocks[n] for n in core])
    kinds, homes = {kind_of(blocks[n].place) for n in core}, {home_of(blocks[n]) for n in core}

    def belongs(n: int) -> bool:
        block = blocks[n]
        inside = core[0] <= n <= core[-1]
        if n in second:
            kin = kind_of(block.place) in kinds
            return (inside or kin) and any(place is box for place in block.place.line())
        leads = core[0] - LEAD <= n < core[0] and is_prose(block)
        return (inside or leads) and home_of(block) in homes and block.link_density < 0.3

    return set(both) | {n for n in first ^ second if belongs(n)}


def _is_core(block: Block) -> bool:
    return len(block.text) >= MIN_CORE and block.link_density < 0.5


def _box(core: Sequence[Block]) -> Place | None:
    """The innermost element around nearly all of the core's text."""
    weights: Counter[Place] = Counter()
    for block in core:
        for place in block.place.line():
            weights[place] += len(block.text)
    total = sum(len(block.text) for block in core)
    boxes = [place for place, weight in weights.items() if weight >= BOX_SHARE * total]
    return max(boxes, key=lambda place: place.depth, default=None)
