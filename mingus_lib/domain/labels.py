"""What an article is labelled with, by whom, and what makes a label wait for an editor. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

# The order counts: levels of readers, learned models and the reading order go by it.
PHASES = ("BE", "DO", "HAVE")
LEVELS = ("Beginner", "Intermediate", "Advanced")
INCOME_RANGES = ("$40K-$60K", "$60K-$80K", "$80K-$100K", "All ranges")
CAREER_STAGES = ("Early career", "Mid-career", "Advanced", "All stages")
FOCUS_GROUPS = (
    "identity and community", "systemic barriers", "career", "financial empowerment", "income",
)  # fmt: skip
SCORES = (
    "demographic_relevance", "cultural_sensitivity", "income_impact_potential", "actionability_score",
    "professional_development_value",
)  # fmt: skip
LISTS = ("key_topics", "learning_objectives", "prerequisites", "cultural_relevance_keywords")
# How many of each list are kept.
LIST_SIZES = {
    "key_topics": 3,
    "learning_objectives": 3,
    "prerequisites": 2,
    "cultural_relevance_keywords": 12,
}
SCORE_RANGE = (1, 10)
READING_ORDER_RANGE = (1, 100)

OPENAI, OFFLINE = "openai", "offline"
SURE, SECOND_LOOK = 0.8, 0.7
LEAST_ACTIONABLE_DO = 5
LEAST_WORDS = 50
MIX = {"BE": 0.33, "DO": 0.40, "HAVE": 0.27}


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one article, in domain terms; a score that was never given is None."""

    primary_phase: str
    difficulty_level: str
    confidence_score: float
    demographic_relevance: int | None = None
    cultural_sensitivity: int | None = None
    income_impact_potential: int | None = None
    actionability_score: int | None = None
    professional_development_value: int | None = None
    key_topics: tuple[str, ...] = ()
    learning_objectives: tuple[str, ...] = ()
    prerequisites: tuple[str, ...] = ()
    cultural_relevance_keywords: tuple[str, ...] = ()
    cultural_focus: str | None = None
    target_income_range: str | None = None
    career_stage: str | None = None
    recommended_reading_order: int = 50
    classification_reasoning: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """By field name, lists as lists."""
        found = asdict(self)
        return found | {name: list(found[name]) for name in LISTS}


FIELDS = tuple(each.name for each in fields(Labels))


def from_dict(values: dict[str, Any]) -> Labels:
    """The reverse of as_dict; other keys are left out."""
    found = {name: values[name] for name in FIELDS if name in values}
    return Labels(**found | {name: tuple(found[name]) for name in LISTS if name in found})


@dataclass(frozen=True, slots=True)
class Evidence:
    """A word that spoke for a label: where it stands (`word` counts from 0) and what it weighed."""

    field: str
    label: str
    term: str
    place: str
    word: int
    weight: float
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels with their provenance. `flags` are the reasons for which an editor should look."""

    labels: Labels
    engine: str
    model: str
    prompt_version: str | None
    content_hash: str | None
    classified_at: datetime
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    flags: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = field(default=(), repr=False)


def review_flags(labels: Labels, *, words: int, engine: str, other: Labels | None = None) -> tuple[str, ...]:
    """Why an editor should look, most weighty first; `other` is what another engine says of the same text."""
    found: list[str] = []
    if labels.confidence_score < SECOND_LOOK:
        found.append("low-confidence")
    if labels.primary_phase == "DO" and (labels.actionability_score or 0) < LEAST_ACTIONABLE_DO:
        found.append("do-without-action")
    # So little text tells no engine enough, however sure it says that it is.
    if words < LEAST_WORDS:
        found.append("few-words")
    if other is not None and disagree(labels, other):
        found.append("engines-disagree")
    if SECOND_LOOK <= labels.confidence_score < SURE:
        found.append("second-look")
    if engine == OFFLINE:
        found.append("offline")
    return tuple(found)


def disagree(one: Labels, other: Labels) -> bool:
    """Whether two engines name different phases although the second is sure of its own."""
    return one.primary_phase != other.primary_phase and other.confidence_score >= SECOND_LOOK


# What is only worth a second look is published all the same.
HOLDING = frozenset(("low-confidence", "do-without-action", "few-words", "engine-failed"))


def holds(flags: Sequence[str]) -> bool:
    """Whether the flags keep an article out of the published ones until an editor has looked."""
    return not HOLDING.isdisjoint(flags)


def review_value(flags: Sequence[str], confidence: float) -> float:
    """How much an editor's look is worth, for the order of the queue: doubt and flags, 0 and up."""
    # What an engine gave up on comes before whatever it only doubts, which is worth 2 at most.
    weights = {"engine-failed": 3.0, "engines-disagree": 2.5, "do-without-action": 1.5, "few-words": 0.5}
    # Uncertainty sampling (Lewis and Gale 1994): what the engine doubts most teaches most.
    return round(2.0 * (1.0 - confidence) + sum(weights.get(flag, 0.0) for flag in flags), 4)
