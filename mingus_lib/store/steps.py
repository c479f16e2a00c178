"""Long work on a store that others write to, too: cut into short transactions, with pauses between them.

SQLite lets one process write at a time, and one that waits looks again ever more rarely (at last every 100 ms). So a
step is sized by how long the one before took, and a pause as long, or some times as long, follows it: the longer, the
rarer is a waiter that finds the lock taken at every look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

STEP_SECONDS = 0.03
SHORTEST_PAUSE_SECONDS = 0.01


class Steps:
    """Runs steps of about STEP_SECONDS each until `deadline`, a time.monotonic() value (None: no end).

    `pause` follows each step, in its own length.
    """

    def __init__(
        self, size: int = 50, largest: int = 2_000, *, deadline: float | None = None, pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep,
    ) -> None:  # fmt: skip
        self.size = size
        self._largest = largest
        self._deadline = deadline
        self._pause = pause
        self._clock = clock
        self._sleep = sleep

    @property
    def over(self) -> bool:
        """Whether there is no time left."""
        return self._deadline is not None and self._clock() >= self._deadline

    def step(self, work: Callable[[int], T]) -> T:
        """Do so much at once, in one transaction; then let others write."""
        begun = self._clock()
        done = work(self.size)
        took = self._clock() - begun
        # Never twice as much at once: the next rows may be heavier ones.
        factor = min(2.0, max(0.25, STEP_SECONDS / max(took, 1e-6)))
        self.size = min(self._largest, max(1, int(self.size * factor)))
        self._sleep(max(self._pause * took, SHORTEST_PAUSE_SECONDS))
        return done

    def through(self, found: Sequence[T], work: Callable[[Sequence[T]], object]) -> int:
        """Hand `found` to `work`, a step at a time, as far as there is time; how many it got."""
        at = 0
        while at < len(found) and not self.over:
            chunk = found[at : at + self.size]
            self.step(lambda _, chunk=chunk: work(chunk))  # type: ignore[misc]
            at += len(chunk)
        return at
