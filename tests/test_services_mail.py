"""Mails end to end in one process: trackers followed and judged, the better source, half-done work, jobs run twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib import runtime, settings
from mingus_lib.domain.mails import MailState
from mingus_lib.errors import PermanentError
from mingus_lib.queues import catalog
from mingus_lib.queues.enqueue import new_job
from mingus_lib.runtime import Runtime
from mingus_lib.services import mail_intake
from mingus_lib.store.mail_funnel import LinkFilter
from tests.runtime_parts import running
from tests.sites import Reply, Site, Sites, redirect
from tests.test_services_ingest import job, page

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TRACKED = "/ls/click?upn=u001."


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Runtime]:
    """A library whose jobs run in place."""
    env = {
        "MINGUS_HOME": str(tmp_path / "state"),
        "MINGUS_EAGER": "yes",
        "MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8",
        "MINGUS_FETCH_INTERVAL": "0",
    }
    before = runtime._current
    here = runtime.use(Runtime(settings.load({}, env)))
    yield here
    here.close()
    runtime._current = before


def mail(subject: str, *urls: str, **more: str) -> dict[str, str]:
    return {"subject": subject, "from": "n@a.example", "body": "\n".join(urls), "message_id": subject, **more}


def process(here: Runtime, given: Any) -> Any:
    (job_id,) = here.enqueuer.submit([_spec({"mail": given})])
    run = here.history.get(job_id)
    assert run is not None
    return run.result


def _spec(arguments: dict[str, Any]) -> Any:
    from mingus_lib.queues.enqueue import new_job

    return new_job("process_email_articles", arguments)


def outcomes(here: Runtime) -> dict[str, str]:
    """What became of every link that was sent on, by the last part of its path."""
    rows = here.mail_funnel.links(LinkFilter(), 99)
    return {
        row["target"].rpartition("/")[2]: (row["outcome_reason"] or row["outcome"]).partition(":")[0]
        for row in rows
        if row["outcome"]
    }


def serve(sites: Sites, **pages: bytes) -> Site:
    site = sites.add()
    for name, body in pages.items():
        site.on(f"/{name.replace('_', '-')}", Reply(body))
    return site


def test_a_tracker_is_followed_and_judged_where_it_leads(sites: Sites, here: Runtime) -> None:
    site = serve(sites, a_good_long_story=page("alpha"), unsubscribe=page("beta"), tag=page("gamma"))
    ways = {
        "story": "/a-good-long-story",
        "away": "/unsubscribe",
        "list": "/tag",
        "home": "/",
        "nowhere": f"{TRACKED}more",
        "denied": "http://localhost:1/story-of-a-denied-host",
    }
    here.hosts.deny("localhost")
    for name, place in ways.items():
        site.on(f"{TRACKED}{name}", redirect(place))
    site.on(f"{TRACKED}more", Reply(page("delta")))
    site.on("/", Reply(page("epsilon")))
    process(here, mail("m", *(site.url(f"{TRACKED}{name}") for name in ways)))
    found = {name.rpartition(".")[2]: code for name, code in outcomes(here).items()}
    assert found == {
        "story": "added",
        "away": "unsubscribe",
        "list": "index-page",
        "home": "home-page",
        "nowhere": "tracker",
        "denied": "denied-host",
    }
    assert "/unsubscribe" not in site.pages_seen, "a request could have done something"
    (kept,) = here.articles.list()
    assert kept.canonical_url == site.url("/a-good-long-story")
    assert here.articles.known(site.url(f"{TRACKED}story")), "the tracker leads to its article from now on"


def test_where_a_tracker_leads_waits_with_an_unknown_host(sites: Sites, tmp_path: Path) -> None:
    site = serve(sites, a_good_long_story=page("alpha"))
    site.on(f"{TRACKED}story", redirect("/a-good-long-story"))
    env = {"MINGUS_HOME": str(tmp_path), "MINGUS_EAGER": "1", "MINGUS_UNKNOWN_HOSTS": "hold"}
    env |= {"MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8", "MINGUS_FETCH_INTERVAL": "0"}
    here = runtime.use(Runtime(settings.load({}, env)))
    process(here, mail("m", site.url(f"{TRACKED}story"), "https://plain.example/a-story-to-be-held"))
    assert {article.status.value for article in here.articles.list()} == {"held"}
    assert here.articles.known(site.url("/a-good-long-story")) is not None
    here.hosts.allow(site.host)
    process(here, mail("n", site.url("/a-good-long-story")))
    assert [a.title for a in here.articles.list() if a.status.value == "published"] == ["alpha"]
    here.close()


def test_the_best_source_of_one_text_is_the_articles(sites: Sites, here: Runtime) -> None:
    copy, original = (serve(sites, a_story_in_both_places=page("alpha")) for _ in range(2))
    here.hosts.allow(copy.host, quality=0.3)
    here.hosts.allow(original.host, quality=0.95)
    url = "/a-story-in-both-places"
    process(here, mail("1", copy.url(url)))
    process(here, mail("2", original.url(url)))
    (article,) = here.articles.list()
    assert (article.canonical_url, article.source_quality) == (original.url(url), 0.95)
    assert here.articles.known(copy.url(url)) is not None
    process(here, mail("3", copy.url(url)))
    assert here.articles.list()[0].canonical_url == original.url(url)
    assert here.mail_funnel.total(LinkFilter()).kept == 1


def test_a_mail_as_json_is_read_once(sites: Sites, here: Runtime) -> None:
    site = serve(sites, a_good_long_story=page("alpha"))
    given = mail("m", site.url("/a-good-long-story"))
    first = process(here, given)
    assert (first["read"], first["links_sent"]) == ([1], 1)
    assert process(here, given)["again"] == [1]
    assert len(site.pages_seen) == 1


def test_a_job_killed_before_it_said_what_it_sent_sends_again_and_stores_nothing_twice(
    sites: Sites, here: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = serve(sites, a_good_long_story=page("alpha"), another_good_story=page("beta"))
    kept = mail_intake.keep_object(
        here.mails, mail("m", site.url("/a-good-long-story"), site.url("/another-good-story")), "j", 10**6
    )
    run = catalog.function(catalog.find("process_email_articles"))
    with running(job("jobX")), monkeypatch.context() as patch:
        patch.setattr(type(here.mails), "sent", _killed)
        with pytest.raises(KeyboardInterrupt):
            run(kept.id)
    assert here.mails.state(kept.id) is MailState.DECIDED
    resumed: list[list[int]] = []

    def enqueue(ids: Sequence[int]) -> str:
        resumed.append(list(ids))
        return "jobY"

    later = datetime.now(UTC)
    count = mail_intake.resume_unfinished_mails(here.mails, enqueue, now=later, grace=timedelta(0))
    assert (count, resumed) == (1, [[kept.id]])
    with running(job("jobX")):
        assert run([kept.id])["read"] == [kept.id]
        assert run([kept.id])["again"] == [kept.id]
    assert here.mails.state(kept.id) is MailState.DONE
    assert sorted(article.title for article in here.articles.list()) == ["alpha", "beta"]
    assert sorted(site.pages_seen) == ["/a-good-long-story", "/another-good-story"]


def test_the_mails_of_a_dead_job_get_another_chance_one_by_one(sites: Sites, here: Runtime) -> None:
    kept = [mail_intake.keep_object(here.mails, mail(name, "https://x.test/a"), "j", 10**6) for name in "abc"]
    ids = [each.id for each in kept]
    batch = new_job("process_email_articles", {"mail": ids})
    here.ledger.record([batch])
    here.mails.assign(ids, batch.id)
    here.ledger.refuse(batch.id, batch.task, batch.queue, "killed-its-worker: 3 times", datetime.now(UTC))
    resumed: list[list[int]] = []

    def enqueue(chosen: Sequence[int]) -> str:
        single = new_job("process_email_articles", {"mail": list(chosen)})
        here.ledger.record([single])
        resumed.append(list(chosen))
        return single.id

    assert mail_intake.resume_unfinished_mails(here.mails, enqueue, now=datetime.now(UTC)) == 3
    assert resumed == [[each] for each in ids]
    # Now each has a job of its own: if that dies, nobody else does, and nobody tries again unasked.
    assert mail_intake.resume_unfinished_mails(here.mails, enqueue, now=datetime.now(UTC)) == 0


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_mails_there_is_no_time_for_go_to_another_job(here: Runtime) -> None:
    ids = [mail_intake.keep_object(here.mails, mail(str(number)), "j", 10**6).id for number in range(3)]
    result = here.mail_reading.read(ids, job=job("late", seconds=0))
    assert (result.read, result.left_over) == ([], ids)


def test_a_bug_on_one_mail_fails_the_job_after_the_others_were_read(
    here: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [mail_intake.keep_object(here.mails, mail(str(number)), "j", 10**6).id for number in range(3)]
    body = type(here.mails).body

    def broken(mails: Any, mail_id: int) -> Any:
        return 5 if mail_id == ids[1] else body(mails, mail_id)

    monkeypatch.setattr(type(here.mails), "body", broken)
    result = here.mail_reading.read(ids, job=job("buggy"))
    assert (result.read, result.failed) == ([ids[0], ids[2]], [ids[1]])
    with pytest.raises(AttributeError):
        result.raise_for_bug()


def test_an_unknown_id_is_dead_with_its_reason(here: Runtime) -> None:
    with pytest.raises(PermanentError, match="no mail 99"):
        process(here, 99)


def test_batches_hold_a_hundred_addresses_each_once(here: Runtime) -> None:
    urls = [f"https://h{number % 7}.example/a-story-number-{number}" for number in range(250)]
    ids = [
        mail_intake.keep_object(here.mails, mail(str(n), *urls[n * 50 : n * 50 + 60]), "j", 10**6).id
        for n in range(5)
    ]
    here.mail_reading.read(ids, job=job("reader"))
    batches = list(here.mail_reading.batches(ids))
    assert [len(batch.urls) for batch in batches] == [100, 100, 50]
    assert sorted(url for batch in batches for url in batch.urls) == sorted(urls)
