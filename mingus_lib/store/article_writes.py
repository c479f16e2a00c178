"""Writing articles: each function works inside the caller's transaction."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from mingus_lib.domain import dedupe
from mingus_lib.domain.models import ArticleDraft, ArticleStatus, ItemOutcome, Outcome
from mingus_lib.store import article_lookup
from mingus_lib.store.article_rows import ACCEPTED, PLACEHOLDERS
from mingus_lib.store.values import as_optional_text, as_text, clean

# What a draft says about an article, in the words of both the draft and the table.
_CONTENT = (
    "domain", "title", "preview", "description", "author", "site_name", "language", "published_at",
    "word_count", "reading_time_minutes", "content_hash", "fingerprint", "source_quality", "reason",
    "etag", "last_modified",
)  # fmt: skip
_NEW = ("id", *_CONTENT, "url", "canonical_url", "status", "fetched_at", "added_at", "updated_at")
_INSERT = f"INSERT INTO articles ({', '.join(_NEW)}) VALUES ({', '.join(f':{name}' for name in _NEW)})"
# Level 1 takes a third of the time of level 6 and a fifth more room.
RAW_COMPRESSION = 1
_CHANGED = (*_CONTENT, "status", "fetched_at", "updated_at")
_UPDATE = f"UPDATE articles SET {', '.join(f'{name} = :{name}' for name in _CHANGED)} WHERE id = :id"

_SOURCE = (
    "url",
    "canonical_url",
    "domain",
    "site_name",
    "source_quality",
    "etag",
    "last_modified",
    "updated_at",
)
_MOVE = f"UPDATE articles SET {', '.join(f'{name} = :{name}' for name in _SOURCE)} WHERE id = :id"

_RAW = """
INSERT INTO article_raw (article_id, encoding, body, content_type, charset, final_url)
VALUES (?, 'zlib', ?, ?, ?, ?)
ON CONFLICT (article_id) DO UPDATE SET body = excluded.body, content_type = excluded.content_type,
  charset = excluded.charset, final_url = excluded.final_url
"""
_TEXT = """
INSERT INTO article_texts (article_id, text, html) VALUES (?, ?, ?)
ON CONFLICT (article_id) DO UPDATE SET text = excluded.text, html = excluded.html
"""
_ALIAS = """
INSERT INTO article_aliases (canonical_url, article_id, url, first_seen, why) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (canonical_url) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft fit to be stored; the slow part (cleaning, compression) done before the write lock is taken."""

    draft: ArticleDraft
    packed: bytes | None
    addresses: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return self.draft.status in ACCEPTED


def prepare(draft: ArticleDraft, asked: str | None = None) -> Prepared:
    """Clean every text of the draft and compress its page; see Articles.record for `asked`."""
    texts = {field.name: getattr(draft, field.name) for field in fields(draft)}
    cleaned: dict[str, Any] = {name: clean(text) for name, text in texts.items() if type(text) is str}
    packed = None if draft.raw is None else zlib.compress(draft.raw, RAW_COMPRESSION)
    fit = replace(draft, **cleaned)
    return Prepared(fit, packed, tuple(dict.fromkeys((fit.canonical_url, clean(asked or fit.canonical_url)))))


def settle(connection: sqlite3.Connection, prepared: Prepared, now: datetime, force: bool) -> ItemOutcome:
    """Decide what the draft is, and store it as that."""
    # First: a page would be taken for a duplicate of what only kept its place.
    vacated = _vacate(connection, prepared)
    decision = _decided(connection, prepared, force)
    if decision.article_id is None:
        item = _add(connection, prepared, now, vacated)
    elif decision.kind is dedupe.Kind.REFRESH:
        item = refresh(connection, decision.article_id, prepared, now)
    else:
        reason = decision.reason
        if decision.kind is not dedupe.Kind.SAME_ADDRESS and _promote(
            connection, decision.article_id, prepared, now
        ):
            reason = f"{reason}; this source is better, and is the article's address now"
        item = ItemOutcome(prepared.draft.url, Outcome.DUPLICATE, decision.article_id, reason)
    _note_addresses(connection, item.article_id, prepared, now, decision.reason)
    return item


def _vacate(connection: sqlite3.Connection, prepared: Prepared) -> int | None:
    """Remove what only held the place of the fetched page; its id, for the page to take over."""
    if prepared.draft.status in PLACEHOLDERS:
        return None
    places = [article_lookup.known(connection, address) for address in prepared.addresses]
    ids = {place.id for place in places if place is not None and place.status in PLACEHOLDERS}
    for each in ids:
        connection.execute("DELETE FROM articles WHERE id = ?", (each,))
    # The older of two places, because jobs and readers' events may have kept its id.
    return min(ids, default=None)


def _decided(connection: sqlite3.Connection, prepared: Prepared, force: bool) -> dedupe.Decision:
    draft = prepared.draft
    at_address = article_lookup.known(connection, draft.canonical_url)
    # A page that failed the gate is nobody's duplicate: its own address and reason are what counts.
    if at_address is not None or force or not prepared.accepted:
        return dedupe.decide(draft.text, at_address, None, force=force)
    same_text = article_lookup.with_hash(connection, draft.content_hash)
    near = () if same_text is not None else article_lookup.candidates(connection, draft.fingerprint)
    return dedupe.decide(draft.text, None, same_text, near)


def _promote(connection: sqlite3.Connection, article_id: int, prepared: Prepared, now: datetime) -> bool:
    """Let the better of two sources of one text be the article's; False where the first one is as good."""
    sql = "SELECT url, canonical_url, source_quality FROM articles WHERE id = ?"
    current = connection.execute(sql, (article_id,)).fetchone()
    draft = prepared.draft
    if draft.source_quality <= current["source_quality"]:
        return False
    values = _content(draft, now) | {
        "id": article_id, "url": draft.url, "canonical_url": draft.canonical_url,
    }  # fmt: skip
    connection.execute(_MOVE, values)
    _write_raw(connection, article_id, prepared)
    why = "source: another one of the same text is better"
    connection.execute(_ALIAS, (current["canonical_url"], article_id, current["url"], as_text(now), why))
    return True


def _add(
    connection: sqlite3.Connection, prepared: Prepared, now: datetime, article_id: int | None
) -> ItemOutcome:
    draft = prepared.draft
    # Only `force` gets here with an alias at the address: it becomes an article of its own.
    connection.execute("DELETE FROM article_aliases WHERE canonical_url = ?", (draft.canonical_url,))
    values = _content(draft, now) | {
        "id": article_id, "url": draft.url, "canonical_url": draft.canonical_url,
        "status": draft.status.value, "added_at": as_text(now),
    }  # fmt: skip
    new_id = connection.execute(_INSERT, values).lastrowid
    assert new_id is not None
    _write_parts(connection, new_id, prepared)
    _write_bands(connection, new_id, prepared)
    return _stored(draft, new_id)


def _stored(draft: ArticleDraft, article_id: int) -> ItemOutcome:
    if draft.status in (ArticleStatus.REJECTED, ArticleStatus.HELD):
        reason = draft.reason or f"{draft.status}: no reason was given"
        return ItemOutcome(draft.url, Outcome.REJECTED, article_id, reason)
    return ItemOutcome(draft.url, Outcome.ADDED, article_id)


def refresh(
    connection: sqlite3.Connection, article_id: int, prepared: Prepared, now: datetime
) -> ItemOutcome:
    """Bring a stored article up to the draft; see Articles.update."""
    sql = "SELECT status, content_hash FROM articles WHERE id = ?"
    current = connection.execute(sql, (article_id,)).fetchone()
    was, draft = ArticleStatus(current["status"]), prepared.draft
    # The site may show a wall today: what readers have is better.
    if was in ACCEPTED and not prepared.accepted:
        return ItemOutcome(draft.url, Outcome.REJECTED, article_id, f"{draft.reason} (the stored text stays)")
    # An editor may have archived it, and a new text is no reason to undo that.
    status = was if was in ACCEPTED else draft.status
    values = _content(draft, now) | {"id": article_id, "status": status.value}
    connection.execute(_UPDATE, values)
    _note_addresses(connection, article_id, prepared, now, "moved: found by a later fetch")
    same_text = current["content_hash"] == draft.content_hash
    if was is status and same_text:
        return _same_text(connection, article_id, prepared)
    _write_parts(connection, article_id, prepared)
    _write_bands(connection, article_id, prepared)
    item = _stored(draft, article_id)
    why = "admitted: it passes the gate now" if same_text else "changed: the text is new"
    return replace(item, reason=why) if item.outcome is Outcome.ADDED else item


def _same_text(connection: sqlite3.Connection, article_id: int, prepared: Prepared) -> ItemOutcome:
    # Not the text: setting it, even to the same, would index it again.
    html = (prepared.draft.html, article_id)
    connection.execute("UPDATE article_texts SET html = ? WHERE article_id = ?", html)
    _write_raw(connection, article_id, prepared)
    item = _stored(prepared.draft, article_id)
    return replace(item, outcome=Outcome.UNCHANGED) if item.outcome is Outcome.ADDED else item


def _content(draft: ArticleDraft, now: datetime) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(draft, name) for name in _CONTENT}
    return values | {"fetched_at": as_optional_text(draft.fetched_at), "updated_at": as_text(now)}


def _write_parts(connection: sqlite3.Connection, article_id: int, prepared: Prepared) -> None:
    if prepared.draft.text:
        connection.execute(_TEXT, (article_id, prepared.draft.text, prepared.draft.html))
    _write_raw(connection, article_id, prepared)


def _write_raw(connection: sqlite3.Connection, article_id: int, prepared: Prepared) -> None:
    if prepared.packed is not None:
        draft = prepared.draft
        page = (article_id, prepared.packed, draft.content_type, draft.charset, draft.canonical_url)
        connection.execute(_RAW, page)


def _write_bands(connection: sqlite3.Connection, article_id: int, prepared: Prepared) -> None:
    connection.execute("DELETE FROM fingerprint_bands WHERE article_id = ?", (article_id,))
    fingerprint = prepared.draft.fingerprint
    # Nothing may become a duplicate of a page that failed the gate.
    if fingerprint is not None and prepared.accepted:
        rows = [(band, article_id, fingerprint) for band in dedupe.bands(fingerprint)]
        connection.executemany("INSERT INTO fingerprint_bands VALUES (?, ?, ?)", rows)


def _note_addresses(
    connection: sqlite3.Connection, article_id: int | None, prepared: Prepared, now: datetime, why: str | None
) -> None:
    """Let every address of the draft that is not known yet lead to the article."""
    for address in prepared.addresses:
        # One that leads to another article stays with that one.
        if article_lookup.known(connection, address) is None:
            alias = (address, article_id, prepared.draft.url, as_text(now), why or "redirect: it leads there")
            connection.execute(_ALIAS, alias)
