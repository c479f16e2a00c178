"""The articles as arrays, one place each, so that a list is made in microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mingus_lib.domain.gate import LABELS, PHASES, Levels, may_read
from mingus_lib.domain.recommend.facts import ArticleFacts
from mingus_lib.domain.recommend.matrix import Floats, Ints

# The popular and the new that every list may draw on.
POOL = 60
# The new are the newest tenth, but so many at least.
FEWEST_NEW = 5
# The best of each goal that are looked at.
OF_A_GOAL = 30
# Of an article's topics so many are looked at.
TOPICS = 5
GONE = len(LABELS)


@dataclass(frozen=True, slots=True)
class Coded:
    """Words as numbers, -1 for none."""

    codes: NDArray[np.int32]
    numbers: dict[str, int]

    @classmethod
    def of(cls, words: Iterable[str | None]) -> Coded:
        """One code a word."""
        numbers: dict[str, int] = {}
        codes = [-1 if word is None else numbers.setdefault(word, len(numbers)) for word in words]
        return cls(np.array(codes, np.int32), numbers)

    def are(self, places: Ints, word: str | None) -> NDArray[np.bool_] | None:
        """Which of these places have that word; None when none can."""
        number = None if word is None else self.numbers.get(word)
        return None if number is None else self.codes[places] == number


@dataclass(slots=True)
class Catalogue:
    """Facts by place. The articles of the model come first, in its order; those that are gone are open to nobody."""

    ids: Ints
    labels: NDArray[np.int8]
    phases: NDArray[np.int8]
    hosts: list[str]
    topics: list[tuple[str, ...]]
    topic_codes: NDArray[np.int32]
    topic_numbers: dict[str, int]
    stages: Coded
    incomes: Coded
    culture: Floats
    quality: Floats
    days: Floats
    fingerprints: list[int | None]
    popularity: Floats
    by_topic: dict[str, Ints]
    places: dict[int, int]
    _opened: dict[Levels, NDArray[np.bool_]] = field(default_factory=dict)
    _pools: dict[Levels, tuple[Ints, Ints]] = field(default_factory=dict)
    _of_goals: dict[tuple[str, Levels], Ints] = field(default_factory=dict)

    @classmethod
    def of(
        cls, facts: Iterable[ArticleFacts], first: Sequence[int], popularity: Sequence[float]
    ) -> Catalogue:
        """`first`: the ids of the model's articles; `popularity`: 0-1 of each of them."""
        known = {each.id: each for each in facts}
        placed = set(first)
        # Articles that went after the fit keep their place, or all places behind would shift.
        ordered = [known.get(number) for number in first] + [known[n] for n in known if n not in placed]
        ids = [*first, *(number for number in known if number not in placed)]
        shown = [each or _GONE for each in ordered]
        topics = [each.topics for each in shown]
        codes, numbers = _coded(topics)
        return cls(
            np.array(ids, np.int64),
            np.array([GONE if each is None else LABELS.index(each.label) for each in ordered], np.int8),
            np.array([PHASES.index(each.label[0]) if each.label else -1 for each in shown], np.int8),
            [each.host for each in shown],
            topics,
            codes,
            numbers,
            Coded.of([each.stage for each in shown]),
            Coded.of([each.income for each in shown]),
            np.array([each.culture for each in shown], np.float32),
            np.array([each.quality for each in shown], np.float32),
            np.array([each.day for each in shown], np.float32),
            [each.fingerprint for each in shown],
            np.array([*popularity, *([0.0] * (len(ids) - len(first)))], np.float32),
            _by_topic(topics),
            {number: place for place, number in enumerate(ids)},
        )

    def open_to(self, levels: Levels) -> NDArray[np.bool_]:
        """Which labels are open, by their number; index it with `labels`."""
        # There are 27 of these levels, so what is kept stays small.
        if levels not in self._opened:
            # The last place is that of GONE: an article that is no longer there is open to nobody.
            self._opened[levels] = np.array([*(may_read(label, levels) for label in LABELS), False])
        return self._opened[levels]

    def pools(self, levels: Levels) -> tuple[Ints, Ints]:
        """The most popular and the newest articles that are open to these levels."""
        if levels not in self._pools:
            open_places = np.flatnonzero(self.open_to(levels)[self.labels])
            # Stable, since numpy's fastest sort orders equals as the processor has it.
            popular = open_places[np.argsort(-self.popularity[open_places], kind="stable")[:POOL]]
            few = min(POOL, max(FEWEST_NEW, len(open_places) // 10))
            newest = open_places[np.argsort(-self.days[open_places], kind="stable")[:few]]
            self._pools[levels] = popular, newest
        return self._pools[levels]

    def of_goal(self, goal: str, levels: Levels) -> Ints:
        """The best of a topic by popularity and quality that are open to these levels."""
        places = self.by_topic.get(goal)
        if places is None:
            # Not kept: goals are anything that readers write.
            return np.empty(0, np.int64)
        if (goal, levels) not in self._of_goals:
            places = places[self.open_to(levels)[self.labels[places]]]
            worth = self.popularity[places] + self.quality[places]
            self._of_goals[goal, levels] = places[np.argsort(-worth, kind="stable")[:OF_A_GOAL]]
        return self._of_goals[goal, levels]


_GONE = ArticleFacts(0, None, "", (), None, None, 0.0, 0.0, 0.0, None)


def _by_topic(topics: Sequence[tuple[str, ...]]) -> dict[str, Ints]:
    found: dict[str, list[int]] = {}
    for place, names in enumerate(topics):
        for name in names:
            found.setdefault(name, []).append(place)
    return {name: np.array(places, np.int64) for name, places in found.items()}


def _coded(topics: Sequence[tuple[str, ...]]) -> tuple[NDArray[np.int32], dict[str, int]]:
    """The first TOPICS of each article as numbers, -1 where there are fewer; and each topic's number."""
    numbers: dict[str, int] = {}
    codes = np.full((len(topics), TOPICS), -1, np.int32)
    for place, names in enumerate(topics):
        for rank, name in enumerate(names[:TOPICS]):
            codes[place, rank] = numbers.setdefault(name, len(numbers))
    return codes, numbers
