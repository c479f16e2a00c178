"""The operator's control over jobs, queues and workers: the ledger first, then a real Redis."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.control import Act, Did
from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import NotFound, RedisUnavailable, Refused, UsageError
from mingus_lib.queues import keyring, status
from mingus_lib.queues.connection import connect
from mingus_lib.queues.control import Control
from mingus_lib.queues.delivery import RUNNING, How
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.owner import Process
from mingus_lib.services import breakers, jobs, keys, pausing, purging, workers
from mingus_lib.services.cancelling import Canceller
from mingus_lib.services.jobs import Wanted
from mingus_lib.services.retrying import Retrier
from mingus_lib.store.interventions import Interventions
from tests.conftest import wait_for
from tests.runtime_parts import Parts
from tests.test_queues_worker import in_background, push_raw, stop


def canceller(parts: Parts, client: Any = None, seconds: float = 10.0) -> Canceller:
    hand = Interventions(parts.store)
    return Canceller(
        lambda: client or parts.client, "test", parts.ledger, hand, parts.history, 60, wait_seconds=seconds
    )


def retrier(parts: Parts) -> Retrier:
    return Retrier(lambda: parts.client, "test", parts.ledger, Interventions(parts.store), parts.enqueuer)


def picked(parts: Parts, *ids: str) -> Any:
    return parts.history.briefs_of(ids)


def outcomes(acts: list[Act]) -> dict[str, Did]:
    return {act.id: act.outcome for act in acts}


def away(tmp_path: Path) -> Any:
    return connect(f"unix://{tmp_path}/nothing.sock")


# Cancelling.


def test_waiting_jobs_are_taken_out(parts: Parts, redis: Any) -> None:
    queued, later = parts.ping(), parts.ping(delay=600)
    done = canceller(parts).run(picked(parts, queued, later))
    assert outcomes(done) == {queued: Did.CANCELLED, later: Did.CANCELLED}
    assert (redis.llen("rq:queue:cleanup"), redis.zcard("rq:scheduled:cleanup")) == (0, 0)
    assert parts.job(queued).reason == "cancelled: by an operator"
    assert redis.hget(f"rq:job:{queued}", "status") == b"canceled"


def test_a_running_job_is_stopped_within_two_seconds(parts: Parts) -> None:
    job_id = parts.ping(seconds=60)
    thread = in_background(parts.worker())
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    begun = time.monotonic()
    (act,) = canceller(parts).run(picked(parts, job_id))
    assert time.monotonic() - begun < 2
    assert act.outcome is Did.CANCELLED
    thread.join(20)
    assert parts.job(job_id).history[0].state == "cancelled"


def test_a_running_job_is_stopped_with_redis_away_from_the_operator(parts: Parts, tmp_path: Path) -> None:
    job_id = parts.ping(seconds=60)
    thread = in_background(parts.worker())
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    cancel = canceller(parts, away(tmp_path))
    assert cancel.run(picked(parts, job_id))[0].outcome is Did.CANCELLED
    assert isinstance(cancel.trouble, RedisUnavailable)
    thread.join(20)


def test_what_was_cancelled_with_redis_away_does_not_run(parts: Parts, redis: Any, tmp_path: Path) -> None:
    job_id = parts.ping(token="never")
    cancel = canceller(parts, away(tmp_path))
    assert cancel.run(picked(parts, job_id))[0].outcome is Did.CANCELLED
    parts.worker().work()
    assert (parts.job(job_id).state, parts.job(job_id).attempts) == (JobState.CANCELLED, 0)


def test_a_job_that_nobody_stops_is_asked(parts: Parts, redis: Any) -> None:
    job_id = parts.ping()
    taken = parts.delivery.turn(parts.worker().process, "w", "e" * 32, ["cleanup"], None)[1]
    assert taken is not None
    parts.ledger.start(new_spec(parts, job_id), worker="w", now=datetime.now(UTC))
    (act,) = canceller(parts, seconds=0.1).run(picked(parts, job_id))
    assert act.outcome is Did.ASKED
    assert parts.ledger.standings([job_id])[job_id].cancel_requested
    # Whoever gets it next does not run it.
    parts.delivery.settle(job_id, str(taken.owner), How.QUEUED)
    parts.worker().work()
    assert (parts.job(job_id).state, parts.job(job_id).attempts) == (JobState.CANCELLED, 1)


def new_spec(parts: Parts, job_id: str) -> Any:
    return next(spec for page in parts.ledger.open_pages(10) for spec, _, _ in page if spec.id == job_id)


def test_an_orphan_that_was_given_back_is_taken_out(parts: Parts, redis: Any) -> None:
    job_id = parts.ping()
    parts.ledger.start(new_spec(parts, job_id), worker="gone", now=datetime.now(UTC))
    (act,) = canceller(parts).run(picked(parts, job_id))
    assert act.outcome is Did.CANCELLED
    assert parts.job(job_id).state is JobState.CANCELLED
    assert redis.llen("rq:queue:cleanup") == 0


def test_a_job_that_ended_keeps_its_end(parts: Parts) -> None:
    ended = parts.run(token="x")
    (act,) = canceller(parts).run(picked(parts, ended.id))
    assert (act.outcome, act.reason) == (Did.ENDED, "finished")


def test_many_are_cancelled_in_chunks_with_a_true_count(parts: Parts, redis: Any) -> None:
    from mingus_lib.queues.enqueue import new_job

    parts.enqueuer.submit([new_job("ping", {}, queue="analytics") for _ in range(1100)])
    found = jobs.pick(
        parts.history, [], Wanted(task="ping"), everything=False, limit=1050, states=(JobState.QUEUED,)
    )
    done = canceller(parts).run(found)
    assert sum(act.outcome is Did.CANCELLED for act in done) == 1050
    assert redis.llen("rq:queue:analytics") == 50


def test_a_purge_leaves_a_running_job_alone(parts: Parts, redis: Any) -> None:
    running, waiting = parts.ping(seconds=2, token="kept"), parts.ping()
    thread = in_background(parts.worker())
    wait_for(lambda: parts.job(running).state is JobState.STARTED, "the start")
    hand = Interventions(parts.store)
    assert purging.run(parts.delivery, hand, parts.ledger, ["cleanup"], 60) == {"cleanup": 1}
    thread.join(20)
    assert (parts.job(running).result, parts.job(waiting).state) == ("kept", JobState.CANCELLED)


# Again.


def test_a_dead_job_runs_again_with_all_its_tries_and_its_history(parts: Parts, redis: Any) -> None:
    dead = parts.run(fail="permanent")
    assert outcomes(retrier(parts).retry(picked(parts, dead.id))) == {dead.id: Did.REQUEUED}
    assert redis.zcard("rq:failed:cleanup") == 0
    assert parts.job(dead.id).state is JobState.QUEUED
    parts.worker().work()
    again = parts.job(dead.id)
    assert [attempt.state for attempt in again.history] == ["dead", "dead"]
    assert parts.ledger.standings([dead.id])[dead.id].tries == 1


def test_a_cancelled_job_runs_again(parts: Parts) -> None:
    job_id = parts.ping(token="after all")
    canceller(parts).run(picked(parts, job_id))
    retrier(parts).retry(picked(parts, job_id))
    parts.worker().work()
    assert parts.job(job_id).result == "after all"


def test_a_job_that_was_stopped_while_it_ran_runs_again(parts: Parts) -> None:
    job_id = parts.ping(seconds=1, token="after all")
    thread = in_background(parts.worker())
    wait_for(lambda: parts.job(job_id).state is JobState.STARTED, "the start")
    canceller(parts).run(picked(parts, job_id))
    thread.join(20)
    assert outcomes(retrier(parts).retry(picked(parts, job_id))) == {job_id: Did.REQUEUED}
    parts.worker().work()
    assert parts.job(job_id).result == "after all"


def test_a_scheduled_job_starts_now(parts: Parts, redis: Any) -> None:
    waiting = parts.run(fail="transient")
    assert waiting.state is JobState.SCHEDULED
    assert outcomes(retrier(parts).retry(picked(parts, waiting.id))) == {waiting.id: Did.REQUEUED}
    assert redis.lrange("rq:queue:cleanup", 0, -1) == [waiting.id.encode()]
    assert redis.zcard("rq:scheduled:cleanup") == 0
    parts.worker().work()
    assert parts.job(waiting.id).attempts == 2


def test_what_may_not_run_is_refused_with_the_reason(parts: Parts, redis: Any) -> None:
    push_raw(redis, "foreign", data=b"x")
    finished = parts.run(token="x").id
    queued = parts.ping()
    done = retrier(parts).retry(picked(parts, finished, queued, "foreign"))
    assert [act.outcome for act in done] == [Did.REFUSED] * 3
    reasons = [str(act.reason) for act in done]
    assert "it finished" in reasons[0]
    assert "queued already" in reasons[1]
    assert reasons[2].startswith("it may not run at all: refused: ")
    assert redis.llen("rq:queue:cleanup") == 1


def test_requeue_takes_dead_jobs_alone(parts: Parts) -> None:
    dead = parts.run(fail="permanent").id
    cancelled = parts.ping()
    canceller(parts).run(picked(parts, cancelled))
    done = retrier(parts).requeue(picked(parts, cancelled, dead))
    assert [(act.id, act.outcome) for act in done] == [(cancelled, Did.REFUSED), (dead, Did.REQUEUED)]


def test_a_dropped_job_is_gone_but_for_its_history(parts: Parts, redis: Any) -> None:
    dead = parts.run(fail="permanent")
    kept = parts.ping()
    done = retrier(parts).drop(picked(parts, dead.id, kept))
    assert outcomes(done) == {dead.id: Did.DROPPED, kept: Did.REFUSED}
    assert not redis.exists(f"rq:job:{dead.id}")
    assert redis.zcard("rq:failed:cleanup") == 0
    dropped = parts.job(dead.id)
    assert (dropped.state, dropped.reason) == (JobState.CANCELLED, "dropped: by an operator")
    assert dropped.history[0].reason == "ping: told to fail"
    assert parts.job(kept).state is JobState.QUEUED


# Choosing.


def test_filters_combine(parts: Parts) -> None:
    first, second = parts.run(fail="permanent").id, parts.run(fail="permanent", token="needle").id
    parts.run(token="needle")
    pick = {"everything": False, "limit": None, "states": (JobState.DEAD,), "ended": True}

    def chosen(**wanted: Any) -> list[str]:
        return [job.id for job in jobs.pick(parts.history, [], Wanted(**wanted), **pick)]  # type: ignore[arg-type]

    assert chosen(error="TOLD TO") == [first, second]
    assert chosen(error="told to", arg="needle") == [second]
    assert chosen(queue="analytics") == []
    assert chosen(task="ping", newer_than="1h") == [first, second]
    assert chosen(older_than="1h") == []
    assert chosen(since="2100-01-01") == []


def test_ages_of_dead_jobs_are_those_of_their_end(parts: Parts) -> None:
    dead = parts.run(fail="permanent").id
    parts.store.execute("UPDATE job_runs SET created_at = '2020-01-01T00:00:00.000000+00:00'")
    newer = jobs.chosen(Wanted(newer_than="1h"), states=(JobState.DEAD,), ended=True)
    assert [run.id for run in parts.history.newest(newer)] == [dead]
    assert parts.history.newest(jobs.chosen(Wanted(newer_than="1h"))) == []


@pytest.mark.parametrize(
    ("ids", "wanted", "everything"),
    [([], Wanted(), False), (["x"], Wanted(), True), (["x"], Wanted("ping"), False)],
)
def test_nothing_or_both_is_refused(parts: Parts, ids: list[str], wanted: Wanted, everything: bool) -> None:
    with pytest.raises(UsageError):
        jobs.pick(parts.history, ids, wanted, everything=everything, limit=None, states=())


def test_ids_are_found_by_their_beginning_and_once(parts: Parts) -> None:
    job_id = parts.ping()
    found = jobs.pick(parts.history, [job_id, job_id[:8]], Wanted(), everything=False, limit=None, states=())
    assert [job.id for job in found] == [job_id]


# Pausing.


def test_a_paused_queue_gives_nothing_until_it_is_resumed(parts: Parts, redis: Any) -> None:
    control, hand = Control(redis, "test"), Interventions(parts.store)
    assert pausing.pause(control, hand, ["cleanup"])[0]["changed"]
    assert not pausing.pause(control, hand, ["cleanup"])[0]["changed"]
    job_id = parts.ping(token="later")
    parts.worker().work()
    assert parts.job(job_id).state is JobState.QUEUED
    assert {s.name for s in status.queue_states(redis) if s.paused} == {"cleanup"}
    pausing.resume(control, hand, pausing.chosen([], everything=True))
    parts.worker().work()
    assert (parts.job(job_id).result, hand.paused()) == ("later", [])


def test_a_loss_of_redis_lifts_no_pause(parts: Parts, redis: Any) -> None:
    pausing.pause(Control(redis, "test"), Interventions(parts.store), ["cleanup"])
    parts.ping()
    redis.flushall()
    keeper = parts.keeper()

    def restored() -> bool:
        keeper.tick()
        return bool(redis.llen("rq:queue:cleanup"))

    wait_for(restored, "the job to be restored")
    assert redis.smembers("mingus:paused") == {b"cleanup"}


def test_a_pause_that_redis_did_not_hear_is_none(parts: Parts, tmp_path: Path) -> None:
    hand = Interventions(parts.store)
    with pytest.raises(RedisUnavailable):
        pausing.pause(Control(away(tmp_path), "test"), hand, ["cleanup"])
    assert hand.paused() == []


def test_resume_wakes_an_idle_worker(parts: Parts, redis: Any) -> None:
    control, hand = Control(redis, "test"), Interventions(parts.store)
    pausing.pause(control, hand, ["cleanup"])
    job_id = parts.ping(token="x")
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    wait_for(lambda: redis.pubsub_numsub("mingus:wake")[0][1], "the subscription")
    pausing.resume(control, hand, ["cleanup"])
    wait_for(lambda: parts.job(job_id).result == "x", "the job")
    stop(worker)
    thread.join(20)


# Breakers, keys, workers.


def test_breakers_are_listed_and_reset(redis: Any) -> None:
    limits = Limits(redis, "test")
    for _ in range(5):
        limits.failed("model", "http-503: busy")
    limits.failed("mail", "timeout: x")
    found = {each["name"]: (each["state"], each["failures"]) for each in breakers.listed(limits)}
    assert (found["mail"], found["model"]) == (("closed", 1), ("open", 5))
    # What a task depends on is listed before it ever failed.
    assert found["imap"] == ("closed", 0)
    assert [each.name for each in status.snapshot(redis).breakers] == ["model"]
    with pytest.raises(NotFound, match='did you mean "model"'):
        breakers.reset(limits, ["modle"], everything=False)
    assert breakers.reset(limits, ["model"], everything=False) == [{"name": "model", "reset": True}]
    assert "model" not in {each["name"] for each in breakers.listed(limits)}
    assert {each["state"] for each in breakers.listed(None)} == {"closed"}


def test_a_key_is_written_once_and_its_secret_nowhere_else(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "newsroom.json"
    made = keys.add(parts.keyring, "newsroom", ["articles:write"], path)
    secret = keyring.single(path).secret.hex()
    assert secret not in str(made)
    assert secret not in str(keys.listed(parts.keyring))
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused):
        keys.add(parts.keyring, "another", ["*"], path)
    assert [key["name"] for key in keys.listed(parts.keyring)] == ["newsroom"], "no key without its file"
    assert keys.revoke(parts.keyring, "newsroom")["revoked_at"]
    with pytest.raises(NotFound):
        keys.revoke(parts.keyring, "newsroom")


@pytest.mark.parametrize("name", ["a" * 300, "missing/k.json", f"{'a' * 300}/k.json"])
def test_no_key_is_left_valid_whose_file_cannot_be_written(parts: Parts, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name a file in"):
        keys.add(parts.keyring, "newsroom", ["articles:write"], tmp_path / name)
    assert [key for key in keys.listed(parts.keyring) if key["revoked_at"] is None] == []


@pytest.mark.parametrize("permission", ["articles:writ", "", "**"])
def test_a_permission_that_no_task_requires_is_refused(parts: Parts, tmp_path: Path, permission: str) -> None:
    with pytest.raises(NotFound, match="articles:write"):
        keys.add(parts.keyring, "newsroom", [permission], tmp_path / "k.json")
    assert not (tmp_path / "k.json").exists()


def test_a_worker_of_another_host_is_told_through_redis_once(parts: Parts, redis: Any) -> None:
    worker = parts.worker(burst=False)
    thread = in_background(worker)
    control = Control(redis, "test")
    handles = wait_for(control.handles, "the worker")
    # Kept by the worker only after it has begun to listen; without it nothing would be unsubscribed.
    wait_for(lambda: worker.pubsub_thread, "the subscription")
    heard: list[bytes] = []
    listener = redis.pubsub()
    listener.subscribe(**{"rq:pubsub:tester": lambda message: heard.append(message["data"])})
    listener.get_message(timeout=1)
    # Not the command itself: its SIGINT would be for the test's own process.
    worker.unsubscribe()
    wait_for(lambda: redis.pubsub_numsub("rq:pubsub:tester")[0][1] == 1, "the worker to be deaf")
    assert [told.outcome for told in workers.stop(control, handles)] == ["asked"]
    assert [told.reason for told in workers.stop(control, control.handles())] == ["it had been asked before"]
    wait_for(lambda: listener.get_message(timeout=0.1) or heard, "the command")
    assert heard == [b'{"command": "shutdown"}']
    listener.close()
    stop(worker)
    thread.join(20)


def test_a_worker_that_is_none_is_not_found(parts: Parts, redis: Any) -> None:
    redis.sadd("rq:workers", "rq:worker:library.1")
    redis.hset("rq:worker:library.1", mapping={"birth": "x", "process": "nonsense", "supervisor": "1 2"})
    control = Control(redis, "test")
    with pytest.raises(NotFound, match=r'did you mean "library\.1"'):
        workers.choose(control, ["librari.1"], everything=False)
    with pytest.raises(UsageError):
        workers.choose(control, [], everything=False)
    (handle,) = workers.choose(control, [], everything=True)
    assert (handle.process, handle.supervisor) == (None, None)
    assert [told.outcome for told in workers.stop(control, [handle])] == ["unheard"]


# When a job starts.


def test_the_first_start_is_the_one_that_workers_grant(parts: Parts, redis: Any) -> None:
    from mingus_lib.queues import catalog
    from mingus_lib.services.add import start_times

    task, limits = catalog.find("process_new_articles"), Limits(redis, "test")
    assert start_times(limits.traffic(task, task.queue or ""), task.rate, 1) == [None]
    for number in range(10):
        assert limits.wait_for_slot(task, f"job{number}", "e") == 0
    limits.wait_for_slot(task, "kept", "e")
    (told,) = start_times(limits.traffic(task, task.queue or ""), task.rate, 1)
    granted = datetime.now(UTC) + timedelta(seconds=limits.wait_for_slot(task, "mine", "e"))
    assert abs(datetime.fromisoformat(str(told)) - granted) < timedelta(seconds=1)


def test_the_queue_tells_when_its_next_job_starts(parts: Parts, redis: Any) -> None:
    parts.ping(delay=600)
    parts.ping(delay=60)
    states = {state.name: state for state in status.queue_states(redis)}
    assert 55 < (states["cleanup"].next_in_seconds or 0) <= 60
    assert states["analytics"].next_in_seconds is None


def test_a_stop_reaches_the_workers_that_run_the_jobs_and_passes_over_the_others(
    parts: Parts, redis: Any
) -> None:
    waiting = parts.ping(queue="analytics")
    running = parts.ping()
    _, job = parts.delivery.turn(Process.this(), "tester", "e" * 32, ["cleanup"], None)
    assert job is not None
    redis.hset(RUNNING, "spoilt", "no owner")
    listener = redis.pubsub()
    listener.subscribe("rq:pubsub:tester")
    listener.get_message(timeout=5)
    control = Control(redis, "test")
    assert control.stop_jobs([waiting, "spoilt"]) == 0
    assert control.stop_jobs([waiting, running, "spoilt"]) == 1
    heard = wait_for(lambda: listener.get_message(timeout=0.1), "the command")
    assert json.loads(heard["data"]) == {"command": "stop-job", "job_id": running}
    listener.close()


def test_a_stop_of_no_jobs_asks_redis_nothing(tmp_path: Path) -> None:
    away = Control(connect(f"unix://{tmp_path}/none.sock"), "test")
    assert away.stop_jobs([]) == 0
    with pytest.raises(RedisUnavailable):
        away.stop_jobs(["job"])
