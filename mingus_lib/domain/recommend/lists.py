"""Making readers' lists: score, open only what the gate opens, rank, choose, and say why."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mingus_lib.domain.gate import PHASES
from mingus_lib.domain.recommend.catalogue import Catalogue
from mingus_lib.domain.recommend.facts import PARTS, ListPolicy, ReaderFacts, Suggestion
from mingus_lib.domain.recommend.matrix import Csr, Floats, Ints, csr, slim, top
from mingus_lib.domain.recommend.rerank import Candidates, Ranked, choose, merits, rank

# The best by score that are looked at more closely.
CANDIDATES = 120
# So many times as many are taken before the gate: a Beginner may read some half of a library.
AHEAD = 3
# Readers whose scores are held at once: some ten thousand each.
AT_ONCE = 100
BECAUSE = 2
# From where a part is worth a word.
TELLING = 0.02


@dataclass(frozen=True, slots=True)
class History:
    """What a reader read, newest first: places of the catalogue with weights of sum 1, and what is finished."""

    places: Ints
    weights: Floats
    finished: Ints


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What stands in one list, best first: places, their parts (PARTS x places), and which were drawn to explore."""

    places: Ints
    parts: Floats
    drawn: list[bool]

    @classmethod
    def of(cls, ranked: Ranked, chosen: Sequence[tuple[int, bool]]) -> _Chosen:
        numbers = [number for number, _ in chosen]
        return cls(ranked.places[numbers], ranked.parts[:, numbers], [drawn for _, drawn in chosen])


# The words for a weak phase (or none), a fitting stage, popularity, and what was drawn; in the order of their bits.
REASONS = [
    tuple(itertools.compress((f"phase:{phase}", "stage", "popular", "new"), (phase, stage, popular, drawn)))
    for phase, stage, popular, drawn in itertools.product(("", *PHASES), (0, 1), (0, 1), (0, 1))
]


@dataclass(slots=True)
class ListMaker:
    """`taste` and `likeness`: the model, of the catalogue's first places."""

    shelf: Catalogue
    taste: Csr
    likeness: Csr
    policy: ListPolicy
    _where: NDArray[np.int32] = field(init=False)
    _wanted: NDArray[np.bool_] = field(init=False)
    _matrix: Csr = field(init=False)
    _merits: tuple[float, Floats] | None = None

    def __post_init__(self) -> None:
        # Made once and cleared place by place: a fresh array for each reader would cost the library's size.
        self._where = np.zeros(len(self.shelf.ids), np.int32)
        self._wanted = np.zeros(len(self.shelf.ids), bool)
        self._matrix = slim(self.taste + self.likeness)

    def many(
        self, readers: Sequence[tuple[ReaderFacts, History]], limit: int, today: float
    ) -> Iterator[list[Suggestion]]:
        """The lists of several readers, best first, one at a time; one product scores so many."""
        for start in range(0, len(readers), AT_ONCE):
            yield from self._some(readers[start : start + AT_ONCE], limit, today)

    def _some(
        self, readers: Sequence[tuple[ReaderFacts, History]], limit: int, today: float
    ) -> Iterator[list[Suggestion]]:
        known = self._matrix.shape[0]
        histories = [_of_model(history, known) for _, history in readers]
        rows = np.repeat(np.arange(len(readers)), [len(places) for places, _ in histories])
        columns = np.concatenate([places for places, _ in histories]) if histories else np.empty(0, np.int64)
        weights = np.concatenate([weight for _, weight in histories]) if histories else np.empty(0)
        # Places of one width: else scipy widens the whole matrix for each product.
        scores = slim(csr(rows, columns, weights, (len(readers), known))) @ self._matrix
        bounds = itertools.pairwise(scores.indptr.tolist())
        found = [
            self._candidates(reader, history, scores.indices[low:high], scores.data[low:high])
            for (reader, history), (low, high) in zip(readers, bounds, strict=True)
        ]
        facts = [reader for reader, _ in readers]
        ranked = rank(self.shelf, self._worth(today), found, facts, self.policy)
        chosen = [
            _Chosen.of(each, choose(self.shelf, each, candidates.new, reader, self.policy, limit, today))
            for each, candidates, reader in zip(ranked, found, facts, strict=True)
        ]
        because = self._because([each.places for each in chosen], histories)
        yield from self._told(facts, chosen, because)

    def near(self, place: int, reader: ReaderFacts, limit: int, today: float) -> list[Suggestion]:
        """What goes with one article, for a reader of these levels."""
        one = History(np.array([place]), np.ones(1, np.float32), np.array([place]))
        alone = ListMaker(self.shelf, self.taste, self.likeness, SIMILAR)
        return next(alone.many([(reader, one)], limit, today))

    def _worth(self, today: float) -> Floats:
        if self._merits is None or self._merits[0] != today:
            self._merits = today, merits(self.shelf, self.policy, today)
        return self._merits[1]

    def _candidates(self, reader: ReaderFacts, history: History, scored: Ints, scores: Floats) -> Candidates:
        """Open and not finished: the best by score, the popular, the new and those of the goals."""
        best = self._best(reader, scored, scores, CANDIDATES + len(history.finished))
        popular, newest = self.shelf.pools(reader.levels)
        goals = reader.goals if self.policy.has("goals") else ()
        of_goals = [self.shelf.of_goal(goal, reader.levels) for goal in goals]
        if self.policy is SIMILAR:
            popular, newest = popular[:0], newest[:0]
        wanted = self._wanted
        for places in (best, popular, newest, *of_goals):
            wanted[places] = True
        if self.policy.has("finished"):
            wanted[history.finished] = False
        found = np.flatnonzero(wanted)
        wanted[found] = False
        wanted[newest] = True
        new = wanted[found]
        wanted[newest] = False
        number = self._numbered(scored, found)
        taste, hit = np.zeros(len(found) + 1, np.float32), np.flatnonzero(number != 0)
        taste[number[hit]] = scores[hit]
        return Candidates(found, new, taste[1:], len(history.places))

    def _best(self, reader: ReaderFacts, scored: Ints, scores: Floats, room: int) -> Ints:
        """The `room` open places of the highest scores above 0, in any order."""
        if len(scored) > AHEAD * room:
            # Most are far from the list: the gate looks at the first few, and at all only if too few are open.
            first = top(scores, AHEAD * room)
            found = self._best(reader, scored[first], scores[first], room)
            if len(found) == room:
                return found
        usable = self.shelf.open_to(reader.levels)[self.shelf.labels[scored]] & (scores > 0)
        best = scored[usable]
        return best[top(scores[usable], room)] if len(best) > room else best

    def _told(
        self, readers: Sequence[ReaderFacts], chosen: Sequence[_Chosen], because: Sequence[list[list[int]]]
    ) -> Iterator[list[Suggestion]]:
        """The lists with their parts and reasons."""
        places = np.concatenate([each.places for each in chosen])
        parts = np.concatenate([each.parts for each in chosen], axis=1).T.astype(np.float64).round(4)
        owners = np.repeat(np.arange(len(chosen)), [len(each.places) for each in chosen])
        drawn = np.fromiter(itertools.chain.from_iterable(each.drawn for each in chosen), bool, len(places))
        lines = zip(
            self.shelf.ids[places].tolist(), parts.sum(axis=1).round(4).tolist(), parts.tolist(),
            self._reasons(readers, owners, places, parts, drawn), strict=True,
        )  # fmt: skip
        for led_here in because:
            yield [
                Suggestion(
                    article,
                    score,
                    {name: value for name, value in zip(PARTS, of_parts, strict=True) if value},
                    tuple(read),
                    reasons,
                )
                # `led_here` first: zip stops at its end before it takes a line, which is the next reader's.
                for read, (article, score, of_parts, reasons) in zip(led_here, lines, strict=False)
            ]

    def _reasons(
        self, readers: Sequence[ReaderFacts], owners: Ints, places: Ints, parts: NDArray[np.float64],
        drawn: NDArray[np.bool_],
    ) -> list[tuple[str, ...]]:  # fmt: skip
        """The words for each line, `owners` telling whose it is."""
        taste, popularity, on_goals, stage, *_, balance = parts.T
        # The last, False, is for articles without a phase, whose number is -1.
        weakest = np.array([(*(weakness == 1 for weakness in each.weakness), False) for each in readers])
        phases = self.shelf.phases[places]
        needed = (balance > TELLING) & weakest[owners, phases]
        # The place in REASONS, whose words follow these bits.
        number = np.where(needed, phases + 1, 0) * 8 + (stage > TELLING / 2) * 4
        number = number + (popularity > np.maximum(taste, TELLING)) * 2 + drawn
        found = [REASONS[each] for each in number.tolist()]
        for line in np.flatnonzero(on_goals).tolist():
            topics = self.shelf.topics[places[line]]
            goals = [f"goal:{goal}" for goal in readers[owners[line]].goals if goal in topics]
            found[line] = (*goals[:1], *found[line])
        return found

    def _because(
        self, chosen: Sequence[Ints], histories: Sequence[tuple[Ints, Floats]]
    ) -> list[list[list[int]]]:
        """For each reader and chosen place the articles of the history that add most to its score."""
        read = np.concatenate([places for places, _ in histories])
        if not len(read):
            return [[[] for _ in places] for places in chosen]
        weights = np.concatenate([weight for _, weight in histories])
        starts = np.cumsum([0, *(len(places) for places, _ in histories)])
        rows = self._matrix[read]
        bounds = itertools.pairwise(rows.indptr[starts].tolist())
        numbered = zip(chosen, bounds, strict=True)
        rank = np.concatenate(
            [self._numbered(rows.indices[low:high], each) for each, (low, high) in numbered]
        )
        hit = np.flatnonzero(rank != 0)
        # Of each hit its row, then the row's reader and place in the history.
        row = np.repeat(np.arange(len(read)), np.diff(np.searchsorted(hit, rows.indptr)))
        owner = np.repeat(np.arange(len(histories)), np.diff(starts))[row]
        added = np.zeros((len(chosen), max(map(len, chosen)), int(np.diff(starts).max())), np.float32)
        added[owner, rank[hit].astype(np.int64) - 1, row - starts[owner]] = rows.data[hit] * weights[row]
        most, order = _most(added)
        telling = (most > 0) & (most >= 0.25 * most[..., :1])
        ids = self.shelf.ids[read][np.minimum(starts[:-1, None, None] + order, len(read) - 1)].tolist()
        return [
            [list(itertools.compress(*each)) for each in zip(best[: len(places)], tells, strict=False)]
            for places, best, tells in zip(chosen, ids, telling.tolist(), strict=True)
        ]

    def _numbered(self, entries: Ints, places: Ints) -> NDArray[np.int32]:
        """Of each entry which of the places it is, from 1; 0 for none of them."""
        self._where[places] = np.arange(1, len(places) + 1)
        found = self._where.take(entries)
        self._where[places] = 0
        return found


def _most(added: Floats) -> tuple[Floats, Ints]:
    """The BECAUSE largest along the last axis and where they are, of equals the first; `added` is overwritten."""
    found = []
    for _ in range(BECAUSE):
        at = added.argmax(axis=-1, keepdims=True)
        found.append((np.take_along_axis(added, at, -1), at))
        np.put_along_axis(added, at, 0, -1)
    return np.concatenate([most for most, _ in found], -1), np.concatenate([at for _, at in found], -1)


SIMILAR = ListPolicy(
    trusting=0.0, without=frozenset({"goals", "culture", "quality", "freshness", "balance", "exploration"})
)


def _of_model(history: History, known: int) -> tuple[Ints, Floats]:
    inside = history.places < known
    return history.places[inside], history.weights[inside]
