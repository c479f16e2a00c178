"""`mingus` as a process of its own, forked from one that has loaded the code: a tenth of the time of a new Python.

The tests start the command line well over a thousand times. Such a process has its own environment, arguments and
standard streams, runs cli.py from its first line, and ends with its exit code or signal. What it does not show is the
cost and the laziness of imports, and its arguments in /proc: for these, and for what stays running, start a new Python.

    python -m tests.preloaded SOCKET        # serves until its standard input ends
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

MESSAGE_BYTES = 1 << 20
# They load numpy and its threads; who needs them loads them.
LEFT_OUT = ("mingus_lib.domain.recommend",)


class Preloaded:
    """The server's client; the server runs until `close`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = tempfile.TemporaryDirectory(prefix="mingus-pre-")
        self._path = f"{self._folder.name}/socket"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.preloaded", self._path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def run(
        self, arguments: Sequence[str], *, given: bytes, env: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Exit code (negative: the signal), standard output and error of `mingus ARGUMENTS`.

        Raises subprocess.TimeoutExpired after killing the process.
        """
        with (
            tempfile.TemporaryFile() as stdin,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            stdin.write(given)
            stdin.seek(0)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
                asking.connect(self._path)
                asking.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)
                told = json.dumps([list(arguments), dict(env)]).encode()
                socket.send_fds(asking, [told], [stdin.fileno(), out.fileno(), err.fileno()])
                pid = int(asking.recv(100))
                asking.settimeout(timeout)
                try:
                    code = int(asking.recv(100))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(["mingus", *arguments], timeout) from None
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()
        self._folder.cleanup()


def _load_everything() -> None:
    import cli
    import mingus_lib

    for _, module, *_ in cli.COMMANDS:
        importlib.import_module(f"mingus_lib.commands.{module}")
    for found in pkgutil.walk_packages(mingus_lib.__path__, "mingus_lib."):
        if not found.name.startswith(LEFT_OUT):
            importlib.import_module(found.name)


def _serve(path: str) -> tuple[list[str], dict[str, str]] | None:
    """Answer until standard input ends; in a forked process: what it has to run."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen(64)
    print("ready", flush=True)
    waiting = selectors.DefaultSelector()
    waiting.register(listening, selectors.EVENT_READ)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                return None
            if key.fileobj is listening:
                asking, _ = listening.accept()
                told, streams, _, _ = socket.recv_fds(asking, MESSAGE_BYTES, 3)
                if (pid := os.fork()) == 0:
                    for number, stream in enumerate(streams):
                        os.dup2(stream, number)
                    # By their owners: one that is collected later would close a number that is another file's by then.
                    waiting.close()
                    for each in (listening, asking, *(other for _, other in running.values())):
                        each.close()
                    for number in (*streams, *running):
                        os.close(number)
                    arguments, env = json.loads(told)
                    return arguments, env
                for stream in streams:
                    os.close(stream)
                asking.send(str(pid).encode())
                handle = os.pidfd_open(pid)
                running[handle] = (pid, asking)
                waiting.register(handle, selectors.EVENT_READ)
                continue
            handle = key.fd
            pid, asking = running.pop(handle)
            waiting.unregister(handle)
            os.close(handle)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            # Who asked may have lost patience, and killed it.
            with contextlib.suppress(OSError):
                asking.send(str(code).encode())
            asking.close()


def _become(arguments: list[str], env: dict[str, str]) -> NoReturn:
    """Run cli.py as a new Python would; its memory is left to the system, since freeing it takes most of the time."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = ["mingus", *arguments]
    code: object = 0
    try:
        runpy.run_module("cli", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _load_everything()
    gc.freeze()
    if (work := _serve(sys.argv[1])) is not None:
        _become(*work)
