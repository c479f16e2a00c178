"""Walking the MIME tree of a mail: every part is read, or noted with the reason why it was not."""

from __future__ import annotations

import quopri
import re
from email.message import EmailMessage
from pathlib import PurePosixPath
from typing import Any

from mingus_lib.domain.extract.decode import decode, tidy
from mingus_lib.domain.mailparse.headers import (
    BLANK_LINE,
    head_of,
    looks_like_mail,
    one_line,
    parsed,
    read_head,
)
from mingus_lib.domain.mailparse.plain import NO_WIDTH
from mingus_lib.domain.mails import FoundLink, ParsedMail, PartNote, UnreadablePart

MAX_DEPTH = 5
MAX_PARTS = 200
MAX_LINKS = 2_000
MAX_TEXT_BYTES = 4_000_000
# The library's parser asks every open boundary at every line, recurses once a level, and takes its time
# over each part and each header.
MAX_BOUNDARIES = 100
MAX_LINE_CHECKS = 10_000_000
MAX_DELIMITERS = 5_000
MAX_BYTES_TO_BODY = 1_000_000
MAX_NOTED = 120

HTML, TEXT, PDF, MAIL = "text/html", "text/plain", "application/pdf", "message/rfc822"
BY_SUFFIX = {
    ".htm": HTML, ".html": HTML, ".xhtml": HTML, ".txt": TEXT, ".text": TEXT, ".md": TEXT, ".pdf": PDF,
    ".eml": MAIL,
}  # fmt: skip
_SIGNATURE = b"-- "
_BOUNDARY = re.compile(rb"boundary\s*[*=]")
VAGUE = frozenset({"application/octet-stream", "application/x-download", "application/force-download"})


def parse(raw: bytes) -> ParsedMail:
    """Take a mail apart. Nothing in it raises: what cannot be read is a note with its reason."""
    walk = _Walk()
    if _is_maze(raw):
        walk.flat(raw, "too-complex: read without its structure")
        return walk.result(read_head(raw), raw)
    try:
        message = parsed(raw)
    except Exception as error:  # RecursionError and the library's own bugs
        walk.flat(raw, f"bad-structure: {type(error).__name__}; read without its structure")
        return walk.result(read_head(raw), raw)
    walk.part(message, "1", 0)
    return walk.result(head_of(message, raw), raw)


def _is_maze(raw: bytes) -> bool:
    """Whether the structure would take the library's parser minutes."""
    boundaries = len(_BOUNDARY.findall(raw.lower()))
    # The parser ends lines at either.
    lines = max(raw.count(b"\n"), raw.count(b"\r"))
    if boundaries > MAX_BOUNDARIES or lines * (boundaries + 1) > MAX_LINE_CHECKS:
        return True
    if raw.count(b"\n--") + raw.count(b"\r--") > MAX_DELIMITERS:
        return True
    return len(raw) > MAX_BYTES_TO_BODY and not BLANK_LINE.search(raw, 0, MAX_BYTES_TO_BODY)


class _Walk:
    """Collects the links and notes of one mail."""

    def __init__(self) -> None:
        self._links: dict[str, FoundLink] = {}
        self._notes: list[PartNote] = []
        self._count = 0
        self._missed = 0

    def result(self, head: Any, raw: bytes) -> ParsedMail:
        """The mail, with one more note when it had too many links."""
        if self._missed:
            why = f"too-many-links: {self._missed} more were not read"
            self._note("1", "", None, len(raw), why)
        return ParsedMail(head, tuple(self._notes), tuple(self._links.values()))

    def part(self, part: EmailMessage, path: str, depth: int) -> None:
        """Read one part and what is inside it."""
        self._count += 1
        if self._count > MAX_PARTS:
            # Once, or ten thousand parts would have as many notes.
            if self._count == MAX_PARTS + 1:
                self._note(path, "", None, 0, f"too-many-parts: only {MAX_PARTS} were read")
            return
        try:
            self._open(part, path, depth)
        except Exception as error:  # the rest of the mail is still read
            self._note(path, _kind(part), _filename(part), 0, f"unreadable: {type(error).__name__}")

    def flat(self, raw: bytes, reason: str, path: str = "1", kind: str = "") -> None:
        """Read bytes whose structure is beyond reading as one text."""
        # Most mail is quoted-printable, and other text hardly changes by it.
        text = decode(quopri.decodestring(raw[:MAX_TEXT_BYTES]), kept=NO_WIDTH)
        self._note(path, kind, None, len(raw), reason)
        # What it was declared as lies in the structure that cannot be read.
        if "<a " in text.lower():
            self._take(HTML, tidy(text), path)
        else:
            self._take(TEXT, text, path)

    def _open(self, part: EmailMessage, path: str, depth: int) -> None:
        kind, payload = _kind(part), part.get_payload()
        nested = kind == MAIL
        if nested and depth >= MAX_DEPTH:
            self._note(path, kind, _filename(part), 0, f"too-deep: more than {MAX_DEPTH} mails in each other")
        elif nested and (body := _encoded_mail(part, payload)) is not None:
            self._attached(body, path, _filename(part), depth)
        elif isinstance(payload, list) and (nested or part.get_content_maintype() == "multipart"):
            for number, child in enumerate(payload, 1):
                self.part(child, f"{path}.{number}", depth + nested)
        elif isinstance(payload, list):
            self._note(path, kind, _filename(part), 0, f"skipped: {kind}")
        else:
            self._leaf(part, path, depth)

    def _leaf(self, part: EmailMessage, path: str, depth: int) -> None:
        body = part.get_payload(decode=True)
        # A part without a body gives None.
        body = body if isinstance(body, bytes) else b""
        kind, filename = _kind(part), _filename(part)
        if kind == TEXT and _breaks_words(part):
            body = _rejoined(body[:MAX_TEXT_BYTES]) + body[MAX_TEXT_BYTES:]
        if part.get_content_maintype() == "multipart":
            self.flat(body, "no-boundary: read without its structure", path, kind)
            return
        readable = _readable(kind, filename, body)
        if readable == MAIL:
            self._attached(body, path, filename, depth)
        elif readable is None:
            self._note(path, kind, filename, len(body), f"skipped: {kind}")
        else:
            self._read(readable, body, _charset(part), (path, kind, filename))

    def _attached(self, body: bytes, path: str, filename: str | None, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self._note(path, MAIL, filename, len(body), "too-deep: not read")
        # The whole mail was judged by its raw bytes; this one was hidden in base64.
        elif _is_maze(body):
            self._note(path, MAIL, filename, len(body), "too-complex: not read")
        else:
            self.part(parsed(body), f"{path}.1", depth + 1)

    def _read(
        self, readable: str, body: bytes, charset: str | None, about: tuple[str, str, str | None]
    ) -> None:
        path, kind, filename = about
        reason = f"cut: only {MAX_TEXT_BYTES} bytes were read" if len(body) > MAX_TEXT_BYTES else None
        try:
            if readable == PDF:
                self._take(PDF, body, path)
                reason = None
            else:
                kept = NO_WIDTH if readable == TEXT else ""
                self._take(readable, decode(body[:MAX_TEXT_BYTES], charset, kept=kept), path)
        except UnreadablePart as error:
            reason = str(error)
        self._note(path, kind, filename, len(body), reason)

    def _take(self, kind: str, content: Any, path: str) -> None:
        """The links of a content, each address once; the first that a reader sees is the one kept."""
        found, count = _links_of(kind, content, f"{path} {kind}")
        self._missed += count - len(found)
        for link in found:
            earlier = self._links.get(link.url)
            if earlier is None and len(self._links) >= MAX_LINKS:
                self._missed += 1
            elif earlier is None or _better(link, earlier):
                self._links[link.url] = link

    def _note(self, path: str, kind: str, filename: str | None, size: int, reason: str | None) -> None:
        if len(self._notes) < MAX_PARTS + 5:
            self._notes.append(PartNote(path, kind[:MAX_NOTED], filename, size, reason))


def _links_of(kind: str, content: Any, place: str) -> tuple[list[FoundLink], int]:
    if kind == HTML:
        from mingus_lib.domain.mailparse.markup import html_links

        return html_links(content, place, limit=MAX_LINKS)
    if kind == PDF:
        from mingus_lib.domain.mailparse.pdf import pdf_links

        return pdf_links(content, place, limit=MAX_LINKS)
    from mingus_lib.domain.mailparse.plain import text_links

    return text_links(content, place, limit=MAX_LINKS)


def _better(link: FoundLink, earlier: FoundLink) -> bool:
    # Newsletters link an article from a hidden preheader or a pixel before the headline.
    if earlier.hidden or earlier.pixel:
        return not link.hidden
    if link.hidden or not link.anchor:
        return False
    if link.place == earlier.place:
        return len(link.anchor) > len(earlier.anchor)
    # The words that are the link, over those that stand before it in the text of the same mail.
    return link.place.endswith(HTML) and not earlier.place.endswith(HTML)


def _readable(kind: str, filename: str | None, body: bytes) -> str | None:
    """What to read a part as; None for what is only listed."""
    if kind in (HTML, TEXT, MAIL):
        return kind
    if kind == "application/xhtml+xml":
        return HTML
    if kind == PDF or body[:1024].lstrip().startswith(b"%PDF-"):
        return PDF
    # Only where the type says nothing: a name may be anything.
    suffix = PurePosixPath(filename or "").suffix.lower()
    return BY_SUFFIX.get(suffix) if kind in VAGUE else None


def _kind(part: EmailMessage) -> str:
    try:
        # Whatever breaks here, the part is read as text: RFC 2045 takes it for that where no type is told.
        # Some forget the semicolon before the charset.
        return part.get_content_type().lower().partition(" ")[0]
    except Exception:  # a header that breaks the library
        return TEXT


def _charset(part: EmailMessage) -> str | None:
    try:
        return part.get_content_charset()
    except Exception:  # a header that breaks the library
        return None


def _encoded_mail(part: EmailMessage, payload: Any) -> bytes | None:
    """A mail in base64, which RFC 2046 (5.2.1) forbids and mailers send: the library finds no header in it."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding != "base64" or not isinstance(payload, list) or payload[0].keys():
        return None
    payload[0]["Content-Transfer-Encoding"] = encoding
    body = payload[0].get_payload(decode=True)
    return body if isinstance(body, bytes) and looks_like_mail(body) else None


def _breaks_words(part: EmailMessage) -> bool:
    """Whether its lines break anywhere, also inside addresses (RFC 3676, DelSp): Apple's mailer does that."""
    try:
        told = [str(part.get_param(name)).lower() for name in ("format", "delsp")]
    except Exception:  # a header that breaks the library
        return False
    return told == ["flowed", "yes"]


def _rejoined(body: bytes) -> bytes:
    """Such a text with its lines whole: those that go on end in a blank that is not the text's own."""
    pieces: list[bytes] = []
    # How deep the line before is quoted, when it goes on: one of another depth is somebody else's.
    open_depth = None
    for line in body.replace(b"\r\n", b"\n").split(b"\n"):
        unquoted = line.lstrip(b">")
        depth, text = len(line) - len(unquoted), unquoted.removeprefix(b" ")
        # The mark of a signature is a line of its own, and so is its blank.
        goes_on = text.endswith(b" ") and text != _SIGNATURE
        joins = depth == open_depth and text != _SIGNATURE
        piece = text if joins else b"\n" + line
        pieces.append(piece[:-1] if goes_on else piece)
        open_depth = depth if goes_on else None
    return b"".join(pieces)[1:]


def _filename(part: EmailMessage) -> str | None:
    """The name as it was sent, for people only: it never becomes a path."""
    try:
        found = part.get_filename()
    except Exception:  # a header that breaks the library
        return None
    return one_line(found)[:MAX_NOTED] or None if found else None
