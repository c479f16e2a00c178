"""The sweeper: what a crash left undone is found and done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mingus_lib.domain.jobs import JobState
from mingus_lib.domain.mailparse import read_head
from mingus_lib.domain.mails import RawMail
from mingus_lib.errors import TransientError
from mingus_lib.services.sweeping import Sweeper
from mingus_lib.store.followups import FollowUps
from mingus_lib.store.mails import Mails
from mingus_lib.store.slots import Slots
from tests.runtime_parts import Parts


def sweeper(parts: Parts) -> Sweeper:
    return Sweeper(
        parts.store, FollowUps(parts.store), parts.history, parts.ledger, Slots(parts.store, parts.ledger),
        Mails(parts.store), parts.enqueuer, parts.delivery,
    )  # fmt: skip


def test_a_follow_up_is_enqueued_once_when_its_task_has_come(parts: Parts) -> None:
    parent = parts.ping()
    follow_ups = FollowUps(parts.store)
    follow_ups.record("ping", {"token": "next"}, parent)
    follow_ups.record("not_yet_written", {"x": 1}, parent)
    assert sweeper(parts).run().follow_ups == 1
    assert sweeper(parts).run().follow_ups == 0
    assert [each.task for each in follow_ups.pending()] == ["not_yet_written"]
    child = next(job for job in parts.history.families([parent]) if job.id != parent)
    assert (child.task, child.state, child.origin, child.parent_id) == (
        "ping", JobState.QUEUED, f"job:{parent}", parent,
    )  # fmt: skip
    assert parts.client.lrange("rq:queue:cleanup", 0, -1)[-1] == child.id.encode()


def test_a_mail_left_half_read_gets_its_job(parts: Parts) -> None:
    raw = RawMail(b"Message-ID: <1@x>\n\nhello\n", "box", 30)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    Mails(parts.store).keep([(read_head(raw.body), raw)], now=long_ago)
    assert sweeper(parts).run().mails == 1
    assert sweeper(parts).run().mails == 0
    assert parts.client.llen("rq:queue:email_processing") == 1


def test_a_follow_up_whose_arguments_do_not_fit_ends_dead_and_stops_nobody(parts: Parts) -> None:
    parent = parts.ping()
    follow_ups = FollowUps(parts.store)
    follow_ups.record("process_new_articles", {"urls": []}, parent)
    follow_ups.record("ping", {"token": "next"}, parent)
    assert sweeper(parts).run().follow_ups == 2
    parts.queues = ("article_processing", "cleanup")
    parts.worker().work()
    states = [(job.task, job.state) for job in parts.history.families([parent])]
    assert sorted(states) == [("ping", "finished"), ("ping", "finished"), ("process_new_articles", "dead")]


def test_two_sweeps_at_once_enqueue_a_follow_up_once(parts: Parts) -> None:
    parent = parts.ping()
    FollowUps(parts.store).record("ping", {}, parent)
    one = sweeper(parts)
    found = one.follow_ups.pending()
    pairs = [(each, one._job_of(each)) for each in found]
    sweeper(parts).run()
    with pytest.raises(TransientError):
        one._record(pairs, [job for _, job in pairs])
    assert len(parts.history.families([parent])) == 2


def test_slots_of_long_ago_are_forgotten(parts: Parts) -> None:
    then = datetime.now(UTC) - timedelta(days=100)
    sql = "INSERT INTO schedule_slots (name, slot, outcome, decided_at) VALUES ('x', ?, 'missed', ?)"
    rows: list[Any] = [(f"{when:%Y-%m-%dT%H:%M}", when.isoformat()) for when in (then, datetime.now(UTC))]
    parts.store.execute_many(sql, rows)
    assert sweeper(parts).run().slots_forgotten == 1


def test_jobs_that_ledger_and_redis_disagree_about_are_counted(parts: Parts, monkeypatch: Any) -> None:
    monkeypatch.setattr("mingus_lib.services.checking.BETWEEN_LOOKS_SECONDS", 0.0)
    lost = parts.ping()
    parts.client.delete(f"rq:job:{lost}", "rq:queue:cleanup")
    assert sweeper(parts).run().out_of_step == {"missing": 1}
