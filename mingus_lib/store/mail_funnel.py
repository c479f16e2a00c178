"""The funnel of mail: how many links came in, and where each was lost, for any choice of mails and links."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mingus_lib.domain.funnel import Funnel, Tally
from mingus_lib.store.database import Store
from mingus_lib.store.values import as_optional_text, code_of


class By(StrEnum):
    """What a funnel is told apart by."""

    SENDER = "sender"
    HOST = "host"
    DAY = "day"
    REASON = "reason"


_KEYS = {
    By.SENDER: "m.sender",
    By.HOST: "coalesce(l.host, '')",
    By.DAY: "substr(m.stored_at, 1, 10)",
    By.REASON: f"coalesce({code_of('l.reason')}, l.decision)",
    None: "''",
}
# The outcome in the link's own job, else the one that made an article (its job may have handed over), else the latest.
_FROM = """
FROM mail_links AS l JOIN mails AS m ON m.id = l.mail_id
LEFT JOIN article_outcomes AS a ON l.job_id IS NOT NULL AND a.url = l.target AND a.job_id = coalesce(
  (SELECT o.job_id FROM article_outcomes AS o WHERE o.job_id = l.job_id AND o.url = l.target AND o.final),
  (SELECT o.job_id FROM article_outcomes AS o WHERE o.url = l.target AND o.final
   ORDER BY o.outcome = 'added' DESC, o.at DESC LIMIT 1))
"""
_LIST = f"""
SELECT l.mail_id, l.position, l.url, l.target, l.anchor, l.place, l.hidden, l.wrappers, l.decision, l.reason, l.host,
  l.quality, l.job_id, m.sender, a.outcome, a.article_id, a.reason AS outcome_reason
{_FROM}
"""
_MAIL_COLUMNS = """
m.id, m.message_id, m.subject, m.sender, m.sender_name, m.sent_at, m.stored_at, m.source, m.size, m.state, m.reason,
m.job_id
"""


@dataclass(frozen=True, slots=True)
class LinkFilter:
    """Which links, or mails; every field narrows. `reason` is the code of a decision or of an outcome."""

    mail_id: int | None = None
    run_id: int | None = None
    sender: str | None = None
    host: str | None = None
    reason: str | None = None
    decision: str | None = None
    state: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self, *, links: bool = True) -> tuple[str, list[object]]:
        """The SQL condition and its parameters; of the mails alone without `links`."""
        of_mails: Sequence[tuple[str, object]] = (
            ("m.id = ?", self.mail_id),
            ("m.run_id = ?", self.run_id),
            ("m.sender = ?", self.sender),
            ("m.state = ?", self.state),
            ("m.stored_at >= ?", as_optional_text(self.since)),
            ("m.stored_at < ?", as_optional_text(self.until)),
        )
        of_links: Sequence[tuple[str, object]] = (
            # Not LIKE: host names have underscores, which stand for any letter there.
            ("(l.host = ? OR substr(l.host, -1 - length(?)) = '.' || ?)", self.host),
            (f"? IN ({code_of('l.reason')}, {code_of('a.reason')})", self.reason),
            ("l.decision = ?", self.decision),
        )
        chosen = [pair for pair in (*of_mails, *(of_links if links else ())) if pair[1] is not None]
        values = [value for condition, value in chosen for _ in range(condition.count("?"))]
        return " AND ".join(condition for condition, _ in chosen) or "1", values


class MailFunnel:
    """Counts and lists over the mails and links of one store. Reads only; may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def total(self, chosen: LinkFilter) -> Funnel:
        """All chosen links in one funnel."""
        return self.told_apart(chosen, None).get("", Funnel())

    def told_apart(self, chosen: LinkFilter, by: By | None) -> dict[str, Funnel]:
        """A funnel for each sender, host, day (of reading, UTC) or reason, the largest first."""
        condition, values = chosen.where()
        columns = f"""{_KEYS[by]}, l.decision, {code_of("l.reason")}, l.wrappers <> '[]', a.outcome,
          {code_of("a.reason")}"""
        sql = f"SELECT {columns}, count(*) {_FROM} WHERE {condition} GROUP BY 1, 2, 3, 4, 5, 6"
        found: dict[str, list[Tally]] = {}
        for key, *rest in self._store.rows(sql, values):
            found.setdefault(key, []).append(Tally(*rest))
        # Counted by themselves: a mail without links is in no row of the join.
        mails = dict(self._mails_by(chosen, by))
        funnels = {key: Funnel.of(mails.get(key, 0), found.get(key, ())) for key in {**mails, **found}}
        return dict(sorted(funnels.items(), key=lambda pair: (-pair[1].found, pair[0])))

    def _mails_by(self, chosen: LinkFilter, by: By | None) -> Iterator[tuple[str, int]]:
        """How many mails each key has; by host or reason, those with such a link."""
        of_links = by in (By.HOST, By.REASON) or bool(chosen.host or chosen.reason or chosen.decision)
        condition, values = chosen.where(links=of_links)
        source = _FROM if of_links else "FROM mails AS m"
        sql = f"SELECT {_KEYS[by]}, count(DISTINCT m.id) {source} WHERE {condition} GROUP BY 1"
        yield from ((row[0], row[1]) for row in self._store.rows(sql, values) if row[1])

    def run(self, run_id: int) -> dict[str, int]:
        """What a run counted beside the mails it stored: seen, again, older, no_mail."""
        sql = "SELECT seen, again, older, no_mail FROM mail_runs WHERE id = ?"
        row = self._store.row(sql, (run_id,))
        return {} if row is None else dict(row)

    def links(self, chosen: LinkFilter, limit: int) -> list[dict[str, Any]]:
        """Links with their outcomes, the newest mails first, each mail's in its own order."""
        condition, values = chosen.where()
        sql = f"{_LIST} WHERE {condition} ORDER BY l.mail_id DESC, l.position LIMIT ?"
        return [dict(row) for row in self._store.rows(sql, [*values, limit])]

    def mails(self, chosen: LinkFilter, limit: int) -> list[dict[str, Any]]:
        """Mails with their counts of links, the newest first."""
        condition, values = chosen.where(links=False)
        sql = f"SELECT {_MAIL_COLUMNS} FROM mails AS m WHERE {condition} ORDER BY m.id DESC LIMIT ?"
        return [self._counted(dict(row)) for row in self._store.rows(sql, [*values, limit])]

    def mail(self, mail_id: int) -> dict[str, Any] | None:
        """One mail with its parts, as JSON text."""
        row = self._store.row(f"SELECT {_MAIL_COLUMNS}, m.parts FROM mails AS m WHERE m.id = ?", (mail_id,))
        return None if row is None else self._counted(dict(row))

    def _counted(self, mail: dict[str, Any]) -> dict[str, Any]:
        found = self.total(LinkFilter(mail_id=mail["id"]))
        return {**mail, "links": found.found, "sent": found.sent, "kept": found.kept}
