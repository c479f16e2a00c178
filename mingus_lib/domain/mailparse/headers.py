"""The headers of a mail, whatever they hold: bounded, decoded, without control characters."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import EmailPolicy
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any, cast

from mingus_lib.domain.mails import MailHead
from mingus_lib.domain.words import WINDOWS

# The standard library's parser of structured headers takes quadratic time.
MAX_HEADER_CHARACTERS = 2_000
MAX_HEAD_BYTES = 262_144
MAX_MESSAGE_ID = 500
MAX_SUBJECT = 500

_FIELD = re.compile(rb"\A(?:\s*\n)?(?:>?From [^\n]*\n)?[!-9;-~]{1,80}[ \t]*:")
# One of them begins every mail, or follows soon; a table of passwords or a YAML file has fields, too, but not these.
_OF_MAILS = re.compile(
    rb"^(?:from|to|cc|date|subject|message-id|sender|reply-to|received|return-path|delivered-to|mime-version"
    rb"|content-[a-z-]{1,40}|dkim-signature|authentication-results|(?:arc|list|x|resent)-[a-z0-9-]{1,60})[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_ADDRESS = re.compile(r"[^\s<>\"(),:;]{1,200}@[^\s<>\"(),:;]{1,253}")
_BRACKETED = re.compile(r"<\s*(https?://[^<>\s]{1,2000})\s*>", re.IGNORECASE)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Without quotes nothing but the brackets has a meaning, whatever commas and colons people write before them.
_NAME_AND_ADDRESS = re.compile(r"([^<>\"\\()]*)<([^<>\s]+)>\s*")
# Mailers on Windows call their quotes and dashes iso-8859-1, where these numbers are control characters.
_OF_WINDOWS = str.maketrans({sign: read for sign, read in WINDOWS.items() if read})
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class BoundedPolicy(EmailPolicy):
    """The modern policy, for hostile mail: long headers are cut, and none of them can raise."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The parsed header, or its plain text where the library's parser fails."""
        cut = _decoded(value[:MAX_HEADER_CHARACTERS])
        try:
            parsed_header = super().header_fetch_parse(name, cut)
            # Of what is too broken to be parsed little comes back; the text is what counts.
            lost = not str(parsed_header).strip() or ("@" in cut and "@" not in str(parsed_header))
            return one_line(cut) if lost else parsed_header
        except Exception:  # the library's parser breaks in many ways
            return one_line(cut)


POLICY = BoundedPolicy()


def parsed(raw: bytes, *, headers_only: bool = False) -> EmailMessage:
    """The library's view of a mail."""
    return cast(EmailMessage, BytesParser(EmailMessage, policy=POLICY).parsebytes(raw, headers_only))


def looks_like_mail(start: bytes) -> bool:
    """Whether bytes begin as a mail does: with header fields, of which one is a mail's."""
    return _FIELD.match(start[:4096]) is not None and _OF_MAILS.search(start[:4096]) is not None


def read_head(raw: bytes) -> MailHead:
    """The headers of a mail; the body is not looked at, unless the mail has no Message-ID."""
    return head_of(_headers_only(raw), raw)


def head_of(message: EmailMessage, raw: bytes) -> MailHead:
    """The same from a parsed message and its bytes."""
    message_id = _message_id(text_of(message, "Message-ID"))
    name, address = sender_of(text_of(message, "From") or text_of(message, "Sender"))
    return MailHead(
        # The prefix keeps a Message-ID that looks like a digest from meeting one.
        identity=f"id:{message_id}" if message_id else f"sha256:{_fingerprint(raw)}",
        message_id=message_id,
        subject=text_of(message, "Subject")[:MAX_SUBJECT],
        sender=address,
        sender_name=name,
        sent_at=date_of(text_of(message, "Date")),
        unsubscribe=tuple(_BRACKETED.findall(text_of(message, "List-Unsubscribe"))),
    )


def text_of(message: EmailMessage, name: str) -> str:
    """A header's decoded text on one line; empty when it is missing."""
    try:
        return one_line(str(message.get(name, "")))
    except Exception:  # a lazily parsed header may still break when it is printed
        return ""


def one_line(text: str) -> str:
    """The text without control characters, its white space folded."""
    return " ".join(_UNFIT.sub(" ", text.translate(_OF_WINDOWS)).split())


def sender_of(text: str) -> tuple[str, str]:
    """Display name and address of a From header; the address in lower case, empty when there is none."""
    plain = _NAME_AND_ADDRESS.fullmatch(text)
    name, address = (plain[1].strip(), plain[2]) if plain else parseaddr(text)
    if not _ADDRESS.fullmatch(address):
        # Of a header with a fault newer Pythons give nothing at all.
        name = name or text.rpartition("<")[0].strip()
        found = _ADDRESS.search(text)
        address = found[0] if found else ""
    return name[:200], address.lower()


def date_of(text: str) -> datetime | None:
    """A Date header, or a date as JSON has it, in UTC; None when it is neither. One without a zone counts as UTC."""
    try:
        found = datetime.fromisoformat(text) if _ISO_DATE.match(text) else parsedate_to_datetime(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.year >= 1970 else None


def _message_id(text: str) -> str | None:
    found = text.strip().removeprefix("<").removesuffix(">").strip()
    return found if 0 < len(found) <= MAX_MESSAGE_ID else None


def _fingerprint(raw: bytes) -> str:
    # Mailboxes change line ends and the last one, never the rest.
    return hashlib.sha256(raw.replace(b"\r\n", b"\n").rstrip(b"\n")).hexdigest()


def _headers_only(raw: bytes) -> EmailMessage:
    found = BLANK_LINE.search(raw, 0, MAX_HEAD_BYTES)
    head = raw[: found.end() if found else MAX_HEAD_BYTES]
    return parsed(head, headers_only=True)


def _decoded(value: str) -> str:
    """Raw eight-bit bytes in a header as what they most likely are: UTF-8, else Windows-1252."""
    if value.isascii():
        return value
    data = value.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
