"""The dashboard of a test: its app over a real store and Redis, asked directly or served on loopback."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mingus_lib import settings
from mingus_lib.dashboard import access
from mingus_lib.dashboard.app import create
from mingus_lib.dashboard.serving import Server
from mingus_lib.runtime import Runtime
from mingus_lib.settings import Settings
from tests.runtime_parts import Parts

TOKEN = "correct-horse-battery"
HOME = "http://localhost"


def library(parts: Parts, **flags: str) -> Settings:
    """Settings of the library of `parts`, with these values."""
    given = {"home": str(parts.folder), "redis_url": parts.url, **flags}
    return settings.load(given, env={}, system=parts.folder / "absent.toml")


def client(parts: Parts, **flags: str) -> FlaskClient:
    """A browser without a screen, in front of the app."""
    told = library(parts, **flags)
    return create(lambda: Runtime(told), access.from_settings(told)).test_client()


def post(browser: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """A form of ours sent, as a browser on one of our pages sends it."""
    token = form_token(browser)
    return browser.post(path, data={"form_token": token, **fields}, headers={"Origin": HOME})


def form_token(browser: FlaskClient) -> str:
    """What the forms of this session carry."""
    found = re.search(r'name="form_token" value="(\w+)"', browser.get("/jobs").text)
    assert found is not None
    return found[1]


@contextmanager
def served(parts: Parts, **flags: str) -> Iterator[str]:
    """The real server, in a thread; its address without the slash."""
    told = library(parts, **{"dashboard_port": "0", **flags})
    server = Server(access.from_settings(told), lambda: Runtime(told))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address.rstrip("/")
    finally:
        server.stop()
        thread.join(15)


def token_file(folder: Path) -> str:
    """A file with TOKEN, for its owner alone."""
    path = folder / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return str(path)
