"""Drafts for tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain import dedupe
from mingus_lib.domain.models import ArticleDraft, ArticleStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def prose(name: str, words: int = 300) -> str:
    """A text of its own for every name."""
    return " ".join(f"{name}{number}" for number in range(words))


def draft(url: str, text: str = "", **values: Any) -> ArticleDraft:
    """A published article with its hash and fingerprint, as extraction would give it."""
    made: dict[str, Any] = {
        "canonical_url": url,
        "domain": "example.org",
        "status": ArticleStatus.PUBLISHED,
        "title": f"About {url}",
        "html": f"<p>{text}</p>",
        "fetched_at": NOW,
        "word_count": len(text.split()),
        "content_hash": dedupe.content_hash(text) if text else None,
        "fingerprint": dedupe.simhash(text) if text else None,
        "raw": b"<html>" + text.encode(errors="replace"),
        "content_type": "text/html",
    }
    return ArticleDraft(url=url, text=text, **(made | values))


def rejected(url: str, text: str = "", reason: str = "too-short: 12 words", **values: Any) -> ArticleDraft:
    """A page that failed the gate."""
    return draft(url, text, status=ArticleStatus.REJECTED, reason=reason, **values)


def held(url: str) -> ArticleDraft:
    """An address of an unknown host: nothing was fetched."""
    why = "held: example.org is an unknown host"
    return draft(url, status=ArticleStatus.HELD, reason=why, title="", raw=None, fetched_at=None)
