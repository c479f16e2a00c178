"""Reaching Redis: every kind of address, and what is said when it does not answer."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_py

from mingus_lib.errors import RedisUnavailable, Refused, UsageError
from mingus_lib.queues.connection import claim_for_store, connect, mask, owner, stamp_anew, translated
from mingus_lib.queues.redis_program import newest_server
from tests.conftest import wait_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[str]:
    """A Redis on TCP with a password, watched by a Sentinel; the Sentinel's host and port."""
    server = newest_server().path
    port, watcher = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {watcher}\nbind 127.0.0.1\ndir {tmp_path}\n"
        f"sentinel monitor library 127.0.0.1 {port} 1\nsentinel auth-pass library pass\n"
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "pass", "--save", ""]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, **quiet),  # type: ignore[call-overload]
        subprocess.Popen([server, str(config), "--sentinel"], cwd=tmp_path, **quiet),  # type: ignore[call-overload]
    ]
    wait_for(lambda: _answers(port) and _answers(watcher), "Redis and Sentinel")
    yield f"127.0.0.1:{watcher}"
    for process in processes:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_master_is_found_through_sentinel(watched: str) -> None:
    client = connect(f"redis+sentinel://:pass@{watched}/library/0")
    wait_for(lambda: _pings(client), "the master")
    client.set("mingus:test", "1")
    assert client.get("mingus:test") == b"1"


def _pings(client: redis_py.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis_py.ConnectionError:
        return False


def test_a_sentinel_without_the_master_s_name_is_refused() -> None:
    with pytest.raises(UsageError, match="names no master"):
        connect("redis+sentinel://127.0.0.1:26379/")


def test_an_address_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(UsageError) as refusal:
        connect("https://user:secret@127.0.0.1/")
    assert "secret" not in str(refusal.value)


def test_nobody_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RedisUnavailable) as refusal, translated("here"):
        connect(f"unix://{tmp_path}/none.sock").ping()
    assert "here does not answer" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_key_of_another_kind_is_named_with_the_way_out(redis: redis_py.Redis) -> None:
    redis.set("rq:queues", "no set")
    with pytest.raises(RedisUnavailable) as refusal, translated("here"):
        asked = redis.pipeline()
        asked.smembers("rq:queues")
        asked.execute()
    assert "something else writes there" in str(refusal.value)
    assert "rq:queues" in str(refusal.value)


def test_passwords_are_masked() -> None:
    assert mask("redis://user:pa@ss@host:1/0") == "redis://user:***@host:1/0"
    assert mask("redis://host:1/0") == "redis://host:1/0"


def test_a_redis_belongs_to_the_first_store_that_used_it(redis: redis_py.Redis) -> None:
    claim_for_store(redis, "first", "here")
    claim_for_store(redis, "first", "here")
    with pytest.raises(Refused, match="belongs to the store first"):
        claim_for_store(redis, "second", "here")


def test_a_restored_store_takes_over_its_own_redis_and_no_other(redis: redis_py.Redis) -> None:
    claim_for_store(redis, "stranger", "here")
    assert stamp_anew(redis, "restored", ["before"], "here") == "of another store"
    assert owner(redis, "here") == "stranger"
    assert stamp_anew(redis, "restored", ["before", "stranger"], "here") == "stamped"
    assert owner(redis, "here") == "restored"
    assert stamp_anew(redis, "again", None, "here") == "stamped"
    assert owner(redis, "here") == "again"
