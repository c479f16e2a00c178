"""The dashboard as a process: it starts, answers, refuses what is unsafe, and stops cleanly."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from mingus_lib.dashboard.access import Access
from mingus_lib.dashboard.serving import Server
from mingus_lib.domain.pricing import Usage
from mingus_lib.errors import UsageError
from mingus_lib.runtime import Runtime
from mingus_lib.store.costs import Budget, Call, Costs, Reserved
from mingus_lib.store.database import Store
from tests.conftest import CommandLine
from tests.dashboard_parts import TOKEN, library, token_file
from tests.runtime_parts import Parts


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://\S+", line)
    assert found is not None, line
    return found[0].rstrip("/")


@pytest.mark.parametrize("name", ["dashboard", "flower"])
def test_it_serves_until_it_is_told_to_stop(mingus: CommandLine, name: str) -> None:
    process = mingus.start(name, "--port", "0")
    try:
        base = address_of(process)
        assert requests.get(f"{base}/", timeout=10).status_code == 200
        assert (
            requests.get(f"{base}/health", timeout=10)
            .json()["reasons"][0]
            .startswith("redis: the private Redis")
        )
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stdout is not None
    assert process.stdout.read() == ""


def test_nothing_is_bound_without_a_token(mingus: CommandLine) -> None:
    shown = mingus("dashboard", "--host", "0.0.0.0", "--port", "0")
    assert shown.code == 2
    assert "a token is needed" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_name_of_several_addresses_is_refused_with_its_addresses(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:
        hosts = ("127.0.0.1", "127.0.0.2") if host == "both.test" else (host,)
        return [found for each in hosts for found in real(each, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(UsageError, match=r"both\.test .*\(127\.0\.0\.1, 127\.0\.0\.2\).* --host"):
        Server(Access("both.test", 0, TOKEN), lambda: Runtime(library(parts)))


def test_with_a_token_it_listens_everywhere(mingus: CommandLine, tmp_path: Any) -> None:
    process = mingus.start(
        "dashboard", "--host", "0.0.0.0", "--port", "0", MINGUS_DASHBOARD_TOKEN_FILE=token_file(tmp_path)
    )
    try:
        base = address_of(process).replace("0.0.0.0", "127.0.0.1")
        assert requests.get(f"{base}/metrics", timeout=10).status_code == 401
        assert requests.get(f"{base}/metrics", timeout=10, auth=("ops", TOKEN)).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_the_service_manager_is_told(mingus: CommandLine, tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
        process = mingus.start("dashboard", "--port", "0", **told)
        told_us = [manager.recv(100) for _ in range(4)]
        assert told_us[0].startswith(b"STATUS=at http://127.0.0.1:")
        assert told_us[1:] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        manager.setblocking(False)
        while (last := manager.recv(100)) == b"WATCHDOG=1":
            continue
        assert last == b"STOPPING=1"


def test_a_port_in_use_is_named(mingus: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = mingus("dashboard", "--port", str(taken.getsockname()[1]))
    assert shown.code == 2
    assert "--port" in shown.err


def test_metrics_are_what_prometheus_takes(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup", "-q")
    mingus("worker", "--burst")
    families = {each.name: each for each in text_string_to_metric_families(mingus("metrics").out)}
    samples = {(s.name, *s.labels.values()): s.value for f in families.values() for s in f.samples}
    assert samples["mingus_redis_up",] == 1
    assert samples["mingus_jobs", "ping", "finished"] == 1
    assert samples["mingus_runs_total", "ping", "finished"] == 1
    assert samples["mingus_run_duration_seconds_count", "ping"] == 1
    assert samples["mingus_run_duration_seconds_bucket", "ping", "+Inf"] == 1
    assert families["mingus_run_duration_seconds"].type == "histogram"
    assert families["mingus_runs"].type == "counter"


def test_a_task_of_no_catalog_makes_no_label(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup", "-q")
    mingus("worker", "--burst")
    with closing(sqlite3.connect(mingus.home / "mingus.db")) as store, store:
        for table in ("job_counts", "task_days"):
            store.execute(f"UPDATE {table} SET task = ?", ('gone"\nx 1',))
    shown = mingus("metrics").out
    assert "gone" not in shown
    assert 'mingus_jobs{task="other",state="finished"} 1' in shown
    assert 'mingus_runs_total{task="other",outcome="finished"} 1' in shown


def test_metrics_of_nothing(mingus: CommandLine) -> None:
    shown = mingus("metrics")
    assert shown.code == 0
    assert "mingus_store_up 0" in shown.out


def test_metrics_tell_what_ai_models_cost_today(mingus: CommandLine) -> None:
    mingus("db", "migrate")
    costs, now = Costs(Store(mingus.home / "mingus.db")), datetime.now(UTC)
    for key, model, state in (
        ("a", "gpt-4.1", "answered"),
        ("b", 'x"\ny 1', "unknown"),
        ("c", "gpt-4.1", "open"),
    ):
        found = costs.reserve(Call(key, model, "labels-1", 0.25), Budget(), now)
        assert isinstance(found, Reserved)
        if state == "answered":
            costs.answered(found.call_id, Usage(100, 20), 0.125, "2026-01-01", now, "{}")
        elif state == "unknown":
            costs.failed(found.call_id, "time-out", now, unknown=True)
    shown = mingus("metrics", MINGUS_AI_DAILY_BUDGET="2").out
    assert 'mingus_ai_cost_today_usd{model="gpt-4.1"} 0.125' in shown
    assert 'mingus_ai_calls_today{model="gpt-4.1",outcome="open"} 1' in shown
    assert 'mingus_ai_calls_today{model="other",outcome="unknown"} 1' in shown
    assert 'mingus_ai_calls_today{model="gpt-4.1-mini",outcome="answered"} 0' in shown
    assert 'mingus_ai_budget_left_usd{period="day"} 1.375' in shown
    assert 'period="month"' not in shown
