"""Labels in the store: what wants them, whose stay, what waits for an editor, and undo."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain import labels as rules
from mingus_lib.domain.labels import OFFLINE, OPENAI, Classified, Evidence, Labels
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.errors import NotFound
from mingus_lib.store.label_writes import Put
from mingus_lib.store.labels import IMPROVABLE
from tests.label_samples import Library
from tests.store_samples import draft

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def given(library: Library, article_id: int, engine: str = OPENAI, **changes: Any) -> Classified:
    labels = replace(Labels("DO", "Beginner", 0.9, actionability_score=8, key_topics=("credit",)), **changes)
    flags = rules.review_flags(labels, words=100, engine=engine)
    article = library.labels.unread(article_id)
    assert article is not None
    return Classified(labels, engine, "m", "labels-1", article.content_hash, NOW, flags=flags)


def put(library: Library, article_id: int, engine: str = OPENAI, force: bool = False, **changes: Any) -> Put:
    return library.labels.put(article_id, given(library, article_id, engine, **changes), now=NOW, force=force)


def status(library: Library, article_id: int) -> str:
    return library.articles.get(article_id).status.value


def test_new_articles_want_labels_until_they_have_them(library: Library) -> None:
    first, second = library.fill(2)
    assert library.labels.unlabelled() == [first, second]
    assert put(library, first) is Put.STORED
    assert library.labels.unlabelled() == [second]
    assert library.labels.count_unlabelled() == 1
    found = library.articles.get(first).classification
    assert found is not None
    assert (found["primary_phase"], found["key_topics"], found["cultural_focus"]) == ("DO", ["credit"], None)


def test_a_new_text_wants_new_labels_but_not_over_an_editor_s(library: Library) -> None:
    mine, theirs = library.fill(2)
    for article_id in (mine, theirs):
        put(library, article_id)
    library.labels.decide([mine], "accept", now=NOW)
    for number, article_id in enumerate((mine, theirs)):
        url = library.articles.get(article_id).canonical_url
        library.articles.update(article_id, draft(url, f"quite another text {number}"), now=NOW)
    assert library.labels.unlabelled() == [theirs]


def test_only_accepted_articles_want_labels(library: Library) -> None:
    (article_id,) = library.fill(1)
    library.articles.record(
        draft("https://example.org/no", "x", status=ArticleStatus.REJECTED, reason="too-short: 1"),
        job_id=None, position=0, now=NOW,
    )  # fmt: skip
    assert library.labels.unlabelled() == [article_id]
    library.articles.archive([article_id], NOW)
    assert library.labels.unlabelled() == []
    library.articles.restore([article_id], NOW)
    assert library.labels.unlabelled() == [article_id]


def test_what_wants_labels_is_found_by_an_index(library: Library) -> None:
    library.fill(3)
    for sql, values in (
        ("SELECT article_id FROM label_wants WHERE article_id > 0 ORDER BY article_id LIMIT 5", ()),
        (IMPROVABLE, (0, "v1", 5)),
    ):
        plan = [row["detail"] for row in library.store.rows(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert "PRIMARY KEY" in plan[0] or "classifications_offline" in plan[0]
        assert "TEMP B-TREE" not in " ".join(plan)


def test_an_override_is_never_overwritten(library: Library) -> None:
    (article_id,) = library.fill(1)
    put(library, article_id)
    library.labels.decide(
        [article_id], "override", now=NOW, changes={"primary_phase": "BE", "key_topics": ("saving",)}
    )
    for engine in (OPENAI, OFFLINE):
        assert put(library, article_id, engine, force=True, primary_phase="HAVE") is Put.OVERRIDE
    found = library.labels.labels(article_id)
    assert (found.primary_phase, found.key_topics, found.difficulty_level) == ("BE", ("saving",), "Beginner")


def test_the_offline_engine_does_not_replace_the_ai_s_labels_unless_told(library: Library) -> None:
    (article_id,) = library.fill(1)
    put(library, article_id)
    assert put(library, article_id, OFFLINE, primary_phase="BE") is Put.KEPT
    assert put(library, article_id, OFFLINE, force=True, primary_phase="BE") is Put.STORED
    assert put(library, article_id, OPENAI) is Put.STORED


def test_labels_of_an_article_that_is_gone_are_let_go(library: Library) -> None:
    (article_id,) = library.fill(1)
    made = given(library, article_id)
    library.store.execute("DELETE FROM articles WHERE id = ?", (article_id,))
    assert library.labels.put(article_id, made, now=NOW) is Put.GONE


def test_doubtful_labels_keep_an_article_back_until_they_are_sure(library: Library) -> None:
    (article_id,) = library.fill(1)
    put(library, article_id, confidence_score=0.5)
    assert status(library, article_id) == "review"
    put(library, article_id, confidence_score=0.9)
    assert status(library, article_id) == "published"
    assert library.labels.waiting() == []


def test_the_queue_shows_the_most_valuable_look_first(library: Library) -> None:
    sure, doubtful, flagged = library.fill(3)
    put(library, sure, OFFLINE)
    put(library, doubtful, confidence_score=0.3)
    put(library, flagged, actionability_score=2)
    waiting = library.labels.waiting()
    assert [row["id"] for row in waiting] == [flagged, doubtful, sure]
    assert waiting[0]["flags"] == ["do-without-action"]
    assert library.labels.count_waiting() == 3


@pytest.mark.parametrize(("action", "changes"), [("accept", {}), ("override", {"primary_phase": "BE"})])
def test_a_decision_takes_an_article_off_the_queue_and_undo_brings_it_back(
    library: Library, action: str, changes: dict[str, Any]
) -> None:
    (article_id,) = library.fill(1)
    put(library, article_id, confidence_score=0.5)
    before = library.store.row("SELECT * FROM classifications")
    library.labels.decide([article_id], action, now=NOW, changes=changes, who="ada", note="sure")
    assert library.labels.waiting() == []
    assert status(library, article_id) == "published"
    assert library.labels.undo(None, NOW) == (article_id, action)
    assert library.store.row("SELECT * FROM classifications") == before
    assert status(library, article_id) == "review"
    assert [row["id"] for row in library.labels.waiting()] == [article_id]
    with pytest.raises(NotFound):
        library.labels.undo(article_id, NOW)


def test_what_is_skipped_goes_to_the_end_and_never_vanishes(library: Library) -> None:
    first, second, third = library.fill(3)
    for article_id, sure in ((first, 0.3), (second, 0.5), (third, 0.75)):
        put(library, article_id, confidence_score=sure)
    library.labels.decide([second, first], "skip", now=NOW)
    library.labels.decide([second], "skip", now=NOW + timedelta(seconds=1))
    waiting = library.labels.waiting()
    assert [(row["id"], row["flags"][-1] == "skipped") for row in waiting] == [
        (third, False), (first, True), (second, True),
    ]  # fmt: skip
    assert [row["id"] for row in library.labels.waiting(2)] == [third, first]
    assert library.labels.count_waiting() == 3
    assert status(library, first) == "review"
    assert library.labels.undo(first, NOW) == (first, "skip")
    assert [row["id"] for row in library.labels.waiting()] == [first, third, second]
    library.labels.decide([second], "accept", now=NOW)
    assert [row["id"] for row in library.labels.waiting()] == [first, third]
    assert status(library, second) == "published"


def test_decisions_on_several_are_all_or_none(library: Library) -> None:
    labelled, bare = library.fill(2)
    put(library, labelled, confidence_score=0.5)
    with pytest.raises(NotFound, match=f"article {bare} has no labels"):
        library.labels.decide([labelled, bare], "accept", now=NOW)
    assert [row["id"] for row in library.labels.waiting()] == [labelled]


def test_evidence_and_second_opinion_are_kept(library: Library) -> None:
    (article_id,) = library.fill(1)
    evidence = (Evidence("primary_phase", "DO", "step", "title", 3, 4.5),)
    made = replace(given(library, article_id), evidence=evidence)
    library.labels.put(article_id, made, now=NOW, second_opinion=Labels("BE", "Advanced", 0.6))
    found = library.labels.details(article_id)
    assert found is not None
    assert found["evidence"][0]["term"] == "step"
    assert found["second_opinion"]["primary_phase"] == "BE"


def test_what_the_ai_gave_up_on_is_not_put_before_it_again(library: Library) -> None:
    first, second = library.fill(2)
    for article_id in (first, second):
        put(library, article_id, OFFLINE)
    article = library.labels.unread(first)
    assert article is not None
    library.labels.failed(first, article.content_hash, "labels-1", "refusal: no", "job1", NOW)
    assert library.labels.improvable("labels-1") == [second]
    assert library.labels.improvable("labels-2") == [first, second]


def test_a_store_of_the_release_before_finds_what_wants_labels(tmp_path: Path) -> None:
    import sqlite3

    from mingus_lib.store import database, schema

    library = Library(tmp_path)
    first, second = library.fill(2)
    put(library, first)
    library.store.close()
    with sqlite3.connect(tmp_path / "mingus.db") as raw:
        for row in raw.execute(
            "SELECT type, name FROM sqlite_master WHERE name LIKE 'label_%' OR name LIKE 'model_%'"
        ).fetchall():
            if row[0] in ("table", "trigger"):
                raw.execute(f"DROP {row[0]} IF EXISTS {row[1]}")
        for trigger in [
            r[0]
            for r in raw.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'label_%'"
            )
        ]:
            raw.execute(f"DROP TRIGGER {trigger}")
        raw.execute("DROP INDEX classifications_offline")
        raw.execute("DROP INDEX classifications_gate")
        raw.execute("ALTER TABLE classifications DROP COLUMN cultural_focus")
        raw.execute("DELETE FROM _sqlite_migrations WHERE name = 'm006_labels'")
        raw.execute("PRAGMA user_version = 5")
    assert schema.migrations
    assert database.SCHEMA_VERSION >= 6
    again = Library(tmp_path)
    assert again.labels.unlabelled() == [second]


def test_labels_of_an_earlier_text_do_not_replace_those_of_the_present_one(library: Library) -> None:
    (article_id,) = library.fill(1)
    late = given(library, article_id, confidence_score=0.99)
    url = library.articles.get(article_id).canonical_url
    library.articles.update(article_id, draft(url, "quite another text"), now=NOW)
    put(library, article_id, OFFLINE)
    assert library.labels.put(article_id, late, now=NOW, force=True) is Put.KEPT
    assert library.column("engine", article_id) == OFFLINE
    assert library.labels.unlabelled() == []


def test_after_undo_a_text_that_changed_meanwhile_wants_labels(library: Library) -> None:
    (article_id,) = library.fill(1)
    put(library, article_id)
    library.labels.decide([article_id], "accept", now=NOW)
    url = library.articles.get(article_id).canonical_url
    library.articles.update(article_id, draft(url, "quite another text"), now=NOW)
    assert library.labels.unlabelled() == []
    library.labels.undo(article_id, NOW)
    assert library.labels.unlabelled() == [article_id]
