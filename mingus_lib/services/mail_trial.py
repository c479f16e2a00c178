"""A mailbox read without storing anything: what the funnel would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from mingus_lib.clients.mailbox import Mailbox
from mingus_lib.domain.funnel import Funnel, Tally
from mingus_lib.domain.mails import SENT_ON, JudgedLink, LinkDecision, NoMail
from mingus_lib.services.mail_intake import Taken, heads, is_older
from mingus_lib.services.mail_reading import MailReading


class Trial:
    """One dry run; `funnel` and `taken` grow with every mail, `links` are those of the first one, with their fates."""

    def __init__(self, reading: MailReading, mailbox: Mailbox) -> None:
        self.funnel = Funnel()
        self.taken = Taken(0, mailbox.name)
        self.links: list[JudgedLink] = []
        self._reading = reading
        self._mailbox = mailbox
        self._identities: set[str] = set()
        self._targets: set[str] = set()

    def run(self, *, since: datetime | None = None, limit: int | None = None) -> Iterator[Taken]:
        """Read the mailbox; what was read so far, after each group. Raises what the mailbox raises."""
        for group in self._mailbox.groups():
            self.taken.no_mail += [item for item in group.items if isinstance(item, NoMail)]
            for head, raw in heads(group):
                self.taken.seen += 1
                if is_older(head, since):
                    self.taken.older += 1
                elif head.identity in self._identities or self._reading.mails.knows(head.identity):
                    self.taken.again += 1
                elif limit is None or self.funnel.mails < limit:
                    self._identities.add(head.identity)
                    self._judge(raw.body)
            # Nothing is; it lets an IMAP mailbox go on after this group when its connection breaks.
            self._mailbox.stored(group)
            yield self.taken
            if limit is not None and self.funnel.mails >= limit:
                break
        yield self.taken

    def _judge(self, raw: bytes) -> None:
        self.funnel.mails += 1
        for link in self._reading.judge(raw):
            decision = self._decision(link)
            if self.funnel.mails == 1:
                self.links.append(replace(link, decision=decision))
            code = link.reason.partition(":")[0] if link.reason else None
            self.funnel.add(Tally(decision, code, bool(link.wrappers), None, None, 1))

    def _decision(self, link: JudgedLink) -> LinkDecision:
        """The decision, after a look at the library and at the mails before."""
        if link.decision not in SENT_ON or link.target is None:
            return link.decision
        # What an earlier mail of this run leads to would be known by then.
        known = link.target in self._targets or self._reading.mails.pending_elsewhere(link.target)
        self._targets.add(link.target)
        return LinkDecision.KNOWN if known else link.decision
