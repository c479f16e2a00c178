"""Links of plain text, with the words that stand before them."""

from __future__ import annotations

import re

from mingus_lib.domain.mails import FoundLink

MAX_CONTEXT = 200
MAX_URL = 8_000
# Each pattern is a start and one class of characters: linear in the text.
_BRACKETED = re.compile(rf"<(?=(?:https?://|mailto:))([^<>]{{1,{MAX_URL}}})>", re.IGNORECASE)
# Zero-width spaces and marks of direction come with what was copied, and are part of no address.
_UNSEEN = r"\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_LINK = re.compile(
    rf"(?:https?://|\bwww\.|\bmailto:)[^\s<>\"\x00-\x1f{_UNSEEN}]{{1,{MAX_URL}}}", re.IGNORECASE
)
# Of those, what has no width at all. An address may end there, so it stays in a text until its links are found;
# words are whole without it.
NO_WIDTH = "\u200b\u2060\ufeff"
_NO_WIDTH = re.compile(f"[{NO_WIDTH}]")
_TRAILING = ".,;:!?'\"*_`|\u2026\u201d\u2019\xbb\u203a"
_CLOSING = {")": "(", "]": "[", "}": "{"}


def text_links(text: str, place: str, *, limit: int) -> tuple[list[FoundLink], int]:
    """The links in their order, at most `limit`, and how many there are in all.

    The anchor is the text before the link on its line, or the line above when it stands alone.
    """
    # RFC 3986, appendix C: an address in angle brackets may be broken over lines.
    joined = _BRACKETED.sub(lambda found: f"<{_NO_WIDTH.sub('', ''.join(found[1].split()))}>", text)
    links: list[FoundLink] = []
    count, above = 0, ""
    for line in joined.splitlines():
        end = 0
        for found in _LINK.finditer(line):
            before = _NO_WIDTH.sub("", line[end : found.start()])
            end = found.end()
            count += 1
            if count <= limit:
                links.append(FoundLink(_address(found[0]), _context(before) or _context(above), place))
        # A line with a link of its own is no heading of the next.
        if end == 0 and (words := _NO_WIDTH.sub("", line)).strip():
            above = words
    return links, count


def _address(found: str) -> str:
    # Texts that were made of HTML often keep its escapes.
    trimmed = _trimmed(found).replace("&amp;", "&")
    return f"http://{trimmed}" if trimmed[:4].lower() == "www." else trimmed


def _trimmed(url: str) -> str:
    """Without the sentence's punctuation; a closing bracket stays when its opening one is in the address."""
    end = len(url.rstrip(_TRAILING + "".join(_CLOSING)))
    # Counted once: to count again for each bracket took 16 s for a text of brackets.
    unclosed = {
        closing: url.count(opening, 0, end) - url.count(closing, 0, end)
        for closing, opening in _CLOSING.items()
    }
    for character in url[end:]:
        if unclosed.get(character, 0) <= 0:
            break
        unclosed[character] -= 1
        end += 1
    return url[:end]


def _context(text: str) -> str:
    """The words of a line as an anchor: without bullets, quote marks and brackets around the link."""
    return " ".join(text[-MAX_CONTEXT:].split()).strip("<>()[]*-\u2022|\u2192:=~_# ")
