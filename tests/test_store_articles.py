"""Articles: recording, duplicates, refreshing, listing, archiving, exporting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mingus_lib.domain.library import ArticleFilter
from mingus_lib.domain.models import ArticleDraft, ArticleStatus, ItemOutcome, Outcome
from mingus_lib.errors import NotFound
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.maintenance import check
from tests.store_samples import NOW, draft, held, prose, rejected

ONE, TWO, THREE = (f"https://example.org/{name}" for name in ("one", "two", "three"))


@pytest.fixture
def articles(tmp_path: Path) -> Iterator[Articles]:
    with Store.open(tmp_path / "mingus.db") as store:
        yield Articles(store)
        # Whatever a test did, file and search indexes must fit together.
        assert check(store.path).problems == ()


def add(articles: Articles, new: ArticleDraft, *, job: str | None = None, force: bool = False) -> ItemOutcome:
    return articles.record(new, job_id=job, position=0, now=NOW, force=force)


def test_recorded_article_is_read_back_whole(articles: Articles) -> None:
    new = draft(ONE, prose("a"), author="Ada", language="en", published_at="2026-02-01", etag='"1"')
    assert add(articles, new) == ItemOutcome(ONE, Outcome.ADDED, 1)
    article = articles.get(1)
    for name in ("url", "canonical_url", "title", "text", "html", "author", "language", "etag", "status"):
        assert getattr(article, name) == getattr(new, name)
    assert (article.added_at, article.fetched_at, article.is_active) == (NOW, NOW, True)
    raw = articles.raw(1)
    assert raw is not None
    assert (raw.body, raw.content_type) == (new.raw, "text/html")


def test_hostile_text_is_kept_without_what_cannot_be_stored(articles: Articles) -> None:
    add(articles, draft(ONE, "nul \x00 surrogate \ud800 mark \x02 " + prose("a"), title="\ud83d title"))
    article = articles.get(1)
    assert article.title == "� title"
    assert (article.text or "").startswith("nul � surrogate � mark � ")


def test_same_address_is_a_duplicate(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    item = add(articles, draft(ONE, prose("b")))
    assert item.outcome is Outcome.DUPLICATE
    assert item.reason == "same-address: article 1 (published) has this address"
    assert articles.get(1).text == prose("a")


def test_same_text_becomes_an_alias_of_the_first(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    item = add(articles, draft(TWO, prose("a").upper()))
    assert item == ItemOutcome(TWO, Outcome.DUPLICATE, 1, "same-text: article 1 has this text")
    known = articles.known(TWO)
    assert known is not None
    assert (known.id, known.alias) == (1, True)
    assert articles.get(1).aliases == (TWO,)
    again = add(articles, draft(TWO, prose("c")))
    assert again.reason == "same-address: article 1 (published) is also found at this address"


def test_nearly_the_same_text_becomes_an_alias_too(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    item = add(articles, draft(TWO, prose("a") + " reprinted with permission"))
    assert (item.outcome, item.article_id) == (Outcome.DUPLICATE, 1)
    assert item.reason == "near-duplicate: article 1 shares 100% of the text"
    assert add(articles, draft(THREE, prose("b"))).outcome is Outcome.ADDED


def test_rejected_pages_are_stored_and_nobodys_duplicate(articles: Articles) -> None:
    wall = prose("login")
    item = add(articles, rejected(ONE, wall, "login-wall: asks for a login"))
    assert item == ItemOutcome(ONE, Outcome.REJECTED, 1, "login-wall: asks for a login")
    assert add(articles, rejected(TWO, wall)).outcome is Outcome.REJECTED
    assert add(articles, draft(THREE, wall)).outcome is Outcome.ADDED
    assert articles.counts()[ArticleStatus.REJECTED] == 2
    assert [hit.article.id for hit in articles.search("login7").hits] == [3]


def test_held_address_gives_its_place_to_the_page(articles: Articles) -> None:
    item = add(articles, held(ONE), job="j")
    assert item == ItemOutcome(ONE, Outcome.REJECTED, 1, "held: example.org is an unknown host")
    assert add(articles, held(ONE)).outcome is Outcome.DUPLICATE
    moved = articles.record(draft(TWO, prose("a")), job_id="k", position=0, now=NOW, asked=ONE)
    assert moved == ItemOutcome(TWO, Outcome.ADDED, 1)
    assert articles.get(1).aliases == (ONE,)


def test_held_address_of_a_known_text_leads_to_it(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    add(articles, held(TWO))
    assert add(articles, draft(TWO, prose("a"))).article_id == 1
    known = articles.known(TWO)
    assert known is not None
    assert (known.id, known.alias) == (1, True)
    assert sum(articles.counts().values()) == 1


def test_the_address_asked_for_is_known_after_a_redirect(articles: Articles) -> None:
    articles.record(draft(TWO, prose("a")), job_id=None, position=0, now=NOW, asked=ONE)
    articles.record(draft(TWO, prose("a")), job_id=None, position=0, now=NOW, asked=THREE)
    found = [articles.known(url) for url in (ONE, TWO, THREE)]
    assert [known and known.id for known in found] == [1, 1, 1]
    assert articles.known("x") is None


def test_force_adds_a_copy_and_refreshes_an_address(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    add(articles, draft(TWO, prose("a")))
    assert add(articles, draft(TWO, prose("a")), force=True) == ItemOutcome(TWO, Outcome.ADDED, 2)
    assert articles.get(1).aliases == ()
    changed = add(articles, draft(ONE, prose("b")), force=True)
    assert (changed.outcome, changed.article_id, changed.reason) == (
        Outcome.ADDED,
        1,
        "changed: the text is new",
    )
    assert articles.get(1).text == prose("b")


def test_a_second_run_of_a_job_gets_the_first_answers(articles: Articles) -> None:
    first = add(articles, draft(ONE, prose("a")), job="j")
    assert add(articles, draft(ONE, prose("a")), job="j") == first
    assert add(articles, draft(ONE, prose("a")), job="k").outcome is Outcome.DUPLICATE


def test_a_failure_for_now_is_replaced_by_the_next_attempt(articles: Articles) -> None:
    for_now = ItemOutcome(ONE, Outcome.FAILED, None, "timeout: 30 s", final=False)
    for_good = ItemOutcome(TWO, Outcome.FAILED, None, "http-404: not found")
    articles.note_outcome("j", 1, for_now, NOW)
    articles.note_outcome("j", 0, for_good, NOW)
    assert articles.outcomes("j") == [for_good, for_now]
    added = add(articles, draft(ONE, prose("a")), job="j")
    assert articles.outcomes_of(["k", "j"]) == [added, for_good]


def test_update_with_the_same_text_changes_only_the_rest(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    later = NOW + timedelta(days=1)
    item = articles.update(1, draft(ONE, prose("a"), title="Better title", fetched_at=later), now=later)
    assert item.outcome is Outcome.UNCHANGED
    article = articles.get(1)
    assert (article.title, article.added_at, article.fetched_at) == ("Better title", NOW, later)
    assert [hit.article.id for hit in articles.search("better").hits] == [1]
    assert articles.search("about").hits == ()


def test_update_with_new_text_keeps_what_editors_said(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    articles.store.execute("UPDATE articles SET is_featured = 1, admin_notes = 'ours' WHERE id = 1")
    articles.archive([1], NOW)
    item = articles.update(1, draft(ONE, prose("b")), now=NOW, job_id="j")
    assert (item.outcome, item.reason) == (Outcome.ADDED, "changed: the text is new")
    article = articles.get(1)
    assert (article.is_featured, article.admin_notes, article.status) == (True, "ours", "archived")
    archived = (ArticleStatus.ARCHIVED,)
    assert articles.search("b7", statuses=archived).hits
    assert not articles.search("a7", statuses=archived).hits
    assert add(articles, draft(TWO, prose("a"))).outcome is Outcome.ADDED
    assert add(articles, draft(THREE, prose("b") + " more")).article_id == 1


def test_update_never_replaces_a_good_text_by_a_wall(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    item = articles.update(1, rejected(ONE, "please log in", "login-wall: a form"), now=NOW)
    assert item == ItemOutcome(ONE, Outcome.REJECTED, 1, "login-wall: a form (the stored text stays)")
    assert (articles.get(1).text, articles.get(1).status) == (prose("a"), "published")


def test_update_publishes_what_was_rejected(articles: Articles) -> None:
    add(articles, rejected(ONE, prose("a")))
    assert articles.update(1, draft(ONE, prose("a")), now=NOW).outcome is Outcome.ADDED
    assert articles.get(1).status == "published"
    assert articles.search("a7").hits
    assert add(articles, draft(TWO, prose("a") + " x")).article_id == 1


def test_update_notes_a_new_address(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    articles.update(1, draft(TWO, prose("a")), now=NOW)
    assert (articles.get(1).canonical_url, articles.get(1).aliases) == (ONE, (TWO,))


def test_touch_keeps_validators(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a"), etag="old", last_modified="then"))
    articles.touch(1, "new", None, NOW + timedelta(hours=1))
    article = articles.get(1)
    assert (article.etag, article.last_modified) == ("new", "then")
    assert article.fetched_at == NOW + timedelta(hours=1)


def test_what_is_not_there_is_not_found(articles: Articles) -> None:
    for call in (
        lambda: articles.get(9),
        lambda: articles.find("9"),
        lambda: articles.find(ONE),
        lambda: articles.find("9" * 40),
        lambda: articles.update(9, draft(ONE, "x"), now=NOW),
        lambda: articles.touch(9, None, None, NOW),
    ):
        with pytest.raises(NotFound) as raised:
            call()
        assert raised.value.code == "no-such-article"
    assert articles.raw(9) is None


def test_find_by_id_address_and_alias(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    add(articles, draft(TWO, prose("a")))
    assert {articles.find(each).id for each in (1, "1", ONE, TWO)} == {1}


def fill(articles: Articles, count: int = 12) -> None:
    for n in range(count):
        make = rejected if n % 3 == 0 else draft
        new = make(f"https://example.org/{n}", prose(f"w{n}x"), domain=f"host{n % 2}.org")
        articles.record(new, job_id=None, position=n, now=NOW + timedelta(minutes=n))


def test_list_is_newest_first_and_filtered(articles: Articles) -> None:
    fill(articles)

    def ids(**wanted: object) -> list[int]:
        return [article.id for article in articles.list(ArticleFilter(**wanted))]  # type: ignore[arg-type]

    assert ids() == list(range(12, 0, -1))
    assert ids(limit=2) == [12, 11]
    assert ids(limit=0) == []
    assert ids(after=11, limit=2) == [10, 9]
    assert ids(statuses=(ArticleStatus.REJECTED,)) == [10, 7, 4, 1]
    assert ids(statuses=(ArticleStatus.REJECTED, ArticleStatus.PUBLISHED)) == list(range(12, 0, -1))
    assert ids(domain="host0.org", statuses=(ArticleStatus.REJECTED,), after=7) == [1]
    assert ids(since=NOW + timedelta(minutes=10)) == [12, 11]
    assert articles.list()[0].text is None


def test_lists_and_look_ups_never_scan(articles: Articles) -> None:
    plans = {
        "SELECT id FROM articles WHERE canonical_url = 'x'": "INDEX",
        "SELECT id FROM articles ORDER BY added_at DESC, id DESC LIMIT 5": "articles_added",
        "SELECT id FROM articles WHERE status IN ('held') ORDER BY added_at DESC, id DESC": "articles_status",
        "SELECT id FROM articles WHERE domain = 'x' ORDER BY added_at DESC": "articles_domain",
        "SELECT min(id) FROM articles WHERE content_hash = 'x'": "articles_hash",
        "SELECT fingerprint FROM fingerprint_bands WHERE band IN (1, 2)": "PRIMARY KEY",
        "SELECT id FROM job_runs WHERE (state = 'dead') ORDER BY ended_at DESC": "job_runs_bad",
        "SELECT id FROM job_runs WHERE queue = 'x' ORDER BY created_at DESC": "job_runs_queue",
        "SELECT id FROM job_runs WHERE task = 'x' ORDER BY created_at": "job_runs_task",
        "SELECT id FROM job_runs WHERE state IN ('queued', 'scheduled', 'started') AND (queue, rowid) > ('a', 1) "
        "ORDER BY queue, rowid": "job_runs_open",
        "SELECT id FROM job_runs WHERE root_id = 'x'": "job_runs_root",
    }
    for sql, index in plans.items():
        plan = " ".join(row["detail"] for row in articles.store.rows(f"EXPLAIN QUERY PLAN {sql}"))
        assert index in plan, (sql, plan)
        assert "TEMP B-TREE" not in plan, (sql, plan)


def test_counts_follow_every_change(articles: Articles) -> None:
    fill(articles)
    articles.archive([2, 3], NOW)
    articles.store.execute("DELETE FROM articles WHERE id IN (1, 5)")
    expected = dict.fromkeys(ArticleStatus, 0)
    for row in articles.store.rows("SELECT status, count(*) AS n FROM articles GROUP BY status"):
        expected[ArticleStatus(row["status"])] = row["n"]
    assert articles.counts() == expected
    assert expected[ArticleStatus.ARCHIVED] == 2


def test_archive_and_restore(articles: Articles) -> None:
    fill(articles, 3)
    assert articles.archive([1, 2, 2, 99], NOW) == [2]
    assert articles.get(2).archived_at == NOW
    assert articles.restore([1, 2], NOW) == [2]
    assert (articles.get(2).status, articles.get(2).archived_at) == ("published", None)


def test_export_streams_everything_as_json(articles: Articles) -> None:
    fill(articles, 205)
    seen = [json.loads(json.dumps(each)) for each in articles.export()]
    assert [each["id"] for each in seen] == list(range(205, 0, -1))
    assert seen[0]["text"] == prose("w204x")
    assert seen[0]["added_at"].endswith("+00:00")
    some = list(articles.export(ArticleFilter(statuses=(ArticleStatus.REJECTED,), domain="host0.org")))
    assert {each["status"] for each in some} == {"rejected"}


def test_export_goes_on_when_its_place_is_deleted(articles: Articles) -> None:
    fill(articles, 205)
    rest = articles.export()
    first = [next(rest)["id"] for _ in range(100)]
    articles.store.execute("DELETE FROM articles WHERE id = ?", (first[-1],))
    assert [each["id"] for each in rest] == list(range(105, 0, -1))


def test_classification_is_read_with_the_article_and_survives_an_update(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    articles.store.execute(
        """INSERT INTO classifications (article_id, primary_phase, difficulty_level, confidence_score,
           key_topics, engine, classified_at, content_hash) VALUES (1, 'DO', 'Beginner', 0.9, '["saving"]',
           'offline', '2026-03-01T00:00:00+00:00', 'h')"""
    )
    articles.update(1, draft(ONE, prose("b")), now=NOW)
    labels = articles.get(1).classification
    assert labels is not None
    assert (labels["primary_phase"], labels["key_topics"], labels["content_hash"]) == ("DO", ["saving"], "h")


def test_deleting_an_article_deletes_all_of_it(articles: Articles) -> None:
    add(articles, draft(ONE, prose("a")))
    add(articles, draft(TWO, prose("a")))
    articles.store.execute("DELETE FROM articles WHERE id = 1")
    for table in ("article_texts", "article_raw", "article_aliases", "fingerprint_bands"):
        assert articles.store.value(f"SELECT count(*) FROM {table}") == 0
    assert articles.search("a7").hits == ()
    assert add(articles, draft(ONE, prose("a"))).article_id == 2
