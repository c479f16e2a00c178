"""N worker processes and their aides under one parent: started, replaced when they die or hang, stopped together.

Every child counts the turns of its loop (turns.py). One that stands still for too long is killed and replaced: a loop
turns every second whatever its job does, so a long job is not a hang. A service manager is told how things are, and
its watchdog is fed by this loop while no child hangs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType

from mingus_lib.errors import UsageError
from mingus_lib.queues.notify import Notifier
from mingus_lib.queues.owner import Process
from mingus_lib.queues.turns import Doing, Pulses

log = logging.getLogger("mingus.worker")

POLL_SECONDS = 1.0
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# No command of ours ends with this code.
DISMISSED = 100
# A child that dies at once must not keep the machine busy with forks.
RESTART_PAUSE_SECONDS = 1.0
AIDES_SECONDS = 10.0
# Longer than the longest wait for Redis (30 s) and for the ledger (5 s) together.
HUNG_SECONDS = 60.0

Child = Callable[[int], None]


class Supervisor:
    """Keeps `count` processes running `child(number)`, and one for each of the `aides`, which are named functions.

    `burst` lets each child end by itself. A child that ends with a UsageError's code or a higher one cannot work as it
    was told, and one that ends with DISMISSED was told to leave: neither is started again.
    """

    def __init__(
        self,
        child: Child,
        count: int,
        *,
        burst: bool,
        aides: Mapping[str, Callable[[], object]] | None = None,
        pulses: Pulses | None = None,
        manager: Notifier | None = None,
    ) -> None:
        self._child = child
        # Workers are numbered from 1, aides from 0 downwards.
        self._aides = [*(aides or {}).items()]
        self._count = count
        self._burst = burst
        self._running: dict[int, int] = {}
        self._signals = 0
        self._failed = False
        self._pulses = pulses
        self._manager = manager or Notifier()
        watchdog = self._manager.watchdog
        # Half of the manager's time: else it would end all for one child that hangs.
        self._hung_after = HUNG_SECONDS if watchdog is None else min(HUNG_SECONDS, watchdog / 2)
        self._looked_at = time.monotonic()
        self._ready = False
        self.process = Process.this()
        # Children read from it and hear its end when this process is gone, however it went.
        self.lifeline, self._hold = os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)

    def run(self) -> int:
        """Until told to stop, or in burst mode until all have ended; the exit code.

        The first SIGTERM, SIGINT or SIGHUP lets current jobs finish, the second does not. Children
        whose supervisor was killed stop as if told to.
        """
        # A full pipe wakes us as well: Python's warning would only fill the log.
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for stop in STOPS:
            signal.signal(stop, self._note_signal)
        # So that a child's end wakes the loop.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for place in range(len(self._aides)):
            self._start(-place)
        for number in range(1, self._count + 1):
            self._start(number)
        passed_on = 0
        while self._workers():
            self._wait()
            if self._signals > passed_on:
                # One a turn: two signals at once would be one to a child, which counts them.
                passed_on += 1
                self._pass_on(signal.SIGTERM)
                self._manager.stopping()
                self._say_what_runs(passed_on)
            self._reap()
            self._look_after()
        self._end_aides()
        return 1 if self._failed else 0

    def _workers(self) -> list[int]:
        return [pid for pid, number in self._running.items() if number > 0]

    def _wait(self) -> None:
        select.select([self._wake_read], [], [], POLL_SECONDS)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    def _look_after(self) -> None:
        """Replace children that hang, and tell the service manager how things are."""
        hung = self._end_hung()
        if not hung:
            self._manager.feed()
        if self._pulses is None:
            return
        if not self._ready and all(map(self._pulses.turned, self._running.values())):
            self._ready = True
            self._manager.ready()
        self._manager.status(self._in_words(self._pulses))

    def _end_hung(self) -> bool:
        now = time.monotonic()
        # When this process was frozen itself, its children were too.
        elapsed, self._looked_at = min(now - self._looked_at, 2 * POLL_SECONDS), now
        if self._pulses is None:
            return False
        still = self._pulses.still(list(self._running.values()), elapsed, self._hung_after)
        for pid, number in self._running.items():
            if number in still:
                log.error("%s has not turned for %.0f s; it is killed", self._name(number), self._hung_after)
                # A gentler signal would only be counted, and a loop that stands still looks at no count.
                os.kill(pid, signal.SIGKILL)
        return bool(still)

    def _in_words(self, pulses: Pulses) -> str:
        """`2 workers: 1 busy, 1 idle; 1,204 jobs done`."""
        doing = [pulses.doing(number) for number in self._running.values() if number > 0]
        words = [f"{doing.count(what)} {what.name.lower()}" for what in reversed(Doing) if what in doing]
        stopping = "stopping; " if self._signals else ""
        workers, jobs = _counted(len(doing), "worker"), _counted(pulses.jobs(), "job")
        return f"{stopping}{workers}: {', '.join(words)}; {jobs} done"

    def _say_what_runs(self, signals: int) -> None:
        """So that nobody takes the wait for a job in hand for a hang."""
        if self._pulses is None or signals > 1:
            return
        busy = [self._pulses.doing(number) for number in self._running.values() if number > 0].count(
            Doing.BUSY
        )
        if busy:
            verb, it = ("runs", "it") if busy == 1 else ("run", "them")
            log.info("%s still %s; Ctrl-C (or SIGTERM) again puts %s back", _counted(busy, "job"), verb, it)

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _start(self, number: int) -> None:
        if self._pulses is not None:
            # Before the fork, since the new process may turn at once.
            self._pulses.clear(number)
        # Until the child has its own handlers, a stop would only be counted in it, and never be heard.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        pid = os.fork()
        if pid == 0:
            self._be_child(number)
        self._running[pid] = number
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def _be_child(self, number: int) -> None:
        code = 1
        try:
            # A terminal's Ctrl-C is for the parent alone, which passes it on once.
            os.setpgid(0, 0)
            # It is the parent's pipe: a signal of the child would wake the parent.
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for stop in (signal.SIGTERM, signal.SIGINT):
                signal.signal(stop, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            # A copy of this end in any child would keep the others from hearing of our end.
            os.close(self._hold)
            if number <= 0:
                self._aides[-number][1]()
            else:
                self._child(number)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except UsageError as error:
            log.critical("%s", error)
            code = error.exit_code
        except BaseException:
            log.exception("%s ended with an error", self._name(number))
        finally:
            logging.shutdown()
            os._exit(code)

    def _pass_on(self, number: signal.Signals) -> None:
        for pid in self._workers():
            os.kill(pid, number)

    def _end_aides(self) -> None:
        """Aides hold nothing that another could not take up: one that does not leave soon is killed."""
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + AIDES_SECONDS
        while self._running and time.monotonic() < deadline:
            self._wait()
            self._reap()
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self._running.pop(pid, None)
            if number is not None:
                self._after(number, os.waitstatus_to_exitcode(status))

    def _after(self, number: int, code: int) -> None:
        if code == DISMISSED:
            return
        if number > 0:
            # A death by a signal is a negative number, and no reason to give up.
            hopeless = code >= UsageError.exit_code
            self._failed = self._failed or (self._burst and code != 0) or hopeless
            if self._burst or hopeless:
                return
        # An aide serves the workers, and the last worker's end is no reason to leave its queues alone.
        if self._signals or (number <= 0 and not self._workers()):
            return
        log.warning("%s ended with code %d; starting another", self._name(number), code)
        time.sleep(RESTART_PAUSE_SECONDS)
        self._start(number)

    def _name(self, number: int) -> str:
        return f"worker {number}" if number > 0 else self._aides[-number][0]


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
