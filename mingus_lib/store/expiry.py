"""What has had its time in the store: found without a lock, deleted in short transactions, with the bytes it held.

Each kind is one query for keys and sizes, and one delete that looks again. Bytes are those of the deleted values; the
disk gets them back with `mingus db vacuum` or `maintain_database`.
"""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.retention import Expiring, Freed
from mingus_lib.store.database import Store
from mingus_lib.store.steps import Steps
from mingus_lib.store.values import as_text

# At most so many keys are held at a time.
PAGE = 50_000


@dataclass(frozen=True, slots=True)
class _Kind:
    """`chosen` is a condition on `source` with one parameter, the time before; `before` runs ahead of the delete."""

    table: str
    key: str
    octets: str
    chosen: str
    before: tuple[str, ...] = ()


# A mail that waits for its job looks at how that ended, and a family is told as one while a member of it is open.
_ENDED = """
created_at < ?1 AND ended_at < ?1 AND state IN ('finished', 'dead', 'cancelled')
AND id NOT IN (SELECT job_id FROM mails WHERE (state = 'stored' OR state = 'decided') AND job_id IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM job_runs AS c WHERE c.root_id = job_runs.id
  AND (c.state = 'queued' OR c.state = 'scheduled' OR c.state = 'started'))
AND NOT EXISTS (SELECT 1 FROM follow_ups AS f WHERE f.parent_id = job_runs.id AND f.enqueued_at IS NULL)
"""
# Before the rows go: reports on operations still tell of these jobs, and nothing else remembers them.
_COUNT_JOBS = """
INSERT INTO job_days SELECT substr(ended_at, 1, 10) AS day, task, queue, state, count(*), sum(attempts),
  coalesce(sum(max(0.0, (julianday(started_at) - julianday(created_at)) * 86400)), 0.0)
FROM job_runs WHERE id IN (SELECT value FROM json_each(?2)) AND {chosen} GROUP BY day, task, queue, state
ON CONFLICT (day, task, queue, state) DO UPDATE SET jobs = jobs + excluded.jobs,
  attempts = attempts + excluded.attempts, wait_seconds = wait_seconds + excluded.wait_seconds
"""
_NO_LONGER_SHOWN = """
DELETE FROM recommended WHERE reader IN (
  SELECT reader FROM recommendations WHERE reader IN (SELECT value FROM json_each(?2)) AND {chosen})
"""


def _texts(*columns: str) -> str:
    # One NULL would make the whole sum NULL; and length() of a text counts characters, hence the BLOBs.
    return " + ".join(f"coalesce(length(CAST({name} AS BLOB)), 0)" for name in columns)


_KINDS: Mapping[Expiring, _Kind] = {
    Expiring.LISTS: _Kind("recommendations", "reader", _texts("list"), "made_at < ?1", (_NO_LONGER_SHOWN,)),
    Expiring.PAGES: _Kind(
        "article_raw",
        "article_id",
        "length(body)",
        "EXISTS (SELECT 1 FROM articles AS a WHERE a.id = article_raw.article_id "
        "AND coalesce(a.fetched_at, a.added_at) < ?1)",
    ),
    Expiring.ANSWERS: _Kind("model_answers", "answer_key", _texts("answer"), "at < ?1"),
    # Bodies alone: the row of a mail keeps it from being read again.
    Expiring.MAILS: _Kind(
        "mail_bodies",
        "mail_id",
        "length(body)",
        "EXISTS (SELECT 1 FROM mails AS m WHERE m.id = mail_bodies.mail_id AND m.stored_at < ?1 "
        "AND m.state IN ('done', 'failed'))",
    ),
    Expiring.JOBS: _Kind(
        "job_runs", "id", _texts("id", "args", "result", "reason", "traceback"), _ENDED, (_COUNT_JOBS,)
    ),
    # A job that may run again still needs to know what it has settled.
    Expiring.OUTCOMES: _Kind(
        "article_outcomes",
        "job_id",
        _texts("url", "reason"),
        "at < ?1 AND final AND NOT EXISTS (SELECT 1 FROM job_runs AS j WHERE j.id = article_outcomes.job_id "
        "AND (j.state = 'queued' OR j.state = 'scheduled' OR j.state = 'started'))",
    ),
    # NULL is before no time: what nobody has enqueued yet stays.
    Expiring.FOLLOW_UPS: _Kind("follow_ups", "id", _texts("args"), "enqueued_at < ?1"),
}


class Expiry:
    """The old things of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def expired(self, what: Expiring, before: datetime) -> Freed:
        """What there is to delete: how much, and its bytes."""
        kind = _KINDS[what]
        row = self.store.row(
            f"SELECT count(*), coalesce(sum({kind.octets}), 0) FROM {kind.table} WHERE {kind.chosen}",
            (as_text(before),),
        )
        assert row is not None
        return Freed(what.value, row[0], row[1])

    def delete(self, what: Expiring, before: datetime, steps: Steps, report: Callable[[int], None]) -> Freed:
        """Delete it, as far as there is time; `report` gets how much is done."""
        freed, moment = Freed(what.value), as_text(before)
        while not steps.over:
            keys = self._keys(_KINDS[what], moment)

            def some(chunk: Sequence[Any]) -> None:
                self._delete(_KINDS[what], moment, chunk, freed)
                report(freed.removed)

            done = freed.removed
            seen = steps.through(keys, some)
            # Also when others were faster with everything: nothing is looked for in vain for ever.
            if seen < len(keys) or len(keys) < PAGE or freed.removed == done:
                freed.left = seen < len(keys)
                return freed
        freed.left = True
        return freed

    def _keys(self, kind: _Kind, moment: str) -> list[Any]:
        sql = f"SELECT DISTINCT {kind.key} FROM {kind.table} WHERE {kind.chosen} LIMIT {PAGE}"
        return [row[0] for row in self.store.rows(sql, (moment,))]

    def _delete(self, kind: _Kind, moment: str, keys: Sequence[Any], freed: Freed) -> None:
        values = (moment, json.dumps(keys))
        with self.store.transaction() as connection:
            for statement in kind.before:
                connection.execute(statement.format(chosen=kind.chosen), values)
            sizes = _deleted(connection, kind, values)
        freed.removed += len(sizes)
        freed.bytes += sum(sizes)


def _deleted(connection: sqlite3.Connection, kind: _Kind, values: tuple[str, str]) -> list[int]:
    sql = (
        f"DELETE FROM {kind.table} WHERE {kind.key} IN (SELECT value FROM json_each(?2)) AND {kind.chosen} "
        f"RETURNING {kind.octets}"
    )
    return [row[0] for row in connection.execute(sql, values)]
