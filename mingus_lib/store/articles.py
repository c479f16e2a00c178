"""Articles in the store: adding, refreshing, finding, listing, archiving, exporting."""

from __future__ import annotations

import sqlite3
import zlib
from builtins import list as List  # a method below is called list
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from mingus_lib.domain.gate import Levels
from mingus_lib.domain.library import Article, ArticleFilter, KnownArticle, RawPage, SearchResult
from mingus_lib.domain.models import ArticleDraft, ArticleStatus, ItemOutcome
from mingus_lib.errors import NotFound
from mingus_lib.store import article_lists, article_lookup, article_rows, article_writes, outcomes, search
from mingus_lib.store.database import Store
from mingus_lib.store.summary import article_counts
from mingus_lib.store.values import as_text, clean


class Articles:
    """The articles of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def known(self, canonical_url: str) -> KnownArticle | None:
        """The article at this canonical address or alias."""
        with self.store.reading() as connection:
            return article_lookup.known(connection, clean(canonical_url))

    def record(
        self,
        draft: ArticleDraft,
        *,
        job_id: str | None,
        position: int,
        now: datetime,
        force: bool = False,
        asked: str | None = None,
    ) -> ItemOutcome:
        """Store a draft, or say whose duplicate it is, and note the outcome: one transaction.

        Rejected and held drafts are stored too, so that they are not fetched again; both are outcome
        `rejected`, with the draft's reason. The same address again in the same job gives the first answer.
        A pending or held article at the address gives its place and id to the page. `force` stores what
        would be a duplicate (an article at the same address is refreshed instead). `asked`: the canonical
        form of the address asked for, where redirects led elsewhere; it becomes an alias.
        """
        prepared = article_writes.prepare(draft, asked)
        with self.store.transaction() as connection:
            return _record(connection, prepared, job_id, position, now, force)

    def update(
        self,
        article_id: int,
        draft: ArticleDraft,
        *,
        now: datetime,
        job_id: str | None = None,
        position: int = 0,
    ) -> ItemOutcome:
        """Replace an article's content by what a later fetch or extraction gave.

        New text: outcome `added`, reason "changed: ..."; what the gate lets in only now: "admitted: ...". The
        same text: `unchanged` (the rest is updated).
        Editorial fields, address, status of an accepted article and classification stay. A draft that
        failed the gate leaves an accepted article as it is: outcome `rejected`. Raises NotFound.
        """
        prepared = article_writes.prepare(draft)
        with self.store.transaction() as connection:
            _must_exist(connection, article_id)
            item = article_writes.refresh(connection, article_id, prepared, now)
            outcomes.note(connection, job_id, position, item, now)
            return item

    def touch(self, article_id: int, etag: str | None, last_modified: str | None, now: datetime) -> None:
        """The server said "not modified": keep its newest validators, and that we looked. Raises NotFound."""
        # Not every 304 repeats the validators.
        sql = """UPDATE articles SET etag = coalesce(?, etag), last_modified = coalesce(?, last_modified),
                 fetched_at = ? WHERE id = ?"""
        if not self.store.execute(sql, (etag, last_modified, as_text(now), article_id)):
            raise _missing(article_id)

    def note_outcome(self, job_id: str, position: int, item: ItemOutcome, now: datetime) -> None:
        """Note an outcome that stored no article: a failure, or a duplicate known before fetching."""
        with self.store.transaction() as connection:
            outcomes.note(connection, job_id, position, item, now)

    def outcomes(self, job_id: str) -> list[ItemOutcome]:
        """What became of a job's addresses so far, in their order."""
        return self.outcomes_of([job_id])

    def outcomes_of(self, job_ids: Sequence[str]) -> list[ItemOutcome]:
        """The same for several jobs (one and its follow-ups), in the order of the jobs."""
        with self.store.reading() as connection:
            return outcomes.of_jobs(connection, job_ids)

    def get(self, article_id: int) -> Article:
        """The whole article: text, html, aliases, classification. Raises NotFound."""
        with self.store.reading() as connection:
            found = article_lists.full(connection, article_id)
        if found is None:
            raise _missing(article_id)
        return found

    def find(self, id_or_address: str | int) -> Article:
        """The whole article by id (digits too) or by canonical address or alias. Raises NotFound."""
        typed = str(id_or_address)
        # 19 digits may be more than SQLite's integers hold.
        if typed.isascii() and typed.isdigit() and len(typed) < 19:
            return self.get(int(typed))
        known = self.known(typed)
        if known is None:
            raise _missing(typed[:200])
        return self.get(known.id)

    def raw(self, article_id: int) -> RawPage | None:
        """The page as fetched; None when it was not kept."""
        row = self.store.row(
            """SELECT r.body, r.content_type, r.charset, r.final_url, a.url
               FROM article_raw AS r JOIN articles AS a ON a.id = r.article_id WHERE r.article_id = ?""",
            (article_id,),
        )
        if row is None:
            return None
        body, final_url = zlib.decompress(row["body"]), row["final_url"] or row["url"]
        return RawPage(article_id, row["url"], final_url, body, row["content_type"], row["charset"])

    def list(self, wanted: ArticleFilter | None = None) -> List[Article]:
        """Articles without their texts, newest first."""
        with self.store.reading() as connection:
            return article_lists.listed(connection, wanted or ArticleFilter())

    def search(
        self,
        typed: str,
        *,
        limit: int = 20,
        statuses: Sequence[ArticleStatus] = search.DEFAULT_STATUSES,
        reader: Levels | None = None,
    ) -> SearchResult:
        """Full-text search with anything a person typed; see search.py for the ranking.

        `reader`: only what a reader of these levels may see.
        """
        with self.store.reading() as connection:
            return search.run(connection, typed, limit, statuses, reader)

    def counts(self) -> dict[ArticleStatus, int]:
        """Articles by status, every status named."""
        with self.store.reading() as connection:
            return article_counts(connection)

    def archive(self, article_ids: Iterable[int], now: datetime, note: str | None = None) -> List[int]:
        """Archive reviewed or published articles, with a note; the ids that changed."""
        sql = """UPDATE articles SET archived_from = status, status = 'archived', archived_at = ?,
                 updated_at = ?, admin_notes = coalesce(?, admin_notes)
                 WHERE id = ? AND status IN ('review', 'published')"""
        return self._change_each(sql, article_ids, (as_text(now), as_text(now), note and clean(note)))

    def feature(
        self, article_ids: Iterable[int], featured: bool, now: datetime, note: str | None = None
    ) -> List[int]:
        """Put accepted articles forward or no longer, with a note; the ids that are there."""
        sql = """UPDATE articles SET is_featured = ?, updated_at = ?, admin_notes = coalesce(?, admin_notes)
                 WHERE id = ? AND status IN ('review', 'published')"""
        return self._change_each(sql, article_ids, (int(featured), as_text(now), note and clean(note)))

    def keep(
        self, article_ids: Iterable[int], kept: bool, now: datetime, note: str | None = None
    ) -> List[int]:
        """Set or take off the keep mark, which clean-up obeys, with a note; the ids that are there."""
        sql = """UPDATE articles SET is_kept = ?, updated_at = ?, admin_notes = coalesce(?, admin_notes)
                 WHERE id = ? AND status IN ('review', 'published', 'archived')"""
        return self._change_each(sql, article_ids, (int(kept), as_text(now), note and clean(note)))

    def restore(self, article_ids: Iterable[int], now: datetime) -> List[int]:
        """Give archived articles their former status back, and the keep mark; the ids that changed.

        Without the mark the next clean-up would archive them again.
        """
        sql = """UPDATE articles SET status = coalesce(archived_from, 'published'), archived_from = NULL,
                 archived_at = NULL, is_kept = 1, updated_at = ? WHERE id = ? AND status = 'archived'"""
        return self._change_each(sql, article_ids, (as_text(now),))

    def export(self, wanted: ArticleFilter | None = None) -> Iterator[dict[str, Any]]:
        """Whole articles as JSON-ready dicts, newest first, read a page at a time (`limit` is ignored)."""
        for page in article_lists.pages(self.store, wanted or ArticleFilter()):
            for article in page:
                yield article_rows.exported(article)

    def _change_each(self, sql: str, article_ids: Iterable[int], values: tuple[object, ...]) -> List[int]:
        with self.store.transaction() as connection:
            return [each for each in article_ids if connection.execute(sql, (*values, each)).rowcount]


def _record(
    connection: sqlite3.Connection,
    prepared: article_writes.Prepared,
    job_id: str | None,
    position: int,
    now: datetime,
    force: bool,
) -> ItemOutcome:
    # Under the write lock: a worker that was taken for dead may be storing the same address.
    earlier = outcomes.settled(connection, job_id, prepared.draft.url)
    if earlier is not None:
        return earlier
    item = article_writes.settle(connection, prepared, now, force)
    outcomes.note(connection, job_id, position, item, now)
    return item


def _must_exist(connection: sqlite3.Connection, article_id: int) -> None:
    if connection.execute("SELECT 1 FROM articles WHERE id = ?", (article_id,)).fetchone() is None:
        raise _missing(article_id)


def _missing(what: object) -> NotFound:
    return NotFound(f"no article {what}: see `mingus articles list`", code="no-such-article")
