"""What became of each address of a job: the checkpoint that a second run of the job starts from."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from mingus_lib.domain.models import ItemOutcome, Outcome
from mingus_lib.store.database import Row
from mingus_lib.store.values import as_text, clean

_UPSERT = """
INSERT INTO article_outcomes (job_id, position, url, outcome, article_id, reason, final, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job_id, url) DO UPDATE SET
  position = excluded.position, outcome = excluded.outcome, article_id = excluded.article_id,
  reason = excluded.reason, final = excluded.final, at = excluded.at
"""
_COLUMNS = "url, outcome, article_id, reason, final"


def note(
    connection: sqlite3.Connection, job_id: str | None, position: int, item: ItemOutcome, now: datetime
) -> None:
    """Write the outcome of one address, over an earlier one; without a job there is nothing to note."""
    if job_id is None:
        return
    reason = None if item.reason is None else clean(item.reason)
    what = (clean(item.url), item.outcome.value, item.article_id, reason, int(item.final))
    connection.execute(_UPSERT, (job_id, position, *what, as_text(now)))


def settled(connection: sqlite3.Connection, job_id: str | None, url: str) -> ItemOutcome | None:
    """What an earlier run of this job made of the address, unless it failed for now."""
    sql = f"SELECT {_COLUMNS} FROM article_outcomes WHERE job_id = ? AND url = ? AND final"
    row = connection.execute(sql, (job_id, clean(url))).fetchone()
    return None if row is None else _item(row)


def of_jobs(connection: sqlite3.Connection, job_ids: Sequence[str]) -> list[ItemOutcome]:
    """Outcomes of these jobs, in the order of the jobs and of the addresses in each."""
    sql = f"SELECT {_COLUMNS} FROM article_outcomes WHERE job_id = ? ORDER BY position, url"
    return [_item(row) for job_id in job_ids for row in connection.execute(sql, (job_id,))]


def _item(row: Row) -> ItemOutcome:
    final = bool(row["final"])
    return ItemOutcome(row["url"], Outcome(row["outcome"]), row["article_id"], row["reason"], final)
