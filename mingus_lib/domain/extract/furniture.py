"""What stands in an article without being of it: captions, consent boxes, house notices.

The phrases are in data/furniture.txt and data/endings.txt, where an editor can add to them.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from mingus_lib.domain import datafiles
from mingus_lib.domain.extract.blocks import Place

CAPTION_TAGS = frozenset({"figcaption", "figure", "caption"})
CAPTION = re.compile("caption", re.I)
# A site may note its visitors' consent on the page's own frame.
FRAMES = frozenset({"html", "body", "main", "article"})
CONSENT = re.compile(
    r"cookie|consent|gdpr|onetrust|optanon|privacy[-_](?:modal|pref|bar|box|banner|notice)", re.I
)
MAX_NOTICE = 400
SHORT_NOTICE = 120
LINKED_NOTICE = 0.1
MAX_ENDING = 60


def is_caption(place: Place) -> bool:
    """Whether the place is in or right around a picture's caption."""
    near = [around for around, _ in zip(place.line(), range(4), strict=False)]
    return any(p.tag in CAPTION_TAGS or _says_caption(p.classes) for p in near)


def is_consent(place: Place) -> bool:
    """Whether the place is in a box that asks about cookies or privacy."""
    return any(_says_consent(p.classes) for p in place.line() if p.tag not in FRAMES)


# Kept, since all blocks ask the same elements around them: 200 long classes and 2,000 blocks took minutes.
@lru_cache(maxsize=2_000)
def _says_caption(classes: str) -> bool:
    return CAPTION.search(classes) is not None


@lru_cache(maxsize=2_000)
def _says_consent(classes: str) -> bool:
    return CONSENT.search(classes) is not None


def is_notice(text: str, link_density: float) -> bool:
    """Whether a short paragraph is the house speaking: credits, newsletters, "read more", copyright."""
    if len(text) > MAX_NOTICE:
        return False
    starts, anywhere = _phrases()
    # "Read more" begins sentences as well: it is a notice only if short or linked.
    leads = len(text) <= SHORT_NOTICE or link_density > LINKED_NOTICE
    return bool(leads and starts.match(text)) or bool(anywhere.search(text))


def is_ending(text: str) -> bool:
    """Whether a line is the heading of what stands under articles: related ones, comments, sharing."""
    # The whole line: sentences begin with "Related" or "Comments" as well.
    return len(text) <= MAX_ENDING and bool(_endings().fullmatch(text))


@cache
def _phrases() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The phrases that begin a notice, and those that make one wherever they stand."""
    phrases = datafiles.lines("furniture.txt")
    starts = "|".join(p.removeprefix("^") for p in phrases if p.startswith("^"))
    anywhere = "|".join(p for p in phrases if not p.startswith("^"))
    return re.compile(rf"\W*(?:{starts})", re.I), re.compile(anywhere, re.I)


@cache
def _endings() -> re.Pattern[str]:
    return re.compile(rf"\W*(?:{'|'.join(datafiles.lines('endings.txt'))})\W*", re.I)
