"""Redis that comes late, answers slowly, or fails over to its replica: workers wait and go on."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.queues.connection import connect
from mingus_lib.queues.redis_program import newest_server
from tests.conftest import CommandLine, wait_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Servers:
    """Redis servers of a test, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *lines: str, sentinel: bool = False) -> subprocess.Popen[bytes]:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        config = home / "redis.conf"
        config.write_text("\n".join(["bind 127.0.0.1", "protected-mode no", f"dir {home}", *lines]))
        command = [newest_server().path, str(config), *(["--sentinel"] if sentinel else [])]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    found = Servers(tmp_path)
    yield found
    found.stop()


def answers(port: int) -> bool:
    client = connect(f"redis://127.0.0.1:{port}/0")
    try:
        return bool(client.ping())
    except Exception as error:
        assert "refused" in str(error) or "loading" in str(error).lower() or "Connection" in str(error)
        return False
    finally:
        client.close()


def result_of(mingus: CommandLine, job_id: str, **env: Any) -> Any:
    return mingus("job", job_id, "--json", **env).json["result"]


def test_a_redis_that_comes_after_the_worker(mingus: CommandLine, servers: Servers) -> None:
    port = free_port()
    env: Any = {"MINGUS_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    worker = mingus.start("worker", "--queue", "cleanup", **env)
    try:
        assert worker.stderr is not None
        assert "does not answer" in worker.stderr.readline()
        refused = mingus("enqueue", "ping", "--queue", "cleanup", **env)
        assert refused.code == 69
        servers.start("late", f"port {port}", "appendonly yes")
        wait_for(lambda: answers(port), "Redis")
        job_id = mingus(
            "enqueue", "ping", "--queue", "cleanup", "--args", '{"token": "late"}', "-q", **env
        ).out.strip()
        wait_for(lambda: result_of(mingus, job_id, **env) == "late", "the job")
        assert len(mingus("jobs", "-q", **env).out.split()) == 1, "what was refused left no job"
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)


def test_a_slow_redis(parts: Any, redis: Any) -> None:
    import threading

    ids = [parts.ping(token=str(n)) for n in range(20)]
    slow = threading.Thread(target=lambda: [redis.execute_command("DEBUG", "SLEEP", "0.3") for _ in range(4)])
    slow.start()
    parts.worker().work()
    slow.join()
    assert [parts.job(each).result for each in ids] == [str(n) for n in range(20)]
    assert {parts.job(each).attempts for each in ids} == {1}


def test_a_failover_of_sentinel(mingus: CommandLine, servers: Servers) -> None:
    master, replica, watch = free_port(), free_port(), free_port()
    first = servers.start("master", f"port {master}", "appendonly yes")
    wait_for(lambda: answers(master), "the master")
    servers.start("replica", f"port {replica}", f"replicaof 127.0.0.1 {master}", "appendonly yes")
    wait_for(lambda: answers(replica), "the replica")
    servers.start(
        "sentinel",
        f"port {watch}",
        f"sentinel monitor library 127.0.0.1 {master} 1",
        "sentinel down-after-milliseconds library 1000",
        "sentinel failover-timeout library 5000",
        sentinel=True,
    )
    wait_for(lambda: answers(watch), "the sentinel")
    env: Any = {"MINGUS_REDIS_URL": f"redis+sentinel://127.0.0.1:{watch}/library"}
    state: Any = connect(f"redis://127.0.0.1:{watch}/0")
    wait_for(
        lambda: state.execute_command("SENTINEL", "REPLICAS", "library"), "the sentinel to know the replica"
    )
    worker = mingus.start("worker", "--queue", "cleanup", **env)
    try:
        enqueue = ("enqueue", "ping", "--queue", "cleanup", "-q", "--args")
        before = mingus(*enqueue, '{"token": "before"}', **env).out.strip()
        wait_for(lambda: result_of(mingus, before, **env) == "before", "a job before")
        first.send_signal(signal.SIGKILL)
        moved = wait_for(lambda: _accepted(mingus(*enqueue, '{"token": "after"}', **env)), "the failover")
        wait_for(lambda: result_of(mingus, moved, **env) == "after", "a job after")
    finally:
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=30)
        state.close()
    assert said.count("Redis answers again") == 1


def _accepted(shown: Any) -> str:
    assert shown.code in (0, 69), shown.err
    return shown.out.strip() if shown.code == 0 else ""
