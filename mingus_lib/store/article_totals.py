"""Each article's totals, derived from its events: by what new events change, or from the first event on.

store/events.append notes every new event of an article that has totals (events_uncounted), and every article that
has none or gets very many at once (article_doubts); a trigger notes there what lost an event. New events are counted by
what they change: for each reader and article that they touch, the pair as it is now, less the pair without them. That
gives the numbers of a count from the first event on, in any order of arrival, because a pair is always looked at as a
whole.
"""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from mingus_lib.store import event_indexes
from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import ADDED, OPENED, PAIR, SUMMED, SUMS, Spans

# Named, so that no statistics make SQLite read by time what is asked by article.
EVENTS = "events INDEXED BY events_article"
_WHOLE = f"""
SELECT article, {SUMMED} FROM (
  SELECT article, reader, {PAIR} FROM {EVENTS} WHERE article IN (SELECT value FROM json_each(?))
  GROUP BY article, reader
) GROUP BY article
"""
# Up to this article and reader, so that no pair is counted by half.
_LAST = "SELECT article, reader FROM events_uncounted ORDER BY article, reader, id LIMIT 1 OFFSET ?"
_VERY_LAST = "SELECT article, reader FROM events_uncounted ORDER BY article DESC, reader DESC LIMIT 1"
_UPTO = "(article, reader) <= (?1, ?2)"
_PAIRS = f"""
SELECT article, {SUMMED} FROM (
  SELECT e.article, e.reader, {PAIR} FROM (SELECT DISTINCT article, reader FROM events_uncounted WHERE {_UPTO}) AS t
  CROSS JOIN events AS e INDEXED BY events_article ON e.article = t.article AND e.reader = t.reader {{where}}
  GROUP BY e.article, e.reader) GROUP BY article
"""
_NOW = _PAIRS.format(where="")
_BEFORE = _PAIRS.format(
    where="""WHERE NOT EXISTS (SELECT 1 FROM events_uncounted AS u
      WHERE u.article = e.article AND u.reader = e.reader AND u.id = e.id)"""
)
# SQLite's max of two values is NULL if one of them is: hence the empty text, and back.
_ADD = f"""
UPDATE article_totals SET {", ".join(f"{name} = {name} + ?" for name in ADDED)},
  last_at = nullif(max(coalesce(last_at, ''), coalesce(?, '')), '') WHERE article = ?
"""
_PUT = f"""
INSERT INTO article_totals (article, {", ".join(SUMS)}) VALUES (?, {", ".join("?" * len(SUMS))})
ON CONFLICT (article) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in SUMS)}
"""
_DOUBT = f"""
INSERT INTO article_doubts
SELECT DISTINCT article FROM {EVENTS} WHERE article > ? AND article <= ?
ON CONFLICT DO NOTHING
"""
_NEXT = f"""
SELECT max(article) FROM (SELECT DISTINCT article FROM {EVENTS} WHERE article > ? LIMIT ?)
"""
# The two middle places, which are one and the same where the number is odd.
_MEDIAN = f"""
WITH found AS (
  SELECT {{0}} AS value FROM (SELECT {PAIR} FROM {EVENTS} WHERE article = ? GROUP BY reader) WHERE {{0}} >= 0)
SELECT avg(value) FROM (
  SELECT value, row_number() OVER (ORDER BY value) AS place, count(*) OVER () AS number FROM found)
WHERE place IN ((number + 1) / 2, (number + 2) / 2)
"""
_SPLIT = f"""
SELECT coalesce({{0}}, 'unknown') AS name, count(DISTINCT reader) AS readers,
  count(DISTINCT CASE WHEN kind = 'finished' THEN reader END) AS finishers
FROM {EVENTS} WHERE article = ? AND {OPENED} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
"""
_LIBRARY = f"""
SELECT {", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in ADDED)} FROM article_totals
"""
# Doubting all articles in one statement would hold the write lock for seconds.
MARK_AT_ONCE = 20_000
# About so many events are counted in one transaction, a tenth of a second's work.
EVENTS_AT_ONCE = 5_000


class ArticleTotals:
    """The totals of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def mend_indexes(self) -> None:
        """Make the indexes that an import which was cut short left out."""
        event_indexes.mend(self._store)

    def waiting(self) -> tuple[int, int]:
        """How many articles are to be counted from the first, and how many events wait beside."""
        row = self._store.row(
            "SELECT (SELECT count(*) FROM article_doubts), (SELECT count(*) FROM events_uncounted)"
        )
        assert row is not None
        return row[0], row[1]

    def count_new(self, most: int = EVENTS_AT_ONCE) -> int:
        """Count about so many of the events that wait, in one transaction; how many, 0 when none waits."""
        with self._store.transaction() as connection:
            last = connection.execute(_LAST, (most,)).fetchone() or connection.execute(_VERY_LAST).fetchone()
            if last is None:
                return 0
            upto = tuple(last)
            before = {row["article"]: row for row in connection.execute(_BEFORE, upto)}
            for now in connection.execute(_NOW, upto).fetchall():
                _add(connection, now, before.get(now["article"]))
            # In the same transaction: a kill in between would count these events twice.
            return connection.execute(f"DELETE FROM events_uncounted WHERE {_UPTO}", upto).rowcount

    def count_doubted(self, most: int) -> int:
        """Count so many of the doubted articles from their first event on, in one transaction; how many."""
        with self._store.transaction() as connection:
            sql = "SELECT article FROM article_doubts ORDER BY article LIMIT ?"
            articles = [row[0] for row in connection.execute(sql, (most,))]
            self.count_whole(articles)
            return len(articles)

    def count_whole(self, articles: Iterable[int]) -> None:
        """Count these articles from their first event on; inside the caller's transaction, if there is one."""
        wanted = json.dumps(sorted(set(articles)))
        with self._store.transaction() as connection:
            for table in ("events_uncounted", "article_doubts", "article_totals"):
                connection.execute(
                    f"DELETE FROM {table} WHERE article IN (SELECT value FROM json_each(?))", (wanted,)
                )
            # An article that lost all its events gets no row, and so has no totals any more.
            rows = connection.execute(_WHOLE, (wanted,)).fetchall()
            connection.executemany(_PUT, [tuple(row) for row in rows])

    def doubt_all(self) -> None:
        """Have every article counted from its first event on by the updates that follow; totals stay until then."""
        last = 0
        while (upto := self._store.value(_NEXT, (last, MARK_AT_ONCE))) is not None:
            self._store.execute(_DOUBT, (last, upto))
            last = upto

    def of(self, article: int) -> dict[str, Any] | None:
        """The kept totals; None of an article that nobody has met."""
        row = self._store.row(f"SELECT {', '.join(SUMS)} FROM article_totals WHERE article = ?", (article,))
        return None if row is None else dict(row)

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
                  FROM {EVENTS} WHERE article = ?{len(spans.texts) + 1} AND {OPENED} AND {spans.within("at")}
                  GROUP BY 1"""
        found = {row[0]: (row[1], row[2], row[3]) for row in self._store.rows(sql, (*spans.texts, article))}
        return [found.get(place, (0, 0, 0)) for place in range(spans.count)]


def _add(connection: sqlite3.Connection, now: sqlite3.Row, before: sqlite3.Row | None) -> None:
    """What the pairs of an article are now, less what they were."""
    more = [now[name] - (before[name] if before is not None else 0) for name in ADDED]
    connection.execute(_ADD, (*more, now["last_at"], now["article"]))
