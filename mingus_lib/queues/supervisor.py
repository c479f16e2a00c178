"""N worker processes under one parent: started, replaced when they die, stopped together."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

log = logging.getLogger("mingus.worker")

POLL_SECONDS = 0.1
RESTART_PAUSE_SECONDS = 1.0

Child = Callable[[int], None]


class Supervisor:
    """Keeps `count` processes running `child(number)`; `burst` lets each end by itself."""

    def __init__(self, child: Child, count: int, *, burst: bool) -> None:
        self._child = child
        self._count = count
        self._burst = burst
        self._running: dict[int, int] = {}
        self._signals = 0
        self._failed = False
        # Children read from it and hear its end when this process is gone, however it went.
        self._lifeline = os.pipe()

    def run(self) -> int:
        """Until told to stop, or in burst mode until all have ended; the exit code.

        The first SIGTERM, SIGINT or SIGHUP lets current jobs finish, the second does not. Children
        whose supervisor was killed stop as if told to.
        """
        for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(stop, self._note_signal)
        for number in range(1, self._count + 1):
            self._start(number)
        passed_on = 0
        while self._running:
            if self._signals > passed_on:
                passed_on = self._signals
                self._pass_on(signal.SIGTERM)
            self._reap()
            time.sleep(POLL_SECONDS)
        return 1 if self._failed else 0

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _start(self, number: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._be_child(number)
        self._running[pid] = number

    def _be_child(self, number: int) -> None:
        code = 1
        try:
            # A terminal's Ctrl-C is for the parent alone, which passes it on once.
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            self._stop_with_parent()
            self._child(number)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            log.exception("worker %d ended with an error", number)
        finally:
            logging.shutdown()
            os._exit(code)

    def _stop_with_parent(self) -> None:
        reading, writing = self._lifeline
        os.close(writing)

        def watch() -> None:
            os.read(reading, 1)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=watch, name="lifeline", daemon=True).start()

    def _pass_on(self, number: signal.Signals) -> None:
        for pid in self._running:
            os.kill(pid, number)

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self._running.pop(pid, None)
            if number is not None:
                self._after(number, os.waitstatus_to_exitcode(status))

    def _after(self, number: int, code: int) -> None:
        self._failed = self._failed or (self._burst and code != 0)
        if self._burst or self._signals:
            return
        log.warning("worker %d ended with code %d; starting another", number, code)
        time.sleep(RESTART_PAUSE_SECONDS)
        self._start(number)
