"""One article again: fetched if it changed, or read again from the page that was kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mingus_lib.clients.web import Web
from mingus_lib.domain.drafts import draft_article
from mingus_lib.domain.extract import extract
from mingus_lib.domain.library import Article
from mingus_lib.domain.models import FetchedPage, ItemOutcome, Outcome, QualityPolicy
from mingus_lib.domain.quality import assess
from mingus_lib.domain.urls import host_of
from mingus_lib.errors import NotFound, PermanentError
from mingus_lib.store.article_rows import PLACEHOLDERS
from mingus_lib.store.articles import Articles
from mingus_lib.store.hosts import Hosts


@dataclass(frozen=True, slots=True)
class Reprocessed:
    """What became of the article, and whether to label it: its text is new, or let in now."""

    outcome: ItemOutcome
    changed: bool


@dataclass(frozen=True, slots=True)
class Reprocess:
    """Bound to its clients and store by runtime.py."""

    web: Web
    articles: Articles
    hosts: Hosts
    quality: QualityPolicy

    def run(self, article_id: int, *, offline: bool, deadline: float | None) -> Reprocessed:
        """Fetch conditionally (or not at all) and store what changed; editors' fields stay.

        Raises PermanentError when there is no such article or no kept page, and what a fetch raises.
        """
        article = self._article(article_id)
        page = self._kept_page(article) if offline else self._fetched_page(article, deadline)
        if page.status == 304:
            self.articles.touch(article.id, page.etag, page.last_modified, datetime.now(UTC))
            why = "not-modified: the server says that nothing changed"
            return Reprocessed(ItemOutcome(article.url, Outcome.UNCHANGED, article.id, why), False)
        return self._store(article, page)

    def _article(self, article_id: int) -> Article:
        try:
            return self.articles.get(article_id)
        # No slip of a person at a prompt, but a job that can never succeed: it is dead, with its reason.
        except NotFound as error:
            raise PermanentError(str(error), code="no-article") from error

    def _fetched_page(self, article: Article, deadline: float | None) -> FetchedPage:
        return self.web.fetch(
            article.canonical_url, etag=article.etag, last_modified=article.last_modified, deadline=deadline
        )

    def _kept_page(self, article: Article) -> FetchedPage:
        raw = self.articles.raw(article.id)
        if raw is None:
            raise PermanentError(f"the page of article {article.id} was not kept", code="no-raw-page")
        return FetchedPage(
            url=raw.url,
            final_url=raw.final_url,
            status=200,
            content_type=raw.content_type or "text/html",
            charset=raw.charset,
            body=raw.body,
            etag=article.etag,
            last_modified=article.last_modified,
            fetched_at=article.fetched_at or datetime.now(UTC),
        )

    def _store(self, article: Article, page: FetchedPage) -> Reprocessed:
        read = extract(page.body, content_type=page.content_type, charset=page.charset, url=page.final_url)
        verdict = assess(read, url=page.final_url, policy=self.quality)
        quality = self.hosts.policy(host_of(page.final_url)).quality
        draft = draft_article(page, read, verdict, url=article.url, source_quality=quality)
        if article.status in PLACEHOLDERS:
            # Its first page: it may be elsewhere, or a duplicate, as one that is added may.
            asked = article.canonical_url
            outcome = self.articles.record(draft, job_id=None, position=0, now=datetime.now(UTC), asked=asked)
            return Reprocessed(outcome, outcome.outcome is Outcome.ADDED)
        # The article keeps its address: the page may declare another one by now.
        draft = replace(draft, canonical_url=article.canonical_url, domain=article.domain)
        outcome = self.articles.update(article.id, draft, now=datetime.now(UTC))
        # A page that is rejected now leaves the article as it was: there is nothing new to label.
        return Reprocessed(outcome, outcome.outcome is Outcome.ADDED)
