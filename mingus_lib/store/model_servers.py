"""What servers of models were found to take, so that each is asked once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mingus_lib.store.database import Store
from mingus_lib.store.values import as_text, as_time

# A server may learn: after a week the best manner is tried again.
TRUSTED_FOR = timedelta(days=7)


class ModelServers:
    """The manners of servers, as (form of answers, name of the limit)."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def recall(self, server: str, now: datetime | None = None) -> tuple[str, str] | None:
        """What was learned of the server within the last week."""
        sql = "SELECT answer_form, limit_name, learned_at FROM model_servers WHERE server = ?"
        row = self.store.row(sql, (server,))
        if row is None or as_time(row["learned_at"]) + TRUSTED_FOR < (now or datetime.now(UTC)):
            return None
        return row["answer_form"], row["limit_name"]

    def remember(self, server: str, form: str, limit_name: str, now: datetime | None = None) -> None:
        """Keep what was learned."""
        sql = """INSERT INTO model_servers VALUES (?, ?, ?, ?) ON CONFLICT (server) DO UPDATE SET
                 answer_form = excluded.answer_form, limit_name = excluded.limit_name,
                 learned_at = excluded.learned_at"""
        self.store.execute(sql, (server, form, limit_name, as_text(now or datetime.now(UTC))))
