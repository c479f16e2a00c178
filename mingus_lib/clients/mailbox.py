"""Mailboxes: where mails come from. Each gives its mails in groups that are stored together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from mingus_lib.domain.mails import MailGroup, NoMail, RawMail

# So much is in memory at a time, and read again after a kill.
GROUP_MAILS = 50
GROUP_BYTES = 8_000_000


class Mailbox(Protocol):
    """A file, folder, stream or IMAP folder, read once from its beginning to its end."""

    @property
    def name(self) -> str:
        """What a run calls it."""

    def groups(self) -> Iterator[MailGroup]:
        """The mails, in bounded memory. May raise UsageError, DependencyDown."""

    def stored(self, group: MailGroup) -> None:
        """Told when the group is safe in the store."""


def grouped(items: Iterable[RawMail | NoMail]) -> Iterator[MailGroup]:
    """Groups of at most 50 mails, closed once they hold 8 MB."""
    group: list[RawMail | NoMail] = []
    size = 0
    for item in items:
        group.append(item)
        size += len(item.body) if isinstance(item, RawMail) else 0
        if len(group) >= GROUP_MAILS or size >= GROUP_BYTES:
            yield MailGroup(tuple(group))
            group, size = [], 0
    if group:
        yield MailGroup(tuple(group))
