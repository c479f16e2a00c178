"""The day a page was published.

In order: JSON-LD's datePublished; what <meta> states; the first element marked as datePublished; htmldate,
told to find the original date. The day is the one written, in the zone it is written in, unless the page
shows its reader another day beside the title: the one before or after, which it was in the readers' zone, or
a later one that it states as that of a revision. A page that shows only this one was published anew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta

from lxml.etree import XPath
from lxml.html import HtmlElement

# htmldate takes today for the latest date; we have no clock here, so a fixed far day keeps it pure.
LATEST = "2100-01-01"
# The day on which computers begin to count stands where no day was set.
ISO_DAY = re.compile(r"^(?!1970-01-01)((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


# Only names that mean the first publication; dc.date and the like are often another day.
META = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "parsely-pub-date",
    "sailthru.date",
    "dc.date.issued",
)
MODIFIED = (
    "article:modified_time",
    "og:article:modified_time",
    "og:updated_time",
    "datemodified",
    "dc.date.modified",
)
MARKED = XPath("//*[@itemprop='datePublished']")


def choose_date(tree: HtmlElement | None, declared: str, meta: dict[str, str], url: str) -> str | None:
    """The publication day as YYYY-MM-DD: what is stated, else what htmldate finds; None if neither.

    `declared` is JSON-LD's date. Without a tree only that and `meta` are read.
    """
    stated = (iso_day(text) for text in (declared, *(meta.get(name, "") for name in META)))
    found = next((day for day in stated if day), None)
    return found if found or tree is None else _marked(tree) or _found_by_htmldate(tree, url)


def revised_days(declared: str, meta: dict[str, str]) -> frozenset[str]:
    """The days of revision that JSON-LD (`declared`) and `meta` state."""
    days = (iso_day(text) for text in (declared, *(meta.get(name, "") for name in MODIFIED)))
    return frozenset(day for day in days if day)


def day_shown(published: str | None, revised: Collection[str], shown: Sequence[str]) -> str | None:
    """The day of publication as the page shows it: in its readers' zone, or that of a revision alone."""
    if published is None or published in shown:
        return published
    # Compared as text: ISO days sort as their dates do, and a stated 31 February breaks nothing.
    meant = {day for day in revised if day > published} | _days_around(published)
    return next((day for day in shown if day in meant), published)


def _days_around(day: str) -> set[str]:
    """The days before and after, one of which it was elsewhere at that time; none around what is no day."""
    try:
        middle = date.fromisoformat(day)
        return {str(middle - timedelta(1)), str(middle + timedelta(1))}
    except (ValueError, OverflowError):
        return set()


def _marked(tree: HtmlElement) -> str | None:
    dates = (iso_day(e.get("datetime") or e.get("content") or "") for e in MARKED(tree))
    return next((day for day in dates if day), None)


def _found_by_htmldate(tree: HtmlElement, url: str) -> str | None:
    from htmldate import find_date

    try:
        # Without its extensive search, which takes any date in the text for that of the page.
        return find_date(tree, original_date=True, extensive_search=False, url=url, max_date=LATEST)
    # htmldate breaks on odd pages in these ways, and an article may be without a date.
    except (ValueError, TypeError, OverflowError, AttributeError, IndexError):
        return None


def iso_day(text: str) -> str | None:
    """The day of an ISO 8601 text, None if it does not begin with one."""
    found = ISO_DAY.match(text.strip())
    return found[0] if found else None
