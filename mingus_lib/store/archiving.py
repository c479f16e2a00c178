"""Old articles out of the library, and later out of the store: chosen in one query, changed in short transactions."""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from mingus_lib.domain.retention import Age, ArchivePlan, ArticlePolicy, Freed, Rule
from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import OPENED, PUBLISHED
from mingus_lib.store.steps import Steps
from mingus_lib.store.values import as_text

Progress = Callable[[int, int], None]

_AGES = {Age.ARRIVAL: "a.added_at", Age.PUBLICATION: "coalesce(a.published_at, a.added_at)"}
# Of each reader the latest word counts; two of the same second are taken for the one that keeps. The plus: few events
# are of these kinds, and reading the table from end to end is faster than following an index to every one of them.
_SAID = """
SELECT article, max(CASE WHEN kind <> 'rated' THEN at || (kind = 'bookmarked') END) AS mark,
  max(CASE WHEN kind = 'rated' THEN at || rating END) AS stars
FROM events WHERE kind IN ('bookmarked', 'unbookmarked', 'rated') GROUP BY +reader, article
"""
_BOOKMARKED = "SELECT article FROM said WHERE substr(mark, -1) = '1'"
_RATED = """
SELECT article FROM said WHERE stars IS NOT NULL GROUP BY article
HAVING avg(CAST(substr(stars, -1) AS INTEGER)) >= :rating
"""
# The first condition follows from the second; SQLite sees by it that the index by time has all of these.
_READ = f"SELECT article FROM events WHERE kind <> 'recommended' AND {OPENED} AND at >= :read_since"
# Of two indexes: no row of either table is read, and these are many times as large. The plus keeps SQLite from going
# the other way, from every published article to the row of its labels.
_STOCK = f"""
SELECT primary_phase AS phase, difficulty_level AS level, count(*) AS articles
FROM classifications INDEXED BY classifications_gate WHERE +article_id IN ({PUBLISHED}) GROUP BY 1, 2
"""


def _floor(rule: Rule, column: str, source: str) -> str:
    """Of those that would go, the newest stay while their phase or level has fewer than the floor."""
    return f"""
SELECT id, age, phase, level, counts, coalesce(rule, CASE WHEN counts AND {column} IS NOT NULL AND
  row_number() OVER (PARTITION BY rule IS NULL AND counts, {column} ORDER BY age DESC, id DESC)
    <= :{rule} - (stock_of_{column} - count(*) FILTER (WHERE rule IS NULL AND counts) OVER (PARTITION BY {column}))
  THEN '{rule}' END) AS rule, stock_of_phase, stock_of_level FROM {source}
"""


# One floor after the other: what the phase's floor keeps no longer counts as going at the level's.
_CHOOSE = f"""
WITH old AS (
  SELECT a.id, {{age}} AS age, c.primary_phase AS phase, c.difficulty_level AS level,
    a.status = 'published' AND a.is_active AS counts, a.is_featured, a.is_kept
  FROM articles AS a LEFT JOIN classifications AS c ON c.article_id = a.id
  WHERE a.status IN ('review', 'published') AND {{age}} < :before),
stock AS MATERIALIZED ({_STOCK}),
said AS MATERIALIZED ({_SAID}),
judged AS MATERIALIZED (
  SELECT id, age, phase, level, counts, CASE
    WHEN is_featured THEN '{Rule.FEATURED}'
    WHEN is_kept THEN '{Rule.KEEP_MARK}'
    WHEN id IN ({_BOOKMARKED}) THEN '{Rule.BOOKMARKED}'
    WHEN id IN ({_RATED}) THEN '{Rule.RATED}'
    WHEN id IN ({_READ}) THEN '{Rule.RECENTLY_READ}' END AS rule,
    (SELECT sum(articles) FROM stock WHERE phase = old.phase) AS stock_of_phase,
    (SELECT sum(articles) FROM stock WHERE level = old.level) AS stock_of_level
  FROM old),
by_phase AS ({_floor(Rule.PHASE_FLOOR, "phase", "judged")}),
by_level AS ({_floor(Rule.LEVEL_FLOOR, "level", "by_phase")})
SELECT id, rule FROM by_level ORDER BY age, id
"""
# What an editor has said since it was chosen still counts. The plus keeps SQLite from reading every article of a
# status for a handful of ids.
_ARCHIVE = """
UPDATE articles SET archived_from = status, status = 'archived', archived_at = ?, updated_at = ?
WHERE id IN (SELECT value FROM json_each(?)) AND +status IN ('review', 'published') AND NOT is_featured AND NOT is_kept
"""
_OLD_PAGES = """
SELECT a.id, length(r.body) AS bytes FROM articles AS a JOIN article_raw AS r ON r.article_id = a.id
WHERE a.status = 'archived' AND a.archived_at < ? ORDER BY a.id
"""
_DROP_PAGES = """
DELETE FROM article_raw WHERE article_id IN (
  SELECT a.id FROM articles AS a WHERE a.id IN (SELECT value FROM json_each(?)) AND +a.status = 'archived')
RETURNING length(body)
"""
# An answer that a batch still owes is booked through the article's item, which goes with the article.
_GOING = """status = 'archived' AND archived_at < ? AND NOT is_featured AND NOT is_kept
  AND NOT EXISTS (SELECT 1 FROM model_batch_items AS i WHERE i.article_id = articles.id AND i.state = 'waiting')
"""
_OLD_ROWS = f"SELECT id FROM articles WHERE {_GOING} ORDER BY id"
_REMEMBER = f"""
INSERT INTO removed_articles (id, canonical_url, title, domain, primary_phase, difficulty_level, added_at, archived_at,
  removed_at)
SELECT id, canonical_url, title, domain, primary_phase, difficulty_level, added_at, archived_at, ?
FROM articles LEFT JOIN classifications AS c ON c.article_id = articles.id
WHERE id IN (SELECT value FROM json_each(?)) AND +{_GOING}
RETURNING id
"""
# As BLOBs, because length() of a text counts characters.
_WEIGH = """
SELECT coalesce(sum(octets), 0) FROM (
  SELECT length(CAST(text AS BLOB)) + length(CAST(html AS BLOB)) AS octets FROM article_texts
  WHERE article_id IN (SELECT value FROM json_each(?1))
  UNION ALL SELECT length(body) FROM article_raw WHERE article_id IN (SELECT value FROM json_each(?1)))
"""


class Archiving:
    """Archives and removes articles of one store. Every method may raise what Store raises.

    What is done is done for good after each step, and a second run goes on from there: nothing is noted beside the
    articles themselves.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def plan(self, policy: ArticlePolicy, now: datetime) -> ArchivePlan:
        """Look at every old article, and at every event: some seconds for a million and ten million of them."""
        values = {
            "before": as_text(now - timedelta(days=policy.days_old)),
            "rating": policy.keep_rating,
            "read_since": as_text(now - timedelta(days=policy.keep_read_days)),
            Rule.PHASE_FLOOR.value: policy.phase_floor,
            Rule.LEVEL_FLOOR.value: policy.level_floor,
        }
        with self.store.reading() as connection:
            rows = connection.execute(_CHOOSE.format(age=_AGES[policy.age]), values).fetchall()
        kept = Counter(row["rule"] for row in rows if row["rule"] is not None)
        going = tuple(row["id"] for row in rows if row["rule"] is None)
        return ArchivePlan(going, {rule: kept[rule] for rule in Rule})

    def archive(self, ids: Sequence[int], now: datetime, steps: Steps, report: Progress) -> int:
        """Archive them, as `Articles.archive` does; how many were still there to archive."""
        done, seen, moment = 0, 0, as_text(now)

        def some(chunk: Sequence[int]) -> None:
            nonlocal done, seen
            done += self.store.execute(_ARCHIVE, (moment, moment, json.dumps(chunk)))
            seen += len(chunk)
            report(seen, len(ids))

        steps.through(ids, some)
        return done

    def told(self, ids: Sequence[int], limit: int) -> list[dict[str, Any]]:
        """The first `limit` of them, for a person: id, title, host and their two dates."""
        sql = """SELECT a.id, a.title, a.domain, a.added_at, a.published_at FROM json_each(?) AS w
                 JOIN articles AS a ON a.id = w.value ORDER BY w.key"""
        return [dict(row) for row in self.store.rows(sql, (json.dumps(ids[:limit]),))]

    def old_pages(self, policy: ArticlePolicy, now: datetime) -> tuple[list[int], int]:
        """The archived articles whose raw page has had its time, and the bytes of these pages."""
        if policy.archived_pages_days is None:
            return [], 0
        before = as_text(now - timedelta(days=policy.archived_pages_days))
        rows = self.store.rows(_OLD_PAGES, (before,))
        return [row["id"] for row in rows], sum(row["bytes"] for row in rows)

    def drop_pages(self, ids: Sequence[int], steps: Steps) -> Freed:
        """Delete raw pages; the articles stay."""
        freed = Freed("archived_pages")

        def some(chunk: Sequence[int]) -> None:
            sizes = self.store.rows(_DROP_PAGES, (json.dumps(chunk),))
            freed.removed += len(sizes)
            freed.bytes += sum(row[0] for row in sizes)

        freed.left = steps.through(ids, some) < len(ids)
        return freed

    def old_rows(self, policy: ArticlePolicy, now: datetime) -> tuple[list[int], int]:
        """The archived articles that have had their time, and the bytes of their texts and pages."""
        if policy.archived_rows_days is None:
            return [], 0
        ids = [row["id"] for row in self.store.rows(_OLD_ROWS, (_removal(policy, now),))]
        return ids, int(self.store.value(_WEIGH, (json.dumps(ids),)))

    def drop_rows(self, ids: Sequence[int], policy: ArticlePolicy, now: datetime, steps: Steps) -> Freed:
        """Delete articles with all their parts; title, address and labels stay in removed_articles.

        Readers' events stay as they are. An address that is found again becomes a new article.
        """
        freed, before = Freed("archived_articles"), _removal(policy, now)

        def some(chunk: Sequence[int]) -> None:
            # What was restored since it was chosen is not remembered, and so not removed.
            with self.store.transaction() as connection:
                found = connection.execute(_REMEMBER, (as_text(now), json.dumps(chunk), before)).fetchall()
                _remove(connection, [row["id"] for row in found], freed)

        freed.left = steps.through(ids, some) < len(ids)
        return freed


def _removal(policy: ArticlePolicy, now: datetime) -> str:
    return as_text(now - timedelta(days=policy.archived_rows_days or 0))


def _remove(connection: sqlite3.Connection, ids: Sequence[int], freed: Freed) -> None:
    chosen = json.dumps(ids)
    # Before the delete, which takes texts and pages along.
    freed.bytes += connection.execute(_WEIGH, (chosen,)).fetchone()[0]
    freed.removed += connection.execute(
        "DELETE FROM articles WHERE id IN (SELECT value FROM json_each(?))", (chosen,)
    ).rowcount
