"""Short random walks from article to article: probabilities that can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from mingus_lib.domain.recommend import walks
from mingus_lib.domain.recommend.matrix import Csr, csr

# One reader has read the articles 0 and 1, another 1 and 2; nobody has read 3.
SEEN = ([0, 0, 1, 1], [0, 1, 1, 2])


def seen(strengths: tuple[float, ...] = (1, 1, 1, 1)) -> Csr:
    return csr(*SEEN, strengths, (2, 4))


@pytest.mark.parametrize(
    ("articles", "kept"),
    [
        (0, 400),
        (1, 400),
        (20_000, 400),
        (30_000, 266),
        (40_000, 200),
        (50_000, 160),
        (80_000, 100),
        (5_000_000, 100),
    ],
)
def test_how_many_neighbours_fit(articles: int, kept: int) -> None:
    assert walks.neighbours(articles) == kept


@pytest.mark.parametrize(
    ("alpha", "beta", "rows"),
    [
        # From 0 to its only reader, and on to either article of that reader; from 1 to either reader first.
        (1, 0, [[0, 1 / 2, 0, 0], [1 / 4, 0, 1 / 4, 0], [0, 1 / 2, 0, 0], [0] * 4]),
        # Each step to the power of alpha.
        (2, 0, [[0, 1 / 4, 0, 0], [1 / 16, 0, 1 / 16, 0], [0, 1 / 4, 0, 0], [0] * 4]),
        # 1 has two readers, and what leads to it is divided by 2 to the power of beta.
        (1, 1, [[0, 1 / 4, 0, 0], [1 / 4, 0, 1 / 4, 0], [0, 1 / 4, 0, 0], [0] * 4]),
        (1, 2, [[0, 1 / 8, 0, 0], [1 / 4, 0, 1 / 4, 0], [0, 1 / 8, 0, 0], [0] * 4]),
    ],
)
def test_where_a_walk_leads(alpha: float, beta: float, rows: list[list[float]]) -> None:
    given = seen()
    found = walks.rp3beta(given, alpha=alpha, beta=beta, neighbours=10)
    assert found.toarray() == pytest.approx(np.array(rows))
    assert given.data.tolist() == [1] * 4, "the readings stay as they are"


def test_a_walk_prefers_what_was_read_more_strongly() -> None:
    found = walks.rp3beta(seen((1, 3, 1, 1)), alpha=1, beta=0, neighbours=10).toarray()
    assert found[0, 1] == pytest.approx(3 / 4)
    assert found[1] == pytest.approx([3 / 4 * 1 / 4, 0, 1 / 4 * 1 / 2, 0])
    kept = walks.rp3beta(seen((1, 3, 1, 1)), alpha=1, beta=0, neighbours=1).toarray()
    assert kept[1] == pytest.approx([3 / 16, 0, 0, 0]), "one neighbour: the nearest"


def test_only_the_articles_that_are_asked_about_have_neighbours() -> None:
    rows = np.array([True, False, True, True])
    whole = walks.rp3beta(seen(), alpha=0.7, beta=0.4, neighbours=10).toarray()
    found = walks.rp3beta(seen(), alpha=0.7, beta=0.4, neighbours=10, rows=rows).toarray()
    assert (found == whole * rows[:, None]).all()


def test_degrees_and_steps_of_a_row_without_entries() -> None:
    matrix = csr([0, 0, 2], [0, 1, 1], [1, 3, 5], (3, 2))
    assert walks.degrees(matrix).tolist() == [2, 1, 1]
    assert walks.steps(matrix, 1).toarray().tolist() == [[1 / 4, 3 / 4], [0, 0], [0, 1]]
    assert walks.steps(matrix, 2).toarray().tolist() == [[1 / 16, 9 / 16], [0, 0], [0, 1]]
    assert matrix.data.tolist() == [1, 3, 5]
