"""What the library gives back: articles, hits and records as the store reads them.

Drafts going in are models.ArticleDraft; times are aware UTC datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mingus_lib.domain.gate import Levels
from mingus_lib.domain.models import ArticleStatus

# SQLite's integers end here: a larger one is refused by name before Python's driver raises OverflowError.
MAX_ID = 2**63 - 1
# Snippets mark a found word with these; neither occurs in text that was stored.
MARK_START, MARK_END = "\x02", "\x03"


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """What deciding about an address needs: the article behind it, and whether it is only an alias."""

    id: int
    canonical_url: str
    status: ArticleStatus
    reason: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_hash: str | None = None
    alias: bool = False


@dataclass(frozen=True, slots=True)
class Article:
    """An article as stored. `text` and `html` are None where only a list was asked for.

    `classification` has domain.md's names and provenance; None when there is none yet.
    """

    id: int
    url: str
    canonical_url: str
    domain: str
    status: ArticleStatus
    title: str
    preview: str
    description: str | None
    author: str | None
    site_name: str | None
    language: str | None
    published_at: str | None
    added_at: datetime
    fetched_at: datetime | None
    updated_at: datetime
    word_count: int
    reading_time_minutes: int
    content_hash: str | None
    source_quality: float
    reason: str | None
    etag: str | None
    last_modified: str | None
    is_active: bool
    is_featured: bool
    is_kept: bool
    admin_notes: str | None
    archived_at: datetime | None
    text: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    aliases: tuple[str, ...] = ()
    classification: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ArticleFilter:
    """Which articles a list shows, newest first; `after` is the id of the last one already seen.

    `reader`: only what a reader of these levels may see (domain/gate.py).
    """

    statuses: tuple[ArticleStatus, ...] = ()
    domain: str | None = None
    since: datetime | None = None
    # An article and no offset: what comes in meanwhile shifts nothing, and no page is shown twice.
    after: int | None = None
    limit: int = 50
    reader: Levels | None = None


@dataclass(frozen=True, slots=True)
class RawPage:
    """The page as fetched, decompressed."""

    article_id: int
    url: str
    final_url: str
    body: bytes = field(repr=False)
    content_type: str | None
    charset: str | None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One found article. `score`: higher is better, 0.0 where the order is newest first.

    `snippet` is text around the words, each found word between MARK_START and MARK_END.
    """

    article: Article
    score: float
    snippet: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first; `exact` is False where some word was too common to rank by."""

    hits: tuple[SearchHit, ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A next step recorded by finished work, waiting to be enqueued."""

    id: int
    task: str
    args: dict[str, Any]
    parent_id: str
    created_at: datetime


class HostPolicy(StrEnum):
    """What to do with addresses of a host."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HostRule:
    """A host's policy and quality (0-1); it covers the host's subdomains that have no rule of their own."""

    host: str
    policy: HostPolicy = HostPolicy.UNKNOWN
    quality: float = 0.5
    note: str | None = None
    origin: str = "default"


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What `mingus db check` found: facts by name, and problems, each one line with its fix."""

    facts: dict[str, str]
    problems: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """No problem at all."""
        return not self.problems
