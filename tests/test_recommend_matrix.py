"""Sparse matrices: what is kept of them, scaled and multiplied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain.recommend import matrix
from mingus_lib.domain.recommend.matrix import Csr, csr

ROWS: list[list[float]] = [[1, -2, 0, 4], [0, 0, 0, 0], [5, 6, -7, 0]]


def of(rows: list[list[float]]) -> Csr:
    dense = np.array(rows, np.float32)
    found, columns = np.nonzero(dense)
    return csr(found, columns, dense[found, columns], dense.shape)


def dense(found: Csr) -> list[list[float]]:
    rows: list[list[float]] = found.toarray().tolist()
    return rows


def test_entries_of_one_place_are_summed() -> None:
    found = csr([1, 0, 1, 1], [2, 1, 0, 2], [1.5, 3, 4, 2], (2, 3))
    assert dense(found) == [[0, 3, 0], [4, 0, 3.5]]
    assert (found.nnz, found.dtype) == (3, np.float32)
    assert dense(matrix.empty((2, 1))) == [[0], [0]]
    assert matrix.empty((2, 1)).dtype == np.float32


def test_rows_and_columns_are_scaled_in_a_copy() -> None:
    given_ = of(ROWS)
    by_row, by_column = [[2, -4, 0, 8], [0] * 4, [-5, -6, 7, 0]], [[1, -20, 0, 4], [0] * 4, [5, 60, 0, 0]]
    assert dense(matrix.scaled(given_, rows=[2, 9, -1])) == by_row
    assert dense(matrix.scaled(given_, columns=[1, 10, 0, 1])) == by_column
    assert dense(matrix.scaled(given_, [2, 9, -1], [1, 10, 0, 1])) == [
        [2, -40, 0, 8], [0] * 4, [-5, -60, 0, 0],
    ]  # fmt: skip
    assert dense(given_) == ROWS
    assert matrix.scaled(matrix.empty((2, 3)), [1, 1]).shape == (2, 3)


def test_the_mean_size_is_of_the_entries_that_are_there() -> None:
    assert matrix.mean_size(of(ROWS)) == pytest.approx((1 + 2 + 4 + 5 + 6 + 7) / 6)
    assert matrix.mean_size(matrix.empty((3, 4))) == 1


def test_what_is_slim_is_not_copied() -> None:
    wide = of(ROWS)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    found = matrix.slim(wide)
    assert found.indices.dtype == found.indptr.dtype == np.int32
    assert dense(found) == ROWS
    assert found.shape == (3, 4)
    again = matrix.slim(found)
    assert all(
        np.shares_memory(getattr(found, part), getattr(again, part)) for part in ("data", "indices", "indptr")
    )


@pytest.mark.parametrize(
    ("count", "diagonal", "found"),
    [
        (1, None, [[0, 0, 0, 4], [0] * 4, [0, 0, -7, 0]]),
        (2, None, [[0, -2, 0, 4], [0] * 4, [0, 6, -7, 0]]),
        (9, None, ROWS),
        # The first row's number in the whole matrix is its own column.
        (9, 0, [[0, -2, 0, 4], [0] * 4, [5, 6, 0, 0]]),
        (1, 0, [[0, 0, 0, 4], [0] * 4, [0, 6, 0, 0]]),
        (9, 1, [[1, 0, 0, 4], [0] * 4, [5, 6, -7, 0]]),
        (1, 3, [[0, -2, 0, 0], [0] * 4, [0, 0, -7, 0]]),
    ],
)
def test_the_largest_of_each_row_by_magnitude(
    count: int, diagonal: int | None, found: list[list[float]]
) -> None:
    kept = matrix.largest(of(ROWS), count, drop_diagonal_from=diagonal)
    assert dense(kept) == found
    assert kept.nnz == np.count_nonzero(found), "no zero is kept"


@settings(deadline=None)
@given(
    st.integers(0, 99), st.sampled_from([3, 128, 129, 700]), st.integers(1, 120), st.sampled_from([4, 10**6])
)
def test_the_largest_of_many_are_those_of_a_sort(seed: int, length: int, count: int, values: int) -> None:
    sizes = np.random.default_rng(seed).integers(0, values, length).astype(np.float32)
    count = min(count, length)
    found = matrix.top(sizes, count)
    assert len(set(found.tolist())) == count
    assert sorted(sizes[found]) == sorted(sizes)[-count:]


def test_the_largest_are_found_however_badly_the_sample_guesses() -> None:
    # Every 16th is looked at to guess: here only the small, and there only the large.
    for sizes in (np.where(np.arange(800) % 16, 5, 1), np.where(np.arange(800) % 16, 1, 5)):
        for count in (1, 40, 60, 400, 800):
            found = matrix.top(sizes.astype(np.float32), count)
            assert sorted(sizes[found]) == sorted(sizes)[-count:]


def test_other_rows_and_columns_become_empty() -> None:
    assert dense(matrix.rows_kept(of(ROWS), np.array([True, True, False]))) == [ROWS[0], [0] * 4, [0] * 4]
    columns = np.array([True, False, True, False])
    assert dense(matrix.columns_kept(of(ROWS), columns)) == [[1, 0, 0, 0], [0] * 4, [5, 0, -7, 0]]
    every = of(ROWS)
    assert matrix.columns_kept(every, np.ones(4, bool)) is every


def test_a_zero_is_no_entry_of_what_is_kept() -> None:
    given_ = of(ROWS)
    given_.data[0] = 0
    found = matrix.rows_kept(given_, np.ones(3, bool))
    assert (found.nnz, found.indices.tolist(), found.indptr.tolist()) == (5, [1, 3, 0, 1, 2], [0, 2, 2, 5])


def multiplied(left: Csr, right: Csr, count: int) -> tuple[Csr, list[tuple[int, int]]]:
    """The product, and where its pieces began and how many rows they had."""
    pieces: list[tuple[int, int]] = []

    def noted(piece: Csr, start: int) -> Csr:
        pieces.append((start, piece.shape[0]))
        return piece

    found = matrix.product(left, right, count, noted)
    return found, sorted(pieces)


def test_a_product_is_made_in_pieces_of_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each row of the left has 2 entries, each of which leads to 3 of 5 columns: at most 5 entries a row, and 1 more.
    left = of([[1, 1, 0]] * 6)
    right = of([[1, 1, 1, 0, 0]] * 3)
    whole = [[0, 2, 2, 0, 0], [2, 0, 2, 0, 0], [2, 2, 0, 0, 0], *[[2, 2, 2, 0, 0]] * 3]
    for piece, pieces in (
        (10**6, [(0, 6)]),
        (12, [(0, 1), (1, 2), (3, 2), (5, 1)]),
        (3, [(row, 1) for row in range(6)]),
    ):
        monkeypatch.setattr(matrix, "PIECE", piece)
        found, made = multiplied(left, right, 3)
        assert dense(found) == whole
        assert found.dtype == np.float32
        assert made == pieces


def test_a_piece_is_finished_before_its_largest_are_chosen() -> None:
    left: Any = of([[1, 1], [1, 1], [1, 1]])
    right = of([[1, 2, 3], [1, 2, 3]])
    # Divided by the column, what was largest is smallest.
    found = matrix.product(left, right, 1, lambda piece, _: matrix.scaled(piece, columns=[1, 0.25, 0.1]))
    assert dense(found) == [[0, 1, 0], [2, 0, 0], [2, 0, 0]]
    assert dense(matrix.product(left, right, 1)) == [[0, 0, 6], [0, 0, 6], [0, 4, 0]]
    assert matrix.product(matrix.empty((0, 2)), right, 1).shape == (0, 3)
