"""How a job ends: written to the ledger first, then told to Redis with the next turn.

A result that the ledger cannot take yet is kept, and written first when writing works again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from mingus_lib.errors import StoreUnavailable
from mingus_lib.queues.delivery import How, Settlement

log = logging.getLogger("mingus.worker")


class Endings:
    """The end of at most one job: `unwritten` while the ledger lacks it, `done` while only Redis does.

    `probe` raises StoreUnavailable while the worker cannot work.
    """

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        self.done: Settlement | None = None
        self.degraded = False
        self._unwritten: tuple[Callable[[], object], Settlement] | None = None

    @property
    def unwritten(self) -> bool:
        """Whether an end waits for the ledger."""
        return self._unwritten is not None

    def record(self, write: Callable[[], object], settlement: Settlement) -> None:
        """Write the end to the ledger, now or later; then it is `done`."""
        try:
            write()
        except StoreUnavailable as error:
            self.degrade(error)
            self._unwritten = (write, settlement)
        else:
            self.done = settlement

    def try_again(self) -> None:
        """Write what is unwritten, if the ledger can be written now."""
        if self._unwritten is not None and self.is_writable():
            # Taken out first: `record` keeps it again when the ledger refuses again.
            write, settlement = self._unwritten
            self._unwritten = None
            self.record(write, settlement)

    def give_back(self) -> None:
        """Give up on an unwritten end: the job is queued again, since it is safe to run twice."""
        if self._unwritten is not None:
            self.done, self._unwritten = Settlement(self._unwritten[1].job, How.QUEUED), None

    def degrade(self, error: StoreUnavailable) -> None:
        """Take no more jobs until the ledger can be written."""
        # Said once, not every second that it lasts.
        if not self.degraded:
            log.critical("no jobs are taken: %s", error)
        self.degraded = True

    def is_writable(self) -> bool:
        """Whether the ledger can be written: tried, when it could not be before."""
        if self.degraded:
            try:
                self._probe()
            except StoreUnavailable:
                return False
            log.warning("jobs are taken again")
            self.degraded = False
        return True
