"""Small facts about text: how many words, how long to read, where to cut a preview, which word is near."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal
from unicodedata import normalize

WORDS_PER_MINUTE = 200
WORD = re.compile(r"\w+(?:[’'\-‑.]\w+)*")
# A sentence ends after its closing quotes and brackets, before white space or the end.
SENTENCE_END = re.compile(r"(?<![.!?…。！？])[.!?…。！？]++[\"'”’»)\]]*(?=\s|$)")

# England, Scotland, Wales: a black flag, the letters of its code as tags, the last tag.
FLAG = re.compile("(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f)")
# Hard spaces, the soft hyphen, and what emoji and letters of other scripts are joined with.
_UNSEEN = re.compile("[\u00a0\u00ad\u202f\u3000]|(?<=[^\\0-\u024f])[\u200c\u200d](?=[^\\0-\u024f])")
_PIECE = 256
# What Windows has in the place of control characters, mostly quotes and dashes; HTML reads these numbers so, too.
WINDOWS = {chr(code): bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
# Letters joined for print, as PDFs and some sites have them.
LIGATURES = {chr(code): normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def is_printable(text: str) -> bool:
    """Whether people can see it and it steers no terminal; str.isprintable() refuses many an emoji and hard spaces."""
    if text.isprintable():
        return True
    seen = _UNSEEN.sub(" ", FLAG.sub("\U0001f3f4", text))
    return not seen.isspace() and seen.isprintable()


def normalized(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """The text in a normal form of Unicode, in a time that grows as its length does."""
    # Marks in a row are put in order by insertion: in one piece those of a hostile page would take minutes.
    pieces, at = [], 0
    while at < len(text) and not text.isascii():
        end = at + _PIECE
        # Nothing is joined across a space.
        if end < len(text):
            end = text.rfind(" ", at, end) + 1 or end
        pieces.append(normalize(form, text[at:end]))
        at = end
    return "".join(pieces) or text


def must_be_utf8(field: str, text: str) -> None:
    """Raise ValueError for a text with bytes that were no UTF-8, as `surrogateescape` decodes them."""
    if _NOT_UTF8.search(text):
        raise ValueError(f"{field}: it is not in UTF-8; save the file as UTF-8")


def count_words(text: str) -> int:
    """How many words: runs of letters and digits, with inner apostrophes and hyphens."""
    # One at a time: a list of all words takes many times the memory of the text.
    return sum(1 for _ in WORD.finditer(text))


def reading_time_minutes(words: int) -> int:
    """Minutes to read at 200 words a minute, at least 1."""
    return max(1, round(words / WORDS_PER_MINUTE))


def preview(text: str, limit: int = 500) -> str:
    """The beginning of a text, white space folded, at most `limit` characters, cut after a sentence.

    A first sentence that is too long is cut after a word, and a first word in its midst, with an ellipsis.
    """
    # A text may be megabytes, and hardly any has more white space than this leaves room for.
    folded = " ".join(text[: limit * 8].split())
    if len(folded) <= limit:
        return folded
    ends = [found.end() for found in SENTENCE_END.finditer(folded, 0, limit + 1) if found.end() <= limit]
    if ends:
        return folded[: ends[-1]]
    if limit < 1:
        return ""
    # A space in the last place ends a word for which there is room; the ellipsis takes its place.
    space = folded.rfind(" ", 0, limit)
    # Chinese and Japanese have none, and nothing but an ellipsis would say nothing.
    return folded[: space if space > 0 else limit - 1] + "…"


def some(names: Sequence[str], most: int) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` or nothing."""
    # Only where something is wrong, so that no command that is right waits for it.
    import difflib

    # Cut, since difflib takes quadratic time and the name is whatever was typed.
    match = difflib.get_close_matches(name[:200], known, n=1)
    return f', did you mean "{match[0]}"?' if match else ""
