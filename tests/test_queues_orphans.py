"""What belongs to nothing in Redis goes; what waits, runs, is another's or is on the record stays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from mingus_lib.domain.jobs import JobState
from mingus_lib.queues import signing
from mingus_lib.queues.orphans import Orphans
from tests.runtime_parts import Parts

ID = "0123456789abcdef"
LATER = datetime.now(UTC) + timedelta(hours=1)


def orphans(parts: Parts) -> Orphans:
    return Orphans(parts.client, "test", parts.ledger, {parts.keyring.own().id: parts.keyring.own()})


def kinds(found: Any) -> Counter[str]:
    return Counter(each.kind for each in found)


def forget(parts: Parts, job_id: str) -> None:
    parts.store.execute("DELETE FROM job_runs WHERE id = ?", (job_id,))


def test_a_library_at_work_has_none(parts: Parts) -> None:
    done, waits = parts.ping(), parts.ping(queue="analytics")
    parts.ping(fail="permanent")
    parts.queues = ("cleanup",)
    parts.worker().work()
    assert parts.job(done).state is JobState.FINISHED
    assert parts.job(waits).state is JobState.QUEUED
    assert orphans(parts).find(LATER) == []


def test_a_dead_job_whose_row_was_forgotten_goes_with_its_place_in_the_registry(parts: Parts) -> None:
    dead, kept = parts.ping(fail="permanent"), parts.ping(fail="permanent")
    parts.worker().work()
    forget(parts, dead)
    here = orphans(parts)
    (found,) = here.find(LATER)
    assert (found.kind, found.id) == ("job", dead)
    assert found.bytes > 50
    assert here.remove([found]) == [found]
    assert parts.client.zrange("rq:failed:cleanup", 0, -1) == [kept.encode()]
    assert not parts.client.exists(f"rq:job:{dead}")
    assert here.find(LATER) == []


def test_a_dead_job_of_the_time_after_a_restored_backup_stays(parts: Parts) -> None:
    dead = parts.ping(fail="permanent")
    parts.worker().work()
    forget(parts, dead)
    here = orphans(parts)
    assert here.find(datetime.now(UTC) - timedelta(days=1)) == []
    assert here.find(None) == []
    found = here.find(LATER)
    parts.client.hset(f"rq:job:{dead}", "ended_at", "2026-11-01T00:00:00.000000Z")
    assert here.remove(found) == []


def test_what_waits_is_nobody_s_orphan_also_without_a_row(parts: Parts) -> None:
    """A producer on another machine: its jobs enter the ledger when a worker takes them."""
    waits, later = parts.ping(), parts.ping(delay=60)
    forget(parts, waits)
    forget(parts, later)
    assert orphans(parts).find(LATER) == []


def test_jobs_of_other_programs_stay(parts: Parts) -> None:
    unsigned = {"status": "failed", "origin": "cleanup"}
    parts.client.hset(f"rq:job:{ID}", mapping=unsigned)
    stranger = signing.sign(signing.Key("ffff", "x", b"x" * 32), ID, "cleanup", b"")
    parts.client.hset("rq:job:fedcba9876543210", mapping={**unsigned, "sig": stranger})
    parts.client.set("rq:job:not-a-hash", "x")
    parts.client.set("mingus:something-new", "x")
    parts.client.set(b"mingus:pace:\xff\xfe", "x")
    assert orphans(parts).find(LATER) == []


def test_one_that_comes_back_to_life_between_the_looks_stays(parts: Parts) -> None:
    dead = parts.ping(fail="permanent")
    parts.worker().work()
    forget(parts, dead)
    here = orphans(parts)
    found = here.find(LATER)
    parts.client.hset(f"rq:job:{dead}", "status", "queued")
    assert here.remove(found) == []
    assert parts.client.exists(f"rq:job:{dead}")


def test_every_other_kind(parts: Parts) -> None:
    client = parts.client
    client.hset("mingus:running", ID, f"host.1 5 7 worker {'a' * 32} cleanup")
    for execution in ("a" * 32, "b" * 32):
        client.hset(f"rq:execution:{ID}:{execution}", "id", execution)
    # As RQ's own worker keeps that of a job it runs.
    client.hset(f"rq:execution:{ID}:{'c' * 32}", "id", "c")
    client.expire(f"rq:execution:{ID}:{'c' * 32}", 60)
    for key in ("mingus:pace:e.org", "mingus:robots:https://e.org", "mingus:rate:ping"):
        client.set(key, "x")
        client.set(f"{key}.lives", "x", ex=60)
    client.hset("mingus:breaker:known", "failures", 1)
    client.sadd("mingus:breakers", "known")
    client.hset("mingus:breaker:unknown", "failures", 1)
    client.hset("mingus:beats", mapping={"gone": 3, "lives": 4})
    client.hset("rq:worker:lives", "state", "idle")
    client.zadd("rq:finished:cleanup", {ID: 1, "other-program": 1})
    here = orphans(parts)
    found = here.find(LATER)
    assert kinds(found) == {"execution": 1, "timeless": 3, "breaker": 1, "beat": 1, "member": 1}
    assert len(here.remove(found)) == len(found)
    assert (
        client.exists(f"rq:execution:{ID}:{'a' * 32}", "mingus:pace:e.org.lives", "mingus:breaker:known") == 3
    )
    assert client.hgetall("mingus:beats") == {b"lives": b"4"}
    assert client.zrange("rq:finished:cleanup", 0, -1) == [b"other-program"]
    assert here.find(LATER) == []
