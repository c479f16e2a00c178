"""The offline engine's scores, stage, income range and reading order, by the rules of docs/classification.md. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mingus_lib.domain.labels import LEVELS, PHASES, SCORE_RANGE
from mingus_lib.domain.lexicon import Hit, totals
from mingus_lib.domain.prose import Prose
from mingus_lib.domain.wordlists import lists

# Points that bring a score half of the way from its base to 10.
HALF_WAY = 6.0
BASES = {
    "demographic_relevance": 3.0,
    "cultural_sensitivity": 3.0,
    "income_impact_potential": 3.0,
    "actionability_score": 2.0,
    "professional_development_value": 3.0,
}
ORDERS_POINTS = 18.0
LEAST_STAGE_POINTS = 3.0
LOW_INCOME_TOPICS = frozenset(
    ("emergency fund", "budgeting", "credit", "debt management", "student loans", "saving")
)


def raised(base: float, points: float) -> int:
    """`base` and what the points add: half of what is missing to 10 for HALF_WAY points, never more than 10."""
    low, high = SCORE_RANGE
    value = base + (high - base) * (1.0 - math.pow(0.5, max(0.0, points) / HALF_WAY))
    return max(low, min(high, round(value)))


def scores(prose: Prose, culture: Mapping[str, float], orders: float) -> dict[str, int]:
    """The five scores; `culture` are the points of the cultural groups, `orders` the share of orders."""
    words = lists("rubric")
    points = totals(prose.hits(words), words.labels)
    # Words of money alone make no text a cultural one.
    cultural = sum(culture.values()) - culture.get("income", 0.0)
    points["cultural_sensitivity"] = cultural
    points["demographic_relevance"] += cultural / 2
    points["actionability_score"] += ORDERS_POINTS * orders
    return {name: raised(base, points[name]) for name, base in BASES.items()}


def culture(prose: Prose) -> tuple[dict[str, float], tuple[Hit, ...]]:
    """Points of every cultural group and the words found."""
    words = lists("culture")
    hits = prose.hits(words)
    return totals(hits, words.labels), hits


def focus(points: Mapping[str, float]) -> str | None:
    """The group with the most points; None where there are none."""
    best = max(points, key=lambda name: points[name])
    return best if points[best] > 0 else None


def career_stage(prose: Prose) -> str:
    """Whose career the text speaks to; all stages when it does not say."""
    words = lists("stages")
    points = totals(prose.hits(words), words.labels)
    ranked = sorted(points.values(), reverse=True)
    best = max(points, key=lambda name: points[name])
    return best if ranked[0] >= LEAST_STAGE_POINTS and ranked[0] > ranked[1] else "All stages"


def income_range(level: str, phase: str, topics: Sequence[str]) -> str:
    """Who can use it best: first reserves below, advanced assets above, else everybody."""
    if level == "Advanced" and phase == "HAVE":
        return "$80K-$100K"
    if level == "Beginner" and topics and topics[0] in LOW_INCOME_TOPICS:
        return "$40K-$60K"
    if level == "Intermediate" and phase == "HAVE":
        return "$60K-$80K"
    return "All ranges"


def reading_order(level: str, phase: str) -> int:
    """Easy before hard, BE before DO before HAVE: 10 to 90."""
    return 10 + 30 * LEVELS.index(level) + 10 * PHASES.index(phase)
