"""The funnel of mail over some days, with its senders and day by day."""

from __future__ import annotations

from datetime import datetime, timedelta

from mingus_lib.domain.funnel import Funnel
from mingus_lib.domain.report_document import Document
from mingus_lib.services import report_documents
from mingus_lib.store.mail_funnel import By, LinkFilter, MailFunnel


def report(mails: MailFunnel, days: int, now: datetime) -> Document:
    """The last `days` UTC days, today included."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days - 1)
    chosen = LinkFilter(since=first)
    by_day = mails.told_apart(chosen, By.DAY)
    # Days without a mail, too: a chart that leaves them out would tell of steady reading.
    names = [str((first + timedelta(number)).date()) for number in range(days)]
    senders = mails.told_apart(chosen, By.SENDER)
    return report_documents.funnel(
        mails.total(chosen), senders, [(name, by_day.get(name, Funnel())) for name in names], now
    )
