"""A person's search words as a full-text expression that is always well formed.

Grammar for people: words (all must occur), "a phrase", -word (must not occur). Everything else, an
operator of the engine included, is taken as words to look for. Limits keep hostile input cheap.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 2_000
MAX_TERMS = 16
MAX_WORDS_IN_TERM = 12

_TERM = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<chunk>[^\s"]+))')
# Letters and digits only, as the unicode61 tokenizer sees them: an underscore separates.
_WORD = re.compile(r"[^\W_]+")
# Accents that no letter has built in (as in Olúṣẹ́gun) and invisible signs: the index knows neither.
_UNHEARD = re.compile("[\u0300-\u036f\u00ad\u200b\u2060\ufeff]")
# Telephones type these for straight ones.
_STRAIGHT = str.maketrans("“”„‟", '""""')


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Terms as quoted phrases; `wanted` must all occur, `unwanted` must not. None wanted finds nothing."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The whole query for FTS5's MATCH; empty when there is nothing to look for."""
        return self.excluding(" AND ".join(self.wanted))

    def excluding(self, wanted: str) -> str:
        """`wanted` (an expression of some of the terms) without what this query does not want."""
        if not wanted or not self.unwanted:
            return wanted
        return f"({wanted}) NOT ({' OR '.join(self.unwanted)})"


def parse(typed: str) -> SearchQuery:
    """Read what a person typed; never raises. Words past the limits are left out."""
    # An accent apart from its letter is none of _WORD, and would cut the word in two.
    text = _UNHEARD.sub("", unicodedata.normalize("NFC", typed[:MAX_CHARACTERS])).translate(_STRAIGHT)
    wanted: dict[str, None] = {}
    unwanted: dict[str, None] = {}
    for found in _TERM.finditer(text):
        term = _quoted(found["phrase"] or found["chunk"] or "")
        if term:
            (unwanted if found["minus"] else wanted)[term] = None
    # Cut after the doubles are gone, so that a word said twice costs no other one its place.
    return SearchQuery(tuple(wanted)[:MAX_TERMS], tuple(unwanted)[:MAX_TERMS])


def _quoted(words: str) -> str:
    # Letters and digits alone get between the quotes, so nothing typed can end a phrase or command FTS5.
    kept = _WORD.findall(words)[:MAX_WORDS_IN_TERM]
    return f'"{" ".join(kept)}"' if kept else ""
