"""Bringing readers' data in: places of interrupted imports, and which articles there are."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from mingus_lib.store import event_indexes
from mingus_lib.store.database import Store
from mingus_lib.store.readers import Readers
from mingus_lib.store.values import as_text

_NOTE = """
INSERT INTO reader_imports (source, offset, line, counts, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (source) DO UPDATE SET offset = excluded.offset, line = excluded.line, counts = excluded.counts,
  at = excluded.at
"""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a file was read: bytes, lines, and what had been counted."""

    offset: int
    line: int
    counts: dict[str, int]


class ReaderFiles:
    """What an import asks the store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.readers = Readers(store)

    def place(self, source: str) -> Place | None:
        """Where the import of that file goes on."""
        row = self.store.row("SELECT offset, line, counts FROM reader_imports WHERE source = ?", (source,))
        return None if row is None else Place(row["offset"], row["line"], json.loads(row["counts"]))

    def finished(self, source: str) -> None:
        """Forget the place: the file was read to its end."""
        self.store.execute("DELETE FROM reader_imports WHERE source = ?", (source,))

    def mend_indexes(self, report: event_indexes.Report) -> None:
        """Make the indexes of events that an import left out; `report` is told how many are done, of how many."""
        event_indexes.mend(self.store, report)

    def article_ids(self) -> bytearray:
        """A 1 at the place of every article's id."""
        # A set of a million numbers takes sixty times the memory.
        known = bytearray((self.store.value("SELECT max(id) FROM articles") or 0) + 1)
        with self.store.reading() as connection:
            # Others may be added meanwhile.
            for (article,) in connection.execute("SELECT id FROM articles WHERE id < ?", (len(known),)):
                known[article] = 1
        return known


def note_place(connection: sqlite3.Connection, source: str, place: Place, now: datetime) -> None:
    """Inside the caller's transaction: remember how far the file was read."""
    connection.execute(_NOTE, (source, place.offset, place.line, json.dumps(place.counts), as_text(now)))
