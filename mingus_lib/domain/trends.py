"""Whether a series of weeks rises or falls, or only wavers. Pure.

The test is Mann-Kendall's (H. B. Mann, "Nonparametric tests against trend", Econometrica 13, 1945; M. G. Kendall,
"Rank correlation methods", 1975): it asks only whether later weeks tend to be higher than earlier ones, so that one
wild week proves nothing and no distribution is assumed. It takes weeks as independent. The slope is P. K. Sen's
(1968), the median of all slopes between two weeks. Of many series some look like trends by chance alone: Y. Benjamini
and Y. Hochberg's procedure (1995) keeps the expected share of false ones among those named below `FALSE_SHARE`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

FALSE_SHARE = 0.05
# Fewer readings than this in all weeks together are not called anything; nor are fewer weeks.
LEAST_READINGS = 50
LEAST_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Trend:
    """One series. `word`: rising, falling, steady, or too few. `slope`: change of the share a week.

    `p`: how often chance alone gives so clear an order; `q`: the same, corrected for the number of series.
    """

    kind: str
    name: str
    readings: int
    first: float
    last: float
    word: str
    slope: float | None = None
    p: float | None = None
    q: float | None = None


def kendall(values: Sequence[float]) -> int:
    """Mann and Kendall's S: pairs that rise, less pairs that fall."""
    return sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))


def chance(values: Sequence[float]) -> float:
    """How probable so large an S, up or down, is where all orders of the values are alike (two-sided, 0-1).

    Exact without ties, by counting permutations by their inversions; with ties the normal approximation with
    Kendall's variance and continuity correction.
    """
    size, found = len(values), abs(kendall(values))
    if found == 0:
        return 1.0
    if len(set(values)) == size:
        pairs = size * (size - 1) // 2
        fewest = (pairs - found) // 2
        # Whole numbers to the end: Python divides them without going through floats that would overflow.
        return min(1.0, 2 * sum(_inversions(size)[: fewest + 1]) / math.factorial(size))
    ties = sum(count * (count - 1) * (2 * count + 5) for count in Counter(values).values())
    variance = (size * (size - 1) * (2 * size + 5) - ties) / 18
    return math.erfc((found - 1) / math.sqrt(2 * variance))


def _inversions(size: int) -> list[int]:
    """How many permutations of `size` things have 0, 1, 2 ... inversions (P. A. MacMahon, 1916)."""
    counts = [1]
    for length in range(2, size + 1):
        longer = [0] * (len(counts) + length - 1)
        for inversions, number in enumerate(counts):
            for more in range(length):
                longer[inversions + more] += number
        counts = longer
    return counts


def slope(values: Sequence[float]) -> float:
    """Sen's: the median of the slopes of all pairs, a step."""
    return median((values[j] - values[i]) / (j - i) for i, j in combinations(range(len(values)), 2))


def corrected(chances: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's q-values, in the order given."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    found, least = [1.0] * len(chances), 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        least = min(least, chances[place] * len(order) / rank)
        found[place] = least
    return found


def judged(everything: Sequence[int], series: Mapping[tuple[str, str], Sequence[int]]) -> list[Trend]:
    """What each series, by kind and name, does as a share of everything read in the week; the clearest first.

    Weeks in which nothing at all was read are left out. Shares, so that a growing library lifts nobody.
    """
    weeks = [week for week, total in enumerate(everything) if total]
    tested: list[tuple[str, str, int, list[float], float]] = []
    left: list[Trend] = []
    for (kind, name), numbers in sorted(series.items()):
        shares = [numbers[week] / everything[week] for week in weeks]
        total = sum(numbers)
        # Left out of the tests, whose number makes the correction stricter for all others.
        if total < LEAST_READINGS or len(weeks) < LEAST_WEEKS:
            left.append(Trend(kind, name, total, *_ends(shares), "too few"))
        else:
            tested.append((kind, name, total, shares, chance(shares)))
    found = [
        Trend(kind, name, total, *_ends(shares), _word(shares, q), slope(shares), p, q)
        for (kind, name, total, shares, p), q in zip(
            tested, corrected([each[4] for each in tested]), strict=True
        )
    ]
    return [
        *sorted(found, key=lambda each: (each.q, each.p, -each.readings, each.kind, each.name)),
        *_largest(left),
    ]


def _word(shares: Sequence[float], q: float) -> str:
    if q > FALSE_SHARE:
        return "steady"
    return "rising" if kendall(shares) > 0 else "falling"


def _ends(shares: Sequence[float]) -> tuple[float, float]:
    """The mean share of the first and of the last third of the weeks."""
    # The mean of a third, since a single week wavers.
    third = max(1, len(shares) // 3)
    head, tail = shares[:third], shares[-third:]
    return (sum(head) / len(head), sum(tail) / len(tail)) if shares else (0.0, 0.0)


def _largest(trends: Sequence[Trend]) -> list[Trend]:
    return sorted(trends, key=lambda each: (-each.readings, each.kind, each.name))
