"""Bytes to text, whatever was declared.

The order: a byte-order mark; valid UTF-8 (other encodings are hardly ever valid UTF-8 by chance); the
charset of HTTP; the one of <meta>; UTF-8 with stray bytes; a guess; Windows-1252. A declared charset
is believed only if it decodes the bytes.
"""

from __future__ import annotations

import codecs
import re
from html import unescape

from mingus_lib.domain.words import LIGATURES, WINDOWS

# UTF-32 before UTF-16, whose little-endian mark is the beginning of the other one.
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
META_CHARSET = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,500}?(?:charset|encoding)\s*+=\s*+["']?\s*+([\w.:-]{2,40})""", re.I
)
# The HTML standard looks for the charset in the first 1024 bytes.
META_WINDOW = 4096
SAMPLE = 16_384
STRAY = "mingus-stray-byte"
# The labels of the WHATWG encoding standard that mean a superset of what they say.
SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
# Of seven bits: text in them is always valid UTF-8 too, so they are tried before it.
STATEFUL = ("iso2022", "hz")
# No page is honestly written in these; in some, tags hide in plain ASCII (as in the attacks by UTF-7).
NO_CHARSETS = frozenset({"utf-7", "idna", "punycode", "unicode-escape", "raw-unicode-escape"})
# Only whole ones: "R&D" is no reference, and "A&notes" would become one.
REFERENCE = re.compile(r"&#?\w{1,32};")
# Only the tags that editors leave in a text: "the <select> tag" and "income <b and debt> c" are meant as they stand.
ATTRIBUTE = r"""\s++[a-z][\w:-]*+\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|[^\s"'<>=]++)"""
MARKUP = re.compile(
    rf"</?(?:(br|p|div|ul|ol|li|h[1-6])|b|i|em|strong|u|span|a|sup|sub|small|font)(?:{ATTRIBUTE})*+\s*+/?>",
    re.I,
)
# What nobody reads (control characters, lone surrogates), or what hides words from a search (soft hyphens, ligatures).
UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufb00-\ufb06\ufeff\ud800-\udfff\ufffe\uffff]"
)
# PDFs hold ﬁ and the like as one sign, which no search for the word finds.
INSTEAD = WINDOWS | LIGATURES


def decode(body: bytes, charset: str | None = None, *, kept: str = "") -> str:
    """The text of `body`, without NUL and other control characters that no parser wants, but with `kept`."""
    return tidy(_decode(body, charset), kept=kept)


def tidy(text: str, *, kept: str = "") -> str:
    """Line ends as \\n; no control characters, lone surrogates, soft hyphens or ligatures but those `kept`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n")
    return UNREADABLE.sub(lambda found: found[0] if found[0] in kept else INSTEAD.get(found[0], ""), text)


def plain_text(value: str) -> str:
    """What a value is meant to say that should hold no markup: many sites escape it twice, or leave tags in it."""
    read = REFERENCE.sub(lambda found: unescape(found[0]), value)
    # A line break parts words; of a word in bold the comma behind it is still the next sign.
    return tidy(MARKUP.sub(lambda found: " " if found[1] else "", read))


def _decode(body: bytes, charset: str | None) -> str:
    for mark, codec in BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    declared = [name for name in (_codec(charset), _codec(_meta_charset(body))) if name]
    # UTF-16 first: English in it is valid UTF-8, with a NUL beside each letter.
    likely = (_wide(body), *(n for n in declared if n.startswith(STATEFUL)), "utf-8", *declared)
    for name in likely:
        text = _try(body, name)
        if text is not None:
            return text
    name = _guess(body, declared)
    return body.decode(name, STRAY if name == "utf-8" else "replace")


def _stray(error: UnicodeError) -> tuple[str, int]:
    """A lone byte that is no UTF-8 as Windows-1252: a quote that was pasted into the page from a word processor."""
    assert isinstance(error, UnicodeDecodeError)
    lone = error.end - error.start == 1
    return error.object[error.start : error.end].decode("cp1252", "replace") if lone else "\ufffd", error.end


codecs.register_error(STRAY, _stray)


def _try(body: bytes, name: str | None) -> str | None:
    """The text if `name` decodes all of `body` but, perhaps, a last character cut in half."""
    if name is None:
        return None
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(body)
    except (UnicodeError, ValueError):
        return None


def _codec(label: str | None) -> str | None:
    """The Python codec of a charset label, None when there is no such text codec."""
    try:
        name = codecs.lookup((label or "").strip(" \"'")).name
        known = SUPERSETS.get(name, name)
        # bytes.decode takes charsets alone; codecs.decode would also unpack zlib or turn rot13.
        b"    ".decode(known, "ignore")
    # A NUL in a label is a ValueError, an unknown name a LookupError.
    except (LookupError, ValueError):
        return None
    return None if known in NO_CHARSETS else known


def _meta_charset(body: bytes) -> str | None:
    found = META_CHARSET.search(body[:META_WINDOW])
    return found[1].decode("ascii") if found else None


def _wide(body: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of the beginning is NUL."""
    head = body[:META_WINDOW]
    if len(head) < 8 or head.count(0) < len(head) * 0.3:
        return None
    return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"


def _guess(body: bytes, declared: list[str]) -> str:
    """What to decode as, with replacements, when nothing decodes cleanly."""
    text = body.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    # Characters of several bytes hardly come about by chance: the others are slips in the page.
    if len(text) - len(text.encode("ascii", "ignore")) >= 2 * wrong:
        return "utf-8"
    # Where UTF-8 is declared and this wrong, the declaration tells nothing.
    return declared[0] if declared and declared[0] != "utf-8" else _sniff(body)


def _sniff(body: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(body[:SAMPLE]).best()
    return best.encoding if best else "cp1252"
