"""From a page as read to an article as stored. Pure."""

from __future__ import annotations

from mingus_lib.domain.dedupe import content_hash, simhash
from mingus_lib.domain.models import ArticleDraft, ArticleStatus, Extracted, FetchedPage, Verdict
from mingus_lib.domain.urls import accept_declared, canonical, host_of, registrable_domain
from mingus_lib.domain.words import preview, reading_time_minutes


def draft_article(
    page: FetchedPage, read: Extracted, verdict: Verdict, *, url: str, source_quality: float
) -> ArticleDraft:
    """The article that `page` makes under the address `url` it was asked for.

    Its canonical address is the one the page declares where that may be believed, else the
    one the last redirect led to.
    """
    address = accept_declared(page.final_url, read.declared_url) or canonical(page.final_url)
    return ArticleDraft(
        url=url,
        canonical_url=address,
        domain=registrable_domain(host_of(address)),
        # A rejected page is kept too, so that its address is known and not fetched again.
        status=ArticleStatus.PUBLISHED if verdict.accepted else ArticleStatus.REJECTED,
        title=read.title,
        text=read.text,
        html=read.html,
        preview=preview(read.text),
        description=read.description,
        author=read.author,
        site_name=read.site_name,
        language=read.language,
        published_at=read.published_at,
        fetched_at=page.fetched_at,
        word_count=read.word_count,
        reading_time_minutes=reading_time_minutes(read.word_count),
        # Two empty texts are no duplicates of each other.
        content_hash=content_hash(read.text) if read.text else None,
        fingerprint=simhash(read.text) if read.text else None,
        source_quality=source_quality,
        reason=verdict.reason,
        etag=page.etag,
        last_modified=page.last_modified,
        content_type=page.content_type,
        charset=page.charset,
        raw=page.body,
    )


def held_article(url: str, address: str, *, source_quality: float) -> ArticleDraft:
    """An address of an unknown host, known but not fetched until an editor allows the host."""
    domain = registrable_domain(host_of(address))
    return ArticleDraft(
        url=url,
        canonical_url=address,
        domain=domain,
        status=ArticleStatus.HELD,
        source_quality=source_quality,
        reason=f"held: {domain} is an unknown host; `mingus hosts allow {domain}` says how to fetch it",
    )
