"""Readings week by week, by phase, host and topic."""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import DONE, Spans


def readings(store: Store, weeks: Sequence[datetime]) -> tuple[list[int], dict[tuple[str, str], list[int]]]:
    """Readings (a reader with an article in a week) in each week between the instants: all, and by kind and name.

    Kinds are phase, host and topic; a reading counts for each topic of its article. Of removed articles host and phase
    are still known: without them a clean-up would look like a fall.
    """
    spans = Spans.of(weeks)
    sql = f"""
WITH read AS MATERIALIZED (SELECT {spans.place("at")} AS week, article, count(DISTINCT reader) AS number
  FROM {DONE} AND {spans.within("at")} GROUP BY 1, 2)
SELECT 'all' AS kind, '' AS name, week, sum(number) FROM read GROUP BY week
UNION ALL SELECT 'host', a.domain, week, sum(number) FROM read JOIN articles AS a ON a.id = read.article GROUP BY 2, 3
UNION ALL SELECT 'host', a.domain, week, sum(number)
  FROM read JOIN removed_articles AS a ON a.id = read.article GROUP BY 2, 3
UNION ALL SELECT 'phase', a.primary_phase, week, sum(number)
  FROM read JOIN removed_articles AS a ON a.id = read.article WHERE a.primary_phase IS NOT NULL GROUP BY 2, 3
UNION ALL SELECT 'phase', c.primary_phase, week, sum(number)
  FROM read JOIN classifications AS c ON c.article_id = read.article GROUP BY 2, 3
UNION ALL SELECT 'topic', t.value, week, sum(number) FROM read JOIN classifications AS c ON c.article_id = read.article
  JOIN json_each(CASE WHEN json_valid(c.key_topics) THEN c.key_topics ELSE '[]' END) AS t
  WHERE t.type = 'text' GROUP BY 2, 3"""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * spans.count)
    with store.reading() as connection:
        for kind, name, week, number in connection.execute(sql, spans.texts):
            found[kind, name][week] += number
    return found.pop(("all", ""), [0] * spans.count), dict(found)
