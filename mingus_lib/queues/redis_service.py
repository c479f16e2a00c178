"""The private Redis as a service: in the foreground, under a service manager that is told when it is ready."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import NoReturn

from mingus_lib.errors import Refused
from mingus_lib.queues import embedded
from mingus_lib.queues.notify import Notifier
from mingus_lib.queues.owner import Process
from mingus_lib.queues.redis_program import choose_server


def become_redis(home: Path, manager: Notifier) -> NoReturn:
    """Replace this process by the Redis server of `home`, logging to standard output.

    A helper keeps the lock of the folder until the server answers, so that nobody starts a second one on the same
    file meanwhile, and then says that it is ready. Raises Refused when it runs already, and as ensure_running.
    """
    folder, socket = embedded.prepare(home), embedded.socket_path(home)
    with embedded.lock(folder / "lock"):
        if embedded.answers(home):
            told = shlex.quote(str(folder / "redis.pid"))
            raise Refused(f"the Redis of {home} runs already; stop it: kill $(cat {told})")
        server = choose_server(folder)
        config = embedded.write_configuration(folder, socket)
        _fork_helper(home, manager)
        # Not a daemon, whatever the file says, and no log file: the service manager keeps the log.
        os.execv(server.path, [server.path, str(config), "--daemonize", "no", "--logfile", ""])  # noqa: S606


def _fork_helper(home: Path, manager: Notifier) -> None:
    """A grandchild, so that the server need not reap it."""
    # exec keeps pid and start time: the helper sees this process become the server.
    server = Process.this()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        # Loading a large file takes its time; a server that has ended leaves nothing to wait for.
        while not server.gone and not embedded.answers_now(home):
            time.sleep(embedded.POLL_SECONDS)
        if not server.gone:
            manager.status(f"the Redis of {home} answers")
            manager.ready()
    finally:
        os._exit(0)
