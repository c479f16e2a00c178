"""The day a page was published: JSON-LD's datePublished, else htmldate, told to find the original date."""

from __future__ import annotations

import re

from lxml.html import HtmlElement

# htmldate takes today for the latest date; we have no clock here, so a fixed far day keeps it pure.
LATEST = "2100-01-01"
ISO_DAY = re.compile(r"^((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def choose_date(tree: HtmlElement | None, declared: str, url: str) -> str | None:
    """The publication day as YYYY-MM-DD: what JSON-LD declares, else what htmldate finds; None if neither.

    Without a tree only the declared one is read.
    """
    return iso_day(declared) or (_found_by_htmldate(tree, url) if tree is not None else None)


def _found_by_htmldate(tree: HtmlElement, url: str) -> str | None:
    from htmldate import find_date

    try:
        return find_date(tree, original_date=True, extensive_search=False, url=url, max_date=LATEST)
    except (ValueError, TypeError, OverflowError, AttributeError, IndexError):
        return None


def iso_day(text: str) -> str | None:
    """The day of an ISO 8601 text, None if it does not begin with one."""
    found = ISO_DAY.match(text.strip())
    return found[0] if found else None
