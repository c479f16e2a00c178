"""The queue email_processing: mails in, addresses of articles out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from jobs.arguments import Arguments, Id
from mingus_lib import runtime
from mingus_lib.errors import NotFound, PermanentError
from mingus_lib.queues import context
from mingus_lib.queues.catalog import job

# A JSON mail travels through Redis: a newsletter with its HTML, no attachments.
MAX_TEXT = 4_000_000
MAX_HEADER = 2_000

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Header = Annotated[str, Field(max_length=MAX_HEADER)]


class MailObject(Arguments):
    """A mail as JSON: `subject`, `from`, `date`, `body` (text), `html` and `message_id`, each a string or missing."""

    model_config = ConfigDict(serialize_by_alias=True)

    subject: Header | None = None
    sender: Header | None = Field(default=None, alias="from")
    date: Header | None = None
    body: Text | None = None
    html: Text | None = None
    message_id: Header | None = None


class SomeMail(Arguments):
    """`mail`: a mail as JSON ({subject, from, date, body, html, message_id}), a stored mail's id, or up to 100 ids."""

    mail: MailObject | Id | Annotated[list[Id], Field(min_length=1, max_length=100)]


class MailboxReading(Arguments):
    """`since`: a span such as 30d, or a date; `limit`: so many new mails at most; `mark_seen` changes the mailbox."""

    since: str | None = Field(default=None, max_length=40)
    limit: int | None = Field(default=None, ge=1, le=1_000_000)
    mark_seen: bool = False


@job(SomeMail, queue="email_processing", permission="mails:write")
def process_email_articles(mail: dict[str, Any] | int | list[int]) -> dict[str, Any]:
    """Read mails: decide about every link, and send the articles among them to be fetched."""
    now = context.current()
    here = runtime.current()
    try:
        result = here.mail_reading.read(_ids(mail, now.id), job=now)
    except NotFound as error:
        raise PermanentError(str(error), code="no-such-mail") from error
    for batch in here.mail_reading.batches(result.read):
        job_id = here.follow_up("process_new_articles", {"urls": batch.urls}, parent=now.id)
        # Killed before this line, the next run sends the same addresses again: they are then known, or fetched once.
        here.mails.sent(batch.links, str(job_id))
        result.jobs.append(str(job_id))
        result.sent += len(batch.urls)
    # After its addresses are with a job: what dies before this is taken up by the sweeper.
    here.mails.done(result.read)
    if result.left_over:
        rest = here.follow_up("process_email_articles", {"mail": result.left_over}, parent=now.id)
        # The sweeper leaves a mail alone whose job is still to come.
        here.mails.assign(result.left_over, str(rest))
    result.raise_for_bug()
    return result.as_json()


def _ids(mail: dict[str, Any] | int | list[int], job_id: str) -> list[int]:
    """The ids of what was given; a mail as JSON is stored first, once."""
    if isinstance(mail, dict):
        from mingus_lib.services import mail_intake

        here = runtime.current()
        kept = mail_intake.keep_object(here.mails, mail, job_id, here.settings.mail_max_bytes)
        if kept.waits:
            here.mails.assign([kept.id], job_id)
        return [kept.id]
    return [mail] if isinstance(mail, int) else mail


@job(MailboxReading, queue="email_processing", permission="mails:write", dependency="imap")
def read_mailbox(
    since: str | None = None, limit: int | None = None, mark_seen: bool = False
) -> dict[str, Any]:
    """Read what is new in the IMAP folder of the settings, and have the mails read."""
    from mingus_lib.services import mail_intake

    now = context.current()
    here = runtime.current()

    def enqueue(ids: Sequence[int]) -> str:
        return str(here.follow_up("process_email_articles", {"mail": list(ids)}, parent=now.id))

    moment = datetime.now(UTC)
    oldest = mail_intake.since_of(since, moment)
    mailbox = here.imap_mailbox(since=oldest, mark_seen=mark_seen)
    for taken in mail_intake.take(here.mails, mailbox, enqueue, since=oldest, limit=limit):
        now.report(taken.seen, taken.seen, taken.source)
    mail_intake.forget_old(here.mails, here.settings.mail_retention, moment)
    return taken.as_json()
