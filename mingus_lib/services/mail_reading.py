"""Stored mails read: taken apart, every link judged, the articles among them put into batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from mingus_lib.domain import mailparse
from mingus_lib.domain.maillinks import HostRules, judge_mail
from mingus_lib.domain.mails import JudgedLink, MailState
from mingus_lib.queues.context import JobContext
from mingus_lib.services.add import ADDRESSES_PER_JOB, spread
from mingus_lib.store.hosts import Hosts
from mingus_lib.store.mails import Mails

log = logging.getLogger("mingus.mail")


@dataclass(slots=True)
class ReadMails:
    """What became of a job's mails. `left_over` are those there was no time for."""

    read: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    left_over: list[int] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    sent: int = 0
    bug: Exception | None = None

    def raise_for_bug(self) -> None:
        """A bug met on one mail ends the job, after the others had their turn."""
        if self.bug is not None:
            raise self.bug

    def as_json(self) -> dict[str, Any]:
        """The job's result."""
        return {
            "read": self.read,
            "again": self.again,
            "failed": self.failed,
            "left_over": self.left_over,
            "links_sent": self.sent,
            "jobs": self.jobs,
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """Addresses for one article job, and the links (mail id, position) that lead to them."""

    urls: list[str]
    links: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class MailReading:
    """Bound to its store by runtime.py."""

    mails: Mails
    hosts: Hosts
    hold_unknown_hosts: bool = False

    def read(self, mail_ids: Sequence[int], *, job: JobContext) -> ReadMails:
        """Decide about the links of every mail that waits for it; a mail that was read before is left alone.

        Raises NotFound for an id that no mail has, StoreUnavailable.
        """
        result = ReadMails()
        stop_at = job.stop_at()
        # One for all mails of the job: they name the same hosts again and again.
        rules = self.rules()
        for number, mail_id in enumerate(dict.fromkeys(mail_ids), 1):
            state = self.mails.state(mail_id)
            # By an attempt that died before it sent the links on.
            if state is MailState.DECIDED:
                result.read.append(mail_id)
            elif state is not MailState.STORED:
                result.again.append(mail_id)
            elif time.monotonic() > stop_at:
                result.left_over.append(mail_id)
            else:
                self._read_one(mail_id, rules, result)
            job.report(number, len(mail_ids), f"mail {mail_id}")
        return result

    def batches(self, mail_ids: Sequence[int]) -> Iterator[Batch]:
        """The addresses of these mails that wait for a job, each once, at most 100 together."""
        links: dict[str, list[tuple[int, int]]] = {}
        for mail_id, position, target in self.mails.to_send(mail_ids):
            links.setdefault(target, []).append((mail_id, position))
        urls = spread({url: url for url in links})
        for start in range(0, len(urls), ADDRESSES_PER_JOB):
            batch = urls[start : start + ADDRESSES_PER_JOB]
            yield Batch(batch, [link for url in batch for link in links[url]])

    def judge(self, raw: bytes) -> list[JudgedLink]:
        """The links of a mail with their fates, storing nothing."""
        return judge_mail(mailparse.parse(raw), self.rules(), hold_unknown=self.hold_unknown_hosts)

    def rules(self) -> HostRules:
        """The host policy, each host asked for once."""
        return cache(self.hosts.policy)

    def _read_one(self, mail_id: int, rules: HostRules, result: ReadMails) -> None:
        raw = self.mails.body(mail_id)
        now = datetime.now(UTC)
        if raw is None:
            self.mails.fail(mail_id, "no-body: it was forgotten (mail.retention)", now)
            result.failed.append(mail_id)
            return
        try:
            mail = mailparse.parse(raw)
            links = judge_mail(mail, rules, hold_unknown=self.hold_unknown_hosts)
        except Exception as error:
            # The other mails must not pay for a bug met on this one; the job reports it at its end.
            log.exception("reading mail %d", mail_id)
            self.mails.fail(mail_id, f"unreadable: {type(error).__name__}", now)
            result.failed.append(mail_id)
            result.bug = error
            return
        # Outside the try: what the store raises is no fault of this mail.
        self.mails.decide(mail_id, mail, links, now)
        result.read.append(mail_id)
