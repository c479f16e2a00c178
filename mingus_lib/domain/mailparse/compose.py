"""A mail given as JSON, written as the bytes it would have come as: one way to read them all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email import policy
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr

from mingus_lib.domain.mailparse.headers import one_line, sender_of

# JSON can hold half a character, which no charset can.
_SURROGATES = re.compile("[\ud800-\udfff]")
_HEADERS = (("subject", "Subject"), ("from", "From"), ("date", "Date"))


def compose(mail: Mapping[str, str | None]) -> bytes:
    """The mail of {subject, from, date, body, html, message_id} as RFC 5322 bytes; missing ones stay out.

    A mail without a message_id gets none: the ledger then knows it by its hash, so the same object
    must give the same bytes.
    """
    # A fixed boundary is safe, since the texts are base64; a random one would change the hash each time.
    message = MIMEMultipart("alternative", boundary="=_mingus_mail")
    for key, name in _HEADERS:
        if text := one_line(mail.get(key) or ""):
            message[name] = text if text.isascii() else _encoded(text, is_sender=name == "From")
    if found := one_line(mail.get("message_id") or "").strip("<> "):
        message["Message-ID"] = f"<{found}>" if found.isascii() else Header(found, "utf-8").encode()
    for key, kind in (("body", "plain"), ("html", "html")):
        if content := mail.get(key):
            message.attach(MIMEText(_SURROGATES.sub("\ufffd", content), kind, "utf-8"))
    return message.as_bytes(policy=policy.compat32.clone(max_line_length=0))


def _encoded(text: str, *, is_sender: bool) -> str:
    name, address = sender_of(text) if is_sender else ("", "")
    # Of a sender the name alone: an address that is encoded with it is no address any more (RFC 2047, 5).
    return formataddr((name, address)) if name and address.isascii() else Header(text, "utf-8").encode()
