"""Anybody's labels from a few words a class and, if given, a few examples: no model, no training set. Pure.

The lexicon's matcher finds each class's words; they weigh by TF-IDF over the texts given (Salton and Buckley 1988). Its
confident answers then teach the rest of the vocabulary: naive Bayes with expectation maximisation (Nigam et al. 2000),
begun from the lexicon instead of labelled texts, together with centroids (Rocchio's relevance feedback); after each
round the answers spread to texts that are alike. The fewer texts there are to learn from, the more the lexicon's own
word counts beside what they taught. Nothing is known of the true labels but those of the examples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from mingus_lib.domain.lexicon import TITLE, Lexicon, fold, totals, words_of
from mingus_lib.domain.neighbours import MOST_TEXTS, Neighbours
from mingus_lib.domain.softmax import softmax

Vector = dict[str, float]
Report = Callable[[int, int], None]

# The share of each class's answers that teach in each round: the surest first.
TEACHING = (0.4, 0.6, 0.8, 0.9, 1.0, 1.0)
MIN_TEXTS = 20
SMOOTHING = 0.03
# Weight of what the lexicon said beside what was learned; both are in standard deviations.
LEXICON_SHARE = 0.15
# And with so few texts a class as much again: a few dozen texts teach more that is wrong than right.
FEW_TEXTS = 12
# Examples a class are believed more than few texts: their square over this is what they add.
EXAMPLES_HALF = 5
SPREAD_SHARE = 1.5
EXAMPLE_WEIGHT = 3.0
HALVES_SHARE = 3.0
TEMPERATURES = tuple(0.05 * 1.25**step for step in range(28))


@dataclass(frozen=True, slots=True)
class Guess:
    """A label, and how sure: about the share right among such guesses. `plain` is the lexicon's own answer."""

    label: str
    confidence: float
    plain: str


@dataclass(frozen=True)
class _Corpus:
    vectors: list[Vector]
    lexical: list[list[float]]


def classify(
    texts: Sequence[tuple[str, str]],
    labels: Sequence[str],
    lexicon: Lexicon | None,
    known: Mapping[int, str],
    report: Report = lambda done, total: None,
) -> list[Guess]:
    """A guess for every (title, text), one at least. `known` gives the labels of some by their index.

    Of lexicon and `known` one must be there. `report(done, total)` counts the texts read.
    """
    corpus = _read(texts, labels, lexicon, report)
    plain = [_best(scores) for scores in corpus.lexical]
    scores = corpus.lexical
    if lexicon is None or len(texts) >= MIN_TEXTS:
        scores = _taught(corpus, labels, known)
    elif known:
        taught = _taught(corpus, labels, known)
        # What so few texts teach is more often wrong than a word of the lexicon.
        scores = [row if any(row) else other for row, other in zip(scores, taught, strict=True)]
    answers = [_best(each) for each in scores]
    sure = _confidences(scores, _expected(corpus, answers, plain, len(labels)))
    return [
        Guess(labels[answer], confidence, labels[was])
        for answer, confidence, was in zip(answers, sure, plain, strict=True)
    ]


def _read(
    texts: Sequence[tuple[str, str]], labels: Sequence[str], lexicon: Lexicon | None, report: Report
) -> _Corpus:
    counts: list[Counter[str]] = []
    found: list[Counter[str]] = []
    weights: dict[str, dict[str, float]] = {}
    for number, (title, text) in enumerate(texts):
        head, body = list(map(fold, words_of(title))), list(map(fold, words_of(text)))
        count = Counter(body)
        for word in head:
            # As in the lexicon, a word of the title weighs as several of the body.
            count[word] += int(TITLE)
        counts.append(count)
        found.append(Counter())
        if lexicon:
            for hit in (*lexicon.hits(head, in_title=True), *lexicon.hits(body)):
                weights.setdefault(hit.term, dict(totals([hit], labels)))
                found[-1][hit.term] += 1
        report(number + 1, len(texts))
    vectors = _weighted(counts)
    return _Corpus(vectors, _lexical(found, weights, counts, labels))


def _weighted(counts: Sequence[Counter[str]]) -> list[Vector]:
    """TF-IDF vectors of length 1: (1 + log tf) * log(N / df), words of one text only left out."""
    frequency = Counter(word for count in counts for word in count)
    total = len(counts)
    # A word of one text alone brings it near to none, and one of all texts tells nothing.
    rarity = {word: math.log(total / df) for word, df in frequency.items() if 1 < df < total}
    vectors = []
    for count in counts:
        vector = {word: (1 + math.log(n)) * rarity[word] for word, n in count.items() if word in rarity}
        vectors.append(_unit(vector))
    return vectors


def _lexical(
    found: Sequence[Counter[str]],
    weights: Mapping[str, Mapping[str, float]],
    counts: Sequence[Counter[str]],
    labels: Sequence[str],
) -> list[list[float]]:
    """What the lexicon's words say for each class, by TF-IDF and the text's length."""
    frequency = Counter(term for terms in found for term in terms)
    scores = []
    for terms, count in zip(found, counts, strict=True):
        row = dict.fromkeys(labels, 0.0)
        for term, n in terms.items():
            rarity = math.log(1 + len(found) / frequency[term])
            for label, weight in weights[term].items():
                row[label] += weight * (1 + math.log(n)) * rarity
        length = math.sqrt(1 + sum(count.values()))
        scores.append([row[label] / length for label in labels])
    return scores


def _taught(corpus: _Corpus, labels: Sequence[str], known: Mapping[int, str]) -> list[list[float]]:
    """Scores after the confident answers, and the examples, have taught the whole vocabulary."""
    fixed = {number: labels.index(label) for number, label in known.items()}
    scores = _first(corpus, labels, fixed)
    examples = len(known) / len(labels)
    few = FEW_TEXTS * len(labels) / len(scores) / (1 + examples**2 / EXAMPLES_HALF)
    trust = LEXICON_SHARE + few
    neighbours = Neighbours(corpus.vectors, len(labels)) if len(scores) <= MOST_TEXTS else None
    for share in TEACHING:
        teachers = _teachers(scores, share, len(labels), fixed)
        learned = _bayes(corpus.vectors, teachers)
        near = _centroids(corpus.vectors, teachers)
        scores = _mixed((1.0, learned), (1.0, near), (trust, corpus.lexical))
        if neighbours is not None:
            spread = neighbours.spread(_standard(scores), fixed)
            scores = _mixed((SPREAD_SHARE, spread), (trust, corpus.lexical))
    return scores


def _first(corpus: _Corpus, labels: Sequence[str], fixed: Mapping[int, int]) -> list[list[float]]:
    """The first opinion: the lexicon's, and that of the nearest examples, as far as there are any."""
    if not fixed:
        return corpus.lexical
    taught: list[dict[int, float]] = [{} for _ in labels]
    for number, label in fixed.items():
        taught[label][number] = 1.0
    near = _standard(_centroids(corpus.vectors, taught))
    return [
        [a + b for a, b in zip(one, two, strict=True)]
        for one, two in zip(near, _standard(corpus.lexical), strict=True)
    ]


def _teachers(
    scores: Sequence[Sequence[float]], share: float, classes: int, fixed: Mapping[int, int]
) -> list[dict[int, float]]:
    """For each class the texts that teach it, with their weights: the surest `share`, and all examples."""
    ranked: list[list[tuple[float, int]]] = [[] for _ in range(classes)]
    for number, row in enumerate(scores):
        # An example teaches anyway, and a text without a word of any class has nothing to teach.
        if number in fixed or not any(row):
            continue
        answer = _best(row)
        second = max(value for label, value in enumerate(row) if label != answer) if classes > 1 else 0.0
        ranked[answer].append((row[answer] - second, number))
    teachers: list[dict[int, float]] = []
    for each in ranked:
        each.sort(reverse=True)
        teachers.append({number: 1.0 for _, number in each[: max(1, round(share * len(each)))]})
    for number, label in fixed.items():
        teachers[label][number] = EXAMPLE_WEIGHT
    return teachers


def _bayes(vectors: Sequence[Vector], teachers: Sequence[Mapping[int, float]]) -> list[list[float]]:
    """Multinomial naive Bayes over TF-IDF weights (Rennie et al. 2003), without a prior of the classes."""
    sums = [_summed(vectors, each) for each in teachers]
    vocabulary = set().union(*sums)
    logs: list[tuple[Vector, float]] = []
    for each in sums:
        whole = sum(each.values()) + SMOOTHING * (1 + len(vocabulary))
        logs.append(
            (
                {word: math.log((value + SMOOTHING) / whole) for word, value in each.items()},
                math.log(SMOOTHING / whole),
            )
        )
    return [
        [sum(value * table.get(word, rest) for word, value in vector.items()) for table, rest in logs]
        for vector in vectors
    ]


def _centroids(vectors: Sequence[Vector], teachers: Sequence[Mapping[int, float]]) -> list[list[float]]:
    """Cosine to the mean of each class's texts."""
    centres = [_unit(_summed(vectors, each)) for each in teachers]
    return [
        [sum(value * centre.get(word, 0.0) for word, value in vector.items()) for centre in centres]
        for vector in vectors
    ]


def _mixed(*opinions: tuple[float, Sequence[Sequence[float]]]) -> list[list[float]]:
    """The weighted sum of opinions, each in its own standard deviations."""
    parts = [(weight, _standard(rows)) for weight, rows in opinions]
    count = len(parts[0][1])
    return [
        [
            sum(weight * value for (weight, _), value in zip(parts, values, strict=True))
            for values in zip(*each, strict=True)
        ]
        for each in ([rows[number] for _, rows in parts] for number in range(count))
    ]


def _standard(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """Each row around its own mean, all divided by their common spread."""
    centred = [[value - sum(row) / len(row) for value in row] for row in rows]
    spread = math.sqrt(sum(value * value for row in centred for value in row) / max(1, len(rows))) or 1.0
    return [[value / spread for value in row] for row in centred]


def _expected(corpus: _Corpus, answers: Sequence[int], plain: Sequence[int], classes: int) -> float:
    """How much is likely right, without a truth to ask: how often answers from independent grounds agree.

    These are the lexicon's own, where it found something, and those from either half of the vocabulary.
    """
    teachers: list[dict[int, float]] = [{} for _ in range(classes)]
    for number, answer in enumerate(answers):
        teachers[answer][number] = 1.0
    halves = [_bayes([_half(vector, side) for vector in corpus.vectors], teachers) for side in (0, 1)]
    alike = [_best(one) == _best(two) for one, two in zip(*halves, strict=True)]
    spoke = [a == b for a, b, row in zip(answers, plain, corpus.lexical, strict=True) if any(row)]
    # The halves were taught alike, so they agree too often; the lexicon is the weaker judge, and agrees too rarely.
    return (HALVES_SHARE * sum(alike) + sum(spoke)) / (HALVES_SHARE * len(alike) + len(spoke))


def _half(vector: Vector, side: int) -> Vector:
    # Not hash(), which differs from process to process.
    return {word: value for word, value in vector.items() if crc32(word.encode()) % 2 == side}


def _confidences(scores: Sequence[Sequence[float]], aim: float) -> list[float]:
    """Softmax at the temperature whose mean comes nearest to `aim`: how often two ways to the answer agree."""
    rows = _standard(scores)
    # Held to what temperatures can reach: from little more than a plain guess to nearly sure.
    aim = min(0.98, max(1.2 / len(rows[0]), aim))
    means = [(abs(_mean_top(rows, each) - aim), each) for each in TEMPERATURES]
    temperature = min(means)[1]
    return [max(softmax([value / temperature for value in row])) for row in rows]


def _mean_top(rows: Sequence[Sequence[float]], temperature: float) -> float:
    return sum(max(softmax([value / temperature for value in row])) for row in rows) / len(rows)


def _summed(vectors: Sequence[Vector], chosen: Mapping[int, float]) -> Vector:
    total: Vector = {}
    for number, weight in chosen.items():
        for word, value in vectors[number].items():
            total[word] = total.get(word, 0.0) + weight * value
    return total


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
    return {word: value / length for word, value in vector.items()}


def _best(row: Sequence[float]) -> int:
    return max(range(len(row)), key=lambda label: row[label])
