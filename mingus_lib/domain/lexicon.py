"""Weighted word lists and where a text has their words. Pure.

A term is a word or a phrase; `*` at the end of its last word stands for any ending. Words are whole words:
"mental" is not in "fundamental". Plurals match their singular. Where terms of one list overlap, the longest counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from mingus_lib.domain.words import LIGATURES, normalized
from mingus_lib.errors import UsageError

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_LIGATURES = str.maketrans(LIGATURES)
# Accents that NFD has taken off their letters, the soft hyphen, joiners.
_SILENT = re.compile("[\u0300-\u036f\u00ad\u200c\u200d\u2060\ufeff]")
# Words before a term that deny it, and how many words back they are looked for.
NEGATIONS = frozenset(
    ("not", "no", "never", "without", "cannot", "neither", "nor", "isn't", "don't", "aren't")
)
NEGATION_REACH = 3
NEGATED = 0.25
TITLE = 3.0
# Words that look like plurals and are none.
UNCHANGED = frozenset(
    ("news", "always", "series", "species", "plus", "thus", "perhaps", "sometimes", "politics")
)
# Hostile texts have new words without end.
_MEMO_SIZE = 200_000
MAX_WEIGHT = 1000.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found: `word` is its index in the text, `weights` what it is worth for each label, negation counted."""

    term: str
    word: int
    in_title: bool
    negated: bool
    weights: tuple[tuple[str, float], ...]


@lru_cache(maxsize=_MEMO_SIZE)
def fold(word: str) -> str:
    """A word without its possessive and plural endings (Harman's S stemmer, with fewer mistakes)."""
    if word.endswith("'s"):
        word = word[:-2]
    if len(word) < 4 or word in UNCHANGED or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def words_of(text: str) -> list[str]:
    """The text's words in lower case and without accents, as written otherwise."""
    # Else a résumé would be an r and a sum, and joined letters would end a word.
    plain = _SILENT.sub("", normalized("NFD", text)).translate(_LIGATURES)
    return WORD.findall(plain.lower().replace("\u2019", "'"))


@dataclass(frozen=True, slots=True)
class _Term:
    words: tuple[str, ...]
    open_ended: bool
    text: str
    weights: tuple[tuple[str, float], ...]

    def matches(self, folded: Sequence[str], at: int) -> bool:
        end = at + len(self.words)
        if end > len(folded):
            return False
        if end - at > 1 and tuple(folded[at : end - 1]) != self.words[:-1]:
            return False
        last = folded[end - 1]
        return last.startswith(self.words[-1]) if self.open_ended else last == self.words[-1]


@dataclass(frozen=True)
class Lexicon:
    """Labels with their terms and weights. Made by `read`."""

    labels: tuple[str, ...]
    _by_word: Mapping[str, tuple[_Term, ...]]
    _by_prefix: tuple[_Term, ...]
    _memo: dict[str, tuple[_Term, ...]] = field(default_factory=dict, repr=False, compare=False)

    def hits(self, folded: Sequence[str], *, in_title: bool = False) -> list[Hit]:
        """Every term found in the folded words, in their order; overlapping shorter ones are left out."""
        found: list[Hit] = []
        begins = {word: terms for word in set(folded) if (terms := self._candidates(word))}
        # Most words begin no term at all: they are passed over at once.
        spots = [at for at, word in enumerate(folded) if word in begins]
        free = 0
        for at in spots:
            if at < free:
                continue
            term = next((each for each in begins[folded[at]] if each.matches(folded, at)), None)
            if term is not None:
                found.append(_hit(term, folded, at, in_title))
                free = at + len(term.words)
        return found

    def _candidates(self, word: str) -> tuple[_Term, ...]:
        known = self._memo.get(word)
        if known is not None:
            return known
        opened = [term for term in self._by_prefix if word.startswith(term.words[0])]
        found = tuple(sorted((*self._by_word.get(word, ()), *opened), key=_particular))
        if len(self._memo) < _MEMO_SIZE:
            self._memo[word] = found
        return found


def _particular(term: _Term) -> tuple[int, bool, int]:
    """The order in which terms are tried: most words first, then whole words, then the longest beginnings."""
    return -len(term.words), term.open_ended, -len(term.text)


def _hit(term: _Term, folded: Sequence[str], at: int, in_title: bool) -> Hit:
    # Looked for before it alone: "no debt" denies, "debt, not tomorrow" does not.
    negated = not NEGATIONS.isdisjoint(folded[max(0, at - NEGATION_REACH) : at])
    factor = (NEGATED if negated else 1.0) * (TITLE if in_title else 1.0)
    weights = tuple((label, weight * factor) for label, weight in term.weights)
    return Hit(term.text, at, in_title, negated, weights)


def read(
    tables: Mapping[str, object], where: str, lines: Mapping[tuple[str, ...], int] = MappingProxyType({})
) -> Lexicon:
    """A lexicon of `{label: {term: weight}}`; UsageError names the label and term that will not do.

    `lines` are those of its labels, (label,), and of its terms, (label, term), for such an error.
    """
    weights: dict[tuple[tuple[str, ...], bool], dict[str, float]] = {}
    if not tables:
        raise UsageError(f'{where}: no table; write [label] and below it "word or phrase" = weight')
    for label, terms in tables.items():
        if not isinstance(terms, Mapping) or not terms:
            raise UsageError(
                f'{_at(where, lines, label)}: {label!r} is no table of words; write [{label}] and "word" = 1.0 below'
            )
        for text, weight in terms.items():
            term = f"{_at(where, lines, label, text)}: [{label}] {text!r}"
            weights.setdefault(_key(text, term), {})[label] = _weight(weight, term)
    return _indexed(tuple(tables), weights)


def _at(where: str, lines: Mapping[tuple[str, ...], int], *key: str) -> str:
    return f"{where}:{lines[key]}" if key in lines else where


def _key(text: str, where: str) -> tuple[tuple[str, ...], bool]:
    open_ended = text.endswith("*")
    words = words_of(text)
    if not words:
        raise UsageError(f"{where}: a term needs a letter or a digit")
    folded = [fold(word) for word in words]
    # What stands before the star is a beginning, not a word with an ending of its own.
    if open_ended:
        folded[-1] = words[-1]
    return tuple(folded), open_ended


def _weight(weight: object, where: str) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise UsageError(f"{where} = {weight!r}: a weight is a number, such as 1.5")
    if not math.isfinite(weight) or abs(weight) > MAX_WEIGHT:
        raise UsageError(f"{where} = {weight!r}: a weight is between -{MAX_WEIGHT:.0f} and {MAX_WEIGHT:.0f}")
    return float(weight)


def _indexed(
    labels: tuple[str, ...], weights: Mapping[tuple[tuple[str, ...], bool], Mapping[str, float]]
) -> Lexicon:
    by_word: dict[str, list[_Term]] = {}
    by_prefix: list[_Term] = []
    for (words, open_ended), by_label in weights.items():
        term = _Term(words, open_ended, " ".join(words) + "*" * open_ended, tuple(by_label.items()))
        if open_ended and len(words) == 1:
            by_prefix.append(term)
        else:
            by_word.setdefault(words[0], []).append(term)
    return Lexicon(labels, {word: tuple(terms) for word, terms in by_word.items()}, tuple(by_prefix))


def totals(hits: Iterable[Hit], labels: Sequence[str]) -> dict[str, float]:
    """Points of every label: each further hit of the same term counts less (1 + log of how often)."""
    best: dict[tuple[str, str], list[float]] = {}
    for hit in hits:
        for label, weight in hit.weights:
            best.setdefault((label, hit.term), []).append(weight)
    points = dict.fromkeys(labels, 0.0)
    for (label, _), found in best.items():
        # A word said twenty times is one subject, not twenty.
        points[label] += max(found, key=abs) * (1.0 + math.log(len(found)))
    return points
