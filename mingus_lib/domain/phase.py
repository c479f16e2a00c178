"""Which Be-Do-Have phase a text speaks of: points from the word lists and its manner of speaking. Pure.

BE texts say I and feel, DO texts give orders, HAVE texts report on third things with numbers: the manner decides where
the words alone mislead (a HAVE topic told as how-to). What is right how often was fitted (data/fitted.toml).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mingus_lib.domain.labels import PHASES
from mingus_lib.domain.lexicon import Hit, totals
from mingus_lib.domain.prose import Prose
from mingus_lib.domain.wordlists import imperatives, lists, model

FIRST_PERSON = frozenset(("i", "i'm", "my", "me", "myself", "we", "our", "us"))
# Words are folded before: "yours" is "your".
SECOND_PERSON = frozenset(("you", "your", "yourself"))
# Words that may stand before the verb of an order.
OPENINGS = frozenset(
    ("first", "then", "next", "now", "also", "finally", "afterwards", "please", "always", "never", "and", "so",
     "do", "not", "don't", "thereafter", "start", "week", "one", "two", "three", "four", "just", "carefully")
)  # fmt: skip
MAX_OPENINGS = 3
# What orders count for as evidence, beside the words.
ORDERS_POINTS = 10.0


@dataclass(frozen=True, slots=True)
class PhaseReading:
    """What was found: the probability of each phase, the terms found, and the share of sentences that are orders."""

    probabilities: dict[str, float]
    hits: tuple[Hit, ...]
    orders: float
    points: float


def assess(prose: Prose) -> PhaseReading:
    """Weigh words and manner."""
    hits = prose.hits(lists("phase"))
    found = features(prose, hits)
    orders = orders_share(prose.sentences)
    # Orders count as evidence, since a how-to may have hardly a word of the lists.
    points = sum(totals(hits, PHASES).values()) + ORDERS_POINTS * orders
    return PhaseReading(model("phase").probabilities(found), hits, orders, points)


def features(prose: Prose, hits: Sequence[Hit]) -> tuple[float, ...]:
    """BE, DO, HAVE, orders, first and second person; points are shares, drawn together where there are few."""
    points = totals(hits, PHASES)
    # 4 points of each phase in advance: a single word decides little. Words that speak against a phase take no more
    # than those for it gave: no share is 0, which has no logarithm.
    raised = [max(0.0, points[phase]) + 4.0 for phase in PHASES]
    shares = [each / sum(raised) for each in raised]
    words = max(1, prose.count)
    first = sum(word in FIRST_PERSON for word in prose.words) / words
    second = sum(word in SECOND_PERSON for word in prose.words) / words
    # As logarithms: what tells is how many times the words of one phase outweigh those of another.
    return (*map(math.log, shares), orders_share(prose.sentences), first, second)


def orders_share(sentences: Sequence[Sequence[str]]) -> float:
    """The share of sentences that tell the reader to do something; 0.0 without sentences."""
    return sum(map(is_order, sentences)) / len(sentences) if sentences else 0.0


def is_order(sentence: Sequence[str]) -> bool:
    """Whether the sentence begins with a verb of instruction, after words such as "first" or "then"."""
    verbs = imperatives()
    for position, word in enumerate(sentence[: MAX_OPENINGS + 1]):
        # "Plan" alone is a heading, "asks" is a report.
        if word in verbs and len(sentence) > 1:
            return True
        if word not in OPENINGS or position == MAX_OPENINGS:
            return False
    return False
