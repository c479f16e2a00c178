"""The authors of a page: JSON-LD first, then what trafilatura finds in <meta> and bylines; cleaned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml.html import HtmlElement

# Whole names that are no author.
NOBODY = re.compile(
    r"^(?:admin|administrator|author|editor|guest|user|unknown|anonymous|staff|null|none|undefined|n/?a|by)$",
    re.I,
)
BEFORE = re.compile(
    r"^(?:(?:written|words|story|reported|posted|published|authored|text|reviewed)\s+)?by[\s:]+|^(?:author|words|text)s?\s*:\s*",
    re.I,
)
AFTER = re.compile(
    r"\s*(?:[|•·–—(<\[]|,?\s+(?:for|at|on|in)\s+[A-Z@]|\s+-\s+|,\s*(?:(?:staff|senior|chief|contributing|associate|managing|deputy|executive)\b|[\w\s]*\b(?:writer|reporter|editor|correspondent|contributor|columnist|producer)\b)|\bupdated\b|\bpublished\b|\bposted\b).*$",
    re.I,
)
BETWEEN = re.compile(
    r"\s*;\s*|\s+(?:and|&)\s+|\s*,\s*(?:and\s+)?(?!(?:ph\.?\s*d|m\.?\s*d|jr|sr|esq|mba|cfa|cfp|cpa|jd|j\.d|rn|dds|iii|ii)\b)",
    re.I,
)
ADDRESS = re.compile(r"https?://|www\.|@\w+\.|\.com\b|/", re.I)
MAX_NAME = 60
MAX_AUTHORS = 10


def choose_authors(declared: Iterable[str], tree: HtmlElement, site_name: str) -> tuple[str, ...]:
    """The authors' names, in order; empty if nobody is named."""
    people = clean_names(declared, site_name)
    return people or clean_names(_found_by_trafilatura(tree), site_name)


def clean_names(raw: Iterable[str], site_name: str = "") -> tuple[str, ...]:
    """The names of people or desks in byline texts, without "by", titles, doubles and the site itself."""
    found: dict[str, str] = {}
    for text in raw:
        for name in _split(text):
            if _is_name(name, site_name):
                found.setdefault(name.casefold(), name)
    return tuple(found.values())[:MAX_AUTHORS]


def _split(text: str) -> Iterator[str]:
    folded = " ".join(text[:500].split())
    for part in BETWEEN.split(BEFORE.sub("", folded)):
        yield (
            AFTER.sub("", BEFORE.sub("", part)).strip(" ,;:.-|\"'“”")
            if not part.endswith(("Jr.", "Sr.", "D."))
            else part.strip()
        )


def _is_name(name: str, site_name: str) -> bool:
    if not 1 < len(name) <= MAX_NAME or NOBODY.match(name) or ADDRESS.search(name):
        return False
    letters = sum(c.isalpha() for c in name)
    return letters >= 2 and not any(c.isdigit() for c in name[:4]) and name.casefold() != site_name.casefold()


def _found_by_trafilatura(tree: HtmlElement) -> list[str]:
    from trafilatura.metadata import examine_meta, extract_author

    stated = examine_meta(tree).author
    author = stated if stated and " " in stated else extract_author(tree)
    return author.split(";") if author else []
