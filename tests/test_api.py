"""From Python: jobs of web applications, on this machine and on another; jobs run in place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mingus_lib import api, runtime, settings
from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import NotFound, PermanentError, RedisUnavailable, UsageError
from mingus_lib.queues import keyring
from mingus_lib.runtime import Runtime
from tests.runtime_parts import Parts


def use(**env: str) -> Runtime:
    return runtime.use(Runtime(settings.load(env=env)))


@pytest.fixture(autouse=True)
def previous() -> Iterator[None]:
    before = runtime._current
    yield
    if runtime._current is not None:
        runtime._current.close()
    runtime._current = before


@pytest.fixture
def here(parts: Parts) -> Runtime:
    parts.store.close()
    found = use(MINGUS_HOME=str(parts.folder), MINGUS_REDIS_URL=parts.url)
    assert found.settings.store_path == parts.folder / "mingus.db"
    return found


def test_a_job_is_enqueued_and_asked_about(here: Runtime, parts: Parts) -> None:
    job_id = api.enqueue("ping", {"token": "web"}, queue="cleanup")
    assert api.job(job_id)["state"] == "queued"
    parts.worker().work()
    told = api.job(job_id)
    assert (told["state"], told["result"], told["origin"]) == ("finished", "web", "python")


def test_bad_calls_name_what_is_wrong(here: Runtime) -> None:
    with pytest.raises(NotFound, match="did you mean"):
        api.enqueue("pin")
    with pytest.raises(UsageError, match="seconds"):
        api.enqueue("ping", {"seconds": "x"}, queue="cleanup")
    with pytest.raises(NotFound, match="no job"):
        api.job("none")


@pytest.fixture
def far(parts: Parts, tmp_path: Path) -> Runtime:
    """A producer with nothing but a key and the address of Redis."""
    keyring.export(parts.keyring.add("web", ["diagnostics:run"]), tmp_path / "web.key")
    return use(
        MINGUS_HOME=str(tmp_path / "nowhere"),
        MINGUS_REDIS_URL=parts.url,
        MINGUS_KEY_FILE=str(tmp_path / "web.key"),
    )


def test_a_producer_elsewhere_needs_only_redis_and_a_key(far: Runtime, parts: Parts) -> None:
    job_id = api.enqueue("ping", {"token": "far"}, queue="cleanup")
    assert api.job(job_id)["state"] == "queued"
    parts.worker().work()
    told = api.job(job_id)
    assert (told["state"], told["task"], told["result"]) == ("finished", "ping", "far")
    assert parts.job(job_id).origin == "key:web"
    parts.client.xadd(f"rq:results:{job_id}", {"return_value": b"\x80 pickled by others"})
    assert api.job(job_id)["result"] is None
    assert not far.settings.home.exists()
    with pytest.raises(NotFound):
        api.job("none")


def test_a_producer_learns_why_its_job_died(far: Runtime, parts: Parts) -> None:
    job_id = api.enqueue("ping", {"fail": "permanent"}, queue="cleanup")
    parts.worker().work()
    told = api.job(job_id)
    assert (told["state"], told["reason"]) == ("dead", "ping: told to fail")


def test_a_redis_that_is_away_is_said(tmp_path: Path, parts: Parts) -> None:
    keyring.export(parts.keyring.add("web", ["*"]), tmp_path / "web.key")
    use(
        MINGUS_HOME=str(tmp_path / "nowhere"),
        MINGUS_REDIS_URL=f"unix://{tmp_path}/none.sock",
        MINGUS_KEY_FILE=str(tmp_path / "web.key"),
    )
    with pytest.raises(RedisUnavailable):
        api.enqueue("ping", {}, queue="cleanup")


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', '{"keys": [{"id": "a"}]}', "\0"])
def test_a_key_file_that_is_none_is_refused(tmp_path: Path, parts: Parts, text: str) -> None:
    (tmp_path / "web.key").write_text(text)
    use(MINGUS_HOME=str(tmp_path), MINGUS_REDIS_URL=parts.url, MINGUS_KEY_FILE=str(tmp_path / "web.key"))
    with pytest.raises(UsageError, match=r"web\.key"):
        api.enqueue("ping", {}, queue="cleanup")


# In place.


@pytest.fixture
def eager(tmp_path: Path) -> Runtime:
    return use(MINGUS_HOME=str(tmp_path / "eager"), MINGUS_EAGER="1")


def test_eager_jobs_run_in_place(eager: Runtime) -> None:
    job_id = api.enqueue("ping", {"token": "now"}, queue="cleanup")
    told = api.job(job_id)
    assert (told["state"], told["result"], told["attempts"]) == ("finished", "now", 1)
    assert not (eager.settings.home / "redis").exists()


def test_eager_errors_are_the_caller_s(eager: Runtime) -> None:
    with pytest.raises(PermanentError, match="told to fail"):
        api.enqueue("ping", {"fail": "permanent"}, queue="cleanup")
    (dead,) = eager.history.newest(_any())
    assert (dead.state, dead.reason) == (JobState.DEAD, "ping: told to fail")
    assert "told to fail" in str(dead.traceback)


def _any() -> Any:
    from mingus_lib.store.history import JobFilter

    return JobFilter()


def test_the_module_is_light() -> None:
    code = "import sys, mingus_lib.api; print('\\n'.join(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in shown.stdout.split()}
    assert not loaded & {"redis", "rq", "pydantic", "requests", "sqlite_utils", "rich", "lxml", "openai"}
