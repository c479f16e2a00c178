"""Each article's totals, derived from its events as a whole, so that late, repeated and removed events need no care.

Triggers count the changes of an article's events. A count notes up to which change it saw: when two count at once,
or events come meanwhile, the later count wins or the article stays waiting.
"""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import OPENED, PAIR, SUMMED, SUMS, Spans

_FRESH = f"""
SELECT article, {SUMMED} FROM (
  SELECT article, reader, {PAIR} FROM events WHERE article IN (SELECT value FROM json_each(?)) GROUP BY article, reader
) GROUP BY article
"""
_PUT = f"""
INSERT INTO article_totals (article, {", ".join(SUMS)}) VALUES (?, {", ".join("?" * len(SUMS))})
ON CONFLICT (article) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in SUMS)}
"""
_MARK = "UPDATE article_news SET counted = ? WHERE article = ? AND counted < ? RETURNING 1"
_WAITING = "SELECT article, changes FROM article_news WHERE changes > counted AND article > ? ORDER BY article LIMIT ?"
_CHANGES = "SELECT article, changes FROM article_news WHERE article IN (SELECT value FROM json_each(?))"
_AGAIN = "UPDATE article_news SET changes = changes + 1 WHERE article > ? AND article <= ?"
_NEXT = (
    "SELECT max(article) FROM (SELECT article FROM article_news WHERE article > ? ORDER BY article LIMIT ?)"
)
_MEDIAN = f"""
WITH found AS (
  SELECT {{0}} AS value FROM (SELECT {PAIR} FROM events WHERE article = ? GROUP BY reader) WHERE {{0}} >= 0)
SELECT avg(value) FROM (
  SELECT value, row_number() OVER (ORDER BY value) AS place, count(*) OVER () AS number FROM found)
WHERE place IN ((number + 1) / 2, (number + 2) / 2)
"""
_SPLIT = f"""
SELECT coalesce({{0}}, 'unknown') AS name, count(DISTINCT reader) AS readers,
  count(DISTINCT CASE WHEN kind = 'finished' THEN reader END) AS finishers
FROM events WHERE article = ? AND {OPENED} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
"""
_LIBRARY = f"""
SELECT {", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in SUMS if name != "last_at")} FROM article_totals
"""
MARK_AT_ONCE = 50_000

# An article and the number of changes of its events.
News = tuple[int, int]


class ArticleTotals:
    """The totals of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def waiting(self, limit: int, after: int = 0) -> list[News]:
        """Articles with events that are not in their totals, by id."""
        return [(row[0], row[1]) for row in self._store.rows(_WAITING, (after, limit))]

    def count_waiting(self) -> int:
        """How many."""
        return int(self._store.value("SELECT count(*) FROM article_news WHERE changes > counted"))

    def renew(self, news: Sequence[News]) -> int:
        """Count these articles' events and keep the totals; how many were kept.

        Counting takes no lock: what others write meanwhile leaves the article waiting.
        """
        fresh = self._counted([article for article, _ in news])
        with self._store.transaction() as connection:
            return sum(_keep(connection, article, changes, fresh.get(article)) for article, changes in news)

    def renew_one(self, article: int) -> None:
        """Bring one article's totals up to date."""
        changes = self._store.value("SELECT changes FROM article_news WHERE article = ?", (article,))
        if changes is not None:
            self.renew([(article, changes)])

    def renew_all_of(self, articles: Iterable[int]) -> None:
        """Count these articles' events in one transaction: after a reader's events were taken out of them."""
        wanted = sorted(set(articles))
        with self._store.transaction() as connection:
            known = connection.execute(_CHANGES, (json.dumps(wanted),)).fetchall()
            fresh = self._counted(wanted)
            for article, changes in known:
                connection.execute("UPDATE article_news SET counted = -1 WHERE article = ?", (article,))
                _keep(connection, article, changes, fresh.get(article))

    def doubt_all(self) -> None:
        """Have every article counted anew, by the updates that follow."""
        last = 0
        while (upto := self._store.value(_NEXT, (last, MARK_AT_ONCE))) is not None:
            self._store.execute(_AGAIN, (last, upto))
            last = upto

    def of(self, article: int) -> dict[str, Any] | None:
        """The kept totals; None of an article that nobody has met."""
        row = self._store.row(f"SELECT {', '.join(SUMS)} FROM article_totals WHERE article = ?", (article,))
        return None if row is None else dict(row)

    def busiest(self) -> int | None:
        """The article with most readers; reads all totals."""
        found = self._store.value("SELECT article FROM article_totals ORDER BY readers DESC, article LIMIT 1")
        return None if found is None else int(found)

    def library(self) -> dict[str, int]:
        """The sums over all articles."""
        return dict(self._store.rows(_LIBRARY)[0])

    def medians(self, article: int) -> dict[str, float | None]:
        """Of the readers' seconds and scroll depths, counted now."""
        return {name: self._store.value(_MEDIAN.format(name), (article,)) for name in ("seconds", "depth")}

    def splits(self, article: int, most: int = 20) -> dict[str, list[dict[str, Any]]]:
        """Readers and finishers by device and by source, the largest first."""
        return {
            name: [dict(row) for row in self._store.rows(_SPLIT.format(name), (article, most))]
            for name in ("device", "source")
        }

    def by_day(self, article: int, days: Sequence[datetime]) -> list[tuple[int, int, int]]:
        """Views, readers and finishers in each span between these instants."""
        spans = Spans.of(days)
        sql = f"""SELECT {spans.place("at")}, sum(kind = 'viewed'), count(DISTINCT reader),
                  count(DISTINCT CASE WHEN kind = 'finished' THEN reader END)
                  FROM events WHERE article = ?{len(spans.texts) + 1} AND {OPENED} AND {spans.within("at")}
                  GROUP BY 1"""
        found = {row[0]: (row[1], row[2], row[3]) for row in self._store.rows(sql, (*spans.texts, article))}
        return [found.get(place, (0, 0, 0)) for place in range(spans.count)]

    def _counted(self, articles: Sequence[int]) -> dict[int, dict[str, Any]]:
        rows = self._store.rows(_FRESH, (json.dumps(list(articles)),))
        return {row["article"]: {name: row[name] for name in SUMS} for row in rows}


def _keep(connection: sqlite3.Connection, article: int, changes: int, totals: dict[str, Any] | None) -> bool:
    """Keep a count that saw so many changes, unless one that saw as many is there."""
    if connection.execute(_MARK, (changes, article, changes)).fetchone() is None:
        return False
    if totals is None:
        connection.execute("DELETE FROM article_totals WHERE article = ?", (article,))
    else:
        connection.execute(_PUT, (article, *(totals[name] for name in SUMS)))
    return True
