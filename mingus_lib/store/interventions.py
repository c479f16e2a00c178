"""What an operator changes in the ledger. Every change is made before Redis hears of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from mingus_lib.store.database import Store
from mingus_lib.store.values import as_text, clean

PAUSED = "SELECT value FROM meta WHERE key = 'paused_queues'"
_SET_PAUSED = """
INSERT INTO meta VALUES ('paused_queues', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
WITHDRAW = """
UPDATE job_runs SET state = 'cancelled', reason = ?, ended_at = ?, scheduled_for = NULL
WHERE id = ? AND state IN ('queued', 'scheduled')
"""
_DROP = "UPDATE job_runs SET state = 'cancelled', reason = ?, ended_at = ? WHERE id = ? AND state = 'dead'"
_HASTEN = """
UPDATE job_runs SET state = 'queued', scheduled_for = NULL, reason = NULL, cancel_requested = 0
WHERE id = ? AND state = 'scheduled'
"""


class Interventions:
    """The operator's hand in the ledger. Every method may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def withdraw(self, ids: Iterable[str], reason: str, now: datetime) -> list[str]:
        """Cancel those of the jobs that wait; which they were. What runs or has ended stays as it is."""
        return self._change(WITHDRAW, [(reason, as_text(now), job_id) for job_id in ids])

    def drop(self, ids: Iterable[str], reason: str, now: datetime) -> list[str]:
        """Cancel those of the jobs that are dead; which they were. Their attempts stay on the record."""
        return self._change(_DROP, [(reason, as_text(now), job_id) for job_id in ids])

    def hasten(self, ids: Iterable[str]) -> list[str]:
        """Put those of the jobs that are scheduled among the queued; which they were."""
        return self._change(_HASTEN, [(job_id,) for job_id in ids])

    def paused(self) -> list[str]:
        """The queues that an operator paused."""
        return paused_queues(self._store.value(PAUSED))

    def pause(self, queues: Sequence[str]) -> list[str]:
        """Note that they are paused; those that were not before."""
        return self._change_paused(lambda known: sorted({*known, *queues}), queues)

    def resume(self, queues: Sequence[str]) -> list[str]:
        """Note that they are not paused any more; those that were before."""
        return self._change_paused(lambda known: sorted({*known} - {*queues}), queues)

    def _change_paused(self, change: Callable[[list[str]], list[str]], queues: Sequence[str]) -> list[str]:
        with self._store.transaction(durable=True) as connection:
            row = connection.execute(PAUSED).fetchone()
            before = paused_queues(row[0] if row else None)
            after = change(before)
            connection.execute(_SET_PAUSED, (json.dumps(after),))
        return [name for name in queues if (name in before) != (name in after)]

    def _change(self, sql: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
        # On the disk: after a power cut Redis is filled from here, and what was cancelled would run.
        with self._store.transaction(durable=True) as connection:
            return [row[-1] for row in rows if _changes(connection, sql, row)]


def _changes(connection: sqlite3.Connection, sql: str, row: tuple[str, ...]) -> bool:
    # Ids come out of Redis, too, where anybody may have put anything.
    return connection.execute(sql, tuple(map(clean, row))).rowcount > 0


def paused_queues(value: str | None) -> list[str]:
    """The queues in that value of the store."""
    return [str(name) for name in json.loads(value)] if value else []
