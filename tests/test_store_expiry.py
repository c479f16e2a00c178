"""What has had its time: how much goes, what must stay, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.domain.mailparse import read_head
from mingus_lib.domain.mails import RawMail
from mingus_lib.domain.retention import Expiring
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.expiry import Expiry
from mingus_lib.store.followups import FollowUps
from mingus_lib.store.mails import Mails
from mingus_lib.store.maintenance import check
from mingus_lib.store.steps import Steps
from mingus_lib.store.task_days import TaskDays
from tests.store_samples import NOW, draft, prose

LATER = NOW + timedelta(days=100)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        yield opened


def gone(store: Store, what: Expiring, before: datetime = LATER) -> int:
    """Delete it in small steps; the dry run before must have told the same, and nothing may be left after."""
    expiry = Expiry(store)
    told = expiry.expired(what, before)
    freed = expiry.delete(what, before, Steps(2, sleep=lambda _: None), lambda _: None)
    assert (freed.removed, freed.bytes, freed.left) == (told.removed, told.bytes, False)
    assert freed.bytes > 0 or not freed.removed
    assert expiry.expired(what, before).removed == 0
    assert check(store.path).healthy
    return freed.removed


def job(store: Store, job_id: str, state: str, at: datetime = NOW, *, root: str | None = None) -> None:
    ended = at.isoformat() if state in ("finished", "dead", "cancelled") else None
    started = (at - timedelta(seconds=2)).isoformat()
    store.execute(
        "INSERT INTO job_runs (id, task, queue, args, state, origin, created_at, started_at, ended_at, attempts, "
        "root_id, result) VALUES (?, 'ping', 'cleanup', '{}', ?, 'cli', ?, ?, ?, 2, ?, '{}')",
        (job_id, state, (at - timedelta(seconds=5)).isoformat(), started, ended, root),
    )
    if ended:
        store.execute(
            "INSERT INTO job_attempts (job_id, attempt, started_at, ended_at, state) VALUES (?, 1, ?, ?, 'finished')",
            (job_id, started, ended),
        )


def test_ended_jobs_go_and_their_numbers_stay(store: Store) -> None:
    for number in range(5):
        job(store, f"done{number}", "finished")
    job(store, "dead", "dead")
    job(store, "waits", "queued")
    job(store, "young", "finished", LATER + timedelta(days=1))
    runs = TaskDays(store).whole()["ping"].outcomes
    assert gone(store, Expiring.JOBS) == 6
    assert {row[0] for row in store.rows("SELECT id FROM job_runs")} == {"waits", "young"}
    assert store.value("SELECT count(*) FROM job_attempts") == 1
    assert TaskDays(store).whole()["ping"].outcomes == runs
    days = [tuple(row) for row in store.rows("SELECT * FROM job_days ORDER BY state")]
    assert days == [
        ("2026-03-01", "ping", "cleanup", "dead", 1, 2, pytest.approx(3, abs=0.01)),
        ("2026-03-01", "ping", "cleanup", "finished", 5, 10, pytest.approx(15, abs=0.01)),
    ]
    job(store, "late", "finished")
    assert gone(store, Expiring.JOBS) == 1
    assert store.value("SELECT jobs FROM job_days WHERE state = 'finished'") == 6


def test_jobs_that_something_open_hangs_on_stay(store: Store) -> None:
    job(store, "root", "finished")
    job(store, "child", "scheduled", root="root")
    job(store, "recorded", "finished")
    FollowUps(store).record("not_yet_written", {}, "recorded", NOW)
    job(store, "reader", "dead")
    raw = RawMail(b"Message-ID: <1@x>\n\nhello\n", "box", 30)
    Mails(store).keep([(read_head(raw.body), raw)], now=NOW)
    Mails(store).assign([1], "reader")
    assert gone(store, Expiring.JOBS) == 0
    store.execute("UPDATE job_runs SET state = 'finished', ended_at = created_at WHERE id = 'child'")
    Mails(store).fail(1, "no", NOW)
    assert gone(store, Expiring.JOBS) == 3


def test_bodies_of_mails_go_the_ledger_of_mails_stays(store: Store) -> None:
    bodies = [f"Message-ID: <{number}@x>\n\nhello\n".encode() for number in range(3)]
    raws = [RawMail(body, "box", 30) for body in bodies]
    Mails(store).keep([(read_head(raw.body), raw) for raw in raws], now=NOW)
    Mails(store).fail(1, "no", NOW)
    Mails(store).fail(2, "no", NOW)
    assert gone(store, Expiring.MAILS) == 2
    assert Mails(store).body(3) is not None
    assert Mails(store).knows("id:1@x")


def test_pages_answers_outcomes_lists_and_follow_ups(store: Store) -> None:
    for number in range(3):
        page = draft(f"https://e.org/{number}", prose(f"w{number}x"))
        Articles(store).record(page, job_id=f"j{number}", position=number, now=NOW)
    job(store, "j1", "started")
    assert gone(store, Expiring.PAGES, NOW) == 0
    assert gone(store, Expiring.PAGES) == 3
    assert Articles(store).get(1).text
    assert gone(store, Expiring.OUTCOMES) == 2
    assert [each.article_id for each in Articles(store).outcomes("j1")] == [2]
    store.execute(
        "INSERT INTO model_answers VALUES ('key', '{\"x\": 1}', 'm', 1, 1, 0.1, ?)", (NOW.isoformat(),)
    )
    assert gone(store, Expiring.ANSWERS) == 1
    store.execute("INSERT INTO readers (id, created_at) VALUES ('ada', '2026'), ('bo', '2026')")
    for reader, made in ((1, NOW), (2, LATER + timedelta(days=1))):
        store.execute(
            "INSERT INTO recommendations VALUES (?, ?, 1, NULL, 20, '[]')", (reader, made.isoformat())
        )
        store.execute("INSERT INTO recommended VALUES (1, ?)", (reader,))
    assert gone(store, Expiring.LISTS) == 1
    assert [row[0] for row in store.rows("SELECT reader FROM recommended")] == [2]
    follow_ups = FollowUps(store)
    follow_ups.mark(follow_ups.record("ping", {}, "p", NOW), "x", NOW)
    follow_ups.record("ping", {"a": 1}, "p", NOW)
    assert gone(store, Expiring.FOLLOW_UPS) == 1
    assert len(follow_ups.pending()) == 1


def test_no_time_left_is_told(store: Store) -> None:
    job(store, "done", "finished")
    freed = Expiry(store).delete(Expiring.JOBS, LATER, Steps(deadline=0.0), lambda _: None)
    assert (freed.removed, freed.left) == (0, True)
