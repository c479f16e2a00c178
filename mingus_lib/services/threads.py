"""The same work on many things at once, within a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

from mingus_lib.errors import MingusError

log = logging.getLogger("mingus.work")

# A thread that ends tells nobody, so that it is looked for.
LOOK_SECONDS = 0.05

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Once:
    """Work on one thing at a time for each key. What failed for a key has failed for all that come after it."""

    def __init__(self) -> None:
        self._own = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._failed: dict[str, MingusError] = {}

    def run(self, key: str, work: Callable[[], Result]) -> Result:
        """What `work` gives. Raises what it raises, or what it raised before."""
        with self._own:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key in self._failed:
                raise self._failed[key]
            try:
                return work()
            except MingusError as error:
                # Not tried anew for each of the others: every try may cost money.
                self._failed[key] = error
                raise


def in_threads(
    work: Callable[[Thing], Result], things: Sequence[Thing], threads: int, stop_at: float, give_up_at: float
) -> Iterator[Result | Exception]:
    """Run `work` on every thing; yields what comes back as it comes. Times are time.monotonic() values.

    Nothing begins after `stop_at`. What has not come back at `give_up_at` is left to itself: its thread ends with the
    call under way. After an exception, which is yielded, the rest is not begun.
    """
    waiting, arrived = SimpleQueue[Thing](), SimpleQueue[Result | Exception]()
    for each in things:
        waiting.put(each)
    over = threading.Event()

    def run() -> None:
        while not over.is_set() and time.monotonic() < stop_at:
            try:
                thing = waiting.get_nowait()
            except Empty:
                return
            try:
                arrived.put(work(thing))
            except Exception as error:
                over.set()
                _note(error)
                arrived.put(error)

    # Daemons: a call that hangs must not keep the process from ending.
    pool = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, len(things)))]
    for thread in pool:
        thread.start()
    try:
        yield from _arriving(pool, arrived, give_up_at)
    finally:
        over.set()


def _arriving(
    pool: Sequence[threading.Thread], arrived: SimpleQueue[Result | Exception], give_up_at: float
) -> Iterator[Result | Exception]:
    # Threads first: what one put before it ended is then found by the second look.
    while any(thread.is_alive() for thread in pool) or not arrived.empty():
        if time.monotonic() > give_up_at:
            return
        try:
            yield arrived.get(timeout=LOOK_SECONDS)
        except Empty:
            continue


def _note(error: Exception) -> None:
    """A bug keeps its traceback in the log: the job that yields it may be one of many."""
    if not isinstance(error, MingusError):
        log.error("work on a thread failed", exc_info=error)
