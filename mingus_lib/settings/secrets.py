"""Secrets that may lie in a file: beside the settings, so that no command line and no job carries them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mingus_lib.errors import UsageError
from mingus_lib.settings.declared import Settings

MAX_SECRET_BYTES = 10_000
# The directory systemd makes for `LoadCredential=` (systemd.exec).
CREDENTIALS = "CREDENTIALS_DIRECTORY"
IMAP_CREDENTIAL = "imap-password"


def imap_password(settings: Settings, env: Mapping[str, str] = os.environ) -> str:
    """The mailbox's password: the setting, else the first line of its file, else systemd's credential.

    Raises UsageError, naming the places to put it, when there is none or the file cannot be read.
    """
    if settings.imap_password is not None:
        return settings.imap_password
    file = settings.imap_password_file or credential(IMAP_CREDENTIAL, env)
    if file is None:
        raise UsageError(
            "no password for the mailbox: set MINGUS_IMAP_PASSWORD, or MINGUS_IMAP_PASSWORD_FILE to a file that "
            f"holds it, or give systemd the credential {IMAP_CREDENTIAL}"
        )
    return read(file, "the password file")


def credential(name: str, env: Mapping[str, str]) -> Path | None:
    """The file of a systemd credential, if there is one."""
    folder = env.get(CREDENTIALS)
    file = Path(folder) / name if folder else None
    return file if file and file.exists() else None


def read(file: Path, what: str) -> str:
    """The first line of a file that holds a secret; `what` the file is called. Raises UsageError, naming it."""
    try:
        with file.open("rb") as stream:
            # Bounded: a wrong path may lead to a huge file, or to a device.
            lines = stream.read(MAX_SECRET_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise UsageError(f"cannot read {what} {file}: {why}") from error
    if not lines or not lines[0].strip():
        raise UsageError(f"{what} {file} is empty: write the secret on its first line")
    return lines[0]
