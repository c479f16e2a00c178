"""Fitting: content helps where readers are few, and the parameters are chosen by the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mingus_lib.domain.recommend import ease, evaluation, fitting, tuning
from mingus_lib.domain.recommend.matrix import Csr, mean_size
from mingus_lib.domain.recommend.parameters import FitOptions, Parameters
from mingus_lib.domain.recommend.readings import Readings
from tests.made_up_readings import MadeUp, made_up

ARTICLES = 1500
RANDOMLY = FitOptions(temporal=False)
WALK_ONLY = replace(RANDOMLY, dense_articles=0, dense_readers=0)


@pytest.fixture(scope="module")
def sparse() -> MadeUp:
    return made_up(readers=400, articles=ARTICLES, each=7, subjects=120)


def quality(fitted: fitting.Fitted, train: Readings, test: Readings) -> float:
    return ranked_well(
        fitted.taste + fitted.likeness, train.histories(fitted.parameters.recency), train, test
    )


def ranked_well(similarity: Csr, histories: Csr, train: Readings, test: Readings) -> float:
    popularity = np.bincount(train.seen.indices, minlength=train.seen.shape[1]).astype(np.float32)
    scorer = evaluation.by_matrix(similarity, histories, popularity)
    return evaluation.measure(scorer, train, test, (10,), 0).figures["ndcg@10"]


def test_content_lifts_sparse_data(sparse: MadeUp) -> None:
    alone = fitting.fit(sparse.train, None, WALK_ONLY)
    both = fitting.fit(sparse.train, sparse.vectors, WALK_ONLY)
    assert alone.parameters.ease == 0
    assert alone.likeness.nnz == 0
    assert both.parameters.content > 0.1
    assert quality(both, sparse.train, sparse.test) > 1.1 * quality(alone, sparse.train, sparse.test)


def test_it_beats_popularity_by_far(sparse: MadeUp) -> None:
    fitted = fitting.fit(sparse.train, sparse.vectors, RANDOMLY)
    popularity = np.bincount(sparse.train.seen.indices, minlength=ARTICLES).astype(np.float32)
    popular = evaluation.measure(evaluation.by_popularity(popularity), sparse.train, sparse.test, (10,), 0)
    assert quality(fitted, sparse.train, sparse.test) > 2 * popular.figures["ndcg@10"]
    assert fitted.parameters.quality is not None


def test_what_validation_chooses_is_no_worse_than_the_defaults(sparse: MadeUp) -> None:
    tuned = fitting.fit(sparse.train, sparse.vectors, RANDOMLY)
    given = fitting.fit(sparse.train, sparse.vectors, replace(RANDOMLY, tune=False))
    assert quality(tuned, sparse.train, sparse.test) > 0.97 * quality(given, sparse.train, sparse.test)
    assert given.parameters == Parameters()


def test_content_of_noise_gets_no_weight(sparse: MadeUp) -> None:
    noise = sparse.vectors[np.random.default_rng(1).permutation(ARTICLES)]
    assert fitting.fit(sparse.train, noise, WALK_ONLY).parameters.content <= 0.2
    floor = replace(WALK_ONLY, least_content=0.1)
    assert fitting.fit(sparse.train, noise, floor).parameters.content >= 0.1


def test_an_article_nobody_has_read_comes_in_through_content(sparse: MadeUp) -> None:
    new = 7
    kept = sparse.train.kept(sparse.train.seen.indices != new)
    fitted = fitting.fit(kept, sparse.vectors, replace(WALK_ONLY, least_content=0.1))
    assert fitted.taste[:, [new]].nnz == 0
    assert fitted.likeness[:, [new]].nnz > 0


def test_times_decide_about_recency(sparse: MadeUp) -> None:
    assert fitting.fit(sparse.train, None, WALK_ONLY).parameters.recency == 1.0
    # Each reader's subject changes half-way: what was read lately tells, the rest misleads.
    draw = np.random.default_rng(3)
    subject = np.arange(300) % 20
    rows, columns, at = [], [], []
    for reader in range(300):
        for half in range(2):
            mine = draw.choice(np.flatnonzero(subject == draw.integers(20)), 6, replace=False)
            rows += [reader] * 6
            columns += mine.tolist()
            at += (half * 10.0 + np.arange(6)).tolist()
    strengths = np.ones(len(rows), np.float32)
    readings = Readings.of(np.array(rows), np.array(columns), strengths, np.array(at), (300, 300))
    assert fitting.fit(readings, None, replace(WALK_ONLY, temporal=True)).parameters.recency < 0.95


def test_strengths_that_say_nothing_are_ignored(sparse: MadeUp) -> None:
    assert fitting.fit(sparse.train, None, WALK_ONLY).parameters.flat


@pytest.mark.parametrize("readers", [0, 1, 5])
def test_hardly_any_readers(readers: int) -> None:
    rows, columns = np.repeat(np.arange(readers), 3), np.tile(np.arange(3), readers)
    strengths, at = np.ones(len(rows), np.float32), np.arange(len(rows)).astype(np.float64)
    readings = Readings.of(rows, columns, strengths, at, (readers, 4))
    fitted = fitting.fit(readings, None)
    assert fitted.parameters.quality is None, "too few to choose by"
    assert fitted.taste.shape == (4, 4)


def test_the_scale_of_ease_is_told_by_rows_from_all_over() -> None:
    # As in a file whose first articles are the most read: their entries are the largest.
    draw = np.random.default_rng(2)
    shares = np.repeat((0.3, 0.02), (600, 1400))
    rows, columns = np.nonzero(draw.random((200, 2000)) < shares)
    seen = Readings.of(rows, columns, np.ones(len(rows), np.float32), None, (200, 2000)).seen
    found = ease.regression(seen, 50.0)
    first, whole = mean_size(found.nearest(range(500))), mean_size(found.nearest())
    sampled = mean_size(tuning._sample(found, 2000))
    assert first > 1.3 * whole
    assert sampled == pytest.approx(whole, rel=0.1)


def test_on_sparse_data_half_and_half_has_the_benefit_of_the_doubt(sparse: MadeUp) -> None:
    assert fitting.fit(sparse.train, None, RANDOMLY).parameters.ease == 0.5


def test_on_dense_data_ease_alone_has_the_benefit_of_the_doubt() -> None:
    dense = made_up(readers=300, articles=80, each=30, subjects=8)
    assert fitting.fit(dense.train, None, RANDOMLY).parameters.ease == 1
