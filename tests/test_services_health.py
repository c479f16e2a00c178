"""Health and doctor: what they judge, and that each fault of a real system is found with its fix."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rq_scheduler import Scheduler

from mingus_lib.domain import diagnosis
from mingus_lib.domain.checks import Grade, healthy, judge_queue, judge_workers
from mingus_lib.queues import embedded, examination
from mingus_lib.queues.connection import connect
from mingus_lib.queues.examination import foreign_scheduler
from mingus_lib.services import unitfiles
from mingus_lib.store.database import Store
from mingus_lib.store.ledger import Ledger
from mingus_lib.store.slots import Slots
from tests.conftest import CommandLine, wait_for


@dataclass
class Worker:
    queues: list[str]
    state: str = "idle"
    beat_seconds: float | None = 1.0


@dataclass
class Queue:
    name: str = "cleanup"
    queued: int = 0
    paused: bool = False
    oldest_age_seconds: float | None = None


LIVE = Worker(["cleanup"])


@pytest.mark.parametrize(
    ("queue", "workers", "state"),
    [
        (Queue(), [LIVE], Grade.OK),
        (Queue(queued=5, oldest_age_seconds=10), [LIVE], Grade.OK),
        (Queue(queued=5, oldest_age_seconds=100), [LIVE], Grade.FAIL),
        (Queue(), [], Grade.WARN),
        (Queue(queued=1, oldest_age_seconds=1), [], Grade.FAIL),
        (Queue(queued=1, oldest_age_seconds=1), [Worker(["analytics"])], Grade.FAIL),
        (Queue(queued=1, oldest_age_seconds=1), [Worker(["cleanup"], beat_seconds=50)], Grade.FAIL),
        (Queue(queued=1, oldest_age_seconds=999, paused=True), [], Grade.WARN),
        (Queue(paused=True), [], Grade.OK),
    ],
)
def test_a_queue_is_judged_by_who_takes_it_and_how_long_it_waits(
    queue: Queue, workers: list[Worker], state: Grade
) -> None:
    found = judge_queue(queue, workers, 60.0)
    assert found.state is state
    assert (found.fix is None) is (state is Grade.OK)


def test_workers_must_be_live_and_able_to_write() -> None:
    assert judge_workers([LIVE]).state is Grade.OK
    assert judge_workers([]).state is Grade.FAIL
    assert judge_workers([Worker([], beat_seconds=None)]).state is Grade.FAIL
    assert judge_workers([LIVE, Worker([], state="degraded")]).state is Grade.FAIL


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (diagnosis.redis_version("6.0.16", (6, 0, 16)), Grade.FAIL),
        (diagnosis.redis_version("7.2.4", (7, 2, 4)), Grade.OK),
        (diagnosis.redis_persistence(aof=True, rdb=False, write_failed=False), Grade.OK),
        (diagnosis.redis_persistence(aof=False, rdb=True, write_failed=False), Grade.WARN),
        (diagnosis.redis_persistence(aof=False, rdb=False, write_failed=False), Grade.FAIL),
        (diagnosis.redis_persistence(aof=True, rdb=True, write_failed=True), Grade.FAIL),
        (diagnosis.redis_memory(10, 0, "noeviction"), Grade.OK),
        (diagnosis.redis_memory(90, 100, "noeviction"), Grade.WARN),
        (diagnosis.redis_memory(10, 0, "allkeys-lru"), Grade.WARN),
        (diagnosis.redis_memory(10, 100, "allkeys-lru"), Grade.FAIL),
        (diagnosis.clock(0.1), Grade.OK),
        (diagnosis.clock(-5), Grade.WARN),
        (diagnosis.clock(61), Grade.FAIL),
        (diagnosis.latency(0.001), Grade.OK),
        (diagnosis.latency(0.1), Grade.WARN),
        (diagnosis.latency(1), Grade.FAIL),
        (diagnosis.disk(10**10, "/x"), Grade.OK),
        (diagnosis.disk(5 * 10**8, "/x"), Grade.WARN),
        (diagnosis.disk(10**8, "/x"), Grade.FAIL),
        (diagnosis.openai_key(None), Grade.WARN),
        (diagnosis.price_list("prices.toml", "2026-03-01", 180), Grade.OK),
        (diagnosis.price_list("prices.toml", "2026-03-01", 181), Grade.WARN),
        (diagnosis.price_list("prices.toml", "soon", None), Grade.WARN),
        (diagnosis.openai_key("sk-" + "a" * 40), Grade.OK),
        (diagnosis.openai_key("sk-" + "a" * 40 + "\n"), Grade.FAIL),
        (diagnosis.openai_key("secret-of-another-kind"), Grade.FAIL),
    ],
)
def test_facts_are_judged_and_every_fault_has_a_fix(found: Any, state: Grade) -> None:
    assert found.state is state
    assert (found.fix is None) is (state is Grade.OK)
    assert "secret" not in found.detail


@given(st.floats(-1e6, 1e6))
def test_a_larger_drift_is_never_better(drift: float) -> None:
    order = [Grade.OK, Grade.WARN, Grade.FAIL]
    assert order.index(diagnosis.clock(drift).state) <= order.index(diagnosis.clock(drift * 2).state)


@pytest.fixture
def worker(mingus: CommandLine) -> Iterator[int]:
    running = mingus.start("up", "--concurrency", "1", "--loglevel", "error")
    wait_for(
        lambda: mingus("health").code == 0 and mingus("status", "--json").json["schedule"], "all to be up"
    )
    yield running.pid
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)


def states(shown: Any) -> dict[str, str]:
    rows = shown.json if isinstance(shown.json, list) else shown.json["checks"]
    return {row["check"]: row["state"] for row in rows}


def test_health_tells_up_from_consuming(mingus: CommandLine) -> None:
    assert mingus("health").code == 3
    mingus("enqueue", "ping", "--queue", "cleanup")
    before = mingus("health", "--json")
    assert (before.code, before.json["healthy"]) == (3, False)
    assert (states(before)["workers"], states(before)["queue cleanup"]) == ("fail", "fail")
    store = Store.open(mingus.home / "mingus.db")
    Slots(store, Ledger(store)).note_fault("schedules.toml:5: no key corn")
    store.close()
    assert mingus("health", "-q").out.split("\n")[:-1] == ["workers", "queue cleanup", "timetable"]


def test_a_working_system_is_healthy_and_doctor_agrees(mingus: CommandLine, worker: int) -> None:
    shown = mingus("health", "--json")
    assert (shown.code, set(states(shown).values())) == (0, {"ok"})
    narrow = mingus("health", "--queue", "cleanup", "--here", "--json")
    assert [row["check"] for row in narrow.json["checks"]] == ["redis", "workers", "queue cleanup", "store"]
    examined = mingus("doctor", "--json", OPENAI_API_KEY="sk-" + "x" * 40)
    assert examined.code == 0, examined.err
    assert {check for check, state in states(examined).items() if state == "fail"} == set()
    assert {"keys", "disk", "store", "clock", "jobs-missing", "unit-files", "queue analytics"} <= states(
        examined
    ).keys()
    assert "xxxx" not in examined.out


FAULTS: dict[str, Callable[[CommandLine, Any], object]] = {
    "redis-persistence": lambda _mingus, client: client.config_set("appendonly", "no"),
    "redis-memory": lambda _mingus, client: (
        client.config_set("maxmemory", "100mb"), client.config_set("maxmemory-policy", "allkeys-lru")
    ),
    "keys": lambda mingus, _client: (mingus.home / "keys.json").chmod(0o644),
    "store": lambda mingus, _client: (mingus.home / "mingus.db").chmod(0o666),
    "jobs-missing": lambda _mingus, client: client.delete("rq:queue:cleanup"),
}  # fmt: skip


def test_doctor_finds_every_fault_at_once(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup")
    client = connect(embedded.url(mingus.home))
    for fault in FAULTS.values():
        fault(mingus, client)
    client.close()
    shown = mingus("doctor", "--json", OPENAI_API_KEY="not a key")
    assert shown.code == 3
    failed = {check for check, state in states(shown).items() if state == "fail"}
    assert failed == {*FAULTS, "workers", "openai-key"}
    assert all(row["fix"] for row in shown.json if row["state"] != "ok")


def test_doctor_leaves_an_older_store_as_it_is(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup")
    with closing(sqlite3.connect(mingus.home / "mingus.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    shown = mingus("doctor", "--json")
    assert (shown.code, states(shown)["store"], "jobs-missing" in states(shown)) == (3, "fail", False)
    with closing(sqlite3.connect(mingus.home / "mingus.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_doctor_starts_nothing(mingus: CommandLine) -> None:
    shown = mingus("doctor", "--json")
    found = states(shown)
    assert {found[check] for check in ("redis", "store", "workers", "scheduler")} == {"warn"}
    assert not mingus.home.exists()
    assert mingus("doctor", MINGUS_REDIS_URL="redis://127.0.0.1:1/0").code == 3


def test_a_ping_that_nobody_takes_is_taken_back(mingus: CommandLine) -> None:
    shown = mingus("test", "--queue", "cleanup", "--timeout", "1s", "--json")
    assert (shown.code, shown.json[0]["answer"]) == (1, "queued")
    assert mingus("job", shown.json[0]["job"], "--json").json["state"] == "cancelled"
    assert mingus("test", "--queue", "clean").code == 4


def test_pings_pass_through_every_queue(mingus: CommandLine, worker: int) -> None:
    shown = mingus("test", "--json")
    assert (shown.code, {row["answer"] for row in shown.json}, len(shown.json)) == (0, {"ok"}, 6)
    os.kill(worker, 0)


def test_installed_units_must_start_something_that_is_there(tmp_path: Path) -> None:
    assert unitfiles.check([tmp_path]).state is Grade.OK
    unit = tmp_path / "mingus-scheduler.service"
    unit.write_text("[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true scheduler\n")
    assert unitfiles.check([tmp_path]).state is Grade.OK
    unit.write_text("[Service]\nExecStart=/nowhere/mingus scheduler\n")
    found = unitfiles.check([tmp_path])
    assert (found.state, "/nowhere/mingus" in found.detail) == (Grade.FAIL, True)
    assert healthy([unitfiles.check([tmp_path / "none"])])
    unit.write_text('[Service]\nExecStart="/bin/true\n')
    (tmp_path / "mingus-gone.service").symlink_to("/nowhere")
    (tmp_path / "mingus-folder.service").mkdir()
    assert unitfiles.check([tmp_path]).state is not Grade.FAIL


def test_doctor_says_what_redis_refuses(mingus: CommandLine, redis: Any) -> None:
    mingus("db", "migrate")
    redis.execute_command("ACL SETUSER few on >pw ~* &* +@all -info")
    path = redis.connection_pool.connection_kwargs["path"]
    shown = mingus("doctor", "--json", MINGUS_REDIS_URL=f"unix://few:pw@{path}")
    found = {row["check"]: row for row in shown.json}
    assert (shown.code, found["redis"]["state"]) == (3, "fail")
    assert "info" in found["redis"]["detail"]
    assert "unit-files" in found


def test_a_foreign_rq_scheduler_is_reported(redis: Any) -> None:
    redis.hset("mingus:scheduler:ours", "birth", "1")
    assert foreign_scheduler(redis) == ""
    stock = Scheduler(connection=redis)
    stock.schedule(datetime.now(UTC), print)
    assert foreign_scheduler(redis) == "none runs; entries of one: 1"
    stock.register_birth()
    assert foreign_scheduler(redis) == "one runs; entries of its own: 1"
    assert diagnosis.foreign_scheduler(foreign_scheduler(redis)).state is Grade.WARN


def test_a_foreign_scheduler_is_found_among_many_keys_by_so_many_looks(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.mset({f"another:{number}": "x" for number in range(5000)})
    redis.hset("rq:scheduler_instance:theirs", "birth", "1")
    assert foreign_scheduler(redis) == "one runs; entries of its own: 0"
    redis.delete("rq:scheduler_instance:theirs")
    monkeypatch.setattr(examination, "PAGES", 2)
    redis.config_resetstat()
    assert foreign_scheduler(redis) == ""
    assert redis.info("commandstats")["cmdstat_scan"]["calls"] == 2


def test_doctor_finds_the_key_where_the_workers_do(mingus: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-" + "x" * 40 + "\n")
    assert states(mingus("doctor", "--json"))["openai-key"] == "warn"
    in_a_file = mingus("doctor", "--json", MINGUS_AI_KEY_FILE=str(tmp_path / "key"))
    assert states(in_a_file)["openai-key"] == "ok"
    assert states(mingus("doctor", "--json", MINGUS_AI="off"))["openai-key"] == "ok"
