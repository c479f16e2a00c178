"""EASE: the linear model that predicts each article from all others, in closed form.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: B = I - P / diag(P) with
P = (X'X + ridge)^-1. Where there are few readers and many articles the same P comes from the matrix of readers
(Woodbury): with K = (XX' + ridge)^-1, B[i, j] = x_i' K x_j / (1 - x_j' K x_j) off the diagonal. What is dense has
the size of the smaller side squared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import numpy as np
from scipy import sparse

from mingus_lib.domain.recommend.matrix import Csr, Floats, kept_a_row

ROWS = 500
# Entries of B that are kept: of each row as many as that gives, within bounds.
ENTRIES = 6_000_000
FEWEST, MOST = 200, 800


class Regression(Protocol):
    """B, however it is held."""

    def scores(self, histories: Csr) -> Floats:
        """`histories @ B`, dense."""

    def nearest(self, rows: range | None = None) -> Csr:
        """The largest entries of each row of B (or of these rows); see `neighbours`."""


def neighbours(articles: int) -> int:
    """How many entries of each row of B are kept; more change nothing that can be measured."""
    return kept_a_row(articles, ENTRIES, FEWEST, MOST)


def regression(seen: Csr, ridge: float, *, quick: bool = False) -> Regression:
    """B of `seen` (readers x articles), by the smaller side. `ridge` is lambda where the mean square of strengths is 1.

    It is brought to 1 first, so that a lambda means the same for stars of 1 to 5 and for strengths that have faded.
    `quick`: half the digits in half the time, where they are enough to tell which lambda is better.
    """
    readers, articles = seen.shape
    seen = seen * np.float32(1 / np.sqrt(np.mean(seen.data**2))) if seen.nnz else seen
    if articles > readers:
        return Dual(seen, ridge)
    if quick:
        # In 4 bytes a small ridge may be lost: then once more in 8.
        with suppress(ArithmeticError):
            return Primal(seen, ridge, np.float32)
    return Primal(seen, ridge, np.float64)


def _inverse(symmetric: np.ndarray) -> np.ndarray:
    """The inverse of a positive definite matrix, which is overwritten."""
    from scipy.linalg import get_lapack_funcs

    # By Cholesky: half the work of a general inverse, and it tells when there is none.
    factor, invert = get_lapack_funcs(("potrf", "potri"), (symmetric,))
    lower, failed = factor(symmetric, lower=1, overwrite_a=1)
    if not failed:
        lower, failed = invert(lower, lower=1, overwrite_c=1)
    if failed:
        raise ArithmeticError("the matrix of EASE is not positive definite")
    _mirror(lower)
    return np.asarray(lower)


def _mirror(lower: np.ndarray) -> None:
    """Fill the upper triangle from the lower, a strip at a time: a whole transposed copy would double the memory."""
    for strip in _pieces(range(len(lower))):
        start, stop = strip.start, strip.stop
        lower[start:stop, stop:] = lower[stop:, start:stop].T
        corner = np.tril(lower[start:stop, start:stop])
        lower[start:stop, start:stop] = corner + np.tril(corner, -1).T


def _gram(rows: Csr, ridge: float, kind: type) -> np.ndarray:
    # In the order of LAPACK, which would copy any other.
    found = (rows @ rows.T.tocsr()).toarray(order="F").astype(kind, order="F", copy=False)
    found[np.diag_indices_from(found)] += kind(ridge)
    return np.asarray(found)


class Primal:
    """By articles."""

    def __init__(self, seen: Csr, ridge: float, kind: type) -> None:
        inverse = _inverse(_gram(seen.T.tocsr(), ridge, kind))
        inverse /= -np.diag(inverse)
        # No article may predict itself: that is the one condition of EASE.
        np.fill_diagonal(inverse, 0)
        self._weights: Floats = inverse.astype(np.float32, order="C")

    def scores(self, histories: Csr) -> Floats:
        found: Floats = histories @ self._weights
        return found

    def nearest(self, rows: range | None = None) -> Csr:
        pieces = _pieces(rows or range(len(self._weights)))
        made = [_largest(self._weights[each.start : each.stop]) for each in pieces]
        return sparse.vstack(made, format="csr")


class Dual:
    """By readers."""

    def __init__(self, seen: Csr, ridge: float) -> None:
        self._seen = seen
        self._by_article = seen.T.tocsr()
        self._kernel = _inverse(_gram(seen, ridge, np.float32))
        leverage = np.concatenate([self._leverage(each) for each in _pieces(range(seen.shape[1]))])
        # Above 0 by the formula; in 4 bytes it may fall below.
        self._factor = 1 / np.maximum(1 - leverage, 1e-6)

    def scores(self, histories: Csr) -> Floats:
        spread = (histories @ self._by_article).toarray() @ self._kernel
        found: Floats = (self._by_article @ np.ascontiguousarray(spread.T)).T
        return np.asarray(found * self._factor, np.float32)

    def nearest(self, rows: range | None = None) -> Csr:
        made = [self._nearest(each) for each in _pieces(rows or range(self._seen.shape[1]))]
        return sparse.vstack(made, format="csr")

    def _nearest(self, rows: range) -> Csr:
        spread = self._by_article[rows.start : rows.stop] @ self._kernel
        found = np.ascontiguousarray((self._by_article @ np.ascontiguousarray(spread.T)).T) * self._factor
        found[np.arange(len(rows)), np.arange(rows.start, rows.stop)] = 0
        return _largest(found)

    def _leverage(self, rows: range) -> Floats:
        mine = self._by_article[rows.start : rows.stop]
        return np.asarray(mine.multiply(mine @ self._kernel).sum(axis=1), np.float32).ravel()


def _largest(dense: Floats) -> Csr:
    rows, articles = dense.shape
    count = min(neighbours(articles), articles)
    places = np.sort(np.argpartition(np.abs(dense), articles - count, axis=1)[:, articles - count :], axis=1)
    pointers = np.arange(0, rows * count + 1, count)
    found = sparse.csr_array(
        (np.take_along_axis(dense, places, 1).ravel(), places.ravel(), pointers), dense.shape
    )
    found.eliminate_zeros()
    return found


def _pieces(rows: range) -> Iterator[range]:
    for start in range(rows.start, rows.stop, ROWS):
        yield range(start, min(start + ROWS, rows.stop))
