"""Names of people out of byline texts: without "by", jobs, places, degrees set apart, and the site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
# A comma before a degree or a "Jr." belongs to the name, unless that is the beginning of one: "J.D. Roth".
DEGREE = (
    r"(?:ph\.?\s*d|m\.?\s*d|jr|sr|esq|mba|cfa|cfp|cpa|j\.?d|rn|dds|ii|iii|iv|psy\.?d|ed\.?d|pharm\.?d|m\.?ed|mfa|"
    r"ll\.?[bm]|msw|mph|mpa|lcsw|lmft|lmhc|lpc|rdn|pmp|afc|aif|chfc|crpc)\b\.?+"
)
BETWEEN = re.compile(
    rf"\s*;\s*|\s+(?:and|&)\s+|\s*,\s*+(?:and\s+)?(?!{DEGREE}(?!\s(?!{DEGREE})(?-i:[A-Z])))", re.I
)
ENDS_IN_DEGREE = re.compile(rf"[\s,]{DEGREE}$", re.I)
ADDRESS = re.compile(r"https?:|www\.|@|/|^\S+\.(?:com|org|net|co\.uk)$", re.I)
MAX_NAME = 60
MAX_AUTHORS = 10


def clean_names(raw: Iterable[str], site_name: str = "") -> tuple[str, ...]:
    """The names in byline texts, without "by", jobs, doubles and the site; agencies only if alone."""
    found: dict[str, str] = {}
    for text in raw:
        for name in _split(text):
            if _is_name(name, site_name):
                found.setdefault(name.casefold(), name)
    people = [name for name in found.values() if not AGENCY.search(name)]
    return tuple(people or found.values())[:MAX_AUTHORS]


def persons(raw: Iterable[str], site_name: str = "") -> tuple[str, ...]:
    """The clean names that are not those of an agency or a paper."""
    return tuple(name for name in clean_names(raw, site_name) if not AGENCY.search(name))


def is_full_name(name: str) -> bool:
    """Whether a text looks like first and last name, and not like a job or a place of work."""
    words = name.split()
    return 2 <= len(words) <= 4 and not JOB.search(name) and all(word[:1].isupper() for word in words)


def _split(text: str) -> Iterator[str]:
    # Cut first: a byline may be megabytes, and each part of it is searched by several patterns.
    folded = " ".join(text[:500].split())
    first = True
    for part in BETWEEN.split(BEFORE.sub("", folded)):
        name = AFTER.sub("", BEFORE.sub("", part)).strip(" ,;:-|\"'“”")
        # A job behind a comma is that of the name before it; in front it may be all that is stated.
        if first or not JOB.search(name):
            # The full stop of a "Jr." belongs to the name; that of a sentence does not.
            yield name if ENDS_IN_DEGREE.search(name) else name.rstrip(".")
        first = False


def _is_name(name: str, site_name: str) -> bool:
    if not 1 < len(name) <= MAX_NAME or NOBODY.match(name) or ADDRESS.search(name):
        return False
    letters = sum(c.isalpha() for c in name)
    return letters >= 2 and not any(c.isdigit() for c in name[:4]) and name.casefold() != site_name.casefold()
