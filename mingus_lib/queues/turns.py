"""The turns of the loops of a supervisor's children, in memory that they share with it.

A child counts its turns; the supervisor sees who has stood still for how long. Time counts only while the supervisor
itself runs, so that a machine that was frozen does not look like a hang.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

WORDS = 3
BYTES = 8


class Doing(IntEnum):
    """What a child's loop was doing at its last turn."""

    STARTING = 0
    WAITING = 1  # for Redis, or for a ledger that can be written
    IDLE = 2
    BUSY = 3


@dataclass
class Pulses:
    """One place a child, by its number: workers from 1, aides from 0 downwards. Made before the first fork."""

    count: int
    _seen: dict[int, int] = field(default_factory=dict, init=False)
    _still: dict[int, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        # Anonymous and shared: a write of one aligned word needs no lock.
        self._memory = memoryview(mmap.mmap(-1, self.count * WORDS * BYTES)).cast("q")

    def turn(self, number: int, doing: Doing, jobs: int = 0) -> None:
        """In the child: its loop has turned once more; `jobs` it has done so far."""
        at = self._place(number)
        self._memory[at + 1], self._memory[at + 2] = doing, jobs
        self._memory[at] += 1

    def clear(self, number: int) -> None:
        """In the supervisor: another process takes this place."""
        self._memory[self._place(number)] = 0
        self._memory[self._place(number) + 1] = Doing.STARTING
        self._memory[self._place(number) + 2] = 0
        self._seen.pop(number, None)
        self._still.pop(number, None)

    def turned(self, number: int) -> bool:
        """Whether its loop has turned at all."""
        return bool(self._memory[self._place(number)])

    def doing(self, number: int) -> Doing:
        """What it was doing at its last turn."""
        return Doing(self._memory[self._place(number) + 1])

    def jobs(self) -> int:
        """Jobs done by all that hold a place now."""
        return sum(self._memory[number * WORDS + 2] for number in range(self.count))

    def still(self, numbers: Iterable[int], elapsed: float, limit: float) -> list[int]:
        """Those whose loops have not turned for `limit` seconds; `elapsed` is the time since the last such look."""
        for number in numbers:
            turns = self._memory[self._place(number)]
            stood = turns == self._seen.get(number)
            self._still[number] = self._still.get(number, 0.0) + elapsed if stood else 0.0
            self._seen[number] = turns
        return [number for number in numbers if self._still[number] >= limit]

    def _place(self, number: int) -> int:
        # Python's remainder has the aides below 0 at the end.
        return number % self.count * WORDS
