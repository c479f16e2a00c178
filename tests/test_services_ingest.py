"""Addresses in, articles out: on a real store, a real Redis pace, and servers on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.clients.web import MemoryPacer, MemoryRobotsCache, Web
from mingus_lib.domain.extract import extract
from mingus_lib.domain.library import ArticleFilter
from mingus_lib.domain.models import ArticleStatus, FetchPolicy, Outcome, QualityPolicy
from mingus_lib.errors import TransientError
from mingus_lib.queues.context import JobContext
from mingus_lib.services.ingest import Ingest, IngestResult
from mingus_lib.services.reprocess import Reprocess
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.hosts import Hosts
from tests.conftest import wait_for
from tests.sites import Reply, Site, Sites, redirect

WORDS = "the saver plans a budget and keeps some money aside each month because a calm reserve helps"


def page(title: str, words: int = 400, **head: str) -> bytes:
    """An English page of its own words: no two titles give near-duplicates."""
    vocabulary = [f"{word}{title}" if i % 3 == 0 else word for i, word in enumerate(WORDS.split())]
    sentences = [" ".join(vocabulary).capitalize() + "." for _ in range(words // len(vocabulary) + 1)]
    numbered = [f"<p>{sentence} Step {n} of {title} follows.</p>" for n, sentence in enumerate(sentences)]
    links = "".join(f'<link rel="{rel}" href="{href}">' for rel, href in head.items())
    return (
        f"<html lang=en><head><title>{title}</title>{links}</head><body><article><h1>{title}</h1>"
        f"{''.join(numbered)}</article></body></html>"
    ).encode()


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "mingus.db")


@pytest.fixture
def articles(store: Store) -> Articles:
    return Articles(store)


@pytest.fixture
def web() -> Iterator[Web]:
    policy = FetchPolicy(
        user_agent="mingus-test/1 (+http://localhost/)",
        interval=0,
        timeout=5,
        allow_networks=("127.0.0.0/8",),
    )
    client = Web(policy, pacer=MemoryPacer(), robots=MemoryRobotsCache())
    yield client
    client.close()


@pytest.fixture
def ingest(web: Web, articles: Articles, store: Store) -> Ingest:
    return Ingest(web=web, articles=articles, hosts=Hosts(store), quality=QualityPolicy())


def job(job_id: str = "job1", seconds: float = 60, attempt: int = 1) -> JobContext:
    return JobContext(job_id, attempt, attempt, False, time.monotonic() + seconds, lambda *_: None)


def outcomes(result: IngestResult) -> list[Outcome]:
    return [item.outcome for item in result.outcomes]


def serve(sites: Sites, **pages: Any) -> Site:
    site = sites.add()
    for name, reply in pages.items():
        site.on(f"/{name}", reply if isinstance(reply, Reply) else Reply(reply))
    return site


def test_every_address_gets_its_own_outcome(sites: Sites, ingest: Ingest, articles: Articles) -> None:
    site = serve(sites, good=page("alpha"), short=page("beta", words=20), copy=page("alpha"))
    urls = [site.url(path) for path in ("/good", "/short", "/copy", "/gone")] + ["not an address"]
    result = ingest.process(urls, job=job())
    assert outcomes(result) == [
        Outcome.ADDED,
        Outcome.REJECTED,
        Outcome.DUPLICATE,
        Outcome.FAILED,
        Outcome.FAILED,
    ]
    reasons = [item.reason or "" for item in result.outcomes]
    assert reasons[1].startswith("too-short")
    assert reasons[2].startswith("same-text")
    assert reasons[3].startswith("http-404")
    assert result.fresh == [result.outcomes[0].article_id]
    assert articles.get(result.fresh[0]).title == "alpha"
    result.raise_for_unfinished()


def test_a_known_address_is_not_fetched_again_unless_forced(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, a=page("alpha"))
    url = site.url("/a")
    ingest.process([url], job=job("one"))
    before = len(site.seen)
    again = ingest.process([f"{url}?utm_source=mail"], job=job("two"))
    assert outcomes(again) == [Outcome.DUPLICATE]
    assert len(site.seen) == before
    forced = ingest.process([url], job=job("three"), force=True)
    assert outcomes(forced) == [Outcome.UNCHANGED]
    assert len(site.seen) > before


def test_spellings_of_one_address_in_one_job_are_fetched_once(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, a=page("alpha"))
    url = site.url("/a")
    result = ingest.process([url, f"{url}#part", f"{url}?fbclid=1"], job=job())
    assert outcomes(result) == [Outcome.ADDED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert [path for path in paths(site) if path.startswith("/a")] == ["/a"]


def paths(site: Site) -> list[str]:
    return [request.path for request in site.seen]


def test_a_transient_failure_is_retried_alone(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, good=page("alpha"), flaky=Reply(b"later", status=503))
    urls = [site.url("/good"), site.url("/flaky")]
    first = ingest.process(urls, job=job())
    assert outcomes(first) == [Outcome.ADDED, Outcome.FAILED]
    with pytest.raises(TransientError, match="1 of 2 addresses"):
        first.raise_for_unfinished()
    site.on("/flaky", Reply(page("beta")))
    second = ingest.process(urls, job=job(attempt=2))
    assert outcomes(second) == [Outcome.ADDED, Outcome.ADDED]
    assert paths(site).count("/good") == 1
    assert paths(site).count("/flaky") == 2
    assert second.fresh == [second.outcomes[1].article_id]


def test_on_the_last_attempt_a_failure_for_now_is_final(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, good=page("alpha"), flaky=Reply(b"later", status=503))
    last = JobContext("job1", 4, 4, True, time.monotonic() + 60, lambda *_: None)
    result = ingest.process([site.url("/good"), site.url("/flaky")], job=last)
    result.raise_for_unfinished()
    assert outcomes(result) == [Outcome.ADDED, Outcome.FAILED]


def test_a_page_that_does_not_arrive_in_time_is_left_over(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, slow=Reply(page("alpha"), latency=4), good=page("beta"))
    other = sites.add()
    other.on("/good", Reply(page("beta")))
    result = ingest.process([site.url("/slow"), other.url("/good")], job=job(seconds=2))
    assert outcomes(result) == [Outcome.ADDED]
    assert result.left_over == [site.url("/slow")]


def test_when_time_runs_out_the_rest_is_left_over(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, a=page("alpha"), b=page("beta"))
    urls = [site.url("/a"), site.url("/b")]
    result = ingest.process(urls, job=job(seconds=0))
    assert result.outcomes == []
    assert sorted(result.left_over) == sorted(urls)
    assert site.seen == []


def test_failures_for_now_can_be_released_to_another_job(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, flaky=Reply(b"later", status=503), good=page("alpha"))
    result = ingest.process([site.url("/flaky"), site.url("/good")], job=job())
    assert result.release_waiting() == [site.url("/flaky")]
    assert outcomes(result) == [Outcome.ADDED]
    result.raise_for_unfinished()


def test_hosts_are_denied_and_held(sites: Sites, ingest: Ingest, store: Store, articles: Articles) -> None:
    site = serve(sites, a=page("alpha"))
    holding = Ingest(
        web=ingest.web, articles=articles, hosts=ingest.hosts, quality=ingest.quality, hold_unknown_hosts=True
    )
    held = holding.process([site.url("/a")], job=job("one"))
    assert [(item.outcome, (item.reason or "")[:5]) for item in held.outcomes] == [
        (Outcome.REJECTED, "held:")
    ]
    assert site.seen == []
    ingest.hosts.deny(site.host)
    denied = ingest.process([site.url("/b")], job=job("two"))
    assert (denied.outcomes[0].reason or "").startswith("denied-host")
    ingest.hosts.allow(site.host)
    let_in = holding.process([site.url("/a")], job=job("three"))
    assert outcomes(let_in) == [Outcome.ADDED]


def test_what_was_held_is_looked_at_like_all_that_comes_in(
    sites: Sites, ingest: Ingest, articles: Articles
) -> None:
    site = serve(sites, a=page("alpha"), b=page("alpha"), c=redirect("/a"))
    holding = Ingest(
        web=ingest.web, articles=articles, hosts=ingest.hosts, quality=ingest.quality, hold_unknown_hosts=True
    )
    held = holding.process([site.url(f"/{name}") for name in "abc"], job=job())
    ingest.hosts.allow(site.host)
    again = Reprocess(web=ingest.web, articles=articles, hosts=ingest.hosts, quality=ingest.quality)
    found = [again.run(item.article_id or 0, offline=False, deadline=None) for item in held.outcomes]
    assert [each.outcome.outcome for each in found] == [
        Outcome.ADDED, Outcome.DUPLICATE, Outcome.DUPLICATE,
    ]  # fmt: skip
    assert [each.changed for each in found] == [True, False, False]
    assert len(articles.list(ArticleFilter(statuses=(ArticleStatus.PUBLISHED,)))) == 1


def test_an_address_that_redirects_is_known_the_next_time(sites: Sites, ingest: Ingest) -> None:
    site = serve(sites, a=page("alpha"), old=redirect("/a"))
    ingest.process([site.url("/old")], job=job("one"))
    before = len(site.seen)
    again = ingest.process([site.url("/old"), site.url("/a")], job=job("two"))
    assert outcomes(again) == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert len(site.seen) == before


def test_a_page_may_declare_its_own_address_only(sites: Sites, ingest: Ingest, articles: Articles) -> None:
    site = serve(sites, lie=page("alpha", canonical="https://victim.example/story"))
    result = ingest.process([site.url("/lie")], job=job())
    assert articles.get(result.fresh[0]).canonical_url == site.url("/lie")
    assert articles.known("https://victim.example/story") is None


def test_a_bug_on_one_page_does_not_lose_the_others(
    sites: Sites, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = serve(sites, good=page("alpha"), bad=page("beta"))

    def broken(body: bytes, **about: Any) -> Any:
        if b"beta" in body:
            raise KeyError("a bug")
        return extract(body, **about)

    monkeypatch.setattr("mingus_lib.services.ingest.extract", broken)
    result = ingest.process([site.url("/bad"), site.url("/good")], job=job())
    assert Outcome.ADDED in outcomes(result)
    with pytest.raises(KeyError):
        result.raise_for_unfinished()


def test_reprocess_asks_whether_anything_changed(
    sites: Sites, ingest: Ingest, web: Web, articles: Articles
) -> None:
    site = serve(sites, a=Reply(page("alpha"), headers={"ETag": '"one"'}))
    (article_id,) = ingest.process([site.url("/a")], job=job()).fresh
    again = Reprocess(web=web, articles=articles, hosts=ingest.hosts, quality=ingest.quality)
    site.on("/a", Reply(b"", status=304))
    same = again.run(article_id, offline=False, deadline=None)
    assert (same.outcome.outcome, same.changed) == (Outcome.UNCHANGED, False)
    assert site.seen[-1].headers["if-none-match"] == '"one"'
    site.on("/a", Reply(page("gamma")))
    new = again.run(article_id, offline=False, deadline=None)
    assert new.changed
    assert articles.get(article_id).title == "gamma"
    kept = again.run(article_id, offline=True, deadline=None)
    assert (kept.outcome.outcome, kept.changed) == (Outcome.UNCHANGED, False)
    # What a milder gate lets in is to be labelled, though its text is the same.
    site.on("/b", Reply(page("delta")))
    strict = replace(ingest, quality=QualityPolicy(min_words=100_000))
    (refused,) = strict.process([site.url("/b")], job=job("two")).outcomes
    assert refused.article_id is not None
    let_in = again.run(refused.article_id, offline=True, deadline=None)
    assert (let_in.outcome.reason, let_in.changed) == ("admitted: it passes the gate now", True)


def test_a_job_that_ran_out_of_time_leaves_no_thread_at_work(sites: Sites, ingest: Ingest) -> None:
    before = set(threading.enumerate())
    site = serve(sites, slow=Reply(page("alpha"), latency=1.5))
    others = [sites.add() for _ in range(40)]
    for other in others:
        # Nothing to read: a page that takes long to read would give the slow one its time.
        other.on("/gone", Reply(b"", status=404, latency=0.2))
    urls = [site.url("/slow"), *(other.url("/gone") for other in others)]
    result = ingest.process(urls, job=job(seconds=1))
    assert result.left_over
    wait_for(lambda: set(threading.enumerate()) <= before, "the end of the threads")
