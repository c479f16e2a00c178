"""The days a page shows its reader beside the title.

An article that was revised and dated anew shows the day of the revision alone; an article that was only
corrected shows the day of its publication too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from mingus_lib.domain.extract.blocks import Block, squeeze

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A month in words, short or whole; the group is its first three letters.
MONTH = rf"({'|'.join(MONTHS)})[a-z]{{0,6}}\.?"
_YEAR = r"((?:19|20)\d\d)\b"
MONTH_FIRST = re.compile(rf"\b{MONTH}\s+(\d\d?)(?:st|nd|rd|th)?,?\s+{_YEAR}", re.I)
DAY_FIRST = re.compile(rf"\b(\d\d?)(?:st|nd|rd|th)?\s+{MONTH},?\s+{_YEAR}", re.I)
ISO = re.compile(rf"\b{_YEAR}-(\d\d)-(\d\d)\b")
H1 = frozenset({"h1"})
MAX_LINE = 200
# How many blocks before the title, or before the article where no title stands on the page, are looked at.
BEFORE_TITLE = 4
BEFORE_TEXT = 12


def days_beside_title(
    blocks: Sequence[Block], article: Sequence[Block], titles: Collection[str]
) -> list[str]:
    """The days written from the title to the first lines of the article, as YYYY-MM-DD, in their order."""
    if not article:
        return []
    first = blocks.index(article[0])
    named = {squeeze(title) for title in titles}
    heads = [n for n, b in enumerate(blocks[: first + 2]) if b.place.near(H1) and squeeze(b.text) in named]
    start = heads[-1] - BEFORE_TITLE if heads else first - BEFORE_TEXT
    lines = (block.text for block in blocks[max(start, 0) : first + 2] if len(block.text) < MAX_LINE)
    return [day for line in lines for day in days_in(line)]


def days_in(text: str) -> Iterator[str]:
    """The days written in a text, in English words or as ISO 8601; what could be two days is passed over."""
    for month, day, year in MONTH_FIRST.findall(text):
        yield _iso(year, month, day)
    for day, month, year in DAY_FIRST.findall(text):
        yield _iso(year, month, day)
    yield from ("-".join(found.groups()) for found in ISO.finditer(text))


def _iso(year: str, month: str, day: str) -> str:
    # There may be no such day: what is found here is only ever compared with days stated elsewhere.
    return f"{year}-{MONTHS.index(month.lower()) + 1:02d}-{int(day):02d}"
