"""Sparse readings with texts, as reference managers and news sites have them: topics, power laws, a little noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mingus_lib.domain.recommend import content
from mingus_lib.domain.recommend.matrix import Csr
from mingus_lib.domain.recommend.readings import Readings

WORDS = 3000


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Two parts of the same readers' readings, and the articles' content."""

    train: Readings
    test: Readings
    vectors: Csr


def made_up(readers: int, articles: int, each: int, subjects: int, seed: int = 0) -> MadeUp:
    """Each reader has two subjects; popularity within a subject falls by a power law; a tenth is noise."""
    draw = np.random.default_rng(seed)
    subject = draw.integers(0, subjects, articles)
    weight = draw.pareto(1.3, articles) + 0.2
    rows, columns = [], []
    for reader in range(readers):
        chances = np.where(np.isin(subject, draw.choice(subjects, 2)), weight, weight * 0.1 * 2 / subjects)
        count = max(5, int(each * (draw.pareto(2.0) + 0.5)))
        chosen = np.unique(draw.choice(articles, min(count, articles), p=chances / chances.sum()))
        rows += [reader] * len(chosen)
        columns += chosen.tolist()
    strengths = np.ones(len(rows), np.float32)
    readings = Readings.of(np.array(rows), np.array(columns), strengths, None, (readers, articles))
    train, test = readings.split(0.2, temporal=False, draw=draw)
    return MadeUp(train, test, _vectors(subject, subjects, draw))


def _vectors(subject: np.ndarray, subjects: int, draw: np.random.Generator) -> Csr:
    """A tenth of an article's words are of its subject; the rest is anybody's, by Zipf."""
    common = 1 / (np.arange(WORDS) + 5.0)
    own = [draw.choice(WORDS, 30) for _ in range(subjects)]
    vocabulary = content.Vocabulary()
    counts = []
    for number in subject:
        words = np.concatenate([draw.choice(WORDS, 70, p=common / common.sum()), draw.choice(own[number], 8)])
        counts.append(vocabulary.count("", " ".join(_spelled(word) for word in words)))
    return content.tfidf(counts, len(vocabulary))


def _spelled(number: int) -> str:
    return "w" + "".join(chr(97 + int(digit)) for digit in str(number))
