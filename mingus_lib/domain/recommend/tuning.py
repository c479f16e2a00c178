"""Choosing the parameters by validation, at every fit.

A fifth of the readings of some readers, the judges, is held out. The parts' scores for the judges are made
once; then weights are tried on their sums, so that a try costs a ranking and no product. One choice after another,
each with the others as they stand: strengths or not, lambda of EASE, alpha and beta, weights, neighbours, recency.
Longer than 300 lines on purpose: the choices share the judges and their sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mingus_lib.domain.recommend import ease, walks
from mingus_lib.domain.recommend.matrix import ROWS, Csr, Floats, full, largest, mean_size, slim
from mingus_lib.domain.recommend.parameters import FitOptions, Parameters
from mingus_lib.domain.recommend.readings import Readings

JUDGES = 2_000
# Beyond ENOUGH no more than this share of the readers: what is held out makes the data thinner than those of the fit.
ENOUGH, JUDGING = 1_000, 0.5
# Scores of one part for all judges, in entries of 4 bytes; a library of few readings has room for more.
SCORES, MORE_SCORES = 16_000_000, 40_000_000
# Validation alone uses no more readings than these, of readers drawn at random.
READINGS = 1_000_000
# Fewer judges than these decide nothing.
FEWEST = 25
HELD_OUT = 0.2
RANKS = 10
ALPHAS = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
BETAS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
NEIGHBOURS = (400, 200, 100)
# The plain ones first.
EASES = (1.0, 0.0, 0.5, 0.75, 0.25, 0.9, 0.1)
CONTENTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4)
RECENCIES = (0.95, 0.9, 0.8, 0.7, 0.6)
# Beyond this size of the smaller side a try of EASE takes seconds.
SLOW, SLOWER = 2_000, 5_000
# From this share of places on that are filled, a sparse product is slower than a full one.
CROWDED = 0.1
# Below so many readings an article, data are sparse.
SPARSE = 20
# A part that gains less than this share is left out, or smaller.
NOISE = 0.002
# The mean size of EASE's entries is told by so many runs of so many rows.
SAMPLES, SAMPLE_ROWS = 10, 50
BEST = np.concatenate(([1.0], np.cumsum(1 / np.log2(np.arange(2, RANKS + 2)))))
RIDGES = tuple(2.0**power for power in range(13))

T = TypeVar("T")


def tuned(readings: Readings, likeness: Csr, start: Parameters, options: FitOptions) -> Parameters:
    """The parameters that rank the held-out readings best; `start` when there are too few readers to tell."""
    trial = Trial.of(readings, options)
    if trial is None:
        return start
    chosen, trial = trial.choose_strengths(start)
    regressed: Part | None = None
    if chosen.ease:
        chosen, regressed = trial.choose_ridge(chosen)
    chosen, walked = trial.choose_walk(chosen)
    content = trial.part(likeness) if likeness.nnz else None
    parts = Parts(regressed, walked, content)
    return trial.choose_recency(trial.choose_weights(chosen, parts, options.least_content), parts)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of S: its scores for the judges (judges x articles), and how to make them from other histories."""

    scores: Floats
    again: Callable[[Csr], Floats]


@dataclass(frozen=True, slots=True)
class Parts:
    """The three; None is not there."""

    regressed: Part | None
    walked: Part
    content: Part | None

    def sum(self, chosen: Parameters, histories: Csr | None = None) -> Floats:
        """Scores with the weights chosen, a new array; for other histories than the first when given."""
        weighed = (
            (self.regressed, chosen.ease),
            (self.walked, 1 - chosen.ease),
            (self.content, chosen.content),
        )
        used = [(part, weight) for part, weight in weighed if part is not None and weight]
        made = np.zeros_like(self.walked.scores)
        for part, weight in used:
            scores = part.scores if histories is None else part.again(histories)
            made += scores * np.float32(weight)
        return made


@dataclass(frozen=True, slots=True)
class Trial:
    """`known`: all readings but those held out, the judges' first; `judges`: theirs alone; `held`: held out."""

    known: Readings
    judges: Readings
    held: Csr
    temporal: bool

    @classmethod
    def of(cls, readings: Readings, options: FitOptions) -> Trial | None:
        """None when too few readers have the three readings that it takes."""
        draw = np.random.default_rng(options.seed)
        lengths = np.diff(readings.seen.indptr)
        able = draw.permutation(np.flatnonzero(lengths >= 3))
        judges = able[: _judges(readings.seen, len(able))]
        if len(judges) < FEWEST:
            return None
        known, held = readings.rows(judges).split(HELD_OUT, temporal=options.temporal, draw=draw)
        others = draw.permutation(np.setdiff1d(np.arange(len(lengths)), judges, assume_unique=True))
        others = others[np.cumsum(lengths[others]) + known.seen.nnz <= READINGS]
        everybody = slim(sparse.vstack([known.seen, readings.seen[others]], format="csr"))
        asked = Readings(slim(known.seen), known.at)
        return cls(Readings(everybody, None), asked, held.seen, options.temporal)

    def quality(self, scores: Floats) -> float:
        """nDCG@10 of these scores (judges x articles), which are overwritten."""
        return float(self.gains(scores).mean())

    def gains(self, scores: Floats) -> NDArray[np.float64]:
        """The same judge by judge."""
        scores[self.judges.owners(), self.judges.seen.indices] = -np.inf
        return np.array([self._gain(row, scores[row]) for row in range(len(scores))])

    def _gain(self, row: int, scores: Floats) -> float:
        """One judge's: it takes the ranks of what was held out and no sorting. Of equals the held-out one is last."""
        wanted = self.held.indices[self.held.indptr[row] : self.held.indptr[row + 1]]
        places = np.count_nonzero(scores >= scores[wanted, None], axis=1)
        return float((1 / np.log2(places[places <= RANKS] + 1)).sum() / BEST[min(len(wanted), RANKS)])

    def part(self, matrix: Csr) -> Part:
        """A part that is a sparse matrix."""
        scale = 1 / mean_size(matrix)

        def scores(histories: Csr) -> Floats:
            found = full(histories, matrix)
            found *= np.float32(scale)
            return found

        return Part(scores(self.judges.histories(1.0)), scores)

    @property
    def is_sparse(self) -> bool:
        """Whether articles have few readings."""
        seen = self.known.seen
        return bool(seen.nnz < SPARSE * seen.shape[1])

    def choose_strengths(self, start: Parameters) -> tuple[Parameters, Trial]:
        """Whether strengths help, by the walk alone; and the trial that goes on with them or without."""
        plain = replace(self, known=self.known.flat(), judges=self.judges.flat())
        strengths = self.known.seen.data
        if strengths.min() == strengths.max():
            return replace(start, flat=True), plain
        best = _best((plain, self), lambda trial: trial.quality(trial._walked(start)))
        return replace(start, flat=best is plain), best

    def choose_ridge(self, chosen: Parameters) -> tuple[Parameters, Part]:
        """Uphill in steps of four places, two and one; where a try is slow, fewer from a likely place."""
        seen, histories = self.known.seen, self.judges.histories(1.0)
        qualities: dict[int, float] = {}
        best: tuple[float, Part] = (-1.0, Part(np.empty((0, 0), np.float32), lambda _: _))

        def quality(place: int) -> float:
            nonlocal best
            if place not in qualities:
                part = _regressed(seen, RIDGES[place], histories)
                # On a copy, since it overwrites the scores that the best part keeps.
                qualities[place] = self.quality(part.scores.copy())
                if qualities[place] > best[0]:
                    best = (qualities[place], part)
            return qualities[place]

        place = RIDGES.index(64.0 if min(seen.shape) <= SLOW else 16.0 if self.is_sparse else 256.0)
        size = min(seen.shape)
        for step in (4, 2, 1) if size <= SLOW else (2, 1) if size <= SLOWER else (2,):
            around = (place - step, place, place + step)
            place = max((each for each in around if 0 <= each < len(RIDGES)), key=quality)
        return replace(chosen, ridge=RIDGES[place]), best[1]

    def choose_walk(self, chosen: Parameters) -> tuple[Parameters, Part]:
        """alpha with beta by walks to all articles, then how many neighbours are kept."""
        seen = self.known.seen
        chosen = self._choose_steps(chosen, (chosen.alpha,), BETAS)
        chosen = self._climb(chosen)
        chosen = self._choose_steps(
            chosen, (chosen.alpha,), (max(0.0, chosen.beta - 0.1), chosen.beta, chosen.beta + 0.1)
        )
        numbers = [min(number, walks.neighbours(seen.shape[1])) for number in NEIGHBOURS]
        asked = np.zeros(seen.shape[1], bool)
        asked[self.judges.seen.indices] = True
        most = walks.rp3beta(seen, alpha=chosen.alpha, beta=chosen.beta, neighbours=max(numbers), rows=asked)
        best = _best(numbers, lambda number: self.quality(self.part(largest(most, number)).scores))
        return replace(chosen, neighbours=best), self.part(largest(most, best))

    def _choose_steps(
        self, chosen: Parameters, alphas: Sequence[float], betas: Sequence[float]
    ) -> Parameters:
        readers = walks.degrees(self.known.seen.T.tocsr())
        tried: list[tuple[float, float, float]] = []
        for alpha in alphas:
            # beta only scales the articles, so all of them are tried on one walk.
            undamped = self._walked(replace(chosen, alpha=alpha))
            tried += [
                (self.quality(undamped * readers ** np.float32(-beta)), alpha, round(beta, 2))
                for beta in betas
            ]
        quality, alpha, beta = max(tried)
        return replace(chosen, alpha=alpha, beta=beta, quality=quality)

    def _climb(self, chosen: Parameters) -> Parameters:
        """alpha step by step, up and down, as long as it helps."""
        for steps in (ALPHAS, ALPHAS[::-1]):
            for alpha in steps[steps.index(chosen.alpha) + 1 :] if chosen.alpha in steps else steps:
                tried = self._choose_steps(chosen, (alpha,), (chosen.beta,))
                if (tried.quality or 0.0) <= (chosen.quality or 0.0):
                    break
                chosen = tried
        return chosen

    def choose_weights(self, chosen: Parameters, parts: Parts, least_content: float) -> Parameters:
        """The weight of content beside EASE, the walk and both; then the better of these, once more around it."""
        contents = [each for each in CONTENTS if each >= least_content] if parts.content else [0.0]
        shares = EASES if parts.regressed else (0.0,)
        tried = [self._choose_content(replace(chosen, ease=each), parts, contents) for each in shares[:3]]
        chosen = max(tried, key=lambda each: each.quality or 0.0)
        options = [replace(chosen, ease=each) for each in shares]
        return self._choose_content(self._choose_share(options, parts), parts, contents)

    def _choose_share(self, options: Sequence[Parameters], parts: Parts) -> Parameters:
        """The weight of EASE. On dense data EASE alone has the benefit of the doubt: it gains most from the readings
        that are held back here, so that validation is unjust to it. On sparse data it is half and half: the judges'
        figures are rough, and the mean of two different models is seldom worse than the better one."""
        gains = [self.gains(parts.sum(each)) for each in options]
        best = max(gains, key=lambda each: float(each.mean()))
        favoured = 0.5 if self.is_sparse else 1.0
        for each, gained in zip(options, gains, strict=True):
            ahead = best - gained
            if each.ease == favoured and float(ahead.mean()) <= 2 * float(ahead.std()) / len(ahead) ** 0.5:
                return each
        means = [float(each.mean()) for each in gains]
        return next(
            each for each, mean in zip(options, means, strict=True) if mean >= max(means) * (1 - NOISE)
        )

    def _choose_content(self, chosen: Parameters, parts: Parts, contents: Sequence[float]) -> Parameters:
        others, content = parts.sum(replace(chosen, content=0.0)), parts.content
        if content is None:
            return replace(chosen, content=0.0, quality=self.quality(others))
        # One array for all tries: each new one would be as large as the judges' scores.
        room = np.empty_like(others)

        def quality(weight: float) -> float:
            np.multiply(content.scores, np.float32(weight), out=room)
            return self.quality(np.add(room, others, out=room))

        options = [replace(chosen, content=each, quality=quality(each)) for each in contents]
        return _simplest(options, lambda each: each.quality or 0.0)

    def choose_recency(self, chosen: Parameters, parts: Parts) -> Parameters:
        """How much newer readings count for more; nothing without times, or when the future is not asked for."""
        if self.judges.at is None or not self.temporal:
            return replace(chosen, recency=1.0)
        best = replace(chosen, recency=1.0)
        for rate in RECENCIES:
            quality = self.quality(parts.sum(chosen, self.judges.histories(rate)))
            if quality <= (best.quality or 0.0):
                break
            best = replace(chosen, recency=rate, quality=quality)
        return best

    def _walked(self, chosen: Parameters) -> Floats:
        """Scores of walks to every article, beta left out: no articles x articles matrix is made."""
        seen = self.known.seen
        to_reader, to_article = walks.steps(seen.T.tocsr(), chosen.alpha), walks.steps(seen, chosen.alpha)
        histories = self.judges.histories(1.0)
        found = np.empty((histories.shape[0], seen.shape[1]), np.float32)
        for start in range(0, len(found), ROWS):
            reached = histories[start : start + ROWS] @ to_reader
            # The product of a full array takes a tenth of the time for each multiplication.
            crowded = reached.nnz > CROWDED * reached.shape[0] * reached.shape[1]
            made = reached.toarray() @ to_article if crowded else (reached @ to_article).toarray()
            found[start : start + ROWS] = made
        return found


def _judges(seen: Csr, able: int) -> int:
    """How many readers judge."""
    room: int = MORE_SCORES if seen.nnz <= READINGS else SCORES
    return max(FEWEST, min(JUDGES, max(ENOUGH, int(able * JUDGING)), room // max(int(seen.shape[1]), 1)))


def _regressed(seen: Csr, ridge: float, histories: Csr) -> Part:
    found = ease.regression(seen, ridge, quick=True)
    scale = np.float32(1 / mean_size(_sample(found, seen.shape[1])))
    return Part(found.scores(histories) * scale, lambda other: found.scores(other) * scale)


def _sample(found: ease.Regression, articles: int) -> Csr:
    """Some rows from all over the matrix: the first articles may be the most read, with the largest entries."""
    size = min(SAMPLE_ROWS, articles)
    starts = np.unique(np.linspace(0, articles - size, SAMPLES).astype(int)).tolist()
    return sparse.vstack([found.nearest(range(start, start + size)) for start in starts], format="csr")


def _best(options: Iterable[T], quality: Callable[[T], float]) -> T:
    """The first of the best."""
    return max(options, key=quality)


def _simplest(options: Sequence[Parameters], quality: Callable[[Parameters], float]) -> Parameters:
    """The first that is as good as the best but for NOISE."""
    found = [quality(each) for each in options]
    return next(each for each, value in zip(options, found, strict=True) if value >= max(found) * (1 - NOISE))
