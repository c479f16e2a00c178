"""What an IMAP server says when it will not, as our errors: the operator's to correct, or passing."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from mingus_lib.errors import DependencyDown, UsageError

if TYPE_CHECKING:
    from mingus_lib.clients.mailbox_imap import ImapAccount

DEPENDENCY = "imap"
# Response codes of RFC 5530 for what passes by itself.
PASSING_REFUSALS = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")


def refused(account: ImapAccount, error: Exception) -> UsageError:
    """A refusal as one line for the operator, without the password whatever the server echoes."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UsageError(
            f"the certificate of {account.host} is not to be trusted ({error.verify_message}); correct --host, or "
            "name its authority in MINGUS_IMAP_CA_FILE",
            code="imap-certificate",
        )
    if isinstance(error, ssl.SSLError):
        return UsageError(
            f"{account.host} does not speak TLS on that port ({error.reason or 'no TLS'}); correct --port or --tls",
            code="imap-tls",
        )
    raise_if_passing(account, error)
    said = _said(account, error)
    return UsageError(
        f"{account.host} refused the login of {account.user}: {said}; most providers want an app password",
        code="imap-login",
    )


def raise_if_passing(account: ImapAccount, error: Exception) -> None:
    """Raise DependencyDown when the server says that it is only busy."""
    said = _said(account, error)
    if any(code in said for code in PASSING_REFUSALS) or said.startswith("* BYE"):
        raise DependencyDown(DEPENDENCY, f"{account.host} takes nobody now: {said}") from error


def _said(account: ImapAccount, error: Exception) -> str:
    words = error.args[0] if error.args else ""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(error)
    # imaplib puts the server's bytes into its message as Python writes them.
    if text.startswith("b'"):
        text = text[2:].removesuffix("'")
    return (text.replace(account.password, "***") if account.password else text)[:120]


def away(account: ImapAccount, error: Exception) -> str:
    """A server that is not there, as one line."""
    # An abort quotes the line that it could not read, and that may be our own, sent back.
    why = getattr(error, "strerror", None) or _said(account, error) or type(error).__name__
    return f"the IMAP server {account.host} does not answer: {why}"
