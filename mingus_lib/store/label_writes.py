"""Writing labels and editors' decisions: each function works inside the caller's transaction."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from mingus_lib.domain.labels import (
    FIELDS,
    LISTS,
    OFFLINE,
    OPENAI,
    Classified,
    Labels,
    from_dict,
    holds,
    review_value,
)
from mingus_lib.errors import NotFound
from mingus_lib.store.values import as_text, clean

_PROVENANCE = (
    "is_override", "engine", "model", "prompt_version", "tokens_in", "tokens_out", "cost_usd",
    "classified_at", "content_hash",
)  # fmt: skip
COLUMNS = (*FIELDS, *_PROVENANCE)
_UPSERT = f"""
INSERT INTO classifications (article_id, {", ".join(COLUMNS)})
VALUES (:article_id, {", ".join(f":{name}" for name in COLUMNS)})
ON CONFLICT (article_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}
"""
_DETAILS = """
INSERT INTO label_details (article_id, evidence, second_opinion) VALUES (?, ?, ?)
ON CONFLICT (article_id) DO UPDATE SET evidence = excluded.evidence, second_opinion = excluded.second_opinion
"""
_OPEN = """
INSERT INTO label_reviews (article_id, state, flags, value, opened_at) VALUES (?, 'open', ?, ?, ?)
ON CONFLICT (article_id) DO UPDATE SET state = 'open', flags = excluded.flags, value = excluded.value,
  opened_at = excluded.opened_at, decided_at = NULL, decided_by = NULL
"""
_DECIDED = """
INSERT INTO label_reviews (article_id, state, opened_at, decided_at, decided_by)
VALUES (:article_id, :state, :now, :now, :who)
ON CONFLICT (article_id) DO UPDATE SET state = :state, decided_at = :now, decided_by = :who
"""
_PUT_BACK = """
INSERT INTO label_reviews (article_id, state, flags, value, opened_at, decided_at, decided_by)
VALUES (:article_id, :state, :flags, :value, :opened_at, :decided_at, :decided_by)
"""
# The text may have changed under an editor's labels: those before them may be of the old one.
_WANTED_AGAIN = """
INSERT INTO label_wants SELECT a.id FROM articles AS a JOIN classifications AS c ON c.article_id = a.id
WHERE a.id = ? AND a.status IN ('review', 'published') AND c.is_override = 0 AND c.content_hash IS NOT a.content_hash
ON CONFLICT (article_id) DO NOTHING
"""


class Put(StrEnum):
    """What became of labels given to the store."""

    STORED = "stored"
    OVERRIDE = "override"  # an editor's stay
    KEPT = "kept"  # the AI engine's stay before the offline engine's, and those of the present text before older ones
    GONE = "gone"  # no such article any more


def put(
    connection: sqlite3.Connection,
    article_id: int,
    given: Classified,
    second_opinion: Labels | None,
    now: datetime,
    force: bool,
) -> Put:
    """Store an engine's labels unless better ones are there; `force` lets the offline engine replace the AI's."""
    sql = "SELECT status, content_hash FROM articles WHERE id = ?"
    article = connection.execute(sql, (article_id,)).fetchone()
    if article is None:
        return Put.GONE
    there = current(connection, article_id)
    # Asked in the transaction that writes: an editor may have decided while the engine was reading.
    if there is not None and there["is_override"]:
        return Put.OVERRIDE
    if there is not None and _is_better(there, given, article["content_hash"], force):
        return Put.KEPT
    connection.execute(_UPSERT, _values(article_id, given))
    evidence = json.dumps([asdict(each) for each in given.evidence], ensure_ascii=False)
    other = None if second_opinion is None else json.dumps(second_opinion.as_dict(), ensure_ascii=False)
    connection.execute(_DETAILS, (article_id, clean(evidence), other and clean(other)))
    # What the AI engine gave up on is settled by an answer of its own alone.
    if given.engine == OPENAI:
        connection.execute("DELETE FROM label_failures WHERE article_id = ?", (article_id,))
    _review(connection, article_id, given, now)
    publish(connection, article_id, article["status"], not holds(given.flags), now)
    return Put.STORED


def _is_better(there: sqlite3.Row, given: Classified, content_hash: str | None, force: bool) -> bool:
    """Whether what is there stays: it is of the present text and `given` of an earlier one, or it is the AI's."""
    if there["content_hash"] != given.content_hash:
        return bool(there["content_hash"] == content_hash)
    return bool(there["engine"] == OPENAI) and given.engine == OFFLINE and not force


def _values(article_id: int, given: Classified) -> dict[str, Any]:
    labels = given.labels.as_dict()
    texts = {name: clean(value) for name, value in labels.items() if isinstance(value, str)}
    lists = {name: clean(json.dumps(labels[name], ensure_ascii=False)) for name in LISTS}
    provenance = {name: getattr(given, name) for name in _PROVENANCE if name != "is_override"}
    return {
        "article_id": article_id, **labels, **texts, **lists, **provenance,
        "classified_at": as_text(given.classified_at), "is_override": 0,
    }  # fmt: skip


def _review(connection: sqlite3.Connection, article_id: int, given: Classified, now: datetime) -> None:
    if not given.flags:
        connection.execute("DELETE FROM label_reviews WHERE article_id = ?", (article_id,))
        return
    value = review_value(given.flags, given.labels.confidence_score)
    connection.execute(_OPEN, (article_id, json.dumps(given.flags), value, as_text(now)))


def publish(connection: sqlite3.Connection, article_id: int, status: str, fit: bool, now: datetime) -> None:
    """Move an article between published and review; any other status stays."""
    wanted = "published" if fit else "review"
    if status in ("published", "review") and status != wanted:
        sql = "UPDATE articles SET status = ?, updated_at = ? WHERE id = ?"
        connection.execute(sql, (wanted, as_text(now), article_id))


def current(connection: sqlite3.Connection, article_id: int) -> sqlite3.Row | None:
    """The article's classification as it stands."""
    sql = "SELECT * FROM classifications WHERE article_id = ?"
    found: sqlite3.Row | None = connection.execute(sql, (article_id,)).fetchone()
    return found


def decide(
    connection: sqlite3.Connection,
    article_id: int,
    action: str,
    changes: Mapping[str, Any],
    who: str | None,
    note: str | None,
    now: datetime,
) -> None:
    """An editor accepts, overrides or skips; what was there is kept for undo. Raises NotFound without labels.

    Accepted and overridden labels are the editor's from then on: no run replaces them.
    """
    row = current(connection, article_id)
    status = connection.execute("SELECT status FROM articles WHERE id = ?", (article_id,)).fetchone()
    if status is None:
        raise NotFound(f"no article {article_id}: see `mingus articles list`")
    if row is None:
        raise NotFound(
            f"article {article_id} has no labels yet: run `mingus classify {article_id} --wait` first",
            code="no-labels",
        )
    before = _snapshot(connection, article_id, row, status["status"])
    sql = "INSERT INTO label_history (article_id, action, at, who, note, before) VALUES (?, ?, ?, ?, ?, ?)"
    connection.execute(sql, (article_id, action, as_text(now), who, note and clean(note), before))
    if action != "skip":
        _lock(connection, article_id, row, changes)
        publish(connection, article_id, status["status"], True, now)
    state = {"accept": "accepted", "override": "overridden", "skip": "skipped"}[action]
    values = {"article_id": article_id, "state": state, "now": as_text(now), "who": who}
    connection.execute(_DECIDED, values)


def _lock(
    connection: sqlite3.Connection, article_id: int, row: sqlite3.Row, changes: Mapping[str, Any]
) -> None:
    values = {name: row[name] for name in COLUMNS} | {"article_id": article_id, "is_override": 1}
    for name, value in changes.items():
        values[name] = json.dumps(list(value), ensure_ascii=False) if name in LISTS else value
    connection.execute(_UPSERT, values)


def _snapshot(connection: sqlite3.Connection, article_id: int, row: sqlite3.Row, status: str) -> str:
    sql = "SELECT state, flags, value, opened_at, decided_at, decided_by FROM label_reviews WHERE article_id = ?"
    review = connection.execute(sql, (article_id,)).fetchone()
    labels = {name: row[name] for name in COLUMNS}
    return json.dumps({"labels": labels, "review": review and dict(review), "status": status})


def undo(connection: sqlite3.Connection, article_id: int | None, now: datetime) -> tuple[int, str]:
    """Take back the latest decision (on that article, or on any): its article and what it was. Raises NotFound."""
    where = "article_id = ? AND" if article_id is not None else ""
    sql = f"SELECT * FROM label_history WHERE {where} undone_at IS NULL ORDER BY id DESC LIMIT 1"
    row = connection.execute(sql, () if article_id is None else (article_id,)).fetchone()
    if row is None:
        raise NotFound("there is no decision to undo: see `mingus articles review`", code="nothing-to-undo")
    before, changed = json.loads(row["before"]), int(row["article_id"])
    connection.execute(_UPSERT, {**before["labels"], "article_id": changed})
    connection.execute(_WANTED_AGAIN, (changed,))
    connection.execute("DELETE FROM label_reviews WHERE article_id = ?", (changed,))
    if before["review"] is not None:
        connection.execute(_PUT_BACK, {**before["review"], "article_id": changed})
    # Today's, not the one noted then: what was archived since stays archived.
    status = connection.execute("SELECT status FROM articles WHERE id = ?", (changed,)).fetchone()["status"]
    publish(connection, changed, status, before["status"] == "published", now)
    connection.execute("UPDATE label_history SET undone_at = ? WHERE id = ?", (as_text(now), row["id"]))
    return changed, str(row["action"])


def labels_of(row: sqlite3.Row) -> Labels:
    """Labels from a row of classifications."""
    values = {name: row[name] for name in FIELDS}
    return from_dict(values | {name: json.loads(values[name]) for name in LISTS})
