"""Lines that frame an article: who wrote it, when, and what else they do.

They are only looked for at the two ends of an article, where these are not what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mingus_lib.domain.extract.dateline import MONTH
from mingus_lib.domain.extract.names import BEFORE, JOB

MAX_BYLINE = 120
MAX_ABOUT = 600
BETWEEN = re.compile(r"\b(?:by|and|with|from|words|story|written|reported)\b|\W", re.I)
_DAY = rf"{MONTH}\s+\d\d?(?:st|nd|rd|th)?,?\s+\d{{4}}|\d\d?(?:st|nd|rd|th)?\s+{MONTH},?\s+\d{{4}}"
_NUMBERS = r"\d{1,4}[/.-]\d\d?[/.-]\d{2,4}"
_TIME = r"\d\d?[:.]\d\d(?::\d\d)?\s*(?:[ap]\.?m\.?)?\s*(?:[A-Z]{2,5})?"
STAMP = re.compile(
    rf"\W*(?:(?:first |last )?(?:published|updated|posted|modified|date)\b(?: on| at)?\W*)?"
    rf"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{{0,6}}\W+)?(?:{_DAY}|{_NUMBERS})(?:\W*(?:at\s+)?{_TIME})?\W*",
    re.I,
)
# A person said to write for a living, in a line of its own.
WRITER = re.compile(
    r"(?!The |This |That |Our )(?:[A-Z][\w.’'-]+\s){2,4}(?:is|was)\s(?:an?|the|our)\s.{0,80}?"
    r"\b(?:reporter|writer|editor|journalist|correspondent|columnist|contributor|freelancer?|blogger|author)\b"
)
DOES = r"[,\s]+(?:is|was|has|covers|writes|works|lives|joined|can be)\b"


def is_stamp(text: str) -> bool:
    """Whether a line is only a date, perhaps with a time."""
    return len(text) < MAX_BYLINE and bool(STAMP.fullmatch(text))


def is_byline(text: str, authors: Sequence[str]) -> bool:
    """Whether a line only names authors of the page, perhaps with their job."""
    if len(text) > MAX_BYLINE:
        return False
    rest = BEFORE.sub("", text)
    for name in authors:
        rest = rest.replace(name, " ")
    # A line of such words alone, like "Words and story", is a byline only if somebody was named in it.
    return rest != BEFORE.sub("", text) and (bool(JOB.search(rest)) or not BETWEEN.sub("", rest))


def is_about(text: str, authors: Sequence[str]) -> bool:
    """Whether a paragraph tells who the author is; where nobody is named, whether it is about a writer."""
    if len(text) > MAX_ABOUT:
        return False
    if not authors:
        return bool(WRITER.match(text))
    # A name is the page's own text: unescaped it could be an expression, and one that takes for ever.
    return any(re.match(re.escape(name) + DOES, text) for name in authors)
