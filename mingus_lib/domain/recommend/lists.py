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
from mingus_lib.domain.recommend.rerank import Ranked, choose, merits, rank

# The best by score that are looked at more closely.
CANDIDATES = 120
# So many times as many are taken before the gate: a Beginner may read some half of a library.
AHEAD = 3
# Readers whose scores are held at once: some ten thousand each.
AT_ONCE = 250
BECAUSE = 2
# From where a part is worth a word.
TELLING = 0.02


@dataclass(frozen=True, slots=True)
class History:
    """What a reader read, newest first: places of the catalogue with weights of sum 1, and what is finished."""

    places: Ints
    weights: Floats
    finished: Ints


@dataclass(slots=True)
class ListMaker:
    """`taste` and `likeness`: the model, of the catalogue's first places."""

    shelf: Catalogue
    taste: Csr
    likeness: Csr
    policy: ListPolicy
    _scratch: Floats = field(init=False)
    _where: NDArray[np.int32] = field(init=False)
    _wanted: NDArray[np.bool_] = field(init=False)
    _matrix: Csr = field(init=False)
    _merits: tuple[float, Floats] | None = None

    def __post_init__(self) -> None:
        self._scratch = np.zeros(len(self.shelf.ids), np.float32)
        self._where = np.full(len(self.shelf.ids), -1, np.int32)
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
        for (reader, history), (low, high) in zip(readers, bounds, strict=True):
            yield self._one(reader, history, scores.indices[low:high], scores.data[low:high], limit, today)

    def near(self, place: int, reader: ReaderFacts, limit: int, today: float) -> list[Suggestion]:
        """What goes with one article, for a reader of these levels."""
        one = History(np.array([place]), np.ones(1, np.float32), np.array([place]))
        alone = ListMaker(self.shelf, self.taste, self.likeness, SIMILAR)
        return next(alone.many([(reader, one)], limit, today))

    def _one(
        self, reader: ReaderFacts, history: History, scored: Ints, scores: Floats, limit: int, today: float
    ) -> list[Suggestion]:
        self._scratch[scored] = scores
        places, newest = self._candidates(reader, history, scored, scores)
        taste, worth = self._scratch[places], self._worth(today)
        self._scratch[scored] = 0
        ranked = rank(self.shelf, worth, places, taste, len(history.places), reader, self.policy)
        chosen = choose(self.shelf, ranked, newest, reader, self.policy, limit, today)
        return self._told(ranked, chosen, reader, history)

    def _worth(self, today: float) -> Floats:
        if self._merits is None or self._merits[0] != today:
            self._merits = today, merits(self.shelf, self.policy, today)
        return self._merits[1]

    def _candidates(
        self, reader: ReaderFacts, history: History, scored: Ints, scores: Floats
    ) -> tuple[Ints, Ints]:
        """Places that are open and not finished: the best by score, the popular, the new and those of the goals."""
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
        return found, newest

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
        self, ranked: Ranked, chosen: Sequence[tuple[int, bool]], reader: ReaderFacts, history: History
    ) -> list[Suggestion]:
        """The chosen with their parts and reasons."""
        numbers = [number for number, _ in chosen]
        places = ranked.places[numbers]
        parts = ranked.parts[:, numbers].T.astype(np.float64).round(4).tolist()
        because = self._because(places, history)
        ids = self.shelf.ids[places].tolist()
        told = zip(ids, places.tolist(), parts, because, chosen, strict=True)
        return [
            Suggestion(
                article,
                round(sum(of_parts), 4),
                {name: value for name, value in zip(PARTS, of_parts, strict=True) if value},
                tuple(led_here),
                tuple(self._reasons(place, of_parts, drawn, reader)),
            )
            for article, place, of_parts, led_here, (_, drawn) in told
        ]

    def _reasons(self, place: int, parts: Sequence[float], drawn: bool, reader: ReaderFacts) -> list[str]:
        taste, popularity, on_goals, stage, *_, balance = parts
        goals = [goal for goal in reader.goals if goal in self.shelf.topics[place]] if on_goals else []
        found = [f"goal:{goal}" for goal in goals[:1]]
        phase = self.shelf.phases[place]
        if balance > TELLING and phase >= 0 and reader.weakness[phase] == 1:
            found.append(f"phase:{PHASES[phase]}")
        if stage > TELLING / 2:
            found.append("stage")
        if popularity > max(taste, TELLING):
            found.append("popular")
        if drawn:
            found.append("new")
        return found

    def _because(self, places: Ints, history: History) -> list[list[int]]:
        """For each place the articles of the history that add most to its score."""
        read, weights = _of_model(history, self._matrix.shape[0])
        if not len(read) or not len(places):
            return [[] for _ in places]
        matrix = self._matrix
        rows = list(zip(matrix.indptr[read].tolist(), matrix.indptr[read + 1].tolist(), strict=True))
        self._where[places] = np.arange(len(places))
        target = self._where[np.concatenate([matrix.indices[low:high] for low, high in rows])]
        self._where[places] = -1
        hit = np.flatnonzero(target >= 0)
        ends = np.cumsum([high - low for low, high in rows])
        owner = np.searchsorted(ends, hit, side="right")
        entries = np.array([low for low, _ in rows]) - np.concatenate(([0], ends[:-1]))
        added = np.zeros((len(places), len(read)), np.float32)
        added[target[hit], owner] = matrix.data[hit + entries[owner]] * weights[owner]
        order = np.argsort(-added, axis=1, kind="stable")[:, :BECAUSE]
        most = np.take_along_axis(added, order, 1)
        telling = (most > 0) & (most >= 0.25 * most[:, :1])
        ids = self.shelf.ids[read][order].tolist()
        return [
            list(itertools.compress(best, tells)) for best, tells in zip(ids, telling.tolist(), strict=True)
        ]


SIMILAR = ListPolicy(
    trusting=0.0, without=frozenset({"goals", "culture", "quality", "freshness", "balance", "exploration"})
)


def _of_model(history: History, known: int) -> tuple[Ints, Floats]:
    inside = history.places < known
    return history.places[inside], history.weights[inside]
