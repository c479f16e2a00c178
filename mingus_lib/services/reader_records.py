"""One person's data: shown, assessed, noted, given to them, forgotten."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mingus_lib.domain import gate, reader_lines
from mingus_lib.domain.gate import DIFFICULTIES, PHASES, Assessment, GatePolicy
from mingus_lib.domain.readers import KINDS, Progress, Reader, progress
from mingus_lib.errors import Refused, UsageError
from mingus_lib.store import reader_removal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mingus_lib.store.articles import Articles
    from mingus_lib.store.events import Events
    from mingus_lib.store.readers import Readers


@dataclass(frozen=True, slots=True)
class Portrait:
    """A reader with what follows from their data. `levels`: what the gate opens, by phase."""

    reader: Reader
    assessment: Assessment | None
    levels: dict[str, str]
    progress: Progress

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `readers show --json`."""
        told = {
            name: getattr(self.reader, name)
            for name in ("id", "name", "income_range", "career_stage", "goals")
        }
        scores = None if self.assessment is None else asdict(self.assessment)
        return {
            **told,
            "created_at": self.reader.created_at,
            "assessment": scores,
            "levels": self.levels,
            "progress": {**asdict(self.progress), "events": self._counts()},
        }

    def _counts(self) -> dict[str, int]:
        """Every kind of event, also those that never happened."""
        return {kind: self.progress.events.get(kind, 0) for kind in KINDS}


class ReaderRecords:
    """The readers of one library as an operator handles them."""

    def __init__(self, readers: Readers, events: Events, articles: Articles, policy: GatePolicy) -> None:
        self._readers = readers
        self._events = events
        self._articles = articles
        self._policy = policy

    def portrait(self, reader_id: str, now: datetime) -> Portrait:
        """A reader and their progress. Raises NotFound."""
        reader = self._readers.find(reader_id)
        latest = gate.current(
            self._readers.assessments(reader.number).get(reader.number, ()), self._policy, now
        )
        levels = gate.levels(latest, self._policy)
        by_phase = {phase: DIFFICULTIES[level] for phase, level in zip(PHASES, levels, strict=True)}
        return Portrait(reader, latest, by_phase, progress(self._events.of(reader.number), now.date()))

    def assess(self, reader_id: str, be: float, do: float, have: float, now: datetime) -> Portrait:
        """Note an assessment made now. Raises NotFound or UsageError."""
        scores = {"be_score": be, "do_score": do, "have_score": have, "taken_at": now.isoformat()}
        reader = self._readers.find(reader_id)
        # By the rules of an import: a score means the same wherever it comes from.
        self._readers.assess(reader.number, [_usable(lambda: reader_lines.assessment(scores))])
        return self.portrait(reader_id, now)

    def invalidate(self, reader_id: str, now: datetime) -> Portrait:
        """Say that the reader's assessments count no more. Raises NotFound."""
        self._readers.invalidate(self._readers.find(reader_id).number)
        return self.portrait(reader_id, now)

    def note(
        self, reader_id: str, article_id: int, record: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        """Add one event. Raises NotFound for reader or article, UsageError for a value that cannot be."""
        reader = self._readers.find(reader_id)
        self._articles.get(article_id)
        # Without an id of the caller each call is an event of its own.
        filled = {"at": now.isoformat(), "id": secrets.token_hex(8), **record}
        event = _usable(lambda: reader_lines.event(filled, article_id, reader.id))
        added = self._events.append(reader.number, [event])
        return {
            "reader": reader.id,
            "id": event.id,
            "article": article_id,
            "event": event.kind,
            "added": bool(added),
        }

    def export(self, reader_id: str) -> dict[str, Any]:
        """Everything that is kept about a reader, table by table. Raises NotFound."""
        found = reader_removal.export(self._readers.store, self._readers.find(reader_id).number)
        for row in found["recommendations"]:
            # Who asks for their data gets values, and no JSON inside of JSON.
            row["list"] = json.loads(row["list"])
        return found

    def forget(self, reader_ids: Sequence[str], *, dry_run: bool = False) -> dict[str, Any]:
        """Remove readers wholly, without a trace in the file; how many rows of each table.

        Raises NotFound before anything is removed.
        Raises Refused while a job of one of them waits or runs: it would come back with what is in Redis.
        """
        found = [self._readers.find(each) for each in dict.fromkeys(reader_ids)]
        store = self._readers.store
        waiting = [job for each in found for job in reader_removal.jobs_under_way(store, each.id)]
        if waiting:
            raise Refused(
                f"jobs of this reader have not ended: mingus cancel {' '.join(waiting[:10])}, then again"
            )
        named = [(each.number, each.id) for each in found]
        if dry_run:
            return reader_removal.counted(store, named)
        counts = reader_removal.forget(store, named)
        # After the transaction: the file is written anew, which can be done in none.
        reader_removal.erase_traces(store)
        return counts


def _usable(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ValueError as error:
        raise UsageError(str(error)) from error
