"""Readers' lists: kept, refreshed when stale, explained.

A worker's process holds the model and the catalogue of articles in memory; the model is loaded again when its file
changes, the catalogue after five minutes. Whatever is shown has passed the gate in the query that read it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib.domain import gate
from mingus_lib.domain.gate import EVERYTHING, GatePolicy, Levels
from mingus_lib.domain.library import Article
from mingus_lib.domain.readers import Event, EventKind, Reader
from mingus_lib.domain.recommend.facts import ListPolicy, ReaderFacts
from mingus_lib.errors import NotFound
from mingus_lib.services import recommender_model
from mingus_lib.store import model_file
from mingus_lib.store.events import Events
from mingus_lib.store.readers import Readers
from mingus_lib.store.recommendations import NewList, Recommendations, StoredList

if TYPE_CHECKING:
    from mingus_lib.domain.recommend.lists import ListMaker
    from mingus_lib.domain.recommend.readings import Places
    from mingus_lib.services.recommender_model import Model

LIMIT = 20
# Freshness, and what is drawn to be explored, are those of a day.
MAX_AGE = timedelta(days=1)
CATALOGUE_SECONDS = 300.0
# Readers whose lists are made and kept at once: the rows of who has which article lie apart, so fewer times is less.
AT_ONCE = 2_000
# A list is made longer than asked for, so that what changes later leaves enough.
SPARE = 5
# So many of a reader's newest readings count: with a recency of 0.8 the last weighs less than a millionth.
HISTORY = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """One place of a list with its article; `because` are titles of what was read, by id."""

    article: Article
    suggestion: dict[str, Any]
    because: dict[int, str]


@dataclass(frozen=True, slots=True)
class ReaderList:
    """What a reader is shown. `refreshed`: it was made just now."""

    reader: str
    made_at: datetime
    model: str | None
    refreshed: bool
    items: tuple[Shown, ...]


@dataclass(slots=True)
class _Loaded:
    model: Model
    maker: ListMaker
    places: Places
    stamp: tuple[int, int] | None
    loaded_at: float


class Recommender:
    """Lists of one library. `home` is the state directory, where the model is."""

    def __init__(
        self,
        home: Path,
        readers: Readers,
        events: Events,
        lists: Recommendations,
        gate_policy: GatePolicy,
        list_policy: ListPolicy,
    ) -> None:
        self.home = home
        self.readers = readers
        self.events = events
        self.lists = lists
        self.gate_policy = gate_policy
        self.list_policy = list_policy
        self._loaded: _Loaded | None = None

    @property
    def has_learned(self) -> bool:
        """Whether there is a model."""
        return model_file.stamp(self.home / recommender_model.FILE) is not None

    def show(self, reader_id: str, limit: int = LIMIT, *, now: datetime, record: bool = True) -> ReaderList:
        """A reader's list, as kept or, when it is stale, made anew. Raises NotFound.

        `record` notes that the articles were shown: one event for each article and list, however often.
        """
        reader = self.readers.find(reader_id)
        kept = self.lists.get(reader.number)
        refreshed = kept is None or not self._serves(kept, limit, now)
        if refreshed:
            self.refresh(reader, limit, now=now)
            kept = self.lists.get(reader.number)
        if kept is None:
            raise NotFound(f"no reader {reader_id!r}: it was forgotten just now", code="no-such-reader")
        levels = self.readers.levels(reader.number, self.gate_policy, now)
        items = self._told(kept.suggestions, levels, limit)
        if not refreshed and len(items) < min(limit, len(kept.suggestions)):
            # The gate has shut much of it since (another threshold, an assessment too old): fill it up.
            self.refresh(reader, limit, now=now)
            kept, refreshed = self.lists.get(reader.number) or kept, True
            items = self._told(kept.suggestions, levels, limit)
        if record:
            self._record(reader.number, kept, items, now)
        return ReaderList(reader.id, kept.made_at, kept.model, refreshed, items)

    def _serves(self, kept: StoredList, limit: int, now: datetime) -> bool:
        newest = model_file.stamp(self.home / recommender_model.FILE)
        # A list from before the first fit is worth making anew once there is a model.
        of_a_model = kept.model != "none" or newest is None
        return kept.current and kept.size >= limit and now - kept.made_at < MAX_AGE and of_a_model

    def refresh(self, reader: Reader, limit: int = LIMIT, *, now: datetime) -> int:
        """Make a reader's list anew; how many articles it has."""
        return len(self._made([reader], limit, now)[0].articles)

    def refresh_chunk(self, first: int, last: int, limit: int, *, now: datetime) -> Iterator[int]:
        """The lists of the readers of these numbers, made and kept in pieces; how many are done after each.

        Who has a list of the present model, with nothing changed since, keeps it: a second run goes on.
        """
        version = self._held().model.version
        done = self.lists.fresh(first, last, version, limit)
        readers = self.readers.between(first, last)
        waiting = [reader for reader in readers if reader.number not in done]
        yield len(readers) - len(waiting)
        for start in range(0, len(waiting), AT_ONCE):
            self._made(waiting[start : start + AT_ONCE], limit, now)
            yield len(readers) - len(waiting) + min(start + AT_ONCE, len(waiting))

    def similar(
        self, article_id: int, reader_id: str | None, limit: int, *, now: datetime
    ) -> tuple[Shown, ...]:
        """Articles that go with one: for a reader what the gate opens to them, else anything. Raises NotFound."""
        number = self.readers.find(reader_id).number if reader_id else 0
        levels = self.readers.levels(number, self.gate_policy, now) if reader_id else EVERYTHING
        held = self._held()
        place = held.maker.shelf.places.get(article_id)
        if place is None or article_id not in self.lists.visible([article_id], levels):
            raise NotFound(f"no article {article_id} that may be shown: see `mingus articles list`")
        found = held.maker.near(place, ReaderFacts(number, levels), limit + SPARE, _today(now))
        # That it goes with the article asked about is no news.
        return self._told([{**each.as_json(), "because": []} for each in found], levels, limit)

    def _made(self, readers: Sequence[Reader], limit: int, now: datetime) -> list[NewList]:
        held = self._held()
        first, last = readers[0].number, readers[-1].number
        # Read before the data: what comes in between leaves the list stale, instead of being missed.
        revisions = self.readers.revisions(first, last)
        facts = self._facts(readers, now)
        with_history = self._histories(held, facts, first, last, now)
        found = held.maker.many(with_history, limit + SPARE, _today(now))
        pairs = zip(facts, found, strict=True)
        made = [
            NewList.of(each.number, revisions.get(each.number, 0), suggestions) for each, suggestions in pairs
        ]
        self.lists.put(made, held.model.version, limit, now)
        return made

    def _facts(self, readers: Sequence[Reader], now: datetime) -> list[ReaderFacts]:
        assessments = self.readers.assessments(readers[0].number, readers[-1].number)
        made = []
        for reader in readers:
            latest = gate.current(assessments.get(reader.number, ()), self.gate_policy, now)
            # Without an assessment no phase is weaker than another.
            scores = latest.scores if latest else (100.0, 100.0, 100.0)
            # With 100 in all three no phase is weak, and there is nothing to divide by.
            weakest = max(100 - score for score in scores) or 1.0
            be, do, have = ((100 - score) / weakest for score in scores)
            goals = tuple(goal.strip().lower() for goal in reader.goals)
            levels = gate.levels(latest, self.gate_policy)
            made.append(
                ReaderFacts(
                    reader.number, levels, goals, reader.career_stage, reader.income_range, (be, do, have)
                )
            )
        return made

    def _histories(
        self, held: _Loaded, facts: Sequence[ReaderFacts], first: int, last: int, now: datetime
    ) -> list[tuple[ReaderFacts, Any]]:
        import numpy as np

        from mingus_lib.domain.recommend.lists import History

        readings, rows, places = recommender_model.readings_of(
            self.events.readings(first, last), first, last - first + 1, held.places, now
        )
        readings = readings.newest(HISTORY)
        weighed = readings.histories(held.model.parameters.recency)
        order = np.argsort(rows, kind="stable")
        bounds = np.searchsorted(rows[order], np.arange(last - first + 2))
        ended = places[order]
        found = []
        for each in facts:
            row = each.number - first
            low, high = weighed.indptr[row], weighed.indptr[row + 1]
            finished = ended[bounds[row] : bounds[row + 1]]
            found.append((each, History(weighed.indices[low:high], weighed.data[low:high], finished)))
        return found

    def _told(self, suggestions: Sequence[dict[str, Any]], levels: Levels, limit: int) -> tuple[Shown, ...]:
        articles = self.lists.visible([each["article"] for each in suggestions], levels)
        open_now = [each for each in suggestions if each["article"] in articles][:limit]
        titles = self.lists.titles({read for each in open_now for read in each["because"]})
        return tuple(
            Shown(
                articles[each["article"]],
                each,
                {read: titles[read] for read in each["because"] if read in titles},
            )
            for each in open_now
        )

    def _record(self, number: int, kept: StoredList, items: Sequence[Shown], now: datetime) -> None:
        # The id of an event is made of its list: a list that is shown again adds nothing.
        mark = f"shown:{kept.made_at:%Y%m%dT%H%M%S%f}"
        self.events.append(
            number,
            [
                Event(
                    f"{mark}:{item.article.id}",
                    item.article.id,
                    EventKind.RECOMMENDED.value,
                    now,
                    source="list",
                )
                for item in items
            ],
        )

    def _held(self) -> _Loaded:
        # Before the file is read: one that takes its place in between is then read at the next look.
        stamp = model_file.stamp(self.home / recommender_model.FILE)
        held = self._loaded
        if held is None or held.stamp != stamp or time.monotonic() - held.loaded_at > CATALOGUE_SECONDS:
            # Where only the catalogue is old, the model, which is large, is not read again.
            model = held.model if held is not None and held.stamp == stamp else self._model(stamp)
            held = self._loaded = self._load(model, stamp)
        return held

    def _model(self, stamp: tuple[int, int] | None) -> Model:
        return recommender_model.without_model() if stamp is None else recommender_model.load(self.home)

    def _load(self, model: Model, stamp: tuple[int, int] | None) -> _Loaded:
        from mingus_lib.domain.recommend.catalogue import Catalogue
        from mingus_lib.domain.recommend.lists import ListMaker
        from mingus_lib.domain.recommend.readings import Places

        shelf = Catalogue.of(self.lists.facts(), model.ids.tolist(), model.popularity.tolist())
        maker = ListMaker(shelf, model.taste, model.likeness, self.list_policy)
        return _Loaded(model, maker, Places(shelf.ids), stamp, time.monotonic())


def _today(now: datetime) -> float:
    return now.astimezone(UTC).timestamp() / recommender_model.SECONDS_A_DAY
