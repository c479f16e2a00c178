"""Looking at the mails that were read, and having them read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain.mails import LinkDecision, MailState
from mingus_lib.domain.words import nearest
from mingus_lib.errors import UsageError
from mingus_lib.services.mail_intake import MAILS_PER_JOB, Enqueues, assign, since_of
from mingus_lib.store.mail_funnel import By, LinkFilter, MailFunnel
from mingus_lib.store.mails import Mails, missing

# More than a mail can have: its parts are read up to 2,000 links.
ALL_LINKS = 10_000


def chosen(
    *,
    mail_id: int | None = None,
    sender: str | None = None,
    host: str | None = None,
    reason: str | None = None,
    decision: str | None = None,
    state: str | None = None,
    since: str | None = None,
) -> LinkFilter:
    """A checked filter; UsageError suggests the nearest word."""
    return LinkFilter(
        mail_id=mail_id,
        sender=sender.strip().lower() if sender else None,
        host=host.strip().lower() if host else None,
        # Reasons are printed as `code: words`, and copied with the colon.
        reason=reason.strip().rstrip(":") if reason else None,
        decision=_word(decision, "decision", [each.value for each in LinkDecision]),
        state=_word(state, "state", [each.value for each in MailState]),
        since=since_of(since, datetime.now(UTC)),
    )


def narrowed(wanted: LinkFilter) -> bool:
    """Whether any filter was given."""
    return wanted != LinkFilter()


def mail(funnel: MailFunnel, mail_id: int) -> dict[str, Any]:
    """One mail with its parts and links; the documented shape of `mails show --json`. Raises NotFound."""
    found = funnel.mail(mail_id)
    if found is None:
        raise missing(mail_id)
    rows = links(funnel, LinkFilter(mail_id=mail_id), ALL_LINKS)
    return {**found, "parts": json.loads(found["parts"]), "links_found": rows}


def links(funnel: MailFunnel, wanted: LinkFilter, limit: int) -> list[dict[str, Any]]:
    """Links with their fates and outcomes; the documented shape of `mails links --json`."""
    rows = funnel.links(wanted, limit)
    return [{**row, "hidden": bool(row["hidden"]), "wrappers": json.loads(row["wrappers"])} for row in rows]


def nearest_reason(funnel: MailFunnel, wanted: LinkFilter) -> str:
    """A hint at the reason that was meant, where no link has the one that was typed; or nothing."""
    if wanted.reason is None:
        return ""
    total = funnel.total(LinkFilter())
    codes = {*total.dropped, *total.rejected, *total.failed}
    return "" if wanted.reason in codes else nearest(wanted.reason, codes)


def funnels(funnel: MailFunnel, wanted: LinkFilter, by: str, limit: int) -> list[dict[str, Any]]:
    """A funnel for each value of `by`, the largest first; by day, the latest first."""
    word = By(_word(by, "--by", [each.value for each in By]) or By.SENDER)
    found = [{word.value: key, **each.as_json()} for key, each in funnel.told_apart(wanted, word).items()]
    if word is By.DAY:
        found.sort(key=lambda row: row["day"], reverse=True)
    return found[:limit]


def read_again(mails: Mails, mail_ids: Sequence[int], enqueue: Enqueues) -> list[str]:
    """Enqueue the reading of mails that were read before; the jobs. Raises NotFound before anything is done."""
    ids = list(dict.fromkeys(mail_ids))
    # Before there is a job, which would leave alone what was read before.
    mails.read_again(ids)
    starts = range(0, len(ids), MAILS_PER_JOB)
    return [assign(mails, ids[start : start + MAILS_PER_JOB], enqueue) for start in starts]


def _word(typed: str | None, what: str, known: Sequence[str]) -> str | None:
    if typed is not None and typed not in known:
        raise UsageError(f"no {what} {typed[:40]!r}{nearest(typed, known)}; they are {', '.join(known)}")
    return typed
