"""HTML text to an lxml tree, and what keeps hostile markup cheap.

libxml2 itself stops at a depth of 256 elements and at 10 MB of text in one node. A tag with very many
attributes costs it quadratic time, so such a tag loses them before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from itertools import dropwhile, islice

from lxml.etree import SubElement, iterwalk
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from mingus_lib.domain.extract.decode import UNREADABLE, tidy

UNREAD = (
    "script",
    "style",
    "noscript",
    "svg",
    "template",
    "link",
    "meta",
    "canvas",
    "object",
    "select",
    "annotation",
)
# Any other element begins the body, one of a site's own making, too.
_OF_HEAD = "base basefont bgsound link meta noframes noscript object script style template title"
OF_HEAD = frozenset(_OF_HEAD.split())
MAX_ATTRIBUTES = 1_000
# One attribute as the HTML standard reads it. A quoted value beyond 20,000 characters is not trusted to
# be one, because a quote in a script can hide a flood. All quantifiers are possessive: linear time.
VALUE = r"""\s*+=\s*+(?:"[^"]{0,20000}+"|'[^']{0,20000}+'|[^\s>"'][^\s>]*+)"""
ATTRIBUTE = rf"[\s/]*+=?[^\s/>=]++(?:{VALUE})?+"
# Every tag matches, so that the search never goes back; only a flooded one has the group.
TAG = re.compile(
    rf"(<[a-zA-Z][^\s/>]*+)(?:((?:{ATTRIBUTE}){{{MAX_ATTRIBUTES}}}(?:{ATTRIBUTE})*+)|(?:{ATTRIBUTE})*+)"
)
# With what stands before it like the beginning of another one. Names as they are written in HTML alone: an address
# may hold "&shyness=1". It begins with one sign, for which Python looks ten times as fast.
REFERENCE = re.compile(
    r"&(?:([#0-9A-Za-z]{0,40}+)&)?"
    r"(#(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,10}));?|shy(?![;=0-9A-Za-z])|(?:shy|ZeroWidthSpace|NoBreak);)"
)
SCRIPT = re.compile(r"</?(?:script|style)\b", re.I)
SCRIPT_END = re.compile(r"</(?:script|style)", re.I)
# The tools take 20-100 microseconds an element.
MAX_ELEMENTS = 25_000
# A text is read once for every element around it; on a smaller page even the deepest costs less than a second.
MAX_WEIGHT = 100_000_000
LIGHT_BYTES = 300_000
# Shorter pages cannot hold a flood that matters.
SMALL = 20_000


def parse(text: str) -> HtmlElement:
    """The tree of a page, without comments; raises lxml's ParserError for an empty one."""
    # As bytes in a stated encoding: what <meta> or <?xml?> declares no longer holds.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    plain = REFERENCE.sub(_readable, text)
    tree = document_fromstring(without_floods(plain).encode("utf-8", "replace"), parser=parser)
    _end_head(tree)
    return tree


def _end_head(tree: HtmlElement) -> None:
    """Give to the body what stands in the head from the first element on that is of none.

    Minifiers leave the tags of head and body out, and libxml2 does not know that a <main> begins the body.
    A <title> stays: its text is none of the article's.
    """
    head = tree.find("head")
    later = dropwhile(lambda element: element.tag in OF_HEAD, head if head is not None else ())
    strays = [element for element in later if element.tag != "title"]
    if not strays:
        return
    body = tree.find("body")
    if body is None:
        body = SubElement(tree, "body")
    strays[-1].tail = (strays[-1].tail or "") + (body.text or "")
    body.text = None
    body[:0] = strays


def _readable(reference: re.Match[str]) -> str:
    """The reference itself, unless to what `tidy` takes out: lxml refuses texts that hold such a character."""
    # Read now: where the reference behind it goes, it would go on with what follows and become another.
    before = "" if reference[1] is None else escape(tidy(unescape(f"&{reference[1]}")))
    if not (reference[3] or reference[4]):
        return before
    code = int(reference[3], 16) if reference[3] else int(reference[4])
    # The parser knows better what is meant by 128 to 159, and by what no character has.
    known = code < 0x80 or 0x9F < code < 0xD800 or 0xDFFF < code < 0x110000
    return before + (tidy(chr(code)) if known and UNREADABLE.match(chr(code)) else f"&{reference[2]}")


def without_floods(text: str) -> str:
    """The text with no tag of more than a thousand attributes."""
    if len(text) < SMALL:
        return text
    parts, done = [], 0
    for start, end in _floods(text):
        parts.append(text[done:start])
        done = end
    return "".join([*parts, text[done:]]) if parts else text


def _floods(text: str) -> Iterator[tuple[int, int]]:
    """Where the attributes of flooded tags start and end; scripts are passed over."""
    at = 0
    while flood := next((found for found in TAG.finditer(text, at) if found[2]), None):
        script_end = _end_of_script(text, at, flood.start())
        if script_end is None:
            yield flood.span(2)
        at = script_end or flood.end()


def _end_of_script(text: str, since: int, here: int) -> int | None:
    """Where the script or style that `here` stands in ends, None if it stands in none."""
    openings = list(SCRIPT.finditer(text, since, here))
    if not openings or openings[-1][0].startswith("</"):
        return None
    closing = SCRIPT_END.search(text, here)
    return closing.end() if closing else len(text)


def strip_unread(tree: HtmlElement) -> None:
    """Take out what no reader sees, so that nobody walks it again; the head's facts must be read before."""
    for element in list(tree.iter(*UNREAD)):
        if element.getparent() is not None:
            element.drop_tree()


def is_large(tree: HtmlElement, size: int = 0) -> bool:
    """Whether a tool that walks the page many times would take seconds over it; `size` is its length in bytes."""
    if next(islice(tree.iter(), MAX_ELEMENTS, None), None) is not None:
        return True
    return size > LIGHT_BYTES and _weight(tree) > MAX_WEIGHT


def _weight(tree: HtmlElement) -> int:
    """Characters times depth: a tool that asks every element for its text reads so many."""
    weight, depth = 0, 0
    for event, element in iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        text = element.text if event == "start" else element.tail
        weight += len(text or "") * depth
    return weight
