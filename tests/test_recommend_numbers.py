"""The numbers of the recommender against plain, slow ways to get them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain.recommend import content, ease, evaluation, matrix, metrics, walks
from mingus_lib.domain.recommend.matrix import csr, largest, product
from mingus_lib.domain.recommend.ranking import hits, top_ranks
from mingus_lib.domain.recommend.readings import Places, Readings


def made(readers: int, articles: int, seed: int = 0, share: float = 0.2) -> Readings:
    draw = np.random.default_rng(seed)
    rows, columns = np.nonzero(draw.random((readers, articles)) < share)
    at = draw.permutation(len(rows)).astype(np.float64)
    return Readings.of(rows, columns, np.ones(len(rows), np.float32), at, (readers, articles))


def by_hand(seen: Any, ridge: float) -> Any:
    inverse = np.linalg.inv(seen.T @ seen + ridge * np.eye(seen.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_ease_by_either_side_is_the_closed_form(shape: tuple[int, int]) -> None:
    seen = made(*shape).seen
    expected = by_hand(seen.toarray().astype(np.float64), 5.0)
    found = ease.regression(seen, 5.0)
    assert isinstance(found, ease.Primal if shape[0] > shape[1] else ease.Dual)
    assert np.allclose(found.nearest().toarray(), expected, atol=1e-4)
    # Of an article in the history itself the dual form has a score; it is never ranked.
    scores, others = found.scores(seen), seen.toarray() == 0
    assert np.allclose(scores[others], (seen.toarray() @ expected)[others], atol=1e-3)


def test_of_equals_the_first_stand_in_the_list() -> None:
    scores = np.random.default_rng(4).integers(0, 4, (50, 40)).astype(np.float32)
    scores[:, ::7] = -np.inf
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :12]
    assert (top_ranks(scores, 12) == expected).all()


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_lambda_means_the_same_for_strengths_of_any_size(shape: tuple[int, int]) -> None:
    seen = made(*shape).seen
    found, of_stars = ease.regression(seen, 5.0), ease.regression(seen * np.float32(4), 5.0)
    assert np.allclose(found.nearest().toarray(), of_stars.nearest().toarray(), atol=1e-4)


def test_rp3beta_is_the_walk_of_the_paper() -> None:
    seen = made(40, 15).seen
    dense = seen.toarray().astype(np.float64)
    to_article = (dense / np.maximum(dense.sum(axis=1, keepdims=True), 1)) ** 0.7
    to_reader = (dense.T / dense.T.sum(axis=1, keepdims=True)) ** 0.7
    expected = (to_reader @ to_article) / (dense > 0).sum(axis=0) ** 0.4
    np.fill_diagonal(expected, 0)
    found = walks.rp3beta(seen, alpha=0.7, beta=0.4, neighbours=100)
    assert np.allclose(found.toarray(), expected, atol=1e-5)


def test_a_product_in_pieces_is_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = made(50, 30).seen, made(30, 50, 1).seen
    monkeypatch.setattr(matrix, "PIECE", 100)
    whole = (left @ right).toarray()
    np.fill_diagonal(whole, 0)
    found = product(left, right, 5)
    assert np.diff(found.indptr).max() <= 5
    for row, kept in zip(whole, found.toarray(), strict=True):
        assert np.allclose(np.sort(row)[-5:], np.sort(kept)[-5:])


def test_a_full_product_and_stacked_pieces_are_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = made(50, 30).seen, made(30, 50, 1).seen
    monkeypatch.setattr(matrix, "ROWS", 7)
    whole = left @ right
    assert np.array_equal(matrix.full(left, right), whole.toarray())
    pieces = [whole[start : start + 9] for start in range(0, 50, 9)]
    stacked = matrix.stacked(pieces, 50)
    assert np.array_equal(stacked.toarray(), whole.toarray())
    assert stacked.indices.dtype == np.int32
    assert not any(pieces)
    assert matrix.stacked([], 3).shape == (0, 3)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=1, max_size=5), st.integers(1, 8)
)
def test_the_largest_of_each_row(rows: list[list[int]], count: int) -> None:
    dense = np.array(rows, np.float32)
    rows_, columns = np.nonzero(dense)
    found = largest(csr(rows_, columns, dense[rows_, columns], (len(rows), 6)), count).toarray()
    for row, kept in zip(dense, found, strict=True):
        assert sorted(np.abs(kept[kept != 0])) == sorted(np.abs(row[row != 0]))[-count:]


def test_nearness_is_the_cosine_and_finds_the_kin() -> None:
    vocabulary = content.Vocabulary()
    texts = [
        "tax return for freelancers",
        "the freelancer and the tax return",
        "salary talks",
        "talks on a salary",
    ]
    counts = [vocabulary.count("", text) for text in texts * 6]
    vectors = content.tfidf(counts, len(vocabulary))
    assert np.allclose(vectors.multiply(vectors).sum(axis=1), 1)
    near = content.nearest(vectors, 5).toarray()
    assert near[0].argmax() % 4 in (0, 1)
    assert near[2].argmax() % 4 in (2, 3)
    assert near[0, 2] == 0


def test_content_of_nothing_is_empty() -> None:
    assert content.tfidf([], 0).shape == (0, 0)
    assert content.tfidf([content.Vocabulary().count("", "")] * 3, 0).nnz == 0


def test_figures_of_a_list_known_by_hand() -> None:
    found = np.array([[True, False, True], [False, False, False]])
    wanted = np.array([2, 4])
    best = 1 + 1 / np.log2(3)
    assert metrics.ndcg(found, wanted) == pytest.approx([(1 + 0.5) / best, 0])
    assert metrics.recall(found, wanted) == pytest.approx([1, 0])
    assert metrics.average_precision(found, wanted) == pytest.approx([(1 + 2 / 3) / 2, 0])
    assert metrics.hit_rate(found).tolist() == [1, 0]
    ranked = np.array([[0, 1, -1]])
    assert metrics.novelty(ranked, np.array([8.0, 2.0]), 8) == pytest.approx([1.0])
    low, high = metrics.interval(np.array([0.0, 1.0] * 50), 0)
    assert 0.35 < low < 0.5 < high < 0.65


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=12), st.integers(1, 15))
def test_the_top_ranks_are_those_of_a_sort(values: list[float], count: int) -> None:
    scores = np.array([values], np.float32)
    found = top_ranks(scores, count)[0]
    assert scores[0][found].tolist() == sorted(values, reverse=True)[:count]
    assert len(set(found.tolist())) == len(found)


def test_what_was_read_is_never_ranked_and_the_best_list_is_perfect() -> None:
    readings = made(30, 20)
    train, test = readings.split(0.3, temporal=True, draw=np.random.default_rng(0))
    oracle = test.seen.toarray() + 100 * train.seen.toarray()
    scored = evaluation.measure(lambda rows: oracle[rows].astype(np.float32), train, test, (20,), 0)
    assert scored.figures["ndcg@20"] == pytest.approx(1)
    assert scored.figures["recall@20"] == pytest.approx(1)
    assert scored.intervals["ndcg@20"] == pytest.approx((1, 1))


def test_hits_know_whose_they_are() -> None:
    wanted = csr([0, 1], [2, 0], [1, 1], (2, 3))
    assert hits(np.array([[2, 0], [2, -1]]), wanted).tolist() == [[True, False], [False, False]]


@settings(deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_a_split_loses_nothing_and_holds_out_the_latest(seed: int, temporal: bool) -> None:
    readings = made(12, 15, seed)
    train, test = readings.split(0.25, temporal=temporal, draw=np.random.default_rng(seed))
    assert ((train.seen + test.seen) != readings.seen).nnz == 0
    assert train.seen.multiply(test.seen).nnz == 0
    assert (np.diff(train.seen.indptr) > 0).tolist() == (np.diff(readings.seen.indptr) > 0).tolist()
    assert train.at is not None and test.at is not None
    if temporal:
        for reader in range(12):
            before = train.at[train.seen.indptr[reader] : train.seen.indptr[reader + 1]]
            after = test.at[test.seen.indptr[reader] : test.seen.indptr[reader + 1]]
            assert not len(after) or before.max() < after.min()


def test_newer_readings_weigh_more_and_a_history_sums_to_one() -> None:
    at = np.array([3.0, 1.0, 2.0])
    readings = Readings.of(np.zeros(3, int), np.arange(3), np.ones(3, np.float32), at, (1, 3))
    assert readings.ages().tolist() == [0, 2, 1]
    assert readings.histories(0.5).toarray()[0] == pytest.approx([4 / 7, 1 / 7, 2 / 7])
    assert readings.histories(1.0).sum() == pytest.approx(1)
    assert Readings(readings.seen).histories(0.5).toarray()[0] == pytest.approx([1 / 3] * 3), (
        "no times, no order"
    )


def test_of_several_readings_the_strongest_and_latest_count() -> None:
    rows, columns = np.array([0, 0, 0]), np.array([1, 1, 0])
    found = Readings.of(
        rows, columns, np.array([0.2, 0.9, 0.5], np.float32), np.array([9.0, 1.0, 5.0]), (2, 2)
    )
    assert found.seen.toarray().tolist() == [[pytest.approx(0.5), pytest.approx(0.9)], [0, 0]]
    assert found.at is not None and found.at.tolist() == [5.0, 9.0]


def test_places_of_ids_in_any_order() -> None:
    places = Places(np.array([30, 10, 20]))
    assert places.of(np.array([10.0, 30.0, 5.0, 99.0, 20.0])).tolist() == [1, 0, -1, -1, 2]
    assert Places(np.empty(0, np.int64)).of(np.array([1.0])).tolist() == [-1]
