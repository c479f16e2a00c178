"""RP3beta: how often a short random walk over readers leads from one article to another.

F. Christoffel, B. Paudel, C. Newell, A. Bernstein, "Blockbusters and Wallflowers", RecSys 2015: from article i to
one of its readers, and on to one of that reader's articles j, with every probability raised to `alpha`; the
result is divided by the readers of j to the power `beta`, so that popular articles do not win everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mingus_lib.domain.recommend.matrix import Csr, Floats, kept_a_row, product, rows_kept, scaled

# Entries of the whole matrix that are kept, as far as that leaves each row some.
ENTRIES = 8_000_000
FEWEST, MOST = 100, 400


def neighbours(articles: int) -> int:
    """How many entries of a row may be kept."""
    return kept_a_row(articles, ENTRIES, FEWEST, MOST)


def rp3beta(
    seen: Csr, *, alpha: float, beta: float, neighbours: int, rows: NDArray[np.bool_] | None = None
) -> Csr:
    """Articles x articles: row i holds the `neighbours` articles that i leads to most. `seen`: readers x articles.

    `rows`: the articles that are asked about; the others' rows stay empty.
    """
    by_article = seen.T.tocsr()
    to_reader, to_article = steps(by_article, alpha), steps(seen, alpha)
    if rows is not None:
        to_reader = rows_kept(to_reader, rows)
    damping = degrees(by_article) ** np.float32(-beta)
    return product(to_reader, to_article, neighbours, lambda piece, _: scaled(piece, columns=damping))


def degrees(matrix: Csr) -> Floats:
    """Entries of each row, at least 1."""
    return np.asarray(np.maximum(np.diff(matrix.indptr), 1), np.float32)


def steps(matrix: Csr, alpha: float) -> Csr:
    """Articles or readers x the other: the probabilities of a step from each row, raised to alpha."""
    total = np.maximum(matrix.sum(axis=1), 1e-9)
    steps = scaled(matrix, rows=1.0 / total)
    # In place: the matrix is scaled's own copy, and large.
    steps.data **= np.float32(alpha)
    return steps
