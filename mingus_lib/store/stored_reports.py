"""Reports as they were made: one of each kind and beginning; made again, it takes the place of the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mingus_lib.store.database import Store

_PUT = """
INSERT INTO reports (kind, start, zone, schema, made_at, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, start) DO UPDATE SET zone = excluded.zone, schema = excluded.schema, made_at = excluded.made_at,
  body = excluded.body
"""
_LIST = """
SELECT kind, start, zone, schema, made_at, length(body) AS bytes FROM reports
WHERE ?1 IS NULL OR kind = ?1 ORDER BY start DESC, kind LIMIT ?2
"""


class StoredReports:
    """The reports of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, kind: str, start: str, zone: str, made_at: str, body: Mapping[str, Any]) -> None:
        """Keep a report, in one statement: the old one is whole until the new one is."""
        # All ASCII, so that no title in it can be what SQLite refuses, such as half a surrogate pair.
        text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
        self._store.execute(_PUT, (kind, start, zone, body["schema"], made_at, text))

    def get(self, kind: str, start: str, zone: str, schema: int) -> dict[str, Any] | None:
        """The kept report of that beginning, if it was made in that zone and has that shape."""
        sql = "SELECT body FROM reports WHERE kind = ? AND start = ? AND zone = ? AND schema = ?"
        text = self._store.value(sql, (kind, start, zone, schema))
        return None if text is None else json.loads(text)

    def list(self, kind: str | None, limit: int) -> list[dict[str, Any]]:
        """What is kept, the newest day first; `bytes` of each body."""
        return [dict(row) for row in self._store.rows(_LIST, (kind, limit))]
