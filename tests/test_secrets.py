"""A whole run with marked secrets, then a search for the marks: argument lists, logs, output, Redis, the store."""

from __future__ import annotations

import json
import signal
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from tests.conftest import CommandLine, wait_for
from tests.fake_openai import FakeOpenAI
from tests.sites import Reply, Sites
from tests.test_dashboard_serving import address_of
from tests.test_services_ingest import page

MARKS = {
    "redis": "mark-redis-8d1f0c",
    "ai": "sk-mark-ai-77b2e9",
    "imap": "mark-imap-c03a51",
    "dashboard": "mark-dashboard-4f9e2a77b1c0d3e8",
    "broker": "mark-broker-90aa7d",
}


class PostOffice(socketserver.StreamRequestHandler):
    """An IMAP server that refuses everybody, and says what it was told, as some do."""

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, _, rest = line.strip().partition(b" ")
            if rest.upper().startswith(b"LOGIN"):
                self.server.seen.append(rest)  # type: ignore[attr-defined]
                self.wfile.write(tag + b" NO [AUTHENTICATIONFAILED] refused: " + rest + b"\r\n")
            else:
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")


@contextmanager
def post_office() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PostOffice) as server:
        server.seen = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def argument_lists() -> bytes:
    """What `ps` shows of every process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return b"\n".join(found)


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[str]:
    """A Redis with a password; its address with it."""
    folder = tmp_path / "r"
    embedded.ensure_running(folder)
    path = embedded.socket_path(folder)
    with connect(f"unix://{path}") as client:
        client.config_set("requirepass", MARKS["redis"])
    yield f"unix://:{MARKS['redis']}@{path}"
    with connect(f"unix://:{MARKS['redis']}@{path}") as client:
        client.config_set("requirepass", "")
    embedded.stop(folder)


def marked(mingus: CommandLine, redis: str, ai: str, imap_port: int) -> CommandLine:
    """The command line with every secret set."""
    env = {
        "MINGUS_REDIS_URL": redis,
        "OPENAI_API_KEY": MARKS["ai"],
        "OPENAI_BASE_URL": ai,
        "MINGUS_AI_RATE": "100",
        "MINGUS_IMAP_HOST": "127.0.0.1",
        "MINGUS_IMAP_PORT": str(imap_port),
        "MINGUS_IMAP_TLS": "none",
        "MINGUS_IMAP_USER": "letters",
        "MINGUS_IMAP_PASSWORD": MARKS["imap"],
        "MINGUS_DASHBOARD_TOKEN": MARKS["dashboard"],
        "MINGUS_LOG_LEVEL": "debug",
        "MINGUS_LOG_FILE": str(mingus.home.parent / "mingus.log"),
        "CELERY_BROKER_URL": f"redis://:{MARKS['broker']}@127.0.0.1:1/0",
    }
    return CommandLine(mingus.home, {**mingus.env, **env})


def test_no_secret_is_left_anywhere(mingus: CommandLine, guarded_redis: str, tmp_path: Path) -> None:
    said: list[str] = []
    with Sites() as sites, FakeOpenAI() as ai, post_office() as office:
        site = sites.add()
        site.on("/a", Reply(page("secrets")))
        here = marked(mingus, guarded_redis, ai.url, office.server_address[1])
        with connect(guarded_redis) as client:
            worker = here.start("worker", "--loglevel", "debug")
            dashboard = here.start("dashboard", "--port", "0")
            try:
                base = address_of(dashboard)
                wait_for(lambda: client.smembers("rq:workers"), "a worker")
                said += run_everything(here, site.url("/a"), tmp_path)
                answers = look_at(base)
                shown_by_ps = argument_lists()
            finally:
                for process in (worker, dashboard):
                    process.send_signal(signal.SIGTERM)
                    said += process.communicate(timeout=30)
            stored = b"".join(client.dump(key) or b"" for key in client.keys("*"))
        # The secrets were really used.
        assert any(MARKS["imap"].encode() in line for line in office.seen)
        assert ai.requests
    keys = [key["secret"] for key in json.loads((mingus.home / "keys.json").read_text("utf-8"))["keys"]]
    # Two files are there to hold a secret, for their owner alone.
    private = [mingus.home / "keys.json", tmp_path / "units" / "mingus.toml"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o600, 0o600]
    files = {
        path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path not in private
    }
    assert {"mingus.db", "mingus.log"} <= set(files)
    places = {
        "ps": shown_by_ps, "output": "".join(said).encode(), "dashboard": answers, "redis": stored, **files,
    }  # fmt: skip
    found = [
        (what, where) for what, mark in [*MARKS.items(), *(("signing", key) for key in keys)]
        for where, content in places.items() if mark.encode() in content
    ]  # fmt: skip
    assert found == []


def run_everything(here: CommandLine, url: str, folder: Path) -> list[str]:
    """Commands that use the secrets, succeed, fail and show settings; what they printed."""
    commands = [
        ("add", url, "--wait"),
        ("classify", "--all", "--wait", "--engine", "openai"),
        ("enqueue", "read_mailbox", "--wait"),
        ("migrate", "celery", "--dry-run"),
        ("enqueue", "ping", "--queue", "cleanup", "--args", '{"fail": "permanent"}', "--wait"),
        ("config", "show", "--json"),
        ("doctor", "--json"),
        ("status", "--json"),
        ("systemd", "--output", str(folder / "units")),
    ]
    said = []
    for command in commands:
        shown = here(*command)
        assert "Traceback" not in shown.err, (command, shown.err)
        said += [shown.out, shown.err]
    return said


def look_at(base: str) -> bytes:
    """Pages of the dashboard, with the token and with a wrong one."""
    right = {"Authorization": f"Bearer {MARKS['dashboard']}"}
    pages = [
        requests.get(f"{base}{path}", headers=right, timeout=10)
        for path in ("/", "/jobs", "/workers", "/metrics")
    ]
    pages.append(requests.get(f"{base}/jobs", headers={"Authorization": "Bearer wrong"}, timeout=10))
    assert pages[0].status_code == 200
    return b"".join(answer.content + repr(answer.headers).encode() for answer in pages)
