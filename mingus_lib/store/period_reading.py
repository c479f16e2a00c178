"""What readers did in some adjoining periods: asked of the events themselves, through their indexes by time."""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from mingus_lib.domain import gate
from mingus_lib.domain.gate import DIFFICULTIES, PHASES, Assessment, GatePolicy, Levels
from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import ADDED, DONE, PAIR, PUBLISHED, SHOWN, SIGN, SUMMED, Spans
from mingus_lib.store.values import as_time

_ADDED_UP = ", ".join(f"sum({name}) AS {name}" for name in ADDED)
_LATEST = """
SELECT be_score, do_score, have_score, taken_at, is_valid FROM ({readers}) AS r LEFT JOIN assessments AS a
ON a.reader = r.reader AND a.taken_at = (SELECT max(taken_at) FROM assessments AS b
  WHERE b.reader = r.reader AND b.is_valid = 1 AND b.taken_at < ?2)
"""
_UNLOCKS = """
SELECT {place} AS place, a.be_score, a.do_score, a.have_score, a.taken_at,
  p.be_score, p.do_score, p.have_score, p.taken_at
FROM assessments AS a LEFT JOIN assessments AS p ON p.reader = a.reader AND p.taken_at = (
  SELECT max(taken_at) FROM assessments AS b WHERE b.reader = a.reader AND b.is_valid = 1 AND b.taken_at < a.taken_at)
WHERE a.is_valid = 1 AND {within}
"""
# What clean-up left of a removed article tells what was read.
_TITLES = """
SELECT a.id, a.title, a.domain, c.primary_phase, 0 AS gone FROM articles AS a
LEFT JOIN classifications AS c ON c.article_id = a.id WHERE a.id = ?1
UNION ALL SELECT id, title, domain, primary_phase, 1 FROM removed_articles WHERE id = ?1 LIMIT 1
"""


class PeriodReading:
    """The reading of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def first_day(self) -> str | None:
        """When anything was first read or added, as text; None in an empty library."""
        found = self._store.value(f"""SELECT min(at) FROM (SELECT min(at) AS at FROM {DONE}
          UNION ALL SELECT min(added_at) FROM articles)""")
        return None if found is None else str(found)

    def readings(self, spans: Spans, least: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
        """Sums over the articles of each span, counted as article totals are, and how many `articles` had readers.

        Second, the same of each article that had at least so many readers in the last span. All of one pass.
        """
        sql = f"""WITH counted AS MATERIALIZED (SELECT place, article, {SUMMED} FROM (
                    SELECT {spans.place("at")} AS place, article, reader, {PAIR} FROM {DONE}
                    AND {spans.within("at")} GROUP BY 1, 2, 3) GROUP BY place, article)
                  SELECT place, 0 AS article, sum(readers > 0) AS articles, {_ADDED_UP} FROM counted GROUP BY place
                  UNION ALL SELECT place, article, 1, {", ".join(ADDED)} FROM counted
                  WHERE place = {spans.count - 1} AND readers >= {least:d}"""
        names = ("articles", *ADDED)
        sums, articles = [dict.fromkeys(names, 0) for _ in range(spans.count)], []
        for row in self._store.rows(sql, spans.texts):
            # 0 marks the sums: ids of articles begin at 1.
            if row["article"]:
                articles.append({name: row[name] for name in ("article", *names)})
            else:
                sums[row["place"]] = {name: row[name] for name in names}
        return sums, articles

    def readers_between(self, start: datetime, end: datetime) -> set[int]:
        """Who did something between the two; reads nothing but the index."""
        with self._store.reading() as connection:
            cursor = connection.cursor()
            # Plain tuples, as in Events.readings: there may be millions.
            cursor.row_factory = None
            cursor.execute(f"SELECT reader FROM {DONE} AND at >= ? AND at < ?", Spans.of((start, end)).texts)
            return {reader for (reader,) in cursor}

    def newcomers(self, spans: Spans) -> list[int]:
        """How many readers of each span had never done anything before it."""
        # The pluses keep SQLite at the reader's own events, where the index by time would read everybody's.
        sql = f"""SELECT place, count(*) FROM (SELECT DISTINCT {spans.place("at")} AS place, reader FROM {DONE}
                    AND {spans.within("at")}) AS r
                  WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE e.reader = r.reader AND +e.kind <> 'recommended'
                    AND +e.at < CASE r.place {self._starts(spans)} END) GROUP BY place"""
        return spans.numbers(self._store.rows(sql, spans.texts))

    @staticmethod
    def _starts(spans: Spans) -> str:
        return " ".join(f"WHEN {place} THEN ?{place + 1}" for place in range(spans.count))

    def registered(self, spans: Spans) -> list[int]:
        """How many readers came on the record in each span."""
        sql = f"SELECT {spans.place('created_at')}, count(*) FROM readers WHERE {spans.within('created_at')} GROUP BY 1"
        return spans.numbers(self._store.rows(sql, spans.texts))

    def levels(self, start: datetime, end: datetime, policy: GatePolicy) -> Iterator[Levels]:
        """What the gate opened, at the end, to each reader who did something between the two."""
        active = f"SELECT DISTINCT reader FROM {DONE} AND at >= ?1 AND at < ?2"
        with self._store.reading() as connection:
            for row in connection.execute(_LATEST.format(readers=active), Spans.of((start, end)).texts):
                found = () if row[3] is None else (_assessment(tuple(row)),)
                yield gate.levels(gate.current(found, policy, end), policy)

    def unlocks(self, spans: Spans, policy: GatePolicy) -> list[dict[tuple[str, str], int]]:
        """How often an assessment opened a level that the one before it had not, by phase and level, in each span."""
        sql = _UNLOCKS.format(place=spans.place("a.taken_at"), within=spans.within("a.taken_at"))
        found: list[dict[tuple[str, str], int]] = [{} for _ in range(spans.count)]
        for row in self._store.rows(sql, spans.texts):
            now = gate.levels(_assessment((*tuple(row)[1:5], 1)), policy)
            before = _assessment((*tuple(row)[5:9], 1)) if row[8] is not None else None
            _count_unlocks(found[row[0]], gate.levels(before, policy), now)
        return found

    def showings(self, start: datetime, end: datetime) -> dict[str, int]:
        """Recommendations shown between the two, an article to a reader counting once; answered before the end.

        `articles`: how many of those that are published now were among them.
        """
        sql = f"""SELECT count(*) AS shown, coalesce(sum(answered), 0) AS answered,
                    count(DISTINCT article) FILTER (WHERE article IN ({PUBLISHED})) AS articles,
                    count(DISTINCT reader) AS readers FROM (
                    SELECT s.article, s.reader, EXISTS (
                      SELECT 1 FROM events AS e INDEXED BY events_article WHERE e.article = s.article
                      AND e.reader = s.reader AND +e.at >= s.first AND +e.at < ?2 AND +e.{SIGN}) AS answered
                    FROM (SELECT article, reader, min(at) AS first FROM {SHOWN}
                      AND at >= ?1 AND at < ?2 GROUP BY article, reader) AS s)"""
        return dict(self._store.rows(sql, Spans.of((start, end)).texts)[0])

    def titles(self, articles: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Title, host and phase of articles that are there, or `gone` and were removed by clean-up."""
        rows = (self._store.row(_TITLES, (article,)) for article in articles)
        return {row["id"]: dict(row) for row in rows if row is not None}


def _assessment(row: tuple[Any, ...]) -> Assessment:
    be, do, have, taken_at, valid = row
    return Assessment(be, do, have, as_time(taken_at), bool(valid))


def _count_unlocks(found: dict[tuple[str, str], int], before: Levels, now: Levels) -> None:
    for phase, old, new in zip(PHASES, before, now, strict=True):
        for level in range(old + 1, new + 1):
            key = (phase, DIFFICULTIES[level])
            found[key] = found.get(key, 0) + 1
