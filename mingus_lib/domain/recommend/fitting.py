"""Fitting the item-item matrix: S = ease * EASE / mean + (1 - ease) * RP3beta / mean + content * nearness / mean.

"mean" is the mean size of a part's entries, so that weights mean the same in every library. Without EASE (too many
articles and readers) the walk stands alone. The parameters come from tuning.py, or are given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from mingus_lib.domain.recommend import ease, tuning, walks
from mingus_lib.domain.recommend.content import nearest, neighbours
from mingus_lib.domain.recommend.matrix import Csr, empty, mean_size, scaled
from mingus_lib.domain.recommend.parameters import FitOptions, Parameters
from mingus_lib.domain.recommend.readings import Readings


@dataclass(frozen=True, slots=True)
class Fitted:
    """Articles x articles: `taste` from readers, `likeness` from content, both weighted; S is their sum."""

    taste: Csr
    likeness: Csr
    parameters: Parameters


def fit(readings: Readings, vectors: Csr | None, options: FitOptions = FitOptions()) -> Fitted:  # noqa: B008
    """The matrix of these readings and, when given, these content vectors (articles x words, rows of length 1)."""
    articles = readings.seen.shape[1]
    likeness = empty((articles, articles)) if vectors is None else nearest(vectors, neighbours(articles))
    # In a large library the dense matrix of EASE would have gigabytes.
    start = options.given if _is_small(readings, options) else replace(options.given, ease=0.0)
    chosen = tuning.tuned(readings, likeness, start, options) if options.tune else start
    return Fitted(taste(readings, chosen), weighted(likeness, chosen.content), chosen)


def taste(readings: Readings, chosen: Parameters) -> Csr:
    """What readers' readings say about articles, with the weights chosen."""
    seen = readings.flat().seen if chosen.flat else readings.seen
    parts = []
    if chosen.ease:
        parts.append(weighted(ease.regression(seen, chosen.ridge).nearest(), chosen.ease))
    if chosen.ease < 1:
        walk = walks.rp3beta(seen, alpha=chosen.alpha, beta=chosen.beta, neighbours=chosen.neighbours)
        parts.append(weighted(walk, 1 - chosen.ease))
    # Never empty: where EASE has less than 1, the walk has the rest.
    return reduce(add, parts)


def weighted(part: Csr, weight: float) -> Csr:
    """The part over its mean size, times the weight."""
    if not weight or not part.nnz:
        return empty(part.shape)
    return scaled(part, rows=np.full(part.shape[0], weight / mean_size(part), np.float32))


def _is_small(readings: Readings, options: FitOptions) -> bool:
    """Whether EASE can be used: few articles or few readers, and anything at all."""
    readers, articles = readings.seen.shape
    return bool(
        readings.seen.nnz and (articles <= options.dense_articles or readers <= options.dense_readers)
    )
