"""The best of many scores, in order, and which of them were wanted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.recommend.matrix import csr
from mingus_lib.domain.recommend.ranking import hits, top_ranks

NEVER = -np.inf


def top(scores: list[list[float]], count: int) -> list[list[int]]:
    found: list[list[int]] = top_ranks(np.array(scores, np.float32), count).tolist()
    return found


@pytest.mark.parametrize(
    ("scores", "count", "ranks"),
    [
        ([0.1, 0.9, 0.5], 1, [1]),
        ([0.1, 0.9, 0.5], 2, [1, 2]),
        ([0.1, 0.9, 0.5], 3, [1, 2, 0]),
        ([0.1, 0.9, 0.5], 7, [1, 2, 0]),
        # Of equals the first, whether they begin the list or end it.
        ([1, 2, 1, 2, 1, 2], 2, [1, 3]),
        ([1, 2, 1, 2, 1, 2], 4, [1, 3, 5, 0]),
        # A score of -inf has no rank, be there room or not.
        ([NEVER, 3, NEVER, 4], 3, [3, 1, -1]),
        ([NEVER, 3, NEVER, 4], 4, [3, 1, -1, -1]),
        ([NEVER, NEVER, NEVER], 2, [-1, -1]),
    ],
)
def test_the_best_first(scores: list[float], count: int, ranks: list[int]) -> None:
    assert top([scores], count) == [ranks]
    # The row beside it makes no difference.
    assert top([scores, [5.0] * len(scores)], count)[0] == ranks


@given(
    st.lists(
        st.lists(st.sampled_from([NEVER, -1.0, 0.0, 1.0, 2.0]), min_size=5, max_size=5),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 6),
)
def test_every_row_is_ranked_as_by_a_sort(scores: list[list[float]], count: int) -> None:
    def ranked(row: list[float]) -> list[int]:
        order = sorted(range(5), key=lambda place: (-row[place], place))[:count]
        return [place if row[place] != NEVER else -1 for place in order]

    assert top(scores, count) == [ranked(row) for row in scores]


def test_hits_are_told_reader_by_reader() -> None:
    # The first wants 0 and 2, the second nothing, the third 1.
    wanted = csr([0, 0, 2], [0, 2, 1], [1, 1, 1], (3, 3))
    ranked = np.array([[2, 1, 0], [0, 1, 2], [0, 1, -1]])
    assert hits(ranked, wanted).tolist() == [
        [True, False, True],
        [False, False, False],
        [False, True, False],
    ]


def test_no_article_is_no_hit() -> None:
    # Not even for a reader after one who wanted the last article.
    wanted = csr([0, 1], [2, 2], [1, 1], (2, 3))
    assert hits(np.array([[-1, 2], [-1, -1]]), wanted).tolist() == [[False, True], [False, False]]
