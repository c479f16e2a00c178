"""What kind of page it is: the Content-Type header, or the first bytes where it says nothing."""

from __future__ import annotations

import re

from mingus_lib.errors import PermanentError

ACCEPT = "text/html, application/xhtml+xml, application/pdf;q=0.9, text/plain;q=0.8"

_ACCEPTED = {
    "text/html": "text/html",
    "application/xhtml+xml": "application/xhtml+xml",
    "text/plain": "text/plain",
    "application/pdf": "application/pdf",
    "application/x-pdf": "application/pdf",
}
# Servers that know no type say octet-stream; the body says more.
_UNSAID = {"", "application/octet-stream", "binary/octet-stream", "application/unknown"}
_MARKUP = re.compile(
    rb"<(?:!doctype html|html|head|body|title|meta|script|link|style|article|section|main|div|h1|p)[\s>/]",
    re.IGNORECASE,
)
# UTF-16 text is full of NUL bytes and still text.
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:+-]{1,40})""", re.IGNORECASE)


def declared(header: str, label: str) -> str | None:
    """The accepted media type the header names; None when it says nothing; else PermanentError."""
    # Some servers send the header twice, which arrives joined by a comma, or leave the semicolon out.
    name = re.split(r"[;,\s]", header.strip(), maxsplit=1)[0].lower()
    if name in _UNSAID:
        return None
    if name not in _ACCEPTED:
        # It goes into logs and terminals, so that it may hold no control characters.
        cleaned = re.sub(r"[^a-z0-9.+/-]", "_", name)[:60]
        raise PermanentError(f"{label}: {cleaned} is not HTML, XHTML, plain text or PDF", code="content-type")
    return _ACCEPTED[name]


def charset(header: str) -> str | None:
    """The charset a Content-Type header names, as written."""
    found = _CHARSET.search(header)
    return found[1] if found else None


def sniffed(start: bytes, label: str) -> str:
    """The media type of a body that begins so; PermanentError `content-type` when it is binary."""
    if b"%PDF-" in start[:1024]:
        return "application/pdf"
    if _MARKUP.search(start[:4096]):
        return "text/html"
    if not start.startswith(_WIDE_BOMS) and _CONTROL.search(start[:1024]):
        raise PermanentError(
            f"{label}: no type is declared and it is not HTML, plain text or PDF", code="content-type"
        )
    return "text/plain"
