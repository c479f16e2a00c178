"""The mails of an mbox (RFC 4155), read in blocks: memory holds one mail, cut at the cap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mingus_lib.domain.mails import RawMail

BLOCK = 1 << 20
# A mail may hold a line that begins with "From "; one that also ends in a time is a separator.
_SEPARATOR = re.compile(rb"\nFrom [^\r\n]{0,500}\d\d:\d\d[^\r\n]{0,100}\r?\n")
STARTS_MBOX = re.compile(rb"From [^\r\n]{0,600}\r?\n")
LONGEST_SEPARATOR = 700
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)

Read = Callable[[int], bytes]


def mbox_mails(read: Read, name: str, max_bytes: int) -> Iterator[RawMail]:
    """Its mails in order, named by their number; `read` gives the next bytes of the file."""
    for number, (body, size) in enumerate(_messages(read, max_bytes), 1):
        # mboxrd: one ">" was put before every line that begins with any number of them and "From ".
        yield RawMail(_ESCAPED.sub(rb"\1", body), f"{name}, mail {number}", size)


def _messages(read: Read, max_bytes: int) -> Iterator[tuple[bytes, int]]:
    mail = _Growing(max_bytes)
    buffer = _after_opening(read)
    while True:
        block = read(BLOCK)
        buffer += block
        at = 0
        for found in _SEPARATOR.finditer(buffer):
            # With the line end that the separator's pattern begins with.
            mail.take(buffer[at : found.start() + 1])
            # A blank line between two separators is no mail.
            if mail.size > 1:
                yield mail.close()
            mail = _Growing(max_bytes)
            at = found.end()
        # A separator may be cut by the end of the block.
        keep = max(at, len(buffer) - LONGEST_SEPARATOR) if block else len(buffer)
        mail.take(buffer[at:keep])
        buffer = buffer[keep:]
        if not block:
            break
    if mail.size > 1:
        yield mail.close()


def _after_opening(read: Read) -> bytes:
    """The first bytes behind the line that opens the file."""
    start = b""
    while len(start) < LONGEST_SEPARATOR and (block := read(BLOCK)):
        start += block
    # Whatever it ends in: some programs write no time, and the first mail must not be lost for it.
    opening = STARTS_MBOX.match(start)
    return start[opening.end() :] if opening else start


class _Growing:
    """A mail under way: its bytes up to the cap, and how many there were."""

    def __init__(self, max_bytes: int) -> None:
        self._pieces: list[bytes] = []
        self._room = max_bytes
        self.size = 0

    def take(self, piece: bytes) -> None:
        """More of it."""
        self.size += len(piece)
        if self._room > 0:
            self._pieces.append(piece[: self._room])
            self._room -= len(piece)

    def close(self) -> tuple[bytes, int]:
        """What was kept, and the size of the whole."""
        return b"".join(self._pieces), self.size
