"""Which language a text is in: English by its commonest words, else as py3langid says, else as declared.

The model of py3langid costs 75 MB and half a second at first use, and a millisecond a text then; a library of English
articles hardly ever needs it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SAMPLE = 1_000
# Texts of ten words reach this, and above it the detector was never wrong on pages we know.
CONFIDENCE = 0.8
# Of English prose, 35 to 45 words in a hundred are among these; of any other language's, hardly 15.
_WORDS = """
    the of and to a in is that for it was on with as be at by this are from or have an but not they you which we
    his her their has were been will would can there more when who if out so about into than them your
"""
_COMMON = frozenset(_WORDS.split())
COMMON_SHARE = 0.25
MIN_WORDS = 60
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def language_of(text: str, declared: str | None = None) -> str | None:
    """The ISO 639 code of a text; a short or mixed one is believed to be in the declared language."""
    sample = text[:SAMPLE].strip()
    # The detector names a language for digits, too.
    if not any(map(str.isalpha, sample)):
        return declared
    if is_plainly_english(sample):
        return "en"
    code, confidence = _identifier().classify(sample)
    return str(code) if confidence >= CONFIDENCE else declared


def is_plainly_english(text: str) -> bool:
    """Whether a text is long enough, and so full of the commonest English words, that it can be nothing else."""
    words = _WORD.findall(text.lower())
    return len(words) >= MIN_WORDS and sum(word in _COMMON for word in words) >= COMMON_SHARE * len(words)


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # Normed to probabilities: bare likelihoods grow with the text, and fit no threshold.
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
