"""Old articles: what is chosen, against a brute force; what changes, what stays, and what a kill leaves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.models import ArticleStatus
from mingus_lib.domain.retention import Age, ArticlePolicy, Rule
from mingus_lib.store.archiving import _CHOOSE, Archiving
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.maintenance import check
from mingus_lib.store.steps import Steps
from tests.conftest import ROOT, wait_for
from tests.store_samples import NOW, draft, prose

LATER = NOW + timedelta(days=400)
PHASES, LEVELS = ("BE", "DO", "HAVE"), ("Beginner", "Intermediate", "Advanced")


def hurried(size: int = 7) -> Steps:
    return Steps(size, sleep=lambda _: None)


def nothing(_done: int, _total: int) -> None:
    """No progress is shown."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        yield opened


def fill(store: Store, count: int, chance: random.Random) -> None:
    """Articles of all ages, states and labels, and readers' events about them."""
    for number in range(1, count + 1):
        status = chance.choice(
            (ArticleStatus.PUBLISHED,) * 4 + (ArticleStatus.REVIEW, ArticleStatus.REJECTED)
        )
        came = LATER - timedelta(days=chance.randrange(200), seconds=number)
        page = draft(
            f"https://e.org/{number}", prose(f"w{number}x", 20), status=status, reason="x: y",
            published_at=chance.choice((None, f"{came - timedelta(days=chance.randrange(300)):%Y-%m-%d}")),
        )  # fmt: skip
        Articles(store).record(page, job_id="j", position=number, now=came)
    flags = [(int(chance.random() < 0.1), int(chance.random() < 0.1), n) for n in range(1, count + 1)]
    store.execute_many("UPDATE articles SET is_featured = ?, is_kept = ? WHERE id = ?", flags)
    labels = [
        (n, chance.choice(PHASES), chance.choice(LEVELS))
        for n in range(1, count + 1)
        if chance.random() < 0.9
    ]
    store.execute_many(
        "INSERT INTO classifications (article_id, primary_phase, difficulty_level, confidence_score, engine, "
        "classified_at) VALUES (?, ?, ?, 0.9, 'offline', '2026')",
        labels,
    )
    store.execute_many(
        "INSERT INTO readers (id, created_at) VALUES (?, '2026')", [(f"r{number}",) for number in range(5)]
    )
    kinds = ("viewed", "finished", "bookmarked", "unbookmarked", "rated", "recommended")
    events = [
        (
            chance.randrange(1, 6), f"e{number}", chance.randrange(1, count + 20), kind := chance.choice(kinds),
            (LATER - timedelta(days=chance.randrange(120), seconds=number)).isoformat("T", "seconds"),
            chance.randrange(1, 6) if kind == "rated" else None,
        )
        for number in range(count)
    ]  # fmt: skip
    store.execute_many(
        "INSERT INTO events (reader, id, article, kind, at, rating) VALUES (?, ?, ?, ?, ?, ?)", events
    )


def brute_force(store: Store, policy: ArticlePolicy) -> tuple[list[int], Counter[Rule]]:
    """The rules once more, article by article."""
    articles = [dict(row) for row in store.rows("SELECT * FROM articles")]
    labels = {row["article_id"]: row for row in store.rows("SELECT * FROM classifications")}
    events = sorted((dict(row) for row in store.rows("SELECT * FROM events")), key=lambda each: each["at"])
    marked = {(e["reader"], e["article"]): e["kind"] for e in events if e["kind"].endswith("bookmarked")}
    stars = {(e["reader"], e["article"]): e["rating"] for e in events if e["kind"] == "rated"}
    since = (LATER - timedelta(days=policy.keep_read_days)).isoformat()
    read = {e["article"] for e in events if e["kind"] in ("viewed", "finished") and e["at"] >= since}

    def age(article: dict[str, Any]) -> str:
        published = article["published_at"] if policy.age is Age.PUBLICATION else None
        return str(published or article["added_at"])

    def own_rule(article: dict[str, Any]) -> Rule | None:
        given = [stars[key] for key in stars if key[1] == article["id"]]
        if article["is_featured"]:
            return Rule.FEATURED
        if article["is_kept"]:
            return Rule.KEEP_MARK
        if any(kind == "bookmarked" and key[1] == article["id"] for key, kind in marked.items()):
            return Rule.BOOKMARKED
        if given and sum(given) / len(given) >= policy.keep_rating:
            return Rule.RATED
        return Rule.RECENTLY_READ if article["id"] in read else None

    before = (LATER - timedelta(days=policy.days_old)).isoformat()
    old = sorted(
        (a for a in articles if a["status"] in ("review", "published") and age(a) < before),
        key=lambda a: (age(a), a["id"]),
    )
    rules = {article["id"]: own_rule(article) for article in old}
    for rule, column, floor in (
        (Rule.PHASE_FLOOR, "primary_phase", policy.phase_floor),
        (Rule.LEVEL_FLOOR, "difficulty_level", policy.level_floor),
    ):
        for value in {row[column] for row in labels.values()}:
            of_it = {a["id"] for a in articles if a["status"] == "published" and a["id"] in labels
                     and labels[a["id"]][column] == value}  # fmt: skip
            staying = sum(rules.get(n, Rule.FEATURED) is not None for n in of_it)
            for article in reversed(old):
                if staying < floor and article["id"] in of_it and rules[article["id"]] is None:
                    rules[article["id"]] = rule
                    staying += 1
    kept = Counter(rule for rule in rules.values() if rule is not None)
    return [article["id"] for article in old if rules[article["id"]] is None], kept


@pytest.mark.parametrize("seed", range(6))
def test_the_choice_is_that_of_the_rules_taken_one_by_one(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    fill(store, 120, chance)
    for age in Age:
        policy = ArticlePolicy(
            chance.choice((30, 90)), age, chance.choice((3.0, 4.0)), chance.choice((0, 10, 60)),
            chance.choice((0, 8, 20)), chance.choice((0, 12, 30)),
        )  # fmt: skip
        plan = Archiving(store).plan(policy, LATER)
        going, kept = brute_force(store, policy)
        assert list(plan.ids) == going
        assert plan.kept == {rule: kept[rule] for rule in Rule}
        assert plan.old == len(going) + sum(kept.values())


def test_archived_articles_come_back_and_stay(store: Store) -> None:
    articles, archiving = Articles(store), Archiving(store)
    for number in range(20):
        articles.record(
            draft(f"https://e.org/{number}", prose(f"w{number}x")), job_id="j", position=number, now=NOW
        )
    policy = ArticlePolicy()
    plan = archiving.plan(policy, LATER)
    assert archiving.archive(plan.ids, LATER, hurried(), nothing) == 20
    assert archiving.archive(plan.ids, LATER, hurried(), nothing) == 0
    assert articles.counts()[ArticleStatus.ARCHIVED] == 20
    assert articles.search("w3x5", statuses=(ArticleStatus.ARCHIVED,)).hits
    assert not articles.search("w3x5").hits
    assert articles.restore([4], LATER) == [4]
    assert articles.get(4).status is ArticleStatus.PUBLISHED
    again = archiving.plan(policy, LATER)
    assert (again.ids, again.kept[Rule.KEEP_MARK]) == ((), 1)
    assert articles.keep([4], False, LATER) == [4]
    assert archiving.plan(policy, LATER).ids == (4,)
    assert check(store.path).healthy


def test_what_an_editor_says_after_the_choice_counts(store: Store) -> None:
    articles, archiving = Articles(store), Archiving(store)
    for number in range(3):
        articles.record(
            draft(f"https://e.org/{number}", prose(f"w{number}x")), job_id="j", position=number, now=NOW
        )
    plan = archiving.plan(ArticlePolicy(), LATER)
    articles.keep([1], True, LATER)
    articles.feature([2], True, LATER)
    assert archiving.archive(plan.ids, LATER, hurried(), nothing) == 1


def test_pages_and_rows_of_the_archive_go_at_their_own_age(store: Store) -> None:
    articles, archiving = Articles(store), Archiving(store)
    for number in range(10):
        articles.record(
            draft(f"https://e.org/{number}", prose(f"w{number}x")), job_id="j", position=number, now=NOW
        )
    articles.keep([10], True, NOW)
    articles.archive(range(1, 11), NOW)
    store.execute("INSERT INTO readers (id, created_at) VALUES ('ada', '2026')")
    store.execute(
        "INSERT INTO events (reader, id, article, kind, at) VALUES (1, 'e', 3, 'finished', '2026-03-02T00:00:00+00:00')"
    )
    policy = ArticlePolicy(archived_pages_days=30, archived_rows_days=60)
    soon, later = NOW + timedelta(days=31), NOW + timedelta(days=61)
    assert archiving.old_pages(policy, NOW)[0] == []
    ids, size = archiving.old_pages(policy, soon)
    freed = archiving.drop_pages(ids, hurried())
    assert (freed.removed, freed.bytes, freed.left) == (10, size, False)
    assert articles.raw(3) is None
    assert articles.get(3).text
    assert archiving.old_rows(policy, soon)[0] == []
    ids, size = archiving.old_rows(policy, later)
    assert ids == list(range(1, 10))
    freed = archiving.drop_rows(ids, policy, later, hurried())
    assert (freed.removed, freed.bytes) == (9, size)
    assert freed.bytes > 9 * 300
    assert [row[0] for row in store.rows("SELECT id FROM articles")] == [10]
    assert store.value("SELECT title FROM removed_articles WHERE id = 3") == "About https://e.org/2"
    assert store.value("SELECT count(*) FROM events WHERE article = 3") == 1
    for table in ("article_texts", "article_aliases", "fingerprint_bands"):
        assert store.value(f"SELECT count(*) FROM {table} WHERE article_id < 10") == 0
    assert check(store.path).healthy
    # The number is nobody else's, and the address is free again.
    assert (
        articles.record(draft("https://e.org/2", prose("new")), job_id="k", position=1, now=later).article_id
        == 11
    )


def test_rows_are_never_deleted_unless_it_is_set(store: Store) -> None:
    Articles(store).record(draft("https://e.org/1", prose("w")), job_id="j", position=1, now=NOW)
    Articles(store).archive([1], NOW)
    assert Archiving(store).old_rows(ArticlePolicy(), NOW + timedelta(days=36_500)) == ([], 0)


def test_no_time_left_is_told(store: Store) -> None:
    for number in range(3):
        Articles(store).record(
            draft(f"https://e.org/{number}", prose(f"w{number}")), job_id="j", position=1, now=NOW
        )
    over = Steps(1, deadline=0.0)
    assert over.over
    assert Archiving(store).archive([1, 2, 3], LATER, over, nothing) == 0


KILLED = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from mingus_lib.domain.retention import ArticlePolicy
from mingus_lib.store.archiving import _CHOOSE, Archiving
from mingus_lib.store.database import Store
from mingus_lib.store.steps import Steps
store = Store(Path(sys.argv[1]))
archiving, now = Archiving(store), datetime(2030, 1, 1, tzinfo=UTC)
policy = ArticlePolicy(archived_pages_days=1, archived_rows_days=1)
steps = lambda: Steps(2, 4)
for _ in range(3):
    plan = archiving.plan(policy, now)
    archiving.archive(plan.ids, now, steps(), lambda *_: print('step', flush=True))
    now += timedelta(days=2)
    archiving.drop_pages(archiving.old_pages(policy, now)[0], steps())
    archiving.drop_rows(archiving.old_rows(policy, now)[0], policy, now, steps())
    print('round', flush=True)
"""


def test_a_kill_leaves_no_article_half_archived_or_half_gone(store: Store) -> None:
    articles = Articles(store)
    for number in range(120):
        articles.record(
            draft(f"https://e.org/{number}", prose(f"w{number}x", 50)), job_id="j", position=1, now=NOW
        )
    chance = random.Random(5)
    for kills in range(6):
        running = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(store.path)], stdout=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert running.stdout is not None
        for _ in range(chance.randrange(1, 12) if kills < 3 else 1):
            running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        _assert_whole(store)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(store.path)], capture_output=True, cwd=ROOT, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.count(b"round") == 3
    assert store.value("SELECT count(*) FROM removed_articles") == 120
    _assert_whole(store)


def _assert_whole(store: Store) -> None:
    assert check(store.path).healthy
    half = """SELECT count(*) FROM articles WHERE (status = 'archived') IS NOT (archived_at IS NOT NULL)
              OR (status = 'archived') IS NOT (archived_from IS NOT NULL)"""
    assert store.value(half) == 0
    assert store.value("SELECT count(*) FROM articles JOIN removed_articles USING (id)") == 0
    assert (
        store.value("SELECT count(*) FROM articles") + store.value("SELECT count(*) FROM removed_articles")
        == 120
    )
    parts = "SELECT count(*) FROM articles WHERE id NOT IN (SELECT article_id FROM article_texts)"
    assert store.value(parts) == 0


def test_others_write_between_the_steps(store: Store) -> None:
    """A second process gets its turn while a clean-up runs; how long it waits is measured in benchmarks/cleanup.py."""
    for number in range(40):
        Articles(store).record(
            draft(f"https://e.org/{number}", "", raw=None), job_id="j", position=number, now=NOW
        )
    script = KILLED.replace("range(3)", "range(1)").replace("Steps(2, 4)", "Steps(1, 1)")
    running = subprocess.Popen(
        [sys.executable, "-c", script, str(store.path)], stdout=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    wait_for(lambda: store.value("SELECT count(*) FROM articles WHERE status = 'archived'"), "the first step")
    written = 0
    while running.poll() is None:
        store.execute(
            "INSERT INTO meta VALUES ('turn', '1') ON CONFLICT (key) DO UPDATE SET value = value + 1"
        )
        written += 1
    assert running.returncode == 0
    assert written > 20


def test_times_of_another_zone_are_the_same(store: Store) -> None:
    Articles(store).record(draft("https://e.org/1", prose("w")), job_id="j", position=1, now=NOW)
    day = datetime.fromisoformat("2026-05-30T14:00:01+02:00")
    assert Archiving(store).plan(ArticlePolicy(), day).ids == (1,)
    assert Archiving(store).plan(ArticlePolicy(), day - timedelta(seconds=2)).ids == ()


def test_choosing_reads_no_row_of_an_article(store: Store) -> None:
    sql = _CHOOSE.format(age="a.added_at")
    names = ("before", "rating", "read_since", "phase_floor", "level_floor")
    plan = [row["detail"] for row in store.rows(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(names, 0))]
    for table in ("a", "articles"):
        used = [line for line in plan if line.startswith((f"SEARCH {table} ", f"SCAN {table} "))]
        assert used
        assert all("COVERING INDEX articles_status" in line for line in used), plan
    assert "SCAN classifications USING COVERING INDEX classifications_gate" in plan
    assert "SEARCH events USING COVERING INDEX events_done (at>?)" in plan
    assert plan.count("SCAN events") == 1
