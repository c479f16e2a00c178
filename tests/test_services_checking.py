"""`doctor --jobs`: whether ledger and Redis agree, told from what is only on its way."""

from __future__ import annotations

from typing import Any

from mingus_lib.services import checking, doctor
from tests.conftest import CommandLine
from tests.runtime_parts import Parts


def wrong(parts: Parts, wait: Any = lambda _seconds: None) -> dict[str, list[str]]:
    rows = doctor.rows(checking.findings(parts.delivery, parts.ledger, wait))
    assert all((row["fix"] is None) == (row["state"] == "ok") for row in rows)
    return {row["check"]: row["jobs"] for row in rows if row["state"] != "ok"}


def test_a_system_at_rest_agrees(parts: Parts) -> None:
    parts.ping()
    parts.ping(delay=60)
    parts.run(fail="permanent")
    assert wrong(parts) == {}


def test_what_is_wrong_is_named(parts: Parts, redis: Any) -> None:
    ended = parts.run(token="x").id
    twice, gone = parts.ping(), parts.ping("analytics")
    redis.rpush("rq:queue:cleanup", twice, ended)
    redis.delete("rq:queue:analytics")
    assert wrong(parts) == {"jobs-doubled": [twice], "jobs-missing": [gone], "jobs-ended": [ended]}


def test_what_is_put_right_meanwhile_is_not_wrong(parts: Parts, redis: Any) -> None:
    job_id = parts.ping()
    redis.delete("rq:queue:cleanup")
    assert wrong(parts, lambda _seconds: redis.rpush("rq:queue:cleanup", job_id)) == {}


def test_a_look_at_jobs_starts_no_redis(mingus: CommandLine) -> None:
    assert mingus("doctor", "--jobs").code == 69
    assert not list(mingus.home.glob("*.sock")) and not list(mingus.home.glob("redis*"))


def test_the_list_of_tasks_has_the_limits_of_the_settings(mingus: CommandLine) -> None:
    mingus.home.mkdir(parents=True, exist_ok=True)
    (mingus.home / "mingus.toml").write_text("[tasks.ping]\nsoft = 7\n")
    (ping,) = [task for task in mingus("tasks", "--json").json if task["name"] == "ping"]
    assert ping["soft"] == 7
