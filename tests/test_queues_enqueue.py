"""Jobs in: the catalog's checks, the ledger first, Redis in RQ's own format."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rq.job import Job
from rq.serializers import JSONSerializer

from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import NotFound, RedisUnavailable, StoreUnavailable, UsageError
from mingus_lib.queues import catalog, payload, pulse, purge, signing, status
from mingus_lib.queues.connection import connect
from mingus_lib.queues.enqueue import Enqueuer, new_job
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.names import LEADER
from mingus_lib.services import purging
from mingus_lib.store.database import Store
from mingus_lib.store.history import JobFilter
from mingus_lib.store.interventions import Interventions
from mingus_lib.store.ledger import Ledger
from tests.runtime_parts import Parts


@pytest.fixture
def enqueuer(parts: Parts) -> Enqueuer:
    return parts.enqueuer


def pings(count: int, queue: str = "analytics", delay: float = 0.0) -> list[Any]:
    return [new_job("ping", {"token": str(i)}, queue=queue, delay=delay) for i in range(count)]


def test_a_job_is_recorded_pushed_and_confirmed(enqueuer: Enqueuer, parts: Parts, redis: Any) -> None:
    (job_id,) = enqueuer.submit(pings(1))
    run = parts.job(job_id)
    assert (run.state, run.task, run.queue) == (JobState.QUEUED, "ping", "analytics")
    assert run.confirmed_at is not None
    assert redis.lrange("rq:queue:analytics", 0, -1) == [job_id.encode()]
    job = Job.fetch(job_id, connection=redis, serializer=JSONSerializer)
    assert (job.func_name, job.kwargs, job.description) == ("jobs.diagnostics.ping", {"token": "0"}, "ping")


def test_more_than_one_chunk_keeps_its_order(enqueuer: Enqueuer, redis: Any) -> None:
    ids = enqueuer.submit(pings(1201))
    assert [raw.decode() for raw in redis.lrange("rq:queue:analytics", 0, -1)] == ids


def test_a_delayed_job_waits_in_the_scheduled_registry(enqueuer: Enqueuer, parts: Parts, redis: Any) -> None:
    (job_id,) = enqueuer.submit(pings(1, delay=600))
    run = parts.job(job_id)
    assert run.state is JobState.SCHEDULED
    assert redis.zscore("rq:scheduled:analytics", job_id) is not None
    assert redis.llen("rq:queue:analytics") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"seconds": "3"}, "seconds"),
        ({"seconds": 601}, "less than or equal to 600"),
        ({"fail": "maybe"}, "'none', 'transient', 'permanent' or 'crash'"),
        ({"tokn": "x"}, 'did you mean "token"'),
    ],
)
def test_wrong_arguments_name_the_field_and_what_is_allowed(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        new_job("ping", arguments, queue="analytics")


def test_limits_that_contradict_each_other_are_refused_and_change_nothing() -> None:
    before = catalog.find("ping")
    with pytest.raises(UsageError, match=r"tasks\.ping: hard \(9 s\) must be more than soft \(9 s\)"):
        catalog.configure({"ping": {"soft": 9, "hard": 9}})
    assert catalog.find("ping") == before


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(NotFound, match='did you mean "process_new_articles"'):
        new_job("process_new_article", {"urls": ["https://example.com/"]})
    with pytest.raises(NotFound, match='did you mean "analytics"'):
        new_job("ping", {}, queue="analytic")
    with pytest.raises(UsageError, match="name one with --queue"):
        new_job("ping", {})
    with pytest.raises(UsageError, match="not cleanup"):
        new_job("process_new_articles", {"urls": ["https://example.com/"]}, queue="cleanup")


def test_a_hundred_addresses_are_the_most() -> None:
    with pytest.raises(UsageError, match="100"):
        new_job("process_new_articles", {"urls": ["https://example.com/"] * 101})


def test_redis_away_leaves_no_trace(parts: Parts, tmp_path: Path) -> None:
    away = connect(f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(RedisUnavailable):
        Enqueuer(lambda: away, parts.ledger, parts.keyring.own, "nowhere").submit(pings(3))
    assert parts.history.newest(JobFilter()) == []


def test_redis_that_refuses_writes_leaves_nothing_to_run(
    enqueuer: Enqueuer, parts: Parts, redis: Any
) -> None:
    redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(RedisUnavailable):
            enqueuer.submit(pings(2))
    finally:
        redis.config_set("maxmemory", "0")
    assert {run.state for run in parts.history.newest(JobFilter())} == {JobState.CANCELLED}
    assert redis.llen("rq:queue:analytics") == 0


def test_a_producer_without_a_ledger_is_told_that_nothing_was_taken(parts: Parts, redis: Any) -> None:
    far = Enqueuer(lambda: redis, None, parts.keyring.own, "test")
    redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(RedisUnavailable):
            far.submit(pings(2))
    finally:
        redis.config_set("maxmemory", "0")
    assert redis.llen("rq:queue:analytics") == 0
    far.submit(pings(2))
    assert redis.llen("rq:queue:analytics") == 2


def test_a_store_that_cannot_be_written_pushes_nothing(parts: Parts, redis: Any, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "mingus.db", busy_timeout=0.05)
    other = Store.open(tmp_path / "mingus.db")
    with other.transaction(), pytest.raises(StoreUnavailable):
        Enqueuer(lambda: redis, Ledger(store), parts.keyring.own, "test").submit(pings(1))
    assert redis.llen("rq:queue:analytics") == 0


def test_purge_removes_what_waits_and_counts_it(enqueuer: Enqueuer, parts: Parts, redis: Any) -> None:
    enqueuer.submit(pings(700))
    enqueuer.submit(pings(5, delay=600))
    kept = enqueuer.submit(pings(1, queue="cleanup"))

    def cancel(ids: list[str]) -> list[str]:
        return Interventions(parts.store).withdraw(ids, "purged", datetime.now(UTC))

    assert purge.purge(parts.delivery, "analytics", 60, cancel, print) == 705
    assert len(parts.history.newest(JobFilter(states=(JobState.CANCELLED,)), limit=1000)) == 705
    assert redis.zcard("rq:canceled:analytics") == 705
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [kept[0].encode()]


def test_a_snapshot_counts_every_queue(enqueuer: Enqueuer, redis: Any) -> None:
    enqueuer.submit(pings(2))
    enqueuer.submit(pings(3, delay=600))
    states = {state.name: state for state in status.snapshot(redis).queues}
    assert (states["analytics"].queued, states["analytics"].scheduled) == (2, 3)
    assert states["analytics"].oldest_age_seconds is not None
    assert states["cleanup"].oldest_age_seconds is None


def test_the_speed_of_a_queue_is_what_it_finished_in_five_minutes(parts: Parts, redis: Any) -> None:
    for _ in range(5):
        parts.ping()
    parts.worker().work()
    redis.zadd("rq:finished:cleanup", {"long ago": redis.time()[0] + 3600 - 301})
    speeds = pulse.finished_a_minute(redis, 3600)
    assert (speeds["cleanup"], speeds["analytics"]) == (1.0, 0.0)
    assert pulse.finished_a_minute(redis, 0) == {}, "nothing is kept, so nothing is known"


def test_a_look_is_blinded_by_nothing_that_others_write(enqueuer: Enqueuer, redis: Any) -> None:
    enqueuer.submit(pings(1))
    redis.lpush("rq:queue:analytics", b"\xff\xfe")
    redis.zadd("rq:scheduled:cleanup", {"never": "inf"})
    redis.set(LEADER, b"\xff " + b"9" * 5000)
    redis.sadd("rq:workers", b"rq:worker:\xff", "rq:worker:odd")
    redis.hset("rq:worker:odd", mapping={"pid": "9" * 5000, "queues": b"\xff", "birth": "x", "memory": "-5"})
    redis.sadd("mingus:breakers", "openai")
    redis.hset("mingus:breaker:openai", mapping={"failures": "many", "opened_at": "inf", "reason": b"\xff"})
    found = status.snapshot(redis)
    states = {state.name: state for state in found.queues}
    assert (states["analytics"].queued, states["cleanup"].next_in_seconds) == (2, None)
    assert [(worker.name, worker.pid) for worker in found.workers] == [("odd", None)]
    assert found.breakers == []
    assert [(each.state, each.failures) for each in Limits(redis, "test").breakers()] == [("closed", 0)]


def test_a_purge_takes_ids_that_are_none_with_it(enqueuer: Enqueuer, parts: Parts, redis: Any) -> None:
    enqueuer.submit(pings(1))
    redis.lpush("rq:queue:analytics", b"\xff\xfe", "ä")
    removed = purging.run(parts.delivery, Interventions(parts.store), parts.ledger, ["analytics"], 60)
    assert removed == {"analytics": 3}
    assert redis.llen("rq:queue:analytics") == 0


def test_a_purge_that_cannot_write_the_ledger_removes_nothing(
    enqueuer: Enqueuer, parts: Parts, redis: Any
) -> None:
    enqueuer.submit(pings(3))

    def refuse(ids: list[str]) -> list[str]:
        raise StoreUnavailable("locked")

    with pytest.raises(StoreUnavailable):
        purge.purge(parts.delivery, "analytics", 60, refuse, print)
    assert redis.llen("rq:queue:analytics") == 3


def test_an_enqueue_cut_short_says_what_was_accepted(parts: Parts, redis: Any, tmp_path: Path) -> None:
    away = connect(f"unix://{tmp_path}/nothing.sock")
    clients = iter([redis, away])
    cut = Enqueuer(lambda: next(clients), parts.ledger, parts.keyring.own, "test")
    with pytest.raises(RedisUnavailable, match="500 jobs were accepted before"):
        cut.submit(pings(600))
    assert redis.llen("rq:queue:analytics") == 500


class Confused(Ledger):
    """A ledger on a disk that fills up between two writes."""

    def confirm(self, ids: Any, now: datetime) -> None:
        raise StoreUnavailable("the disk is full")


def test_what_was_pushed_but_not_confirmed_is_accepted(parts: Parts, redis: Any) -> None:
    enqueuer = Enqueuer(lambda: redis, Confused(parts.store), parts.keyring.own, "test")
    (job_id,) = enqueuer.submit(pings(1))
    parts.worker().work()
    assert parts.job(job_id).state is JobState.FINISHED


def test_what_has_begun_is_not_disowned(parts: Parts) -> None:
    begun, waiting = pings(2)
    parts.ledger.record([begun, waiting])
    parts.ledger.start(begun, worker="w", now=datetime.now(UTC))
    parts.ledger.disown([begun.id, waiting.id], "not-accepted: x", datetime.now(UTC))
    assert [parts.job(each.id).state for each in (begun, waiting)] == [JobState.STARTED, JobState.CANCELLED]


def test_the_largest_mail_that_is_accepted_can_be_unpacked() -> None:
    # Characters that JSON writes with six bytes.
    spec = new_job(
        "process_email_articles", {"mail": {"subject": "x", "body": "ж" * 4_000_000, "html": "я" * 4_000_000}}
    )
    packed = payload.fields(
        spec, catalog.find(spec.task), signing.Key("k", "test", b"x" * 32), results_ttl=1
    )["data"]
    assert isinstance(packed, bytes)
    assert json.loads(payload.unpacked(packed))[3] == spec.args
