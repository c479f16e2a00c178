"""An IMAP folder (RFC 9051, RFC 3501), read from where the last reading ended. Nothing in it is changed, unless asked.

A connection that breaks is made again, and reading goes on after the last group that was stored.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from mingus_lib.clients.mailbox import GROUP_BYTES, GROUP_MAILS
from mingus_lib.clients.mailbox_refusals import DEPENDENCY, away, raise_if_passing, refused
from mingus_lib.domain.mails import MailGroup, Mark, RawMail
from mingus_lib.errors import DependencyDown, UsageError

# They log what is sent, the password among it, as debugging.
for noisy in ("imapclient", "imaplib"):
    logging.getLogger(noisy).setLevel(logging.WARNING)

TIMEOUT = 60.0
SIZES_AT_ONCE = 500
# The library takes no line of more than a million characters.
UIDS_AT_ONCE = 100_000
RECONNECTS = 4
FIRST_PAUSE = 1.0
EARLIEST = date(1970, 1, 2)
FOLDERS_NAMED = 10


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """Where to log in; `tls` is `tls`, `starttls` or `none`, `max_bytes` what is fetched of one mail."""

    host: str
    port: int | None
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls: str = "tls"
    ca_file: Path | None = None
    max_bytes: int = 25_000_000

    @property
    def label(self) -> str:
        """The account as it is known: user and server, never the password."""
        return f"{self.user}@{self.host}"


class ImapMailbox:
    """One folder of an account."""

    def __init__(
        self,
        account: ImapAccount,
        mark: Mark | None,
        *,
        since: date | None = None,
        mark_seen: bool = False,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`mark` is how far it was read; mails that came on days before `since` are left out, for good."""
        _must_be_private(account)
        self._account = account
        self._mark = mark
        # A server compares days of its own time zone (RFC 9051, 6.4.4); a mail's own date decides afterwards.
        self._since = None if since is None else max(since, EARLIEST) - timedelta(days=1)
        self._mark_seen = mark_seen
        self._pause = pause
        self._unflagged: list[int] = []
        self._client: Any = None

    @property
    def name(self) -> str:
        """The account and the folder."""
        return f"{self._account.label}/{self._account.folder}"

    def groups(self) -> Generator[MailGroup, None, None]:
        """The mails that came since the mark, by UID.

        Raises UsageError for what an operator has to correct (login, certificate, folder), DependencyDown for what
        may pass.
        """
        failures = 0
        try:
            while True:
                try:
                    for group in self._new_groups():
                        yield group
                        failures = 0
                    return
                # Also a command that the server refuses: it may be overloaded, and login and folder were right.
                except (OSError, IMAPClientError) as error:
                    failures += 1
                    self._reconnect_later(error, failures)
        finally:
            self._leave()

    def stored(self, group: MailGroup) -> None:
        """Reading goes on after this group, come what may; with `mark_seen` its mails are marked."""
        self._mark = group.mark
        if self._mark_seen:
            self._unflagged += [item.uid for item in group.items if isinstance(item, RawMail) and item.uid]

    def _new_groups(self) -> Iterator[MailGroup]:
        client, uidvalidity, uidnext = self._opened()
        known = self._mark
        # UIDs mean nothing once UIDVALIDITY has changed; the ledger knows the mails by their Message-IDs.
        last = known.last_uid if known is not None and known.uidvalidity == uidvalidity else 0
        self._flag()
        uids = self._search(client, last, uidnext)
        for start in range(0, len(uids), SIZES_AT_ONCE):
            for group in _by_size(self._sizes(client, uids[start : start + SIZES_AT_ONCE])):
                mark = Mark(self._account.label, self._account.folder, uidvalidity, group[-1][0])
                # Flags follow after this: by then the group is stored, and may look read.
                yield MailGroup(tuple(self._fetch(client, group)), mark)
                self._flag()

    def _search(self, client: IMAPClient, last: int, uidnext: int) -> list[int]:
        found: list[int] = []
        for start in range(last + 1, uidnext, UIDS_AT_ONCE):
            criteria: list[Any] = ["UID", f"{start}:{start + UIDS_AT_ONCE - 1}"]
            if self._since is not None:
                criteria += ["SINCE", self._since]
            found += sorted(client.search(criteria))
        return found

    def _sizes(self, client: IMAPClient, uids: Sequence[int]) -> list[tuple[int, int]]:
        found = client.fetch(uids, ["RFC822.SIZE"])
        return [(uid, found[uid].get(b"RFC822.SIZE", 0)) for uid in uids if uid in found]

    def _fetch(self, client: IMAPClient, group: Sequence[tuple[int, int]]) -> Iterator[RawMail]:
        """The mails, each to the size cap; one that was deleted meanwhile is not there."""
        # PEEK: else the server marks the mails as read by itself (RFC 9051, 6.4.5).
        found = client.fetch([uid for uid, _ in group], [f"BODY.PEEK[]<0.{self._account.max_bytes}>"])
        for uid, size in group:
            body = found.get(uid, {}).get(b"BODY[]<0>")
            if body is not None:
                yield RawMail(body, f"{self.name}, UID {uid}", max(size, len(body)), uid)

    def _flag(self) -> None:
        if self._unflagged:
            self._client.add_flags(self._unflagged, [SEEN], silent=True)
            self._unflagged = []

    def _opened(self) -> tuple[IMAPClient, int, int]:
        """The connection with the folder selected, its UIDVALIDITY and UIDNEXT."""
        if self._client is None:
            self._client = _connected(self._account)
        folder = self._account.folder
        try:
            # Read-only is EXAMINE: then nothing can change, whatever is sent.
            selected = self._client.select_folder(folder, readonly=not self._mark_seen)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            raise_if_passing(self._account, error)
            names = ", ".join(str(name) for _, _, name in self._client.list_folders()[:FOLDERS_NAMED])
            raise UsageError(
                f"{self._account.host} has no folder {folder!r} to read; there are {names}: name it with --folder"
            ) from error
        # A server need not tell it (RFC 3501, 6.3.1); then the last mail does, in one question.
        uidnext = selected.get(b"UIDNEXT") or 1 + max(self._client.search(["UID", "*"]), default=0)
        return self._client, int(selected.get(b"UIDVALIDITY", 0)), int(uidnext)

    def _reconnect_later(self, error: Exception, failures: int) -> None:
        self._drop()
        if failures > RECONNECTS:
            raise DependencyDown(DEPENDENCY, away(self._account, error)) from error
        self._pause(FIRST_PAUSE * 2 ** (failures - 1))

    def _leave(self) -> None:
        # What is stored stays; a mark of having been read is not worth an error.
        if self._client is not None:
            with contextlib.suppress(OSError, IMAPClientError):
                self._flag()
                self._client.logout()
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError, IMAPClientError):
                self._client.shutdown()
        self._client = None


def _by_size(sizes: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """UIDs with their sizes in groups that fit into memory."""
    group: list[tuple[int, int]] = []
    total = 0
    for uid, size in sizes:
        if group and (len(group) >= GROUP_MAILS or total + size > GROUP_BYTES):
            yield group
            group, total = [], 0
        group.append((uid, size))
        total += size
    if group:
        yield group


def _connected(account: ImapAccount) -> IMAPClient:
    """A connection that is logged in. Raises OSError for a server that is away."""
    client: Any = None
    try:
        context = _context(account) if account.tls != "none" else None
        client = IMAPClient(
            account.host, account.port, ssl=account.tls == "tls", ssl_context=context, timeout=TIMEOUT
        )
        if account.tls == "starttls":
            client.starttls(context)
        # LOGIN takes ASCII alone; of the plain mechanism UTF-8 is the rule (RFC 4616).
        plain = f"{account.user}{account.password}".isascii()
        (client.login if plain else client.plain_login)(account.user, account.password)
    except (ssl.SSLError, LoginError) as error:
        _end(client)
        raise refused(account, error) from error
    except IMAPClientAbortError:
        _end(client)
        raise
    except IMAPClientError as error:
        _end(client)
        raise_if_passing(account, error)
        raise UsageError(
            f"{account.host} does not speak IMAP as asked for (imap_tls {account.tls})"
        ) from error
    return client


def _end(client: Any) -> None:
    if client is not None:
        with contextlib.suppress(OSError, IMAPClientError):
            client.shutdown()


def _context(account: ImapAccount) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(account.ca_file) if account.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"cannot read the authorities in {account.ca_file}: a PEM file is wanted") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _must_be_private(account: ImapAccount) -> None:
    if account.tls == "none" and not _is_this_machine(account.host):
        raise UsageError(
            f"imap_tls none would send the password to {account.host} in clear; use tls or starttls",
            code="imap-tls",
        )


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def rescanned(mark: Mark | None) -> Mark | None:
    """The mark of a folder that is to be read from its beginning."""
    return None if mark is None else replace(mark, last_uid=0)
