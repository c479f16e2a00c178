"""The topics an article has, out of the closed vocabulary. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mingus_lib.domain.lexicon import Hit, totals
from mingus_lib.domain.prose import Prose
from mingus_lib.domain.wordlists import topic_lists, topic_tables

# Points that a topic needs, and the shares of the best topic's points that the second and the third need.
LEAST_POINTS = 2.5
LEAST_SHARES = (0.0, 0.3, 0.7)
# What a text of the phase BE is nearly always about, too.
BE_TOPIC, BE_POINTS = "mindset", 3.0


@dataclass(frozen=True, slots=True)
class TopicReading:
    """The topics, best first, with their points, and where they were found."""

    points: dict[str, float]
    hits: tuple[Hit, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The topics, best first."""
        return tuple(self.points)


def names() -> tuple[str, ...]:
    """The whole vocabulary."""
    return tuple(topic_tables())


def assess(prose: Prose, be: float = 0.0) -> TopicReading:
    """Up to three topics by the word lists; none where nothing speaks for any. `be`: how likely the phase BE is."""
    words = topic_lists()
    hits = prose.hits(words)
    points = totals(hits, words.labels)
    # It needs a word of its own: the phase alone makes no topic.
    if points[BE_TOPIC]:
        points[BE_TOPIC] += be * BE_POINTS
    best = sorted(points.items(), key=lambda pair: (-pair[1], pair[0]))[: len(LEAST_SHARES)]
    least = [max(LEAST_POINTS, share * best[0][1]) for share in LEAST_SHARES]
    chosen = {name: round(value, 2) for (name, value), need in zip(best, least, strict=True) if value >= need}
    return TopicReading(
        chosen, tuple(hit for hit in hits if any(label in chosen for label, _ in hit.weights))
    )


def known(name: str) -> str | None:
    """The vocabulary's name for what somebody called a topic; None when that is not certain."""
    return _spellings().get(_plain(name))


@cache
def _spellings() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, table in topic_tables().items():
        for alias in table["aliases"]:
            # The first topic that claims an alias has it, but no alias takes another topic's own name.
            found.setdefault(_plain(alias), name)
    return found | {_plain(name): name for name in topic_tables()}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def objectives(topics: Sequence[str]) -> list[str]:
    """What a reader learns of each topic."""
    return [str(topic_tables()[topic]["objective"]) for topic in topics]


def prerequisites(topics: Sequence[str]) -> list[str]:
    """What should be known before, each once, "None" left out."""
    found = [str(topic_tables()[topic]["prerequisite"]) for topic in topics]
    return list(dict.fromkeys(each for each in found if each != "None"))
