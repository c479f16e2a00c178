"""What readers were shown, and what they did with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import PUBLISHED, SHOWN, SIGN

# Of each reader and article the first showing; an answer is any sign of reading after it. `+` keeps SQLite at the
# reader's own events, where the index by time would read everybody's.
_SHOWINGS = f"""
SELECT s.reader, s.article, a.domain, c.primary_phase, c.difficulty_level,
  EXISTS (SELECT 1 FROM events AS e INDEXED BY events_article WHERE e.article = s.article
    AND e.reader = s.reader AND e.at >= s.first AND e.{SIGN}) AS clicked,
  a.id IN ({PUBLISHED}) AS published,
  (SELECT count(*) FROM (SELECT 1 FROM events AS h WHERE h.reader = s.reader AND +h.at < s.first
    AND +h.kind <> 'recommended' LIMIT ?2)) AS history
FROM (SELECT article, reader, min(at) AS first FROM {SHOWN} AND at >= ?1
  GROUP BY article, reader) AS s
JOIN articles AS a ON a.id = s.article LEFT JOIN classifications AS c ON c.article_id = a.id
"""  # noqa: S608
_PUBLISHED = f"SELECT count(*) FROM ({PUBLISHED})"  # noqa: S608
_POPULARITY = "SELECT article, finishers FROM article_totals WHERE finishers > 0"


@dataclass(frozen=True, slots=True)
class Showing:
    """One article shown to one reader.

    `published`: it is now; `history`: how much the reader had done before, up to what was asked.
    """

    reader: int
    article: int
    host: str
    phase: str | None
    difficulty: str | None
    clicked: bool
    published: bool
    history: int


class ListReports:
    """The reports of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def showings(self, since: datetime, history: int) -> list[Showing]:
        """What was shown since then, each article to each reader once; `history` is counted up to that number."""
        rows = self._store.rows(_SHOWINGS, (since.isoformat(timespec="seconds"), history))
        return [
            Showing(reader, article, host, phase, difficulty, bool(clicked), bool(published), history)
            for reader, article, host, phase, difficulty, clicked, published, history in (
                tuple(row) for row in rows
            )
        ]

    def published(self) -> int:
        """How many articles readers may be shown."""
        return int(self._store.value(_PUBLISHED))

    def popularity(self) -> tuple[dict[int, int], int]:
        """How many readers finished each article by its totals, and how many readers there are."""
        rows = self._store.rows(_POPULARITY)
        return {row[0]: row[1] for row in rows}, int(self._store.value("SELECT count(*) FROM readers"))

    def hosts_of_lists(self, most: int = 10_000) -> list[int]:
        """How many hosts each kept list has."""
        sql = """SELECT count(DISTINCT a.domain) FROM recommended AS r JOIN articles AS a ON a.id = r.article
                 WHERE r.reader IN (SELECT reader FROM recommendations LIMIT ?) GROUP BY r.reader"""
        return [row[0] for row in self._store.rows(sql, (most,))]
