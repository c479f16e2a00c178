"""Full ranking: every article that a reader has not read competes, and lists are scored against what was held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mingus_lib.domain.recommend import metrics
from mingus_lib.domain.recommend.matrix import Csr, Floats
from mingus_lib.domain.recommend.ranking import hits, top_ranks
from mingus_lib.domain.recommend.readings import Readings

# Scores held at once, in entries of 4 bytes.
SCORES = 16_000_000

# Scores (some readers x articles) of readers by number; higher is better.
Scorer = Callable[[NDArray[np.int64]], Floats]


@dataclass(frozen=True, slots=True)
class Scored:
    """One recommender's figures by name, such as ndcg@10, each with its interval; coverage has none."""

    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def measure(
    scorer: Scorer, train: Readings, test: Readings, cutoffs: tuple[int, ...], seed: int,
    report: Callable[[int, int], None] | None = None,
) -> Scored:  # fmt: skip
    """The figures of a recommender over the readers of `test`; both have one shape, readers x articles."""
    readers = np.flatnonzero(np.diff(test.seen.indptr))
    popularity = np.bincount(train.seen.indices, minlength=train.seen.shape[1]).astype(np.float64)
    values: dict[str, list[NDArray[np.float64]]] = {}
    shown = {cutoff: np.zeros(train.seen.shape[1], bool) for cutoff in cutoffs}
    for chunk in _chunks(readers, train.seen.shape[1]):
        ranked = _ranked(scorer(chunk), train.seen[chunk], max(cutoffs))
        held = test.seen[chunk]
        for cutoff in cutoffs:
            top = ranked[:, :cutoff]
            shown[cutoff][top[top >= 0]] = True
            for name, found in _figures(top, held, popularity, train.seen.shape[0]).items():
                values.setdefault(f"{name}@{cutoff}", []).append(found)
        if report is not None:
            report(int(np.searchsorted(readers, chunk[-1])) + 1, len(readers))
    by_name = {name: np.concatenate(found) for name, found in values.items()}
    figures = {name: float(found.mean()) for name, found in by_name.items()}
    figures |= {f"coverage@{cutoff}": float(seen.mean()) for cutoff, seen in shown.items()}
    return Scored(figures, {name: metrics.interval(found, seed) for name, found in by_name.items()})


def _chunks(readers: NDArray[np.int64], articles: int) -> Iterator[NDArray[np.int64]]:
    size = max(1, SCORES // max(articles, 1))
    for start in range(0, len(readers), size):
        yield readers[start : start + size]


def _ranked(scores: Floats, seen: Csr, count: int) -> NDArray[np.int64]:
    # What was read in the train part can be no hit, and would take up the ranks.
    scores[np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices] = -np.inf
    return top_ranks(scores, count)


def _figures(
    ranked: NDArray[np.int64], held: Csr, popularity: NDArray[np.float64], readers: int
) -> dict[str, NDArray[np.float64]]:
    found, wanted = hits(ranked, held), np.diff(held.indptr).astype(np.int64)
    return {
        "ndcg": metrics.ndcg(found, wanted),
        "recall": metrics.recall(found, wanted),
        "map": metrics.average_precision(found, wanted),
        "hit_rate": metrics.hit_rate(found),
        "novelty": metrics.novelty(ranked, popularity, readers),
    }


def by_matrix(similarity: Csr, histories: Csr, popularity: Floats) -> Scorer:
    """Histories times the matrix; a trace of popularity orders what has no score, and is all for new readers."""
    # So small that it never outweighs a score.
    trace = popularity / max(float(popularity.max(initial=0.0)), 1.0) * np.float32(1e-7)

    def scores(readers: NDArray[np.int64]) -> Floats:
        found: Floats = (histories[readers] @ similarity).toarray()
        return found + trace

    return scores


def by_popularity(popularity: Floats) -> Scorer:
    """The same order for everybody."""
    return lambda readers: np.repeat(popularity[None, :], len(readers), axis=0)


def at_random(articles: int, seed: int) -> Scorer:
    """No order."""
    draw = np.random.default_rng(seed)
    return lambda readers: draw.random((len(readers), articles), np.float32)
