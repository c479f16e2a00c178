"""The offline engine: labels from word lists and counted features, with the evidence for each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mingus_lib.domain import difficulty, phase, rubric, topics
from mingus_lib.domain.labels import LIST_SIZES, Evidence, Labels
from mingus_lib.domain.lexicon import Hit
from mingus_lib.domain.prose import Prose
from mingus_lib.domain.prose import read as read_prose
from mingus_lib.domain.wordlists import model

VERSION = "lists-1"
MAX_EVIDENCE = 40
# Points of evidence below which a phase is hardly more than a guess.
THIN_POINTS = 6.0
THIRD = 1 / 3


class Learned(Protocol):
    """A model learned from the library, which changes the lists' opinion."""

    @property
    def version(self) -> str:
        """Its name, kept with every label it had a part in."""

    def blend(self, prior: Mapping[str, float], prose: Prose) -> dict[str, float]:
        """Probabilities of the phases, given those of the lists."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the engine says of one text; the probabilities are by phase and by level."""

    labels: Labels
    evidence: tuple[Evidence, ...]
    phases: dict[str, float]
    levels: dict[str, float]
    topics: dict[str, float]
    version: str


def classify(title: str, text: str, learned: Learned | None = None) -> Opinion:
    """Label a text. With hardly any evidence the confidence falls to a third: a guess among three."""
    prose = read_prose(title, text)
    found = phase.assess(prose)
    phases = learned.blend(found.probabilities, prose) if learned else found.probabilities
    # After what was learned, which is no surer than the lists where a text says hardly anything.
    phases = thinned(phases, found.points)
    levels = model("difficulty").probabilities(difficulty.features(prose))
    best_phase, best_level = best(phases), best(levels)
    about = topics.assess(prose, phases["BE"])
    cultural, cultural_hits = rubric.culture(prose)
    labels = Labels(
        primary_phase=best_phase,
        difficulty_level=best_level,
        confidence_score=round(phases[best_phase], 4),
        **rubric.scores(prose, cultural, found.orders),
        key_topics=about.names,
        learning_objectives=tuple(topics.objectives(about.names)[: LIST_SIZES["learning_objectives"]]),
        prerequisites=tuple(topics.prerequisites(about.names)[: LIST_SIZES["prerequisites"]]),
        cultural_relevance_keywords=keywords(cultural_hits),
        cultural_focus=rubric.focus(cultural),
        target_income_range=rubric.income_range(best_level, best_phase, about.names),
        career_stage=rubric.career_stage(prose),
        recommended_reading_order=rubric.reading_order(best_level, best_phase),
        classification_reasoning=reasoning(best_phase, found, phases),
    )
    hits = {
        "primary_phase": found.hits,
        "key_topics": about.hits,
        "cultural_relevance_keywords": cultural_hits,
    }
    version = f"{VERSION}+{learned.version}" if learned else VERSION
    return Opinion(labels, gathered(hits), phases, levels, about.points, version)


def best(probabilities: Mapping[str, float]) -> str:
    """The likeliest; the first of equals."""
    return max(probabilities, key=lambda name: probabilities[name])


def thinned(probabilities: Mapping[str, float], points: float) -> dict[str, float]:
    """Drawn towards a third each where few points of evidence were found."""
    # Points may be negative, by words that speak against a label.
    sure = min(1.0, max(0.0, points) / THIN_POINTS)
    return {name: sure * value + (1.0 - sure) * THIRD for name, value in probabilities.items()}


def keywords(hits: Iterable[Hit]) -> tuple[str, ...]:
    """The cultural words found, each once, the weightiest first."""
    strongest: dict[str, float] = {}
    for hit in hits:
        if not hit.negated:
            term, weight = hit.term.rstrip("*"), max(weight for _, weight in hit.weights)
            strongest[term] = max(weight, strongest.get(term, weight))
    ranked = sorted(strongest, key=lambda term: (-strongest[term], term))
    return tuple(ranked[: LIST_SIZES["cultural_relevance_keywords"]])


def reasoning(name: str, found: phase.PhaseReading, phases: Mapping[str, float]) -> str:
    """A sentence or two: the strongest words, the orders, the runner-up."""
    mine = [(w, h) for h in found.hits for label, w in h.weights if label == name and not h.negated]
    strongest = dict.fromkeys(hit.term.rstrip("*") for _, hit in sorted(mine, key=lambda pair: -pair[0]))
    words = ", ".join(f'"{term}"' for term in list(strongest)[:4]) or "no word of the lists"
    others = {other: value for other, value in phases.items() if other != name}
    second = best(others)
    return (
        f"{name} by {words}; {found.orders:.0%} of the sentences tell the reader what to do. "
        f"Next is {second} with {others[second]:.0%}."
    )


def gathered(hits: Mapping[str, Sequence[Hit]]) -> tuple[Evidence, ...]:
    """The weightiest evidence of every field, at most MAX_EVIDENCE in all."""
    found = [
        Evidence(field, label, hit.term, "title" if hit.in_title else "text", hit.word, weight, hit.negated)
        for field, each in hits.items()
        for hit in each
        for label, weight in hit.weights
    ]
    found.sort(key=lambda evidence: (-abs(evidence.weight), evidence.place, evidence.word))
    return tuple(found[:MAX_EVIDENCE])
