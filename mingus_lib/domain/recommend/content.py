"""What articles are about: TF-IDF of their words and labels, and the nearest of each.

Weights are 1 + log(count), times log((1 + n) / (1 + df)) + 1, rows of length 1 (G. Salton, C. Buckley,
"Term-weighting approaches in automatic text retrieval", 1988); nearness is the cosine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mingus_lib.domain.recommend.matrix import Csr, Floats, columns_kept, kept_a_row, largest, product

_WORD = re.compile(r"[^\W\d_]{3,30}")
# A word in more than this share of the articles tells nothing and costs most.
COMMON_SHARE = 0.15
TERMS = 100
TEXT_CHARACTERS = 6_000
_STOP = """
the and for are was were has have had with that this from not but you your our their its his her they them can will
would which who what when how all any more than then there these those been being also into over such only other some
most may about between through very each does did one two use used using
"""
STOP = frozenset(_STOP.split())
NO_WORD = -1
# Nearest articles that are kept of all; beside readers' readings the far ones tell too.
ENTRIES = 6_000_000
FEWEST, MOST = 100, 400
# What finding the nearest may cost, in multiplications: some ten seconds.
PRODUCTS = 600_000_000


# The numbers of an article's words, and how often each occurs; as a dict they would take four times the memory.
Words = tuple[NDArray[np.int32], Floats]


class Vocabulary:
    """Words by number, in the order they were met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        # As written, so that a word is stemmed once and not a million times.
        self._written: dict[str, int] = dict.fromkeys(STOP, NO_WORD)

    def __len__(self) -> int:
        return len(self._numbers)

    def count(self, title: str, text: str, labels: Sequence[str] = ()) -> Words:
        """How often each word of an article occurs; one of the title counts for 3, a label for 4 words."""
        counts: Counter[int] = Counter()
        for words, weight in ((title, 3), (text[:TEXT_CHARACTERS], 1)):
            for word, times in Counter(_WORD.findall(words.lower())).items():
                counts[self._number(word)] += times * weight
        for label in labels:
            counts[self._of(f"#{label.lower()}")] += 4
        # Stop words were counted under one number, so that each written word is looked up once.
        counts.pop(NO_WORD, None)
        # Straight from the dict: a list between would hold all its numbers as Python objects once more.
        numbers = np.fromiter(counts.keys(), np.int32, len(counts))
        return numbers, np.fromiter(counts.values(), np.float32, len(counts))

    def _number(self, word: str) -> int:
        number = self._written.get(word)
        if number is None:
            number = self._written[word] = self._of(_stem(word))
        return number

    def _of(self, stem: str) -> int:
        return self._numbers.setdefault(stem, len(self._numbers))


def _stem(word: str) -> str:
    """Plurals and the commonest endings off: enough for English, and fast."""
    if len(word) > 5 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 4 and word.endswith(ending):
            return word[: -len(ending)]
    return word


def tfidf(counts: Sequence[Words], words: int) -> Csr:
    """Articles x words from each article's counts, each row cut to its TERMS heaviest and of length 1."""
    if not counts:
        return sparse.csr_array((0, words), dtype=np.float32)
    columns, values = zip(*counts, strict=True)
    lengths = [0, *map(len, columns)]
    indices, data = np.concatenate(columns), np.concatenate(values)
    articles = len(lengths) - 1
    found = np.bincount(indices, minlength=words)
    factor = np.log((1 + articles) / (1 + found)).astype(np.float32) + 1
    # In a small library that share is a handful, and words of a handful tell most.
    factor[found > max(COMMON_SHARE * articles, 20)] = 0
    # A word of one article alone brings it near to none.
    factor[found < 2] = 0
    weighed = (1 + np.log(data)) * factor[indices]
    matrix = sparse.csr_array((weighed, indices, np.cumsum(lengths)), shape=(articles, words))
    return unit_rows(largest(matrix, TERMS))


def unit_rows(matrix: Csr) -> Csr:
    """Every row divided by its length."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    data = matrix.data / np.repeat(np.maximum(lengths, 1e-9), np.diff(matrix.indptr))
    return sparse.csr_array((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def neighbours(articles: int) -> int:
    """How many nearest of each article are kept."""
    return kept_a_row(articles, ENTRIES, FEWEST, MOST)


def nearest(vectors: Csr, neighbours: int) -> Csr:
    """Articles x articles: the `neighbours` nearest of each by the cosine, itself left out.

    A word of n articles costs n * n products; in a large library the commonest, which weigh least, are passed over.
    """
    found = np.bincount(vectors.indices, minlength=vectors.shape[1]).astype(np.float64)
    order = np.argsort(found, kind="stable")
    affordable = np.zeros(len(found), bool)
    affordable[order[np.cumsum(found[order] ** 2) <= PRODUCTS]] = True
    vectors = columns_kept(vectors, affordable)
    return product(vectors, vectors.T.tocsr(), neighbours)
