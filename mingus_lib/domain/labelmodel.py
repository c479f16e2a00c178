"""What the library's own labels teach: naive Bayes over words, blended with the word lists. Pure.

Multinomial naive Bayes over the words a text has (McCallum and Nigam 1998), its log odds divided by the root of
how many words spoke, since words are not independent. It is used only where it helps; the strength of the blend is
chosen on held-out folds.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mingus_lib.domain.labels import PHASES
from mingus_lib.domain.prose import Prose
from mingus_lib.domain.softmax import softmax

MIN_EXAMPLES = 60
MIN_PER_PHASE = 10
VOCABULARY = 20_000
# A word of a single text would only learn its label by heart.
MIN_TEXTS = 2
STRENGTHS = (0.25, 0.5, 1.0, 2.0)
FOLDS = 5
SMOOTHING = 0.5
# An editor's label counts as three of the model, which may be wrong.
OVERRIDE_WEIGHT = 3.0


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text: its different words, the lists' probabilities, the true phase, how much it counts."""

    words: tuple[str, ...]
    prior: dict[str, float]
    phase: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PhaseModel:
    """Log odds of the phases (in the order of PHASES) for each word, and how strongly they count."""

    version: str
    strength: float
    odds: Mapping[str, Sequence[float]]

    def blend(self, prior: Mapping[str, float], prose: Prose) -> dict[str, float]:
        """The lists' probabilities changed by what the words of the text have meant so far."""
        return self.blend_words(prior, words_of(prose))

    def blend_words(self, prior: Mapping[str, float], words: Iterable[str]) -> dict[str, float]:
        """The same for different words."""
        spoke = [self.odds[word] for word in words if word in self.odds]
        scale = self.strength / math.sqrt(len(spoke)) if spoke else 0.0
        scores = [
            # The lists may be quite sure, and nothing has a logarithm of 0.
            math.log(max(prior[phase], 1e-9)) + scale * sum(row[place] for row in spoke)
            for place, phase in enumerate(PHASES)
        ]
        return dict(zip(PHASES, softmax(scores), strict=True))

    def as_json(self) -> str:
        """What the store keeps."""
        return json.dumps({"version": self.version, "strength": self.strength, "odds": self.odds})


@dataclass(frozen=True, slots=True)
class Refit:
    """The outcome of a refit: the model if it is to be used, and how often lists and blend were right, held out."""

    model: PhaseModel | None
    examples: int
    lists_accuracy: float | None
    blend_accuracy: float | None
    reason: str


def from_json(text: str) -> PhaseModel:
    """The reverse of as_json."""
    found: dict[str, Any] = json.loads(text)
    return PhaseModel(found["version"], found["strength"], found["odds"])


def words_of(prose: Prose) -> tuple[str, ...]:
    """The different words that count, in the order they are met."""
    # Interned: thousands of examples share their words, and each with its own would take 15 times the memory.
    met = (sys.intern(word) for word in (*prose.words, *prose.title) if len(word) > 2)
    return tuple(dict.fromkeys(met))


def refit(examples: Sequence[Example]) -> Refit:
    """Learn from the examples; the model is used only if it is right more often than the lists on held-out folds."""
    count = Counter(example.phase for example in examples)
    if len(examples) < MIN_EXAMPLES or min(count[phase] for phase in PHASES) < MIN_PER_PHASE:
        need = f"at least {MIN_EXAMPLES} labelled articles are needed, {MIN_PER_PHASE} of each phase"
        return Refit(None, len(examples), None, None, f"too-few: {len(examples)} labelled articles; {need}")
    strength, blended = _best_strength(examples)
    lists = _share_right(examples, [example.prior for example in examples])
    if blended <= lists:
        return Refit(
            None, len(examples), lists, blended, "no-better: the word lists are right as often without it"
        )
    odds = _odds(examples)
    # Sorted, so that the same examples give the same version.
    version = f"bayes-{hashlib.sha256(json.dumps(odds, sort_keys=True).encode()).hexdigest()[:8]}"
    return Refit(
        PhaseModel(version, strength, odds), len(examples), lists, blended, "better: it is used from now on"
    )


def _best_strength(examples: Sequence[Example]) -> tuple[float, float]:
    """The strength that is right most often on held-out folds, the weakest of equals, and that share."""
    # By place and not drawn, so that the same examples are judged in the same way every night.
    folds = [_odds([e for n, e in enumerate(examples) if n % FOLDS != fold]) for fold in range(FOLDS)]
    found = []
    for strength in STRENGTHS:
        models = [PhaseModel("", strength, odds) for odds in folds]
        said = [models[n % FOLDS].blend_words(e.prior, e.words) for n, e in enumerate(examples)]
        found.append((_share_right(examples, said), -strength))
    accuracy, negative = max(found)
    return -negative, accuracy


def _share_right(examples: Sequence[Example], said: Sequence[Mapping[str, float]]) -> float:
    whole = sum(example.weight for example in examples)
    right = (
        example.weight
        for example, found in zip(examples, said, strict=True)
        if max(found, key=lambda phase: found[phase]) == example.phase
    )
    return sum(right) / whole


def _odds(examples: Sequence[Example]) -> dict[str, list[float]]:
    texts: Counter[str] = Counter()
    counts: dict[str, list[float]] = {}
    totals = [0.0] * len(PHASES)
    for example in examples:
        place = PHASES.index(example.phase)
        totals[place] += example.weight
        texts.update(example.words)
        for word in example.words:
            counts.setdefault(word, [0.0] * len(PHASES))[place] += example.weight
    kept = [word for word, n in sorted(texts.items(), key=lambda pair: (-pair[1], pair[0])) if n >= MIN_TEXTS]
    return {word: _log_odds(counts[word], totals) for word in kept[:VOCABULARY]}


def _log_odds(counts: Sequence[float], totals: Sequence[float]) -> list[float]:
    """How much more often than on average each phase's texts have the word, as a logarithm."""
    rates = [
        (count + SMOOTHING) / (total + 2 * SMOOTHING) for count, total in zip(counts, totals, strict=True)
    ]
    mean = sum(map(math.log, rates)) / len(rates)
    # Four places are enough for what is kept of twenty thousand words.
    return [round(math.log(rate) - mean, 4) for rate in rates]
