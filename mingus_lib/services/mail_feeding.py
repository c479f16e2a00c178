"""What `mingus mail` does: opens the mailbox asked for, stores or tries its mails, and tells the funnel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from mingus_lib.clients.mailbox import Mailbox
from mingus_lib.domain.funnel import Funnel
from mingus_lib.domain.mails import JudgedLink
from mingus_lib.errors import UsageError
from mingus_lib.services import mail_intake
from mingus_lib.services.mail_intake import Taken
from mingus_lib.services.mail_trial import Trial
from mingus_lib.store.mail_funnel import LinkFilter

if TYPE_CHECKING:
    from mingus_lib.runtime import Runtime

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for, as typed."""

    paths: tuple[str, ...] = ()
    imap: bool = False
    since: str | None = None
    limit: int | None = None
    mark_seen: bool = False
    rescan: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Fed:
    """What was read; `trial` is the funnel of a dry run, `links` are its links when it was of one mail."""

    taken: Taken
    trial: Funnel | None = None
    links: tuple[JudgedLink, ...] = ()


def feed(order: Order, here: Runtime, stdin: BinaryIO, report: Report) -> Fed:
    """Read the mailbox; `report` is told how many mails were stored and seen.

    Raises UsageError for what cannot be read, or when nothing in it is a mail.
    """
    now = datetime.now(UTC)
    since = mail_intake.since_of(order.since, now)
    mailbox = _mailbox(order, since, here, stdin)
    fed = (
        _try(order, since, mailbox, here, report)
        if order.dry_run
        else _take(order, since, mailbox, here, report)
    )
    # When all was read: a folder may hold other things beside its mails.
    mail_intake.require_mails(fed.taken)
    return fed


def funnel(fed: Fed, here: Runtime) -> Funnel:
    """What became of the links of these mails, as far as it is known now."""
    return fed.trial or here.mail_funnel.total(LinkFilter(run_id=fed.taken.run_id))


def _take(order: Order, since: datetime | None, mailbox: Mailbox, here: Runtime, report: Report) -> Fed:
    enqueue = mail_intake.enqueuing(here.enqueuer)
    for taken in mail_intake.take(here.mails, mailbox, enqueue, since=since, limit=order.limit):
        report(taken.stored, taken.seen)
    now = datetime.now(UTC)
    # Where no scheduler runs, nobody else would take up what a run before this left half done.
    taken.resumed += mail_intake.resume_unfinished_mails(here.mails, enqueue, now=now)
    mail_intake.forget_old(here.mails, here.settings.mail_retention, now)
    return Fed(taken)


def _try(order: Order, since: datetime | None, mailbox: Mailbox, here: Runtime, report: Report) -> Fed:
    trial = Trial(here.mail_reading, mailbox)
    for taken in trial.run(since=since, limit=order.limit):
        report(trial.funnel.mails, taken.seen)
    return Fed(trial.taken, trial.funnel, tuple(trial.links) if trial.funnel.mails == 1 else ())


def _mailbox(order: Order, since: datetime | None, here: Runtime, stdin: BinaryIO) -> Mailbox:
    if order.imap and order.paths:
        raise UsageError("--imap and paths cannot go together; run mingus mail twice")
    if order.imap:
        if order.dry_run and order.mark_seen:
            raise UsageError(
                "--dry-run changes nothing, so that --mark-seen cannot go with it; leave one out"
            )
        return here.imap_mailbox(since=since, mark_seen=order.mark_seen, rescan=order.rescan)
    if order.mark_seen or order.rescan:
        raise UsageError("--mark-seen and --rescan are for --imap; files are left as they are")
    if not order.paths:
        raise UsageError("no mail given; name a file, a Maildir, a folder or -, or say --imap")
    from mingus_lib.clients.mailbox_files import FileMailbox

    return FileMailbox(order.paths, stdin, here.settings.mail_max_bytes)
