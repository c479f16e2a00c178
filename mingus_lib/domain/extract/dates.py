"""The day a page was published: htmldate, told to look for the original date."""

from __future__ import annotations

import re

from lxml.html import HtmlElement

# htmldate takes today for the latest date; we have no clock here, so a fixed far day keeps it pure.
LATEST = "2100-01-01"
ISO_DAY = re.compile(r"^((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def choose_date(tree: HtmlElement, declared: str, url: str) -> str | None:
    """The publication day as YYYY-MM-DD: what htmldate finds, else what JSON-LD declares."""
    from htmldate import find_date

    try:
        found = find_date(tree, original_date=True, extensive_search=False, url=url, max_date=LATEST)
    except (ValueError, TypeError, OverflowError, AttributeError, IndexError):
        found = None
    return found or iso_day(declared)


def iso_day(text: str) -> str | None:
    """The day of an ISO 8601 text, None if it does not begin with one."""
    found = ISO_DAY.match(text.strip())
    return found[0] if found else None
