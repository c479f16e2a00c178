"""Mails from a mailbox into the store: each once, group by group, so that a kill loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mingus_lib.clients.mailbox import Mailbox
from mingus_lib.domain import mailparse
from mingus_lib.domain.mails import MailGroup, MailHead, NoMail, RawMail
from mingus_lib.domain.spans import parse_since
from mingus_lib.errors import UsageError
from mingus_lib.queues.enqueue import Submits, new_job
from mingus_lib.store.mails import Kept, Mails

TASK = "process_email_articles"
MAILS_PER_JOB = 50
# Younger mails are in the hands of whoever stored them.
GRACE = timedelta(minutes=10)

# Enqueues the reading of these mails; the job's id.
Enqueues = Callable[[Sequence[int]], str]


@dataclass(slots=True)
class Taken:
    """What one reading of a mailbox brought; `run_id` is 0 when it was nothing.

    `no_mail` are the things that were none, with their reasons; `differing` mails whose Message-ID is known from
    another text: (its name here, the id of the one that is known). They are not read.
    """

    run_id: int
    source: str
    seen: int = 0
    stored: int = 0
    again: int = 0
    older: int = 0
    no_mail: list[NoMail] = field(default_factory=list)
    differing: list[tuple[str, int]] = field(default_factory=list)
    job_ids: list[str] = field(default_factory=list)
    resumed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `mail --json`, without its funnel."""
        return {
            "run": self.run_id,
            "source": self.source,
            "seen": self.seen,
            "stored": self.stored,
            "again": self.again,
            "older": self.older,
            "resumed": self.resumed,
            "no_mail": [{"name": each.name, "reason": each.reason} for each in self.no_mail],
            "differing": [{"name": name, "known_as": mail_id} for name, mail_id in self.differing],
            "jobs": [{"id": job_id} for job_id in self.job_ids],
        }


def since_of(text: str | None, now: datetime) -> datetime | None:
    """`30d`, or an ISO date or time. Raises UsageError."""
    return None if text is None else parse_since(text, "--since", now)


def take(
    mails: Mails,
    mailbox: Mailbox,
    enqueue: Enqueues,
    *,
    since: datetime | None = None,
    limit: int | None = None,
) -> Iterator[Taken]:
    """Store the mailbox's mails and enqueue their reading, 50 to a job; what was done so far, after each group.

    Mails sent before `since` are passed over; at most `limit` new ones are taken. Raises what mailbox, store and
    queue raise: what was stored stays, and is enqueued by the next reading or the sweeper.
    """
    taken = Taken(0, mailbox.name)
    for whole in mailbox.groups():
        # Not before there is something: a refused login is no run.
        taken.run_id = taken.run_id or mails.begin_run(mailbox.name, datetime.now(UTC))
        left = whole
        while left.items and (limit is None or taken.stored < limit):
            group, left = _split(left, None if limit is None else limit - taken.stored)
            _store(mails, group, taken, enqueue, since)
            mailbox.stored(group)
            yield taken
        if limit is not None and taken.stored >= limit:
            break
    yield taken


def resume_unfinished_mails(
    mails: Mails, enqueue: Enqueues, *, now: datetime, grace: timedelta = GRACE
) -> int:
    """Enqueue the reading of mails that a crash left half done: stored or decided, with no job to go on; how many.

    Those of a dead job that had several go one by one, so that the one that killed it dies alone.

    For the sweeper. Safe at any time: a mail that was read is not read again, an address that was sent on is not
    stored twice.
    """
    count, last = 0, 0
    # From an id on: a mail that is found again in spite of its new job must not keep this going.
    while ids := mails.unfinished(now - grace, after=last, limit=MAILS_PER_JOB):
        assign(mails, ids, enqueue)
        count, last = count + len(ids), ids[-1]
    for mail_id in mails.taken_along():
        assign(mails, [mail_id], enqueue)
        count += 1
    return count


def keep_object(mails: Mails, mail: Mapping[str, str | None], job_id: str, max_bytes: int) -> Kept:
    """Store a mail that came as JSON; the same object is the same mail."""
    body = mailparse.compose(mail)
    raw = RawMail(body[:max_bytes], f"job {job_id}", len(body))
    (kept,) = mails.keep([(mailparse.read_head(raw.body), raw)], now=datetime.now(UTC))
    return kept


def forget_old(mails: Mails, retention: float, now: datetime) -> int:
    """Delete the bodies of mails that were read more than `retention` seconds ago; how many."""
    return mails.forget_bodies(now - timedelta(seconds=retention))


def require_mails(found: Taken) -> None:
    """Raise UsageError, naming the first thing, when there was no mail at all but something else."""
    if found.no_mail and not found.seen:
        first = found.no_mail[0]
        more = f" (and {len(found.no_mail) - 1} more)" if len(found.no_mail) > 1 else ""
        raise UsageError(f"{first.name}: {first.reason}{more}; no mail was read")


def _store(mails: Mails, group: MailGroup, taken: Taken, enqueue: Enqueues, since: datetime | None) -> None:
    read = heads(group)
    wanted = [pair for pair in read if not is_older(pair[0], since)]
    no_mail = [item for item in group.items if isinstance(item, NoMail)]
    counts = {"seen": len(read), "older": len(read) - len(wanted), "no_mail": len(no_mail)}
    # Mails, counts and mark are one transaction: a kill leaves the mailbox to be read from where the store is.
    kept = mails.keep(wanted, now=datetime.now(UTC), run_id=taken.run_id, counts=counts, mark=group.mark)
    taken.seen += len(read)
    taken.older += len(read) - len(wanted)
    taken.stored += sum(each.new for each in kept)
    taken.again += sum(not each.new for each in kept)
    new = {each.id for each in kept if each.new}
    taken.resumed += len({each.id for each in kept if each.waits} - new)
    taken.no_mail += no_mail
    pairs = zip(wanted, kept, strict=True)
    taken.differing += [(raw.name, each.id) for (_, raw), each in pairs if each.differs]
    # Also what an earlier run stored, and died before it could enqueue.
    waiting = list(dict.fromkeys(each.id for each in kept if each.waits))
    for start in range(0, len(waiting), MAILS_PER_JOB):
        taken.job_ids.append(assign(mails, waiting[start : start + MAILS_PER_JOB], enqueue))


def heads(group: MailGroup) -> list[tuple[MailHead, RawMail]]:
    """The mails of a group with their headers."""
    return [(mailparse.read_head(item.body), item) for item in group.items if isinstance(item, RawMail)]


def assign(mails: Mails, ids: Sequence[int], enqueue: Enqueues) -> str:
    """Enqueue the reading of these mails, and note by which job; its id."""
    # Noted afterwards: a kill in between enqueues twice, which is harmless; the other way round it would be never.
    job_id = enqueue(ids)
    mails.assign(ids, job_id)
    return job_id


def is_older(head: MailHead, since: datetime | None) -> bool:
    """Whether a mail says that it was sent before `since`."""
    return since is not None and head.sent_at is not None and head.sent_at < since


def _split(group: MailGroup, room: int | None) -> tuple[MailGroup, MailGroup]:
    """The first items, as many as there is room for, and the rest; the mark stands at the last one taken."""
    if room is None or len(group.items) <= room:
        return group, MailGroup(())
    items = group.items[:room]
    last = items[-1].uid if isinstance(items[-1], RawMail) else None
    # A mark behind what is left would have the next reading pass it over.
    mark = replace(group.mark, last_uid=last) if group.mark is not None and last is not None else None
    return MailGroup(items, mark), MailGroup(group.items[room:], group.mark)


def enqueuing(enqueuer: Submits) -> Enqueues:
    """Makes a job of its own for every batch of mails."""

    def enqueue(ids: Sequence[int]) -> str:
        return enqueuer.submit([new_job(TASK, {"mail": list(ids)})])[0]

    return enqueue
