"""Mails in the store: kept, decided about, sent on, forgotten. The ledger that reads no mail twice."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from mingus_lib.domain.mails import (
    SENT_ON,
    JudgedLink,
    LinkDecision,
    MailHead,
    MailState,
    Mark,
    ParsedMail,
    RawMail,
)
from mingus_lib.errors import NotFound
from mingus_lib.store import article_lookup, mail_links
from mingus_lib.store.article_rows import PLACEHOLDERS
from mingus_lib.store.database import Store
from mingus_lib.store.values import as_optional_text, as_text, clean

COMPRESSION = 3
COUNTERS = ("seen", "again", "older", "no_mail")

_KEEP = """
INSERT INTO mails (identity, message_id, subject, sender, sender_name, sent_at, stored_at, source, size, run_id, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'stored')
"""
_BY_IDENTITY = "SELECT id, state, job_id FROM mails WHERE identity = ?"
# With another UIDVALIDITY the server has numbered the mails anew; otherwise the mark never goes back.
_HIGH_WATER = """
INSERT INTO mailboxes (account, folder, uidvalidity, last_uid, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (account, folder) DO UPDATE SET uidvalidity = excluded.uidvalidity, at = excluded.at,
  last_uid = CASE WHEN uidvalidity = excluded.uidvalidity THEN max(last_uid, excluded.last_uid)
             ELSE excluded.last_uid END
"""
# A job that was never recorded or that finished without the mail leaves it to others; a dead or cancelled one is an
# operator's business.
_UNFINISHED = """
SELECT m.id FROM mails AS m LEFT JOIN job_runs AS j ON j.id = m.job_id
WHERE (m.state = 'stored' OR m.state = 'decided') AND m.stored_at < ? AND m.id > ?
  AND (j.id IS NULL OR j.state = 'finished') ORDER BY m.id LIMIT ?
"""
# One mail may have killed the job of a hundred: each of them gets another chance, in a job of its own.
_TAKEN_ALONG = """
SELECT m.id FROM mails AS m JOIN job_runs AS j ON j.id = m.job_id
WHERE (m.state = 'stored' OR m.state = 'decided') AND m.id > ? AND j.state = 'dead'
  AND json_type(j.args, '$.mail') = 'array' AND json_array_length(j.args, '$.mail') > 1
ORDER BY m.id LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail's id, whether it is new here, and whether some job has still to be made for it.

    `differs`: the one that is known by this Message-ID says something else.
    """

    id: int
    new: bool
    waits: bool
    differs: bool = False


class Mails:
    """The mails of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def begin_run(self, source: str, now: datetime) -> int:
        """Open a run, whose counts grow with `keep`; its id."""
        sql = "INSERT INTO mail_runs (source, started_at) VALUES (?, ?) RETURNING id"
        with self.store.transaction() as connection:
            return int(connection.execute(sql, (clean(source), as_text(now))).fetchone()[0])

    def keep(
        self,
        mails: Sequence[tuple[MailHead, RawMail]],
        *,
        now: datetime,
        run_id: int | None = None,
        counts: dict[str, int] | None = None,
        mark: Mark | None = None,
    ) -> list[Kept]:
        """Store mails, the run's counts and the mailbox's mark together, on the disk when it returns."""
        # Before the transaction, so that nobody waits for the lock while this packs.
        packed = [zlib.compress(raw.body, COMPRESSION) for _, raw in mails]
        # On the disk: the mark says that these mails need never be fetched again.
        with self.store.transaction(durable=True) as connection:
            kept = [
                _keep(connection, head, raw, body, run_id, now)
                for (head, raw), body in zip(mails, packed, strict=True)
            ]
            added = {**(counts or {}), "again": sum(not each.new for each in kept)}
            for name in COUNTERS if run_id is not None else ():
                sql = f"UPDATE mail_runs SET {name} = {name} + ? WHERE id = ?"
                connection.execute(sql, (added.get(name, 0), run_id))
            if mark is not None:
                values = (mark.account, mark.folder, mark.uidvalidity, mark.last_uid, as_text(now))
                connection.execute(_HIGH_WATER, values)
        return kept

    def mark(self, account: str, folder: str) -> Mark | None:
        """How far that folder was read."""
        sql = "SELECT account, folder, uidvalidity, last_uid FROM mailboxes WHERE account = ? AND folder = ?"
        row = self.store.row(sql, (account, folder))
        return None if row is None else Mark(*row)

    def assign(self, mail_ids: Sequence[int], job_id: str) -> None:
        """Say which job reads these mails."""
        sql = "UPDATE mails SET job_id = ? WHERE id = ?"
        self.store.execute_many(sql, [(job_id, mail_id) for mail_id in mail_ids])

    def knows(self, identity: str) -> bool:
        """Whether the ledger has this mail."""
        sql = "SELECT 1 FROM mails WHERE identity = ?"
        return self.store.value(sql, (clean(identity),)) is not None

    def state(self, mail_id: int) -> MailState:
        """How far a mail is. Raises NotFound."""
        found = self.store.value("SELECT state FROM mails WHERE id = ?", (mail_id,))
        if found is None:
            raise missing(mail_id)
        return MailState(found)

    def body(self, mail_id: int) -> bytes | None:
        """The mail as it came, cut at the size cap; None when it was forgotten."""
        packed = self.store.value("SELECT body FROM mail_bodies WHERE mail_id = ?", (mail_id,))
        return None if packed is None else zlib.decompress(packed)

    def decide(self, mail_id: int, mail: ParsedMail, links: Sequence[JudgedLink], now: datetime) -> None:
        """Write what a mail holds and the fate of each link, telling what is known already: one transaction."""
        parts = json.dumps([asdict(part) for part in mail.parts])
        with self.store.transaction() as connection:
            # Before the links are replaced: only they tell which of them were sent on.
            earlier = mail_links.sent_before(connection, mail_id)
            settled = [_settled(connection, mail_id, link, earlier) for link in links]
            mail_links.replace_all(connection, mail_id, settled, earlier)
            sql = "UPDATE mails SET state = 'decided', reason = NULL, parts = ?, decided_at = ? WHERE id = ?"
            connection.execute(sql, (clean(parts), as_text(now), mail_id))

    def fail(self, mail_id: int, reason: str, now: datetime) -> None:
        """Say that a mail could not be read at all."""
        sql = "UPDATE mails SET state = 'failed', reason = ?, decided_at = ? WHERE id = ?"
        self.store.execute(sql, (clean(reason), as_text(now), mail_id))

    def to_send(self, mail_ids: Sequence[int]) -> list[tuple[int, int, str]]:
        """(mail id, position, target) of the links that still wait for their job, the best hosts first."""
        rows = self.store.rows(mail_links.TO_SEND, (json.dumps(list(mail_ids)),))
        return [(row["mail_id"], row["position"], row["target"]) for row in rows]

    def sent(self, links: Iterable[tuple[int, int]], job_id: str) -> None:
        """Say which job took these links, (mail id, position)."""
        sql = "UPDATE mail_links SET job_id = ? WHERE mail_id = ? AND position = ?"
        self.store.execute_many(sql, [(job_id, mail_id, position) for mail_id, position in links])

    def done(self, mail_ids: Sequence[int]) -> None:
        """Close the mails whose links have all been sent on."""
        self.store.execute(mail_links.DONE, (json.dumps(list(mail_ids)),))

    def unfinished(self, before: datetime, *, after: int = 0, limit: int = 1000) -> list[int]:
        """Mails stored before then that no job is going to finish, by id above `after`."""
        return [row[0] for row in self.store.rows(_UNFINISHED, (as_text(before), after, limit))]

    def taken_along(self, *, after: int = 0, limit: int = 1000) -> list[int]:
        """Mails left undone by a dead job that had others, too, by id above `after`."""
        return [row[0] for row in self.store.rows(_TAKEN_ALONG, (after, limit))]

    def read_again(self, mail_ids: Sequence[int]) -> None:
        """Put mails back to be decided anew; raises NotFound for one that is not there or whose body is forgotten."""
        with self.store.transaction() as connection:
            for mail_id in mail_ids:
                _must_have_body(connection, mail_id)
                sql = "UPDATE mails SET state = 'stored', reason = NULL WHERE id = ?"
                connection.execute(sql, (mail_id,))

    def forget_bodies(self, before: datetime) -> int:
        """Delete the bodies of finished mails stored before then; how many. Rows and links stay."""
        sql = """DELETE FROM mail_bodies WHERE mail_id IN
                 (SELECT id FROM mails WHERE stored_at < ? AND state IN ('done', 'failed'))"""
        return self.store.execute(sql, (as_text(before),))

    def pending_elsewhere(self, target: str) -> bool:
        """Whether the library has this address, or a mail has sent it on already."""
        with self.store.reading() as connection:
            return _known(connection, target) is not None or (
                mail_links.pending(connection, target, 0) is not None
            )


def _differs(connection: sqlite3.Connection, mail_id: int, body: bytes) -> bool:
    """Whether the mail that is kept has another text; one whose body was forgotten counts as the same."""
    row = connection.execute("SELECT body FROM mail_bodies WHERE mail_id = ?", (mail_id,)).fetchone()
    return row is not None and _text(zlib.decompress(row["body"])) != _text(body)


def _text(body: bytes) -> bytes:
    """A mail below its headers: those tell the way it took, and line ends and mbox's `>From` how it was kept."""
    below = re.split(rb"\r?\n\r?\n", body, maxsplit=1)[-1]
    return b" ".join(re.sub(rb"(?m)^>+(?=From )", b"", below).split())


def _keep(
    connection: sqlite3.Connection,
    head: MailHead,
    raw: RawMail,
    body: bytes,
    run_id: int | None,
    now: datetime,
) -> Kept:
    texts = (head.identity, head.message_id or "", head.subject, head.sender, head.sender_name)
    identity, message_id, subject, sender, name = map(clean, texts)
    values = (identity, message_id or None, subject, sender, name, as_optional_text(head.sent_at))
    found = connection.execute(_BY_IDENTITY, (identity,)).fetchone()
    if found is not None:
        # Kept by a process that died before it made a job for it.
        waits = found["job_id"] is None and found["state"] in (MailState.STORED, MailState.DECIDED)
        return Kept(found["id"], new=False, waits=waits, differs=_differs(connection, found["id"], raw.body))
    mail_id = connection.execute(_KEEP, (*values, as_text(now), clean(raw.name), raw.size, run_id)).lastrowid
    assert mail_id is not None
    connection.execute("INSERT INTO mail_bodies VALUES (?, 'zlib', ?)", (mail_id, body))
    return Kept(mail_id, new=True, waits=True)


def _settled(
    connection: sqlite3.Connection, mail_id: int, link: JudgedLink, earlier: dict[str, str]
) -> tuple[JudgedLink, LinkDecision, str | None]:
    """The link with its decision after a look into the library; what this mail sent before stays sent."""
    if link.decision not in SENT_ON or link.target is None or link.target in earlier:
        return link, link.decision, link.reason
    article = _known(connection, link.target)
    if article is not None:
        return link, LinkDecision.KNOWN, f"known: article {article}"
    mail = mail_links.pending(connection, link.target, mail_id)
    if mail is not None:
        return link, LinkDecision.KNOWN, f"repeated: mail {mail} brought it"
    return link, link.decision, link.reason


def _known(connection: sqlite3.Connection, target: str) -> int | None:
    found = article_lookup.known(connection, clean(target))
    # What waits for an editor or was never fetched is no article yet: a mail may bring it again.
    return found.id if found is not None and found.status not in PLACEHOLDERS else None


def _must_have_body(connection: sqlite3.Connection, mail_id: int) -> None:
    if connection.execute("SELECT 1 FROM mails WHERE id = ?", (mail_id,)).fetchone() is None:
        raise missing(mail_id)
    if connection.execute("SELECT 1 FROM mail_bodies WHERE mail_id = ?", (mail_id,)).fetchone() is None:
        raise NotFound(f"the body of mail {mail_id} was forgotten (mail.retention); nothing was done")


def missing(mail_id: int) -> NotFound:
    """The error for an id that no mail has."""
    return NotFound(f"no mail {mail_id}: see `mingus mails list`", code="no-such-mail")
