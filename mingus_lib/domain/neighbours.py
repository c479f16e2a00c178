"""Labels spread over texts that are near each other (Zhou et al. 2004, local and global consistency). Pure.

numpy and scipy do the work, and are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NEAREST = 20
# A text's neighbours are so small a part of the texts that its class may have.
PART = 5
# The share of a text's opinion that is its neighbours'.
SHARE = 0.5
ROUNDS = 12
# Opinions in standard deviations are made this much sharper before they spread.
SHARPNESS = 3.0
# Every text is compared with every other: above so many that takes minutes.
MOST_TEXTS = 20_000
_BLOCK = 512


class Neighbours:
    """The nearest texts of each text, by the cosine of their vectors (of length 1): NEAREST, fewer in a small file."""

    def __init__(self, vectors: Sequence[Mapping[str, float]], classes: int) -> None:
        import numpy as np
        from scipy import sparse

        found = _matrix(vectors)
        count = found.shape[0]
        kept = min(NEAREST, count // (classes * PART))
        best, likeness = np.zeros((count, kept), dtype=int), np.zeros((count, kept))
        for start in range(0, count, _BLOCK):
            block = (found[start : start + _BLOCK] @ found.T).toarray()
            rows = np.arange(len(block))
            # No text is its own neighbour: it would only confirm itself.
            block[rows, rows + start] = 0.0
            if kept:
                best[rows + start] = np.argpartition(block, -kept, axis=1)[:, -kept:]
                likeness[rows + start] = np.take_along_axis(block, best[rows + start], axis=1)
        places = (np.repeat(np.arange(count), kept), best.ravel())
        near = sparse.csr_matrix((likeness.ravel(), places), shape=(count, count))
        # Nearness is mutual, though one may have nearer ones than the other.
        near = near.maximum(near.T)
        degree = 1 / np.sqrt(np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1e-12))
        self._near = sparse.diags(degree) @ near @ sparse.diags(degree)

    def spread(self, opinions: Sequence[Sequence[float]], fixed: Mapping[int, int]) -> list[list[float]]:
        """Each text's share in each label after its neighbours had their say; `fixed` are known labels by text."""
        import numpy as np

        own = np.exp(SHARPNESS * np.array(opinions, dtype=float))
        own /= own.sum(axis=1, keepdims=True)
        for number, label in fixed.items():
            # An example's label is known for certain, whatever the text looks like.
            own[number] = np.eye(own.shape[1])[label]
        shared = own
        for _ in range(ROUNDS):
            shared = SHARE * (self._near @ shared) + (1 - SHARE) * own
        shares: list[list[float]] = (shared / shared.sum(axis=1, keepdims=True)).tolist()
        return shares


def _matrix(vectors: Sequence[Mapping[str, float]]) -> Any:
    from scipy import sparse

    places: dict[str, int] = {}
    rows, columns, values = [], [], []
    for number, vector in enumerate(vectors):
        for word, value in vector.items():
            rows.append(number)
            columns.append(places.setdefault(word, len(places)))
            values.append(value)
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(vectors), max(1, len(places))))
