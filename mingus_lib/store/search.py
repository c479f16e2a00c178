"""Full-text search: any typed text in, ranked articles with marked snippets out.

What ranks. While every term occurs in at most COMMON articles the order is exact: BM25 over the whole
library, a word in the title counting 8 times one in the text, in the description 3 times. BM25 reads the
complete list of a term's occurrences, which for a word in every article of a million takes seconds;
so common terms only filter, and the rest of the terms rank. When all terms are common there is nothing to
rank by: articles with all terms in the title come first, then the others, newest first in both. Such
answers say `exact=False`. Terms are stemmed (porter) and compared without case and diacritics.
"""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from mingus_lib.domain.gate import Levels
from mingus_lib.domain.library import MARK_END, MARK_START, SearchHit, SearchResult
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.domain.searchquery import SearchQuery, parse
from mingus_lib.store import article_rows, gate_sql
from mingus_lib.store.article_rows import LISTED_SQL
from mingus_lib.store.database import Row

INDEXES = ("article_fts", "title_fts")
COMMON = 5_000
DEFAULT_STATUSES = (ArticleStatus.REVIEW, ArticleStatus.PUBLISHED)

# A rare term among common ones: at most this many articles with all terms are ranked.
_MAX_FILTERED = 2_000

# In the order of the index's columns: title, description, text.
_WEIGHTS = "8.0, 3.0, 1.0"
_SNIPPET_WORDS = 24
# `seen` becomes the gate's condition for a reader, or 1.
_STATUS = "a.status IN (SELECT value FROM json_each(:statuses)) AND {seen}"

# CROSS JOIN fixes the order: the index drives, articles are looked up until enough are found.
_RANKED = f"""
SELECT f.rowid AS id, f.rank AS rank FROM article_fts AS f CROSS JOIN articles AS a ON a.id = f.rowid
WHERE f.article_fts MATCH :match AND f.rank MATCH 'bm25({_WEIGHTS})' AND {_STATUS}
ORDER BY f.rank LIMIT :limit
"""
# Without the plus FTS5 would run the match anew for each of these ids.
_RANKED_AMONG = f"""
SELECT f.rowid AS id, f.rank AS rank FROM article_fts AS f CROSS JOIN articles AS a ON a.id = f.rowid
WHERE f.article_fts MATCH :match AND f.rank MATCH 'bm25({_WEIGHTS})' AND {_STATUS}
  AND +f.rowid IN (
    SELECT rowid FROM article_fts WHERE article_fts MATCH :all ORDER BY rowid DESC LIMIT :among)
ORDER BY f.rank LIMIT :limit
"""
_NEWEST = f"""
SELECT f.rowid AS id FROM {{table}} AS f CROSS JOIN articles AS a ON a.id = f.rowid
WHERE f.{{table}} MATCH :match AND {_STATUS} ORDER BY f.rowid DESC LIMIT :limit
"""
# Reads no further than the limit: counting a common word would take as long as ranking by it.
_IS_COMMON = "SELECT 1 FROM article_fts WHERE article_fts MATCH ? LIMIT 1 OFFSET ?"
# A snippet reads the whole text, so it is made for the hits of the answer alone.
_HIT = f"""
SELECT {LISTED_SQL}, snippet(article_fts, 2, ?, ?, '…', {_SNIPPET_WORDS}) AS snippet
FROM article_fts AS f CROSS JOIN articles AS a ON a.id = f.rowid
WHERE f.article_fts MATCH ? AND f.rowid = ?
"""

_Scores = dict[int, float]


def run(
    connection: sqlite3.Connection,
    typed: str,
    limit: int,
    statuses: Sequence[ArticleStatus],
    reader: Levels | None = None,
) -> SearchResult:
    """Search, for a reader of these levels if given; text without a single word finds nothing."""
    query = parse(typed)
    if not query.wanted or limit <= 0:
        return SearchResult(())
    rare = [term for term in query.wanted if not _is_common(connection, term)]
    seen = "1" if reader is None else gate_sql.visible(reader)
    scores = _scores(connection, query, rare, seen, {"limit": limit, "statuses": json.dumps(statuses)})
    hits = (_hit(connection, query, article_id, score) for article_id, score in scores.items())
    return SearchResult(tuple(hits), exact=len(rare) == len(query.wanted))


def _scores(
    connection: sqlite3.Connection, query: SearchQuery, rare: list[str], seen: str, values: dict[str, object]
) -> _Scores:
    if len(rare) == len(query.wanted):
        return _ranked(connection, _RANKED.format(seen=seen), values | {"match": query.expression})
    if rare:
        among = {"match": " AND ".join(rare), "all": query.expression, "among": _MAX_FILTERED}
        return _ranked(connection, _RANKED_AMONG.format(seen=seen), values | among)
    return _newest(connection, seen, values | {"match": query.expression})


def _ranked(connection: sqlite3.Connection, sql: str, values: dict[str, object]) -> _Scores:
    return {row["id"]: -row["rank"] for row in connection.execute(sql, values)}


def _newest(connection: sqlite3.Connection, seen: str, values: dict[str, object]) -> _Scores:
    found: _Scores = {}
    for table in ("title_fts", "article_fts"):
        sql = _NEWEST.format(table=table, seen=seen)
        # What was found by its title keeps that place: a union moves no key.
        found |= {row["id"]: 0.0 for row in connection.execute(sql, values)}
    limit = values["limit"]
    assert isinstance(limit, int)
    return dict(list(found.items())[:limit])


def _is_common(connection: sqlite3.Connection, term: str) -> bool:
    return connection.execute(_IS_COMMON, (term, COMMON)).fetchone() is not None


def _hit(connection: sqlite3.Connection, query: SearchQuery, article_id: int, score: float) -> SearchHit:
    values = (MARK_START, MARK_END, query.expression, article_id)
    row: Row = connection.execute(_HIT, values).fetchone()
    return SearchHit(article_rows.article(row), score, row["snippet"])
