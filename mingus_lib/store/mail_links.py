"""Rows of mail_links: written with their mail, sent on, and looked up by target. Inside the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from mingus_lib.domain.mails import SENT_ON, JudgedLink, LinkDecision
from mingus_lib.store.values import clean

TO_SEND = """
SELECT mail_id, position, target FROM mail_links
WHERE mail_id IN (SELECT value FROM json_each(?)) AND decision IN ('fetch', 'follow', 'hold') AND job_id IS NULL
ORDER BY quality DESC, mail_id, position
"""
DONE = """
UPDATE mails SET state = 'done' WHERE id IN (SELECT value FROM json_each(?)) AND state = 'decided' AND NOT EXISTS (
  SELECT 1 FROM mail_links AS l
  WHERE l.mail_id = mails.id AND l.decision IN ('fetch', 'follow', 'hold') AND l.job_id IS NULL)
"""
_INSERT = """
INSERT INTO mail_links (mail_id, position, url, target, anchor, place, hidden, wrappers, decision, reason, host,
  quality, job_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# On its way: not sent yet, or its job has neither failed nor said what became of it.
_PENDING = """
SELECT l.mail_id FROM mail_links AS l LEFT JOIN job_runs AS j ON j.id = l.job_id
WHERE l.target = ?1 AND l.mail_id <> ?2 AND l.decision IN ('fetch', 'follow', 'hold')
  AND (l.job_id IS NULL OR j.state NOT IN ('dead', 'cancelled'))
  AND NOT EXISTS (SELECT 1 FROM article_outcomes AS o WHERE o.url = ?1 AND o.final)
LIMIT 1
"""
_SENT_BEFORE = """
SELECT l.target, l.job_id FROM mail_links AS l LEFT JOIN job_runs AS j ON j.id = l.job_id
WHERE l.mail_id = ? AND l.job_id IS NOT NULL AND coalesce(
  (SELECT o.outcome <> 'failed' FROM article_outcomes AS o WHERE o.url = l.target AND o.final
   ORDER BY o.at DESC LIMIT 1),
  j.state IS NULL OR j.state NOT IN ('dead', 'cancelled'))
"""
# A stranger wrote it, and it is only shown: the target, which is fetched, is never cut.
MAX_URL = 8_192


def pending(connection: sqlite3.Connection, target: str, mail_id: int) -> int | None:
    """Another mail that has this address on its way to become an article."""
    row = connection.execute(_PENDING, (clean(target), mail_id)).fetchone()
    return None if row is None else int(row[0])


def sent_before(connection: sqlite3.Connection, mail_id: int) -> dict[str, str]:
    """The addresses that this mail sent on in an earlier reading and that did not fail, with their jobs."""
    return {row["target"]: row["job_id"] for row in connection.execute(_SENT_BEFORE, (mail_id,))}


def replace_all(
    connection: sqlite3.Connection,
    mail_id: int,
    links: Sequence[tuple[JudgedLink, LinkDecision, str | None]],
    earlier: dict[str, str],
) -> None:
    """Write the links of a mail in place of those of an earlier reading."""
    connection.execute("DELETE FROM mail_links WHERE mail_id = ?", (mail_id,))
    rows = [
        (mail_id, position, *_row(link, decision, reason), _job(link, decision, earlier))
        for position, (link, decision, reason) in enumerate(links, 1)
    ]
    connection.executemany(_INSERT, rows)


def _row(link: JudgedLink, decision: LinkDecision, reason: str | None) -> tuple[object, ...]:
    texts = (link.url[:MAX_URL], link.target, link.anchor, link.place, reason)
    url, target, anchor, place, why = (None if text is None else clean(text) for text in texts)
    about = (url, target, anchor, place, int(link.hidden), json.dumps(link.wrappers))
    return (*about, decision.value, why, link.host, link.quality)


def _job(link: JudgedLink, decision: LinkDecision, earlier: dict[str, str]) -> str | None:
    return earlier.get(link.target or "") if decision in SENT_ON else None
