"""The authors of a page: people in JSON-LD, then what <meta> says, then bylines, then a desk; cleaned."""

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
    r"^(?:(?:written|words|story|reported|posted|published|authored|text|(?:view all |more )?posts)\s+)?"
    r"by[\s:]+|^(?:author|words|text)s?\s*:\s*",
    re.I,
)
# Whatever follows a name: where it was written, for whom, and when.
AFTER = re.compile(
    r"\s*(?:[|•·–—(<\[]|\s(?:for|at|on|in)\s+[A-Z@]|\s-\s|\b(?i:updated|published|posted)\b).*$"
)
JOB = re.compile(
    r"\b(?:writer|reporter|editor|editorial|correspondent|contributor|columnist|producer|officer|president|director|"
    r"professor|founder|ceo|head of|chief)\b",
    re.I,
)
AGENCY = re.compile(
    r"\b(?:press|news|reuters|newsroom|agency|afp|wire|media|times|tribune|gazette|magazine)\b", re.I
)
# A comma before a degree or a "Jr." belongs to the name.
DEGREE = r"(?:ph\.?\s*d|m\.?\s*d|jr|sr|esq|mba|cfa|cfp|cpa|j\.?d|rn|dds|ii|iii|iv)\b\.?"
BETWEEN = re.compile(rf"\s*;\s*|\s+(?:and|&)\s+|\s*,\s*+(?:and\s+)?(?!{DEGREE})", re.I)
ENDS_IN_DEGREE = re.compile(rf"[\s,]{DEGREE}$", re.I)
ADDRESS = re.compile(r"https?:|www\.|@|/|^\S+\.(?:com|org|net|co\.uk)$", re.I)
META = (
    "author",
    "article:author",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "dcterms.creator",
    "citation_author",
    "byl",
    "rbauthors",
    "article:author_name",
    "shareaholic:article_author_name",
)
MAX_NAME = 60
MAX_AUTHORS = 10


def choose_authors(
    people: Iterable[str],
    desks: Iterable[str],
    meta: dict[str, str],
    tree: HtmlElement | None,
    site_name: str,
) -> tuple[str, ...]:
    """The authors' names, in order; empty if nobody is named.

    `people` and `desks` are the authors of JSON-LD that are persons or of no stated kind, and
    organisations; without a `tree` bylines are not searched for.
    """
    stated = (meta[name] for name in META if " " in meta.get(name, "") and not ADDRESS.search(meta[name]))
    named = clean_names(people, site_name) or clean_names(list(stated)[:1], site_name)
    return named or clean_names(_found_by_trafilatura(tree), site_name) or clean_names(desks, site_name)


def clean_names(raw: Iterable[str], site_name: str = "") -> tuple[str, ...]:
    """The names in byline texts, without "by", jobs, doubles and the site; agencies only if alone."""
    found: dict[str, str] = {}
    for text in raw:
        for name in _split(text):
            if _is_name(name, site_name):
                found.setdefault(name.casefold(), name)
    people = [name for name in found.values() if not AGENCY.search(name)]
    return tuple(people or found.values())[:MAX_AUTHORS]


def _split(text: str) -> Iterator[str]:
    folded = " ".join(text[:500].split())
    first = True
    for part in BETWEEN.split(BEFORE.sub("", folded)):
        name = AFTER.sub("", BEFORE.sub("", part)).strip(" ,;:-|\"'“”")
        if first or not JOB.search(name):
            yield name if ENDS_IN_DEGREE.search(name) else name.rstrip(".")
        first = False


def _is_name(name: str, site_name: str) -> bool:
    if not 1 < len(name) <= MAX_NAME or NOBODY.match(name) or ADDRESS.search(name):
        return False
    letters = sum(c.isalpha() for c in name)
    return letters >= 2 and not any(c.isdigit() for c in name[:4]) and name.casefold() != site_name.casefold()


def _found_by_trafilatura(tree: HtmlElement | None) -> list[str]:
    from trafilatura.metadata import extract_author

    author = extract_author(tree) if tree is not None else None
    return author.split(";") if author else []
