"""The values that cross doorways: plain frozen dataclasses, no library's objects.

Times are aware UTC datetimes; in text they are ISO 8601.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mingus_lib.domain.states import ArticleStatus as ArticleStatus
from mingus_lib.domain.states import Outcome as Outcome


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The limits every fetch is under; seconds and bytes. Built by runtime.py from Settings."""

    user_agent: str
    interval: float = 2.0
    timeout: float = 30.0
    max_bytes: int = 10_000_000
    max_redirects: int = 5
    allow_networks: tuple[str, ...] = ()
    ports: tuple[int, ...] = (80, 443)
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """One page as the server sent it, decompressed. `status` is 200, or 304 with an empty body."""

    url: str
    final_url: str
    status: int
    content_type: str
    charset: str | None
    body: bytes
    etag: str | None
    last_modified: str | None
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class PageSignals:
    """What the whole HTML page looks like, for the gate; shares are 0-1 of the visible characters.

    `lead` is the beginning of the visible text; `free` is JSON-LD's isAccessibleForFree, None if unsaid.
    """

    lead: str = ""
    characters: int = 0
    linked_share: float = 0.0
    article_share: float = 0.0
    article_linked_share: float = 0.0
    link_lines: int = 0
    prose_words: int = 0
    asks_password: bool = False
    free: bool | None = None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What could be read from a page. `published_at` is a date, YYYY-MM-DD; `html` is sanitised.

    `signals` is None for formats other than HTML.
    """

    title: str
    text: str
    html: str = ""
    author: str | None = None
    authors: tuple[str, ...] = ()
    published_at: str | None = None
    site_name: str | None = None
    language: str | None = None
    description: str | None = None
    declared_url: str | None = None
    word_count: int = 0
    signals: PageSignals | None = None


@dataclass(frozen=True, slots=True)
class QualityPolicy:
    """The gate's limits: words, and ISO 639-1 language codes."""

    min_words: int = 300
    max_words: int = 5_000
    languages: tuple[str, ...] = ("en",)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a page is worth keeping, and `code: detail` when it is not."""

    accepted: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one address: the element of a process_new_articles result.

    `final` False: failed for now, the job's next attempt tries it again.
    """

    url: str
    outcome: Outcome
    article_id: int | None = None
    reason: str | None = None
    final: bool = True

    def as_json(self) -> dict[str, str | int | None]:
        """The documented shape: url, outcome, article_id, reason."""
        return {
            "url": self.url,
            "outcome": self.outcome.value,
            "article_id": self.article_id,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class ArticleDraft:
    """An article about to be stored: everything known of it before it has an id.

    `raw` is the page as fetched (None when it is not kept); `reason` says why a
    rejected or held one is so; `fingerprint` is domain.dedupe's 64-bit simhash of the text.
    """

    url: str
    canonical_url: str
    domain: str
    status: ArticleStatus
    title: str = ""
    text: str = ""
    html: str = ""
    preview: str = ""
    description: str | None = None
    author: str | None = None
    site_name: str | None = None
    language: str | None = None
    published_at: str | None = None
    fetched_at: datetime | None = None
    word_count: int = 0
    reading_time_minutes: int = 1
    content_hash: str | None = None
    fingerprint: int | None = None
    source_quality: float = 0.5
    reason: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    charset: str | None = None
    raw: bytes | None = field(default=None, repr=False)
