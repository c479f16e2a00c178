"""The best of many scores, in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mingus_lib.domain.recommend.matrix import Csr, Floats


def top_ranks(scores: Floats, count: int) -> NDArray[np.int64]:
    """The positions of each row's `count` highest scores, best first, of equals the first; -1 for those of -inf."""
    count = min(count, scores.shape[1])
    if count < scores.shape[1]:
        found = np.argpartition(scores, scores.shape[1] - count, axis=1)[:, -count:]
        # argpartition takes any of equals, and figures must not depend on which.
        for row in _tied(scores, found):
            found[row] = np.argsort(-scores[row], kind="stable")[:count]
    else:
        found = np.broadcast_to(np.arange(count), scores.shape)
    found = np.sort(found, axis=1)
    values = np.take_along_axis(scores, found, 1)
    order = np.argsort(-values, axis=1, kind="stable")
    ranked = np.take_along_axis(found, order, 1)
    return np.asarray(np.where(np.isneginf(np.take_along_axis(values, order, 1)), -1, ranked), np.int64)


def _tied(scores: Floats, found: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows whose last place is wanted by several of equal score."""
    last = np.take_along_axis(scores, found, 1).min(axis=1)
    wanting = np.count_nonzero(scores >= last[:, None], axis=1)
    return np.flatnonzero((wanting > found.shape[1]) & ~np.isneginf(last))


def hits(ranked: NDArray[np.int64], wanted: Csr) -> NDArray[np.bool_]:
    """Readers x ranks: whether what stands there is among the reader's `wanted` (readers x articles)."""
    # One more than there are articles, or -1 would be the last article of the reader before.
    width = wanted.shape[1] + 1
    rows = np.arange(len(ranked), dtype=np.int64)
    owners = np.repeat(rows, np.diff(wanted.indptr))
    keys = owners * width + wanted.indices
    return np.asarray(np.isin(rows[:, None] * width + ranked, keys) & (ranked >= 0))
