"""Mails in files: .eml, mbox, JSON, Maildir, folders of them, standard input. Streamed, never read whole."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from mingus_lib.clients.mailbox import grouped
from mingus_lib.clients.mailbox_json import STARTS_JSON, json_mails
from mingus_lib.clients.mailbox_mbox import STARTS_MBOX, mbox_mails
from mingus_lib.domain.mailparse.headers import looks_like_mail
from mingus_lib.domain.mails import MailGroup, NoMail, RawMail
from mingus_lib.errors import UsageError

PEEK = 4096
BLOCK = 1 << 20
STDIN = "-"
MAX_FOLDER_DEPTH = 20
MAILDIR = ("cur", "new")
# What people save a mail as, and what to do then.
OTHER_FORMS = {
    b"\xd0\xcf\x11\xe0": "a mail as Outlook keeps it; save it as .eml",
    b"PK\x03\x04": "an archive; unpack it",
    codecs.BOM_UTF16_LE: "UTF-16 instead of bytes as they came; save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16 instead of bytes as they came; save it as UTF-8",
}

Items = Iterator[RawMail | NoMail]


class FileMailbox:
    """The mails at some paths, in their order; folders in the order of their names."""

    def __init__(self, paths: Sequence[str], stdin: BinaryIO, max_bytes: int) -> None:
        """`max_bytes` is what is kept of one mail. Raises UsageError for a path that cannot be read."""
        for path in paths:
            _must_be_readable(path)
        self._paths = paths
        self._stdin = stdin
        self._max_bytes = max_bytes

    @property
    def name(self) -> str:
        """The paths, as typed."""
        return ", ".join("standard input" if path == STDIN else path for path in self._paths)

    def groups(self) -> Iterator[MailGroup]:
        """Everything found; what is no mail is a NoMail with its reason."""
        return grouped(item for path in self._paths for item in self._items(path))

    def stored(self, group: MailGroup) -> None:
        """Files are left as they are."""

    def _items(self, path: str) -> Items:
        if path == STDIN:
            yield from _from_stream(_Peeking(self._stdin), "standard input", self._max_bytes)
        else:
            for file in _files(Path(path), 0):
                if isinstance(file, NoMail):
                    yield file
                else:
                    yield from self._from_file(file)

    def _from_file(self, file: Path) -> Items:
        try:
            with file.open("rb") as stream:
                yield from _from_stream(_Peeking(stream), str(file), self._max_bytes)
        except OSError as error:
            yield NoMail(str(file), f"cannot-read: {error.strerror or error}")


class _Peeking:
    """A stream whose beginning was looked at; reads as if it had not been."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        # Standard input cannot be wound back. Windows puts a byte-order mark before a text that was saved by hand.
        self.start = stream.read(PEEK).removeprefix(codecs.BOM_UTF8)
        self._left = self.start

    def read(self, size: int) -> bytes:
        """The next bytes, empty at the end."""
        if self._left:
            block, self._left = self._left[:size], self._left[size:]
            return block
        return self._stream.read(size)


def _from_stream(stream: _Peeking, name: str, max_bytes: int) -> Items:
    """The mails of one file, by what it begins with."""
    start = stream.start
    if not start.strip():
        yield NoMail(name, "empty: there is nothing in it")
    elif STARTS_JSON.match(start):
        yield from json_mails(stream.read, name, max_bytes)
    elif STARTS_MBOX.match(start):
        yield from mbox_mails(stream.read, name, max_bytes)
    elif looks_like_mail(start):
        yield _one_mail(stream.read, name, max_bytes)
    else:
        kind = next((kind for mark, kind in OTHER_FORMS.items() if start.startswith(mark)), None)
        yield NoMail(name, f"not-a-mail: {kind or 'it begins with no header, mbox line or JSON'}")


def _one_mail(read: Callable[[int], bytes], name: str, max_bytes: int) -> RawMail:
    kept: list[bytes] = []
    size = 0
    # Read to the end even beyond the cap: the true size is told, and standard input's writer is not cut off.
    while block := read(BLOCK):
        room = max(0, max_bytes - size)
        kept.append(block[:room])
        size += len(block)
    return RawMail(b"".join(kept), name, size)


def _files(path: Path, depth: int) -> Iterator[Path | NoMail]:
    """The files at a path; a folder that may not be listed is told, and the next one is read."""
    try:
        yield from _inside(path, depth)
    except OSError as error:
        yield NoMail(str(path), f"cannot-read: {error.strerror or error}")


def _inside(path: Path, depth: int) -> Iterator[Path | NoMail]:
    """The files at a path: itself, a Maildir's mails, or what is in a folder, however deep."""
    if not path.is_dir():
        yield path
        return
    if depth > MAX_FOLDER_DEPTH:
        yield NoMail(
            str(path), f"too-deep: more than {MAX_FOLDER_DEPTH} folders inside each other; name this one"
        )
        return
    is_maildir = all((path / part).is_dir() for part in MAILDIR)
    if is_maildir:
        for part in MAILDIR:
            yield from (Path(entry.path) for entry in _entries(path / part) if _is_file(entry))
    for entry in _entries(path):
        # A link could lead out of the folder, or in circles; Maildir++ folders begin with a dot.
        if entry.is_dir(follow_symlinks=False):
            # `tmp` holds what is still being delivered.
            if not (is_maildir and entry.name in (*MAILDIR, "tmp")):
                yield from _files(Path(entry.path), depth + 1)
        # What else lies in a Maildir (dovecot-uidlist, maildirfolder) is the server's own.
        elif _is_file(entry) and not entry.name.startswith(".") and not is_maildir:
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _must_be_readable(path: str) -> None:
    if path == STDIN:
        return
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise UsageError(
            f"cannot read {path}: {why}; name a mail, an mbox, a Maildir, a folder, or -"
        ) from error
    # A device or a pipe with a name could be endless.
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or not os.access(path, os.R_OK):
        raise UsageError(f"cannot read {path}: not a file or folder that may be read")
