"""The private Redis: one for all who start at once, on a short socket, never of an older server."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mingus_lib.errors import StoreUnavailable, UsageError
from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect


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


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("in the way")
    with pytest.raises(StoreUnavailable, match="set MINGUS_HOME"):
        embedded.ensure_running(home)
    home.unlink()
