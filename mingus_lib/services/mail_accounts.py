"""The mailbox of the settings, with its password from where it is kept."""

from __future__ import annotations

from mingus_lib.clients.mailbox_imap import ImapAccount
from mingus_lib.errors import UsageError
from mingus_lib.settings import Settings
from mingus_lib.settings.secrets import imap_password


def imap_account(settings: Settings) -> ImapAccount:
    """Raises UsageError that names what is missing."""
    if settings.imap_host is None or settings.imap_user is None:
        missing = "imap_host" if settings.imap_host is None else "imap_user"
        raise UsageError(f"{missing} is not set; say --{missing[5:]}, or set MINGUS_{missing.upper()}")
    return ImapAccount(
        host=settings.imap_host,
        # The two ports of IMAP: one where TLS begins at once, one where STARTTLS may bring it.
        port=settings.imap_port or (993 if settings.imap_tls == "tls" else 143),
        user=settings.imap_user,
        password=imap_password(settings),
        folder=settings.imap_folder or "INBOX",
        tls=settings.imap_tls,
        ca_file=settings.imap_ca_file,
        max_bytes=settings.mail_max_bytes,
    )
