"""An article as the offline engine reads it: words, sentences, syllables, once for all that look at them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mingus_lib.domain.lexicon import Hit, Lexicon, fold, words_of

# A run of marks is looked at from its beginning alone: from each mark, a page of dots would take a minute.
SENTENCE = re.compile(r"(?<![.!?])[.!?]++(?=[\s\"')\]\u201d\u2019]|$)|\n+")
VOWELS = re.compile(r"[aeiouy]+")
# The offline engine reads so many characters of a body: a hostile page must not cost a minute.
LONGEST_TEXT = 60_000


@dataclass(frozen=True, slots=True)
class Prose:
    """`title` and `words` are folded for matching, `sentences` are the body's words as written."""

    title: tuple[str, ...]
    words: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    text: str

    @property
    def count(self) -> int:
        """Words of the body."""
        return len(self.words)

    def hits(self, words: Lexicon) -> tuple[Hit, ...]:
        """Every term of the list in the title, then in the body."""
        return (*words.hits(self.title, in_title=True), *words.hits(self.words))


def read(title: str, text: str) -> Prose:
    """Cut a title and a body into words and sentences."""
    body = text[:LONGEST_TEXT]
    cut = (tuple(words_of(part)) for part in SENTENCE.split(body))
    sentences = tuple(words for words in cut if words)
    words = tuple(fold(word) for sentence in sentences for word in sentence)
    # The title is cut as well: a page may put all of its text there.
    return Prose(tuple(map(fold, words_of(title[:1000]))), words, sentences, body)


@lru_cache(maxsize=100_000)
def syllables(word: str) -> int:
    """Syllables of an English word, by its groups of vowels; a silent e at the end does not count."""
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    if word.endswith("ed") and not word.endswith(("ted", "ded")) and count > 1:
        count -= 1
    return max(1, count)
