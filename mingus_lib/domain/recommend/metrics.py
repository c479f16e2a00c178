"""How good ranked lists are, reader by reader. Binary relevance; ranks count from 1.

K. Jarvelin, J. Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002 (nDCG); B. Efron,
"Bootstrap methods", 1979 (the percentile intervals).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]


def ndcg(hits: Hits, wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each row of `hits` (readers x ranks): gain over that of the best list; `wanted` is how many could hit."""
    discount = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    # The 0 stands for a reader of whom nothing was held out.
    best = np.concatenate(([0.0], np.cumsum(discount)))[np.minimum(wanted, hits.shape[1])]
    return np.asarray((hits @ discount) / np.maximum(best, 1e-12), np.float64)


def recall(hits: Hits, wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of what was wanted that is in the list."""
    return np.asarray(hits.sum(axis=1) / np.maximum(wanted, 1), np.float64)


def average_precision(hits: Hits, wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of the precision at each hit, over as many hits as the list could have."""
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    gained = (precision * hits).sum(axis=1) / np.maximum(np.minimum(wanted, hits.shape[1]), 1)
    return np.asarray(gained, np.float64)


def hit_rate(hits: Hits) -> NDArray[np.float64]:
    """1 where the list has anything that was wanted."""
    return np.asarray(hits.any(axis=1), np.float64)


def novelty(ranked: NDArray[np.int64], popularity: NDArray[np.float64], readers: int) -> NDArray[np.float64]:
    """The mean surprise of a list's items in bits: -log2 of the share of readers who have each; -1 is no item."""
    # An article nobody has read counts as read once: its surprise would have no end.
    bits = -np.log2(np.maximum(popularity, 1) / max(readers, 1))
    # For -1 numpy gives the last article's bits: `shown` takes them away.
    shown = ranked >= 0
    return np.asarray((bits[ranked] * shown).sum(axis=1) / np.maximum(shown.sum(axis=1), 1))


def interval(
    values: NDArray[np.float64], seed: int, rounds: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """The bootstrap interval of the mean: readers drawn anew `rounds` times."""
    if len(values) == 0:
        return 0.0, 0.0
    draw = np.random.default_rng(seed)
    means = [values[draw.integers(0, len(values), len(values))].mean() for _ in range(rounds)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
