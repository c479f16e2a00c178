"""A mail as it came, as it was read, and what was decided about its links. Plain values.

Times are aware UTC datetimes, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MailState(StrEnum):
    """How far a mail is: on its way from STORED to DONE; FAILED ones could not be read at all."""

    STORED = "stored"
    DECIDED = "decided"
    DONE = "done"
    FAILED = "failed"


class LinkDecision(StrEnum):
    """What happens to a link. FETCH, FOLLOW (a tracker without its target) and HOLD go to an article job."""

    FETCH = "fetch"
    FOLLOW = "follow"
    HOLD = "hold"
    KNOWN = "known"
    DROP = "drop"


SENT_ON = frozenset({LinkDecision.FETCH, LinkDecision.FOLLOW, LinkDecision.HOLD})


class UnreadablePart(ValueError):
    """Why a part of a mail was not read: `code: words`, as its note has it."""


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as a mailbox gave it, cut at the size cap; `size` is that of the whole, `uid` IMAP's."""

    body: bytes = field(repr=False)
    name: str
    size: int
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class NoMail:
    """Something in a mailbox that is no mail: where, and `code: why`."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an IMAP folder was read: every UID up to `last_uid`, while `uidvalidity` holds (RFC 9051, 2.3.1.1)."""

    account: str
    folder: str
    uidvalidity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class MailGroup:
    """Some mails of a mailbox, stored together; `mark` is how far the mailbox is read when they are."""

    items: tuple[RawMail | NoMail, ...]
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class MailHead:
    """What the headers say. `identity` is how the ledger knows the mail: its Message-ID, or a hash of it."""

    identity: str
    message_id: str | None
    subject: str
    sender: str
    sender_name: str
    sent_at: datetime | None
    unsubscribe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartNote:
    """One part of a mail; `reason` says why it was not read, or not wholly, None when it was."""

    path: str
    kind: str
    filename: str | None
    size: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link as it stands in a mail.

    `place` is the part's number and kind; `hidden`: no reader sees it; `pixel`: all it shows is 1x1.
    """

    url: str
    anchor: str
    place: str
    hidden: bool = False
    pixel: bool = False


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A mail taken apart."""

    head: MailHead
    parts: tuple[PartNote, ...]
    links: tuple[FoundLink, ...]


@dataclass(frozen=True, slots=True)
class JudgedLink:
    """A link with its fate. `target` is its canonical address, None for what is no web address.

    `wrappers` are the rules that unwrapped it, `quality` is its host's, 0-1; `reason` is `code: words`.
    """

    url: str
    target: str | None
    anchor: str
    place: str
    hidden: bool
    wrappers: tuple[str, ...]
    decision: LinkDecision
    reason: str | None
    host: str | None
    quality: float
