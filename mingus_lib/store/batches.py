"""Batches of questions handed to a provider: which they are, and what became of each article in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mingus_lib.store.database import Row, Store
from mingus_lib.store.values import as_text, as_time


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch. `provider_id` None: it is not known whether it was handed over."""

    id: int
    provider_id: str | None
    state: str
    model: str
    created_at: datetime
    reason: str | None
    articles: int
    waiting: int


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One article of a batch that still waits for its answer."""

    article_id: int
    answer_key: str
    call_id: int


_SHOWN = """
SELECT b.id, b.provider_id, b.state, b.model, b.created_at, b.reason, count(i.article_id) AS articles,
  coalesce(sum(i.state = 'waiting'), 0) AS waiting
FROM model_batches AS b LEFT JOIN model_batch_items AS i ON i.batch_id = b.id
"""


class Batches:
    """The batches of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def prepare(self, model: str, items: Sequence[BatchItem], now: datetime) -> int:
        """Put a batch on the record before it is handed over; its id."""
        # All or none: articles that wait in no batch would never be labelled.
        with self.store.transaction() as connection:
            sql = "INSERT INTO model_batches (state, model, created_at) VALUES ('preparing', ?, ?)"
            batch_id = connection.execute(sql, (model, as_text(now))).lastrowid
            assert batch_id is not None
            sql = """INSERT INTO model_batch_items (batch_id, article_id, answer_key, call_id, state)
                     VALUES (?, ?, ?, ?, 'waiting')"""
            rows = [(batch_id, each.article_id, each.answer_key, each.call_id) for each in items]
            connection.executemany(sql, rows)
            return batch_id

    def handed_over(self, batch_id: int, provider_id: str) -> None:
        """The provider has it."""
        sql = "UPDATE model_batches SET provider_id = ?, state = 'running' WHERE id = ?"
        self.store.execute(sql, (provider_id, batch_id))

    def looked(self, batch_id: int, now: datetime) -> None:
        """It was asked for, and runs."""
        sql = "UPDATE model_batches SET looked_at = ? WHERE id = ?"
        self.store.execute(sql, (as_text(now), batch_id))

    def open(self) -> list[BatchRow]:
        """Those that have not ended, oldest first."""
        sql = f"{_SHOWN} WHERE b.state IN ('preparing', 'running') GROUP BY b.id ORDER BY b.id"
        return [_row(row) for row in self.store.rows(sql)]

    def latest(self, limit: int = 20) -> list[BatchRow]:
        """The latest, newest first."""
        sql = f"{_SHOWN} GROUP BY b.id ORDER BY b.id DESC LIMIT ?"
        return [_row(row) for row in self.store.rows(sql, (limit,))]

    def waiting(self, batch_id: int) -> dict[str, BatchItem]:
        """The articles that wait for their answers, by the key of the question."""
        sql = "SELECT article_id, answer_key, call_id FROM model_batch_items WHERE batch_id = ? AND state = 'waiting'"
        items = (BatchItem(*row) for row in self.store.rows(sql, (batch_id,)))
        return {item.answer_key: item for item in items}

    def mark(self, batch_id: int, article_id: int, state: str, reason: str | None = None) -> None:
        """What became of an article: labelled or failed."""
        sql = "UPDATE model_batch_items SET state = ?, reason = ? WHERE batch_id = ? AND article_id = ?"
        self.store.execute(sql, (state, reason, batch_id, article_id))

    def end(self, batch_id: int, state: str, reason: str | None, now: datetime) -> None:
        """The batch is over: ended or failed."""
        sql = "UPDATE model_batches SET state = ?, reason = ?, ended_at = ? WHERE id = ?"
        self.store.execute(sql, (state, reason, as_text(now), batch_id))


def _row(row: Row) -> BatchRow:
    return BatchRow(**dict(row) | {"created_at": as_time(row["created_at"])})
