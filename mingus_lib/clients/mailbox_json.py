"""Mails as JSON: one object, an array of them, or one object after another (JSON Lines)."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mingus_lib.domain.mailparse.compose import compose
from mingus_lib.domain.mails import NoMail, RawMail

BLOCK = 1 << 20
# Longer than any mail that is kept whole, escaped.
MAX_OBJECT = 120_000_000
KEYS = ("subject", "from", "date", "body", "html", "message_id")
# Windows puts a byte order mark before a text.
STARTS_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]")
_VALUE = re.compile(r"[^ \t\r\n,\[\]\ufeff]")

Read = Callable[[int], bytes]


def json_mails(read: Read, name: str, max_bytes: int) -> Iterator[RawMail | NoMail]:
    """Its mails in order; `read` gives the next bytes of the file. What is no mail is told and passed over."""
    number = 0
    for found in _values(read):
        number += 1
        where = f"{name}, mail {number}"
        if isinstance(found, _Unreadable):
            yield NoMail(where, found.reason)
            return
        wrong = shape_error(found)
        if wrong is not None:
            yield NoMail(where, f"not-a-mail: {wrong}")
            continue
        body = compose(found)
        yield RawMail(body[:max_bytes], where, len(body))
    if not number:
        yield NoMail(name, "not-json: there is no object in it")


def shape_error(found: Any) -> str | None:
    """What is wrong with a mail as JSON; None when it will do."""
    if not isinstance(found, dict):
        return f"{type(found).__name__} instead of an object with {', '.join(KEYS)}"
    unfit = [key for key in KEYS if not isinstance(found.get(key), str | None)]
    if unfit:
        return f"{unfit[0]} is no string"
    if not any(found.get(key) for key in KEYS):
        return f"none of {', '.join(KEYS)} is there"
    return None


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Why no more can be read."""

    reason: str


def _values(read: Read) -> Iterator[Any]:
    """The values one after another; an _Unreadable is the last."""
    decoder = json.JSONDecoder()
    text, at, more = "", 0, True
    while True:
        at = _next_value(text, at)
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            # Where the next object begins is not known then.
            yield _Unreadable("not-json: nested too deeply")
            return
        except ValueError as error:
            if not more:
                if at < len(text):
                    yield _Unreadable(f"not-json: {str(error).splitlines()[0][:100]}")
                return
            # At least doubled, so that one long object is not tried again for every block.
            text, more = _longer(read, text[at:])
            at = 0
            if len(text) > MAX_OBJECT:
                yield _Unreadable(f"too-large: one JSON mail of more than {MAX_OBJECT // 1_000_000} MB")
                return
            continue
        yield value


def _next_value(text: str, at: int) -> int:
    found = _VALUE.search(text, at)
    return found.start() if found else len(text)


def _longer(read: Read, text: str) -> tuple[str, bool]:
    blocks: list[bytes] = []
    wanted = max(BLOCK, len(text))
    while wanted > 0 and (block := read(min(wanted, BLOCK))):
        blocks.append(block)
        wanted -= len(block)
    data = b"".join(blocks)
    # Up to three bytes complete a character that the block cut.
    while data and data[-1] >= 0x80 and _is_cut(data) and (byte := read(1)):
        data += byte
    return text + data.decode("utf-8", "replace"), wanted <= 0


def _is_cut(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data[-4:])
    return bool(decoder.getstate()[0])
