"""What a list is made from and of: plain values, light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from mingus_lib.domain.gate import BEGINNER, Label, Levels

# The steps that can be left out, in their order; the gate is none of them.
STEPS = ("finished", "goals", "culture", "quality", "freshness", "balance", "diversity", "exploration")
# What a score is the sum of, in this order.
PARTS = ("taste", "popularity", "goals", "stage", "culture", "quality", "freshness", "balance")


@dataclass(frozen=True, slots=True)
class ArticleFacts:
    """An article as a list looks at it. `day`: days since 1970; `culture`, `quality`: 0-1; `fingerprint`: simhash."""

    id: int
    label: Label
    host: str
    topics: tuple[str, ...]
    stage: str | None
    income: str | None
    culture: float
    quality: float
    day: float
    fingerprint: int | None


def quality_of(source: float, usefulness: float, featured: bool) -> float:
    """0-1: half the source's quality, half how useful the article is; 1 for what an editor features."""
    return 1.0 if featured else 0.5 * source + 0.5 * usefulness


@dataclass(frozen=True, slots=True)
class ReaderFacts:
    """A reader as a list looks at them. `weakness`: 0-1 for each phase, 1 for what they most need."""

    number: int
    levels: Levels = BEGINNER
    goals: tuple[str, ...] = ()
    stage: str | None = None
    income: str | None = None
    weakness: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ListPolicy:
    """The weights of the formula in docs/recommendations.md. `without`: the STEPS left out.

    `explore`: this share of the places goes to new articles drawn by `seed`; `per_host`, `per_topic`: at most so
    many of one; `near`: fingerprints that differ in at most so many bits are near-duplicates.
    """

    goals: float = 0.25
    stage: float = 0.05
    culture: float = 0.10
    quality: float = 0.10
    freshness: float = 0.10
    balance: float = 0.15
    popularity: float = 0.5
    trusting: float = 4.0
    half_life_days: float = 30.0
    per_host: int = 4
    per_topic: int = 5
    near: int = 6
    explore: float = 0.1
    without: frozenset[str] = frozenset()
    seed: int = 0

    def has(self, step: str) -> bool:
        """Whether the step is taken."""
        return step not in self.without


class Suggestion(NamedTuple):
    """One place of a list. `parts` sum up to `score`; `because`: the articles read that led here, best first."""

    article: int
    score: float
    parts: dict[str, float]
    because: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As it is kept in the store."""
        return {
            "article": self.article,
            "score": self.score,
            "parts": self.parts,
            "because": list(self.because),
            "reasons": list(self.reasons),
        }
