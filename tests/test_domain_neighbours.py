"""Labels that spread over near texts: small cases by hand, larger ones beside a plain loop."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from mingus_lib.domain import neighbours
from mingus_lib.domain.neighbours import Neighbours

Vectors = list[dict[str, float]]
NEITHER = (0.0, 0.0)
# Two pairs of like texts, and one that is like nobody: each has one neighbour at most.
PAIRS: Vectors = [{"tax": 1.0}, {"tax": 1.0}, {"debt": 0.6, "loan": 0.8}, {"debt": 1.0}, {"yoga": 1.0}]


def test_a_text_is_drawn_to_its_neighbour_s_label() -> None:
    found = Neighbours(PAIRS, 1).spread([NEITHER] * 5, {0: 0, 1: 1})
    # Of two that disagree each keeps two thirds, less what the last of twelve rounds would still change.
    kept = 2 / 3 + 1 / 3 / 2**12
    assert found[0] == pytest.approx((kept, 1 - kept))
    assert found[1] == pytest.approx((1 - kept, kept))
    assert found[2:] == [pytest.approx((0.5, 0.5))] * 3


def test_how_near_the_only_neighbour_is_plays_no_part() -> None:
    found = Neighbours(PAIRS, 1).spread([NEITHER] * 5, {2: 0, 3: 1})
    kept = 2 / 3 + 1 / 3 / 2**12
    assert found[2] == pytest.approx((kept, 1 - kept))


def test_a_known_label_counts_more_than_any_opinion() -> None:
    found = Neighbours(PAIRS, 1).spread([(0.0, 9.0)] * 5, {4: 0})
    assert found[4] == pytest.approx((1, 0))
    assert found[0] == pytest.approx((0, 1), abs=1e-9)


def test_who_has_no_neighbour_keeps_its_opinion_made_sharper() -> None:
    # Three times the half of ln 4 are e to the ln 8.
    found = Neighbours(PAIRS, 1).spread([*[NEITHER] * 4, (math.log(4) / 2, 0.0)], {})
    assert found[4] == pytest.approx((8 / 9, 1 / 9))


def test_a_small_file_has_no_neighbours() -> None:
    for vectors, classes in ((PAIRS[:4], 1), (PAIRS, 2), (PAIRS + PAIRS[:4], 2), ([{}] * 9, 2)):
        found = Neighbours(vectors, classes).spread([NEITHER] * len(vectors), {0: 0})
        assert found == [[1.0, 0.0], *[[0.5, 0.5]] * (len(vectors) - 1)]
    ten = Neighbours([*PAIRS, *PAIRS], 2).spread([NEITHER] * 10, {0: 0})
    assert sum(first > 0.5 for first, _ in ten) > 1


def test_texts_without_words_are_nobody_s_neighbours() -> None:
    found = Neighbours([{}] * 5, 1).spread([NEITHER] * 5, {0: 0})
    assert found == [[1.0, 0.0], *[[0.5, 0.5]] * 4]


def drawn(count: int, words: int, chance: random.Random) -> Vectors:
    found = []
    for _ in range(count):
        weights = {f"w{n}": chance.random() for n in range(words)}
        length = math.hypot(*weights.values())
        found.append({word: weight / length for word, weight in weights.items()})
    return found


def by_loop(vectors: Vectors, classes: int, own: Sequence[Sequence[float]]) -> list[list[float]]:
    """Zhou's formula, a text and a label at a time."""
    texts = range(len(vectors))
    most = min(20, len(vectors) // (classes * 5))
    like = [[sum(a[w] * b[w] for w in a) if a is not b else 0.0 for b in vectors] for a in vectors]
    near = [sorted(texts, key=row.__getitem__)[-most:] for row in like]
    mutual: list[dict[int, float]] = [{} for _ in texts]
    for i in texts:
        for j in near[i]:
            mutual[i][j] = mutual[j][i] = like[i][j]
    sums = [sum(row.values()) for row in mutual]
    weights = [{j: value / math.sqrt(sums[i] * sums[j]) for j, value in mutual[i].items()} for i in texts]
    shared = [list(row) for row in own]
    for _ in range(12):
        spread = [
            [sum(weight * shared[j][label] for j, weight in row.items()) for label in range(len(own[0]))]
            for row in weights
        ]
        shared = [[(a + b) / 2 for a, b in zip(*rows, strict=True)] for rows in zip(spread, own, strict=True)]
    return [[value / sum(row) for value in row] for row in shared]


@pytest.mark.parametrize(
    ("count", "classes", "block"), [(17, 1, 512), (40, 3, 7), (40, 2, 40), (300, 1, 128)]
)
def test_the_shares_are_what_a_loop_finds(
    count: int, classes: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    chance = random.Random(count)
    vectors = drawn(count, 4, chance)
    opinions = [[chance.gauss(0, 1) for _ in range(3)] for _ in range(count)]
    sharp = [[math.exp(3 * opinion) for opinion in row] for row in opinions]
    own = [[value / sum(row) for value in row] for row in sharp]
    own[5] = [0.0, 0.0, 1.0]
    found = Neighbours(vectors, classes).spread(opinions, {5: 2})
    for ours, theirs in zip(found, by_loop(vectors, classes, own), strict=True):
        assert ours == pytest.approx(theirs)
        assert sum(ours) == pytest.approx(1)
