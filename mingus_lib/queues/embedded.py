"""The private Redis of a state directory: found or started under a lock, shared and left running."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import socket as socket_module
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mingus_lib.errors import RedisUnavailable, StoreUnavailable
from mingus_lib.queues.redis_program import Server, choose_server
from mingus_lib.sharing import PRIVATE_FOLDER, SHARED_FOLDER, file_mode, is_shared

if TYPE_CHECKING:
    from redis import Redis

# The kernel's sun_path has 108 bytes on Linux, 104 on macOS, with the NUL at its end.
MAX_SOCKET_PATH_BYTES = 100
START_TIMEOUT_SECONDS = 15.0
POLL_SECONDS = 0.02


def socket_path(home: Path) -> Path:
    """Where the embedded Redis of `home` listens; a private short folder when the path is too long."""
    direct = home / "redis" / "redis.sock"
    if len(os.fsencode(direct)) <= MAX_SOCKET_PATH_BYTES:
        return direct
    # Two libraries of one user must not meet on one socket.
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return base / f"mingus-{os.getuid()}-{digest}" / "redis.sock"


def url(home: Path) -> str:
    """The embedded Redis' address."""
    return address(socket_path(home))


def address(socket: Path) -> str:
    """The address of a Redis that listens on `socket`."""
    # The rest of the path stays readable: messages show it.
    return "unix://" + re.sub("[%?#@]", lambda found: f"%{ord(found[0]):X}", str(socket))


def ensure_running(home: Path) -> bool:
    """Start the Redis of `home` unless it answers already; True when this call started it.

    Raises RedisUnavailable when it does not come up, UsageError when its data belongs to a
    newer server than the one found.
    """
    if answers_now(home):
        return False
    folder = prepare(home)
    with lock(folder / "lock"):
        # Another process may have started it while this one waited for the lock.
        if answers_now(home):
            return False
        if answers(home):
            # It still reads its file. Another one would take its socket and write to the same file.
            _await_answer(home, folder)
            return False
        try:
            server = choose_server(folder)
            _spawn(server, folder, socket_path(home))
        except OSError as error:
            raise _unusable(folder, error) from error
        _await_answer(home, folder)
    return True


def stop(home: Path) -> None:
    """Shut the Redis of `home` down, its append-only file written; quiet when it is not running."""
    from redis.exceptions import ConnectionError as RedisConnectionError

    if not answers_now(home):
        return
    with contextlib.suppress(RedisConnectionError):
        # The append-only file has everything; a snapshot would only take time.
        _client(home).shutdown(save=False)
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while answers_now(home) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def other_clients(home: Path) -> int:
    """How many connections of other processes the Redis of `home` has."""
    client = _client(home)
    own = client.client_id()
    return sum(1 for entry in client.client_list() if int(entry["id"]) != own)


def answers(home: Path) -> bool:
    """Whether the Redis of `home` is up, or busy coming up; a socket without a server does not count."""
    probe = socket_module.socket(socket_module.AF_UNIX)
    try:
        # No command: a server that reads its file takes connections, but answers none yet.
        probe.connect(str(socket_path(home)))
    except OSError:
        return False
    finally:
        probe.close()
    return True


def _client(home: Path) -> Redis:
    from mingus_lib.queues.connection import connect

    return connect(url(home))


def answers_now(home: Path) -> bool:
    """Whether it takes commands: one that is loading its file does not yet."""
    from redis.exceptions import RedisError

    if not socket_path(home).exists():
        return False
    client = _client(home)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def prepare(home: Path) -> Path:
    """Make the folders; that of the Redis of `home` is the group's too when `home` is. Raises StoreUnavailable."""
    _private_folder(home)
    _private_folder(socket_path(home).parent)
    folder = _private_folder(home / "redis")
    if is_shared(home):
        folder.chmod(SHARED_FOLDER)
    return folder


def _private_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError as error:
        raise _unusable(folder, error) from error
    # In a temporary folder somebody else may have been there first, with a folder or a link of theirs.
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise StoreUnavailable(f"{folder} is not a folder of this user; remove it or set MINGUS_HOME")
    return folder


def _unusable(folder: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"cannot use {folder}: {error.strerror}; free some space, or set MINGUS_HOME to a writable folder"
    )


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Alone in the block; makes the folder."""
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        # The file stays afterwards: whoever removed it would leave two processes alone, on two files.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path.parent, error) from error
    try:
        # A lock, not the file's being there: the kernel lets go of it with a process that is killed.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_configuration(folder: Path, socket: Path) -> Path:
    """The file that the server is started with."""
    config = folder / "redis.conf"
    config.write_text(_configuration(folder, socket), "utf-8")
    config.chmod(0o600)
    return config


def _spawn(server: Server, folder: Path, socket: Path) -> None:
    config = write_configuration(folder, socket)
    try:
        started = subprocess.run(  # noqa: S603
            [server.path, str(config)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RedisUnavailable(
            f"the embedded Redis in {folder}: {server.path} did not go into the background in "
            f"{START_TIMEOUT_SECONDS:.0f} s"
        ) from error
    if started.returncode != 0:
        said = (started.stderr or started.stdout).strip().splitlines()
        raise RedisUnavailable(
            f"the embedded Redis in {folder} did not start: {said[-1] if said else 'no message'}"
        )


def _configuration(folder: Path, socket: Path) -> str:
    lines = {
        # Without a port only those reach it who may open its socket.
        "port": "0",
        "unixsocket": _quoted(socket),
        "unixsocketperm": f"{file_mode(folder.parent):o}",
        "dir": _quoted(folder),
        "daemonize": "yes",
        "pidfile": _quoted(folder / "redis.pid"),
        "logfile": _quoted(folder / "redis.log"),
        "appendonly": "yes",
        # A power cut may take the last second, which the ledger gives back.
        "appendfsync": "everysec",
        "save": '""',
        # Anything else would delete jobs to make room.
        "maxmemory-policy": "noeviction",
        "databases": "1",
    }
    return "".join(f"{key} {value}\n" for key, value in lines.items())


def _quoted(path: Path) -> str:
    # A path may hold spaces and quotes, at which the file's words are cut.
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _await_answer(home: Path, folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not answers_now(home):
        if time.monotonic() > deadline:
            raise RedisUnavailable(
                f"the embedded Redis did not answer within {START_TIMEOUT_SECONDS:.0f} s; see {folder / 'redis.log'}"
            )
        time.sleep(POLL_SECONDS)
