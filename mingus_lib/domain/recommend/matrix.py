"""Sparse matrices in pieces: products and the largest entries of each row, never a large dense array.

`Csr` is scipy's csr_array of float32; rows and columns are readers or articles by position.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Csr: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]

THREADS = 2
# What one piece of a product may hold, in entries: 8 bytes each, and as much again while they are chosen from.
PIECE = 2_000_000
# Rows of a full product that are made at once.
ROWS = 50
# Every so many of a row's entries are looked at to guess where its largest begin.
SAMPLE = 16


def kept_a_row(articles: int, entries: int, fewest: int, most: int) -> int:
    """How many entries of each row of articles x articles are kept: of the whole about `entries`."""
    return min(most, max(fewest, entries // max(articles, 1)))


def csr(rows: Any, columns: Any, values: Any, shape: tuple[int, int]) -> Csr:
    """The matrix of these entries; entries of one place are summed."""
    found = sparse.csr_array((np.asarray(values, np.float32), (rows, columns)), shape=shape)
    found.sum_duplicates()
    return found


def empty(shape: tuple[int, int]) -> Csr:
    """The matrix without an entry."""
    return sparse.csr_array(shape, dtype=np.float32)


def scaled(matrix: Csr, rows: Any = None, columns: Any = None) -> Csr:
    """The matrix with its rows and columns multiplied by these factors."""
    data = matrix.data.astype(np.float32)
    if rows is not None:
        data *= np.repeat(np.asarray(rows, np.float32), np.diff(matrix.indptr))
    if columns is not None:
        data *= np.asarray(columns, np.float32)[matrix.indices]
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def mean_size(matrix: Csr) -> float:
    """The mean magnitude of the entries that are there; 1 without any."""
    return float(np.abs(matrix.data).mean()) if matrix.nnz else 1.0


def slim(matrix: Csr) -> Csr:
    """The matrix with places of 4 bytes: products take two thirds of the time. What is slim is not copied."""
    parts = (matrix.data, *(part.astype(np.int32, copy=False) for part in (matrix.indices, matrix.indptr)))
    return sparse.csr_array(parts, shape=matrix.shape)


def full(left: Csr, right: Csr) -> Floats:
    """`left @ right` as a full array, some rows at a time: all of it as a sparse matrix would take twice the memory."""
    found = np.empty((left.shape[0], right.shape[1]), np.float32)
    for start in range(0, len(found), ROWS):
        found[start : start + ROWS] = (left[start : start + ROWS] @ right).toarray()
    return found


def stacked(pieces: list[Csr], columns: int) -> Csr:
    """The matrix of these rows, slim; the pieces are taken out of their list, so that never all are there twice."""
    if not pieces:
        return empty((0, columns))
    lengths = np.concatenate([[0], *(np.diff(piece.indptr) for piece in pieces)])
    rows = np.cumsum(lengths)
    data, indices = np.empty(rows[-1], np.float32), np.empty(rows[-1], np.int32)
    at = 0
    for number, piece in enumerate(pieces):
        data[at : at + piece.nnz], indices[at : at + piece.nnz] = piece.data, piece.indices
        at += piece.nnz
        pieces[number] = None
    return sparse.csr_array((data, indices, rows.astype(np.int32)), shape=(len(rows) - 1, columns))


def largest(matrix: Csr, count: int, *, drop_diagonal_from: int | None = None) -> Csr:
    """Each row's `count` largest entries by magnitude.

    `drop_diagonal_from`: the number in the whole matrix of the first row, whose own column is left out.
    """
    keep = np.ones(matrix.nnz, bool)
    bounds = matrix.indptr.tolist()
    for row, (low, high) in enumerate(itertools.pairwise(bounds)):
        if drop_diagonal_from is not None:
            keep[low:high] = matrix.indices[low:high] != row + drop_diagonal_from
        if high - low > count:
            size = np.abs(matrix.data[low:high]) * keep[low:high]
            keep[low:high] = False
            keep[low + top(size, count)] = True
    return _kept(matrix, keep)


def top(sizes: Floats, count: int) -> Ints:
    """Where the `count` largest are, in any order. A sample tells above what they must lie: the rest is most work."""
    if len(sizes) > 8 * SAMPLE:
        sample = sizes[::SAMPLE]
        # Twice as deep as the sample tells: only by bad luck too few lie above, and then all are looked at.
        rank = 2 * count // SAMPLE + SAMPLE
        if rank < len(sample):
            above = np.flatnonzero(sizes >= np.partition(sample, -rank)[-rank])
            if count <= len(above) < len(sizes):
                found: Ints = above[top(sizes[above], count)]
                return found
    return np.argpartition(sizes, len(sizes) - count)[len(sizes) - count :]


def columns_kept(matrix: Csr, columns: NDArray[np.bool_]) -> Csr:
    """The matrix without the entries of the other columns; the shape stays."""
    return matrix if columns.all() else _kept(matrix, columns[matrix.indices])


def rows_kept(matrix: Csr, rows: NDArray[np.bool_]) -> Csr:
    """The matrix with the other rows empty; the shape stays."""
    return _kept(matrix, np.repeat(rows, np.diff(matrix.indptr)))


def _kept(matrix: Csr, keep: NDArray[np.bool_]) -> Csr:
    # A zero that is kept is multiplied in every later product.
    keep &= matrix.data != 0
    kept = np.flatnonzero(keep)
    # Counting up to every entry instead would take as much memory again as the entries.
    rows = np.searchsorted(kept, matrix.indptr)
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], rows), shape=matrix.shape)


def product(left: Csr, right: Csr, count: int, finish: Callable[[Csr, int], Csr] | None = None) -> Csr:
    """Each row's `count` largest entries of `left @ right`, without the diagonal, made in pieces on two threads.

    `finish` changes a piece (with the number of its first row) before its largest entries are chosen.
    """

    left, right = slim(left), slim(right)

    def piece(bounds: tuple[int, int]) -> Csr:
        made = left[bounds[0] : bounds[1]] @ right
        if finish is not None:
            made = finish(made, bounds[0])
        return largest(made, count, drop_diagonal_from=bounds[0])

    # Threads are enough: scipy lets go of the lock in its sparse products.
    with ThreadPoolExecutor(THREADS) as pool:
        # map gives the pieces back in their order, which is that of the rows.
        made = list(pool.map(piece, _pieces(left, right)))
    return stacked(made, right.shape[1])


def _pieces(left: Csr, right: Csr) -> Sequence[tuple[int, int]]:
    """Runs of rows whose product stays below PIECE entries and one row more, by an upper bound."""
    lengths = np.diff(right.indptr).astype(np.int64)
    cost = np.concatenate(([0], np.cumsum(lengths[left.indices])))[left.indptr]
    bound = np.cumsum(np.minimum(np.diff(cost), right.shape[1]) + 1)
    starts = [0, *(np.flatnonzero(np.diff(bound // PIECE)) + 1).tolist(), left.shape[0]]
    return list(itertools.pairwise(starts))
