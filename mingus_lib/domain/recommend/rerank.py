"""From scores to a list: the formula of docs/recommendations.md, then a walk down the ranking that keeps it varied.

score = trust * taste + (1 - trust) * popularity / 2 + goals + stage + culture + quality + freshness + balance
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mingus_lib.domain.recommend.catalogue import Catalogue
from mingus_lib.domain.recommend.facts import PARTS, ListPolicy, ReaderFacts
from mingus_lib.domain.recommend.matrix import Floats, Ints

# Where the parts stand that are the same for every reader.
MERITS = [4, 5, 6]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may stand in one reader's list: places, which are `new`, their scores, and of how many articles `read`."""

    places: Ints
    new: NDArray[np.bool_]
    taste: Floats
    read: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates with their parts: `places` in the catalogue, `parts` (PARTS x candidates) and their sum."""

    places: Ints
    parts: Floats
    totals: Floats


def merits(shelf: Catalogue, policy: ListPolicy, today: float) -> Floats:
    """What articles are worth to anybody that day: culture, quality and freshness, MERITS x articles."""
    found = np.zeros((len(MERITS), len(shelf.ids)), np.float32)
    if policy.has("culture"):
        found[0] = policy.culture * shelf.culture
    if policy.has("quality"):
        found[1] = policy.quality * shelf.quality
    if policy.has("freshness"):
        ages = np.maximum(today - shelf.days, 0)
        found[2] = policy.freshness * np.exp2(-ages / policy.half_life_days)
    return found


def rank(
    shelf: Catalogue,
    worth: Floats,
    candidates: Sequence[Candidates],
    readers: Sequence[ReaderFacts],
    policy: ListPolicy,
) -> list[Ranked]:
    """Every candidate's parts, several readers at once: most is done in one go. `worth`: see merits."""
    bounds = np.cumsum([0, *(len(each.places) for each in candidates)])
    owners = np.repeat(np.arange(len(readers)), np.diff(bounds))
    places = np.concatenate([each.places for each in candidates])
    taste = np.maximum(np.concatenate([each.taste for each in candidates]), 0)
    best, read = np.zeros(len(readers), np.float32), np.array([each.read for each in candidates])
    np.maximum.at(best, owners, taste)
    trust = np.where(best > 0, read / np.maximum(read + policy.trusting, 1e-9), 0.0)
    parts = np.zeros((len(PARTS), len(places)), np.float32)
    parts[0] = taste * (trust / np.where(best > 0, best, 1)).astype(np.float32)[owners]
    parts[1] = shelf.popularity[places] * ((1 - trust) * policy.popularity).astype(np.float32)[owners]
    if policy.has("goals"):
        for reader, (low, high) in zip(readers, itertools.pairwise(bounds.tolist()), strict=True):
            _add_own(parts[:, low:high], shelf, places[low:high], reader, policy)
    parts[MERITS] = worth[:, places]
    if policy.has("balance"):
        # The last weakness, 0, is for articles without a phase, whose number is -1.
        weakness = np.array([(*each.weakness, 0.0) for each in readers], np.float32)
        parts[7] = policy.balance * weakness[owners, shelf.phases[places]]
    totals = parts.sum(axis=0)
    return [
        Ranked(places[low:high], parts[:, low:high], totals[low:high])
        for low, high in itertools.pairwise(bounds.tolist())
    ]


def _add_own(parts: Floats, shelf: Catalogue, places: Ints, reader: ReaderFacts, policy: ListPolicy) -> None:
    """What a reader has said: goals; half for their own career stage, half for their income range."""
    _add_goals(parts[2], shelf, places, reader.goals, policy.goals)
    for fitting in (shelf.stages.are(places, reader.stage), shelf.incomes.are(places, reader.income)):
        if fitting is not None:
            parts[3] += policy.stage * 0.5 * fitting


def _add_goals(part: Floats, shelf: Catalogue, places: Ints, goals: Sequence[str], weight: float) -> None:
    wanted = [shelf.topic_numbers[goal] for goal in goals if goal in shelf.topic_numbers]
    if wanted:
        codes = shelf.topic_codes[places]
        part[np.logical_or.reduce([(codes == number).any(axis=1) for number in wanted])] = weight


def choose(
    shelf: Catalogue,
    ranked: Ranked,
    new: NDArray[np.bool_],
    reader: ReaderFacts,
    policy: ListPolicy,
    limit: int,
    today: float,
) -> list[tuple[int, bool]]:
    """Which candidates stand in the list, by their number in `ranked`, and which of them were drawn to explore.

    `new`: the candidates that exploring draws from. What the limits of a host or topic left out fills up a list that
    would be short; a near-duplicate never does.
    """
    walk = _Walk(shelf, policy)
    order, places = np.argsort(-ranked.totals, kind="stable").tolist(), ranked.places.tolist()
    drawn = _drawn(new, reader, policy, today)
    explored = round(limit * policy.explore) if policy.has("exploration") else 0
    mains = shelf.topic_codes[ranked.places, 0].tolist()
    chosen: list[tuple[int, bool]] = []
    waiting, left_out = iter(order), []
    while len(chosen) < limit:
        # Spread over the list, and never more than their share.
        if (len(chosen) + 1) * explored // limit > len(chosen) * explored // limit:
            number = next((n for n in drawn if walk.takes(places[n])), None)
            if number is not None:
                chosen.append((number, True))
                continue
        number = next(waiting, None)
        if number is None:
            break
        # Most are of a topic that is full: they need no closer look.
        if mains[number] not in walk.full and walk.takes(places[number]):
            chosen.append((number, False))
        else:
            left_out.append(number)
    spare = (n for n in left_out if walk.takes(places[n], strictly=False))
    chosen += [(number, False) for number, _ in zip(spare, range(limit - len(chosen)), strict=False)]
    return chosen


def _drawn(new: NDArray[np.bool_], reader: ReaderFacts, policy: ListPolicy, today: float) -> Iterator[int]:
    """New candidates in a random order that stays the same for this reader and day; drawn as they are asked for."""
    numbers = np.flatnonzero(new).tolist()
    # Seeded by a text, which Python hashes by SHA-512: the same in every process.
    draw = random.Random(f"{policy.seed} {reader.number} {int(today)}")  # noqa: S311
    while numbers:
        at = draw.randrange(len(numbers))
        numbers[at], numbers[-1] = numbers[-1], numbers[at]
        yield numbers.pop()


class _Walk:
    """What stands in the list already, and whether another article may."""

    def __init__(self, shelf: Catalogue, policy: ListPolicy) -> None:
        self._shelf = shelf
        self._policy = policy
        self._varied = policy.has("diversity")
        self._hosts: dict[str, int] = {}
        self._topics: dict[str, int] = {}
        self.full: set[int] = set()
        self._taken: set[int] = set()
        self._fingerprints: list[int] = []

    def takes(self, place: int, *, strictly: bool = True) -> bool:
        """Whether the article goes in; it is noted when it does."""
        if place in self._taken:
            return False
        shelf, policy = self._shelf, self._policy
        of_topics = shelf.topics[place]
        host, topic = shelf.hosts[place], of_topics[0] if of_topics else None
        of_host, of_topic = self._hosts.get(host, 0), self._topics.get(topic, 0) if topic else 0
        mark = shelf.fingerprints[place]
        if self._varied:
            if strictly and (of_host >= policy.per_host or of_topic >= policy.per_topic):
                return False
            if self._repeats(mark):
                return False
        self._taken.add(place)
        self._hosts[host] = of_host + 1
        if topic:
            self._topics[topic] = of_topic + 1
            if self._varied and of_topic + 1 >= policy.per_topic:
                self.full.add(shelf.topic_numbers[topic])
        if mark is not None:
            self._fingerprints.append(mark)
        return True

    def _repeats(self, mark: int | None) -> bool:
        if mark is not None:
            near = self._policy.near
            for other in self._fingerprints:
                if (mark ^ other).bit_count() <= near:
                    return True
        return False
