"""Next steps of finished work whose task is not there yet: recorded now, enqueued later by the sweeper."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain.library import FollowUp
from mingus_lib.store.database import Row, Store
from mingus_lib.store.values import as_text, as_time

# The update changes nothing; without it RETURNING would be silent about a row that was there.
_INSERT = """
INSERT INTO follow_ups (task, args, parent_id, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (parent_id, task, args) DO UPDATE SET task = excluded.task
RETURNING id
"""
_PENDING = """
SELECT id, task, args, parent_id, created_at FROM follow_ups WHERE enqueued_at IS NULL ORDER BY id LIMIT ?
"""
_PENDING_OF = """
SELECT id, task, args, parent_id, created_at FROM follow_ups
WHERE enqueued_at IS NULL AND task IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?
"""


class FollowUps:
    """The follow-ups of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def record(self, task: str, args: Mapping[str, Any], parent_id: str, now: datetime | None = None) -> int:
        """Record a next step of the job `parent_id`; its id. The same step twice is recorded once."""
        values = (task, json.dumps(dict(args), sort_keys=True), parent_id, as_text(now or datetime.now(UTC)))
        with self.store.transaction() as connection:
            return int(connection.execute(_INSERT, values).fetchone()[0])

    def pending(self, tasks: Collection[str] | None = None, limit: int = 1000) -> list[FollowUp]:
        """What is still to be enqueued, oldest first; of these tasks only, when given."""
        if tasks is None:
            return [_follow_up(row) for row in self.store.rows(_PENDING, (limit,))]
        chosen = json.dumps(sorted(tasks))
        return [_follow_up(row) for row in self.store.rows(_PENDING_OF, (chosen, limit))]

    def mark(self, follow_up_id: int, job_id: str, now: datetime) -> bool:
        """Say that it was enqueued as `job_id`; False when somebody else was faster."""
        sql = "UPDATE follow_ups SET enqueued_at = ?, job_id = ? WHERE id = ? AND enqueued_at IS NULL"
        return self.store.execute(sql, (as_text(now), job_id, follow_up_id)) == 1


def _follow_up(row: Row) -> FollowUp:
    args = json.loads(row["args"])
    return FollowUp(row["id"], row["task"], args, row["parent_id"], as_time(row["created_at"]))
