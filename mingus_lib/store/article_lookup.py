"""Finding what is already there: by address, by text, by fingerprint. Index look-ups only."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import heapq
import sqlite3

from mingus_lib.domain import dedupe
from mingus_lib.domain.library import KnownArticle
from mingus_lib.store import article_rows

# Verifying reads a text each, under the write lock: only the closest are worth it.
_MAX_CANDIDATES = 5

_KNOWN = "a.id, :address AS canonical_url, a.status, a.reason, a.etag, a.last_modified, a.content_hash"
# SQLite stops at the first row: aliases are looked up only where no article has the address itself.
_BY_ADDRESS = f"""
SELECT {_KNOWN}, 0 AS alias FROM articles AS a WHERE a.canonical_url = :address
UNION ALL
SELECT {_KNOWN}, 1 FROM article_aliases AS b JOIN articles AS a ON a.id = b.article_id
WHERE b.canonical_url = :address
LIMIT 1
"""
_BY_HASH = f"""
SELECT min(id) FROM articles WHERE content_hash = ? AND +status IN {article_rows.ACCEPTED_SQL}
"""


def known(connection: sqlite3.Connection, address: str) -> KnownArticle | None:
    """The article whose canonical address or alias this is."""
    row = connection.execute(_BY_ADDRESS, {"address": address}).fetchone()
    return None if row is None else article_rows.known(row)


def with_hash(connection: sqlite3.Connection, content_hash: str | None) -> int | None:
    """The first accepted article with this text."""
    # An aggregate always gives a row, NULL for nothing.
    found: int | None = connection.execute(_BY_HASH, (content_hash,)).fetchone()[0]
    return found


def candidates(connection: sqlite3.Connection, fingerprint: int | None) -> list[dedupe.Candidate]:
    """The accepted articles with the closest fingerprints, and their texts."""
    if fingerprint is None:
        return []
    sql = "SELECT text FROM article_texts WHERE article_id = ?"
    closest = _closest(connection, fingerprint)
    return [dedupe.Candidate(close, connection.execute(sql, (close,)).fetchone()[0]) for close in closest]


def _closest(connection: sqlite3.Connection, fingerprint: int) -> list[int]:
    keys = dedupe.bands(fingerprint)
    sql = f"SELECT article_id, fingerprint FROM fingerprint_bands WHERE band IN ({','.join('?' * len(keys))})"
    cursor = connection.cursor()
    # Plain tuples: a common band has hundreds of rows.
    cursor.row_factory = None
    near = dict(dedupe.close(fingerprint, cursor.execute(sql, keys)))
    # By id where two are equally close: the article that was there first stays.
    return heapq.nsmallest(_MAX_CANDIDATES, near, key=lambda article_id: (near[article_id], article_id))
