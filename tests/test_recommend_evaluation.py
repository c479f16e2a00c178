"""Full ranking: lists of all that was not read, scored by what was held out; figures checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mingus_lib.domain.recommend import evaluation, metrics
from mingus_lib.domain.recommend.matrix import csr, empty
from mingus_lib.domain.recommend.readings import Readings

SHAPE = (3, 4)
# Readers 0 and 2 know article 0, reader 1 knows article 1; of 0 and 2 one reading each is held out.
TRAIN = Readings(csr([0, 1, 2], [0, 1, 0], [1, 1, 1], SHAPE))
TEST = Readings(csr([0, 2], [1, 3], [1, 1], SHAPE))
BY_NUMBER = evaluation.by_popularity(np.array([9, 5, 4, 1], np.float32))


def test_the_figures_of_two_lists() -> None:
    # Both are shown 1, 2 and 3 in this order: one finds theirs at the first place, the other at the third.
    found = evaluation.measure(BY_NUMBER, TRAIN, TEST, (1, 3), 5)
    # 1 was read by one of three; 2 and 3 by nobody, which counts as one.
    rare = math.log2(3)
    assert found.figures == pytest.approx(
        {
            "ndcg@1": 1 / 2, "recall@1": 1 / 2, "map@1": 1 / 2, "hit_rate@1": 1 / 2, "novelty@1": rare,
            "ndcg@3": (1 + 1 / 2) / 2, "recall@3": 1, "map@3": (1 + 1 / 3) / 2, "hit_rate@3": 1, "novelty@3": rare,
            "coverage@1": 1 / 4, "coverage@3": 3 / 4,
        }
    )  # fmt: skip
    assert set(found.intervals) == {name for name in found.figures if not name.startswith("coverage")}
    assert found.intervals["ndcg@3"] == metrics.interval(np.array([1.0, 0.5]), 5)
    other_seed = evaluation.measure(BY_NUMBER, TRAIN, TEST, (3,), 6).intervals["ndcg@3"]
    assert other_seed == metrics.interval(np.array([1.0, 0.5]), 6)


def test_a_list_longer_than_what_is_left_shows_no_more() -> None:
    found = evaluation.measure(BY_NUMBER, TRAIN, TEST, (10,), 0).figures
    assert found["coverage@10"] == 3 / 4, "what both have read is shown to neither"
    assert found["novelty@10"] == pytest.approx(math.log2(3))


def test_figures_are_the_same_in_pieces_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluation.measure(BY_NUMBER, TRAIN, TEST, (1, 3), 0)
    # A piece of 4 scores is one reader's; one of fewer holds a reader all the same.
    for scores, progress in ((10**6, [(2, 2)]), (8, [(2, 2)]), (7, [(1, 2), (2, 2)]), (1, [(1, 2), (2, 2)])):
        monkeypatch.setattr(evaluation, "SCORES", scores)
        told: list[tuple[int, int]] = []

        def report(done: int, of: int, told: list[tuple[int, int]] = told) -> None:
            told.append((done, of))

        found = evaluation.measure(BY_NUMBER, TRAIN, TEST, (1, 3), 0, report)
        assert found == whole
        assert told == progress


def test_scores_are_the_history_times_the_matrix_and_popularity_orders_the_rest() -> None:
    similarity = csr([0, 0, 1], [1, 2, 0], [0.5, 0.25, 1], (3, 3))
    histories = csr([0, 1, 1], [0, 0, 1], [1, 0.5, 0.5], (3, 3))
    popularity = np.array([4, 0, 2], np.float32)
    found = evaluation.by_matrix(similarity, histories, popularity)(np.array([1, 2, 0]))
    assert found == pytest.approx(np.array([[0.5, 0.25, 0.125], [0, 0, 0], [0, 0.5, 0.25]]), abs=1e-6)
    # The third has no history: what is popular comes first, by a trace that no score is smaller than.
    assert found[1] == pytest.approx([1e-7, 0, 0.5e-7], rel=1e-3)
    nobody = evaluation.by_matrix(similarity, histories, np.zeros(3, np.float32))(np.array([2]))
    assert nobody.tolist() == [[0, 0, 0]]
    read_once = evaluation.by_matrix(similarity, histories, np.array([1, 0, 1], np.float32))(np.array([2]))
    assert read_once == pytest.approx(np.array([[1e-7, 0, 1e-7]]))
    assert evaluation.by_matrix(empty((0, 0)), empty((1, 0)), np.zeros(0, np.float32))(
        np.array([0])
    ).shape == (1, 0)


def test_popularity_is_the_same_for_everybody_and_chance_for_nobody() -> None:
    popularity = np.array([1, 3, 2], np.float32)
    assert evaluation.by_popularity(popularity)(np.array([7, 8])).tolist() == [[1, 3, 2], [1, 3, 2]]
    drawn = evaluation.at_random(50, 3)(np.array([7, 8]))
    assert drawn.shape == (2, 50)
    assert drawn.dtype == np.float32
    assert (drawn[0] != drawn[1]).any()
    assert (evaluation.at_random(50, 3)(np.array([1, 2])) == drawn).all()
    assert (evaluation.at_random(50, 4)(np.array([1, 2])) != drawn).any()
