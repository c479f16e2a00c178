"""How hard a text is to read: ten features, and a small fitted model over them. Pure.

The features are those of the readability literature: sentence and word length, syllables (Kincaid et al. 1975),
long words (Gunning's fog index), lexical variety, and surface signs of nominal, subordinate prose as in Vajjala and
Lucic 2018 (OneStopEnglish). The coefficients are in data/fitted.toml, fitted by benchmarks/fit_labels.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mingus_lib.domain.prose import Prose, syllables

FEATURES = (
    "grade", "sentence_words", "sentence_spread", "word_letters", "word_syllables", "long_words",
    "variety", "nominal_words", "commas", "subordinators",
)  # fmt: skip
NOMINAL = ("tion", "sion", "ment", "ness", "ity", "ance", "ence", "ism", "ology", "ive", "ous", "ally", "ate")
SUBORDINATORS = frozenset(
    ("although", "because", "since", "unless", "whereas", "whether", "which", "while", "wherein", "whose",
     "provided", "thereby", "consequently", "however", "nevertheless", "moreover", "insofar", "hence", "albeit")
)  # fmt: skip
VARIETY_WINDOW = 100
LONG_SYLLABLES = 3


def features(prose: Prose) -> tuple[float, ...]:
    """The ten numbers, in the order of FEATURES; all 0.0 for a text without words."""
    sentences = prose.sentences
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return (0.0,) * len(FEATURES)
    lengths = [len(sentence) for sentence in sentences]
    counts = [syllables(word) for word in words]
    per_sentence, per_word = len(words) / len(sentences), sum(counts) / len(words)
    return (
        0.39 * per_sentence + 11.8 * per_word - 15.59,  # Flesch-Kincaid grade
        per_sentence,
        _spread(lengths),
        sum(map(len, words)) / len(words),
        per_word,
        sum(count >= LONG_SYLLABLES for count in counts) / len(words),
        _variety(words),
        # Short words, such as city or give, only end alike.
        sum(len(word) > 5 and word.endswith(NOMINAL) for word in words) / len(words),
        (prose.text.count(",") + prose.text.count(";")) / len(sentences),
        sum(word in SUBORDINATORS for word in words) / len(sentences),
    )


def _spread(numbers: Sequence[int]) -> float:
    """The standard deviation; the statistics module would cost every start a third of the engine's import."""
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))


def _variety(words: Sequence[str]) -> float:
    """Different words in the first hundred, so that long texts do not look poorer."""
    window = words[:VARIETY_WINDOW]
    return len(set(window)) / len(window)
