"""The title of a page: the <h1> that agrees with what the head calls it.

In order: the first <h1> that agrees with og:title, the JSON-LD headline, twitter:title or <title>; the
first <h1> of two words or more; og:title or the headline; <title> without the site's name. An <h1> of up
to three words, with which none of the longer titles in the head agrees, names a section or the site and is
passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# What stands between a title and the name of the site: what the editors of the commonest systems may choose.
SEPARATOR = re.compile(r"\s+[|｜│•·⋆*~»«›‹><–—―‐-]+\s+|\s*[|»]\s*|\s::\s")
WORD = re.compile(r"\w+")
MAX_TITLE = 300
MIN_NAME = 20
MAX_KICKER = 2
# Words in the name of a section or a site.
MAX_SECTION = 3
# Share of words in common from which two titles are versions of one.
LIKENESS = 0.6


def choose_title(headings: Sequence[str], names: Sequence[str], document_title: str, site_name: str) -> str:
    """The title, given the texts of the <h1>, the head's names for the page, its <title> and its site."""
    given = [name for name in (*names, document_title) if name]
    # Those that <title> bears out: an og:title may be the same on all pages of a site.
    sure = [name for name in names if agrees(name, document_title)] or given
    headings = [h for h in headings if 0 < len(h) <= MAX_TITLE]
    own = [h for h in headings if not _is_section(h, sure)]
    heading = next((h for h in own if any(agrees(h, name) for name in given)), "")
    if heading:
        return without_kicker(heading, given)
    first = next((h for h in headings if len(WORD.findall(h)) > 1), "")
    title = next((f for f in (first if first in own else "", *given) if f), "")
    return title if title in headings else without_site(title, site_name)


def without_kicker(heading: str, names: Sequence[str]) -> str:
    """The heading without one or two words ("Opinion |") before what a name of the page begins with."""
    for name in names:
        # Its beginning is enough, since names in the head are often cut or have the site behind them.
        start = heading.find(name[:MIN_NAME])
        kicker = heading[:start].rstrip(" |•·»").split() if len(name) >= MIN_NAME and start > 0 else []
        if kicker and len(kicker) <= MAX_KICKER:
            # Two elements of a heading may be set apart by styles alone, without a space.
            parted = heading[start - 1] == " " or heading[start:] in names
            plain = parted and all(word.isalpha() for word in kicker)
            return heading[start:] if plain else heading
    return heading


def _is_section(heading: str, names: Sequence[str]) -> bool:
    long = [name for name in names if len(_words(name)) > MAX_SECTION]
    short = len(_words(heading)) <= MAX_SECTION
    return short and bool(long) and not any(agrees(heading, name) for name in names)


def agrees(heading: str, name: str) -> bool:
    """Whether two texts are one title, perhaps shortened or with the site's name added."""
    mine, other = _words(heading), _words(name)
    if not mine or not other:
        return False
    common = len(set(mine) & set(other))
    shorter = min(len(set(mine)), len(set(other)))
    whole = common == shorter and (shorter > 2 or mine == other[: len(mine)])
    return whole or common >= LIKENESS * len(set(mine) | set(other))


def without_site(title: str, site_name: str) -> str:
    """The title without the site's name after (or before) a separator."""
    site = "".join(_words(site_name))
    parts = SEPARATOR.split(title)
    if len(parts) < 2:
        return title
    if site and "".join(_words(parts[0])) == site:
        return title[SEPARATOR.search(title).end() :]  # type: ignore[union-attr]
    cut = max(found.start() for found in SEPARATOR.finditer(title))
    last = _words(parts[-1])
    is_site = bool(site) and ("".join(last) in site or site in "".join(last))
    # These two compare things as often as they part them, as in "Time in the Market > Timing the Market".
    compares = not {"<", ">"}.isdisjoint(title[cut:])
    short_tail = not (site or compares) and len(last) <= 4 and len(_words(title[:cut])) >= 3
    return title[:cut] if is_site or short_tail else title


def variants(title: str) -> Iterator[str]:
    """A name of the page, and its parts that are long enough to be the title alone."""
    yield title
    # A shorter part is the name of a site or section, and lines of the text that equal it would be trimmed.
    yield from (part for part in SEPARATOR.split(title) if len(part) > 15)


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())
