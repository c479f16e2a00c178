"""Whether an article is already in the library: by address, by the same text, by nearly the same text.

Near-duplicates are found in two steps. A 64-bit simhash over word pairs (Charikar, "Similarity estimation
techniques from rounding algorithms", STOC 2002) is cut into bands, so that an index finds candidates
(Manku, Jain, Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007). A candidate counts only
when its text really shares its three-word runs (Broder's containment, "On the resemblance and containment
of documents", 1997), so a chance collision of fingerprints never hides an article.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mingus_lib.domain.library import KnownArticle
from mingus_lib.domain.words import normalized

# 5 bands: any two fingerprints at most 4 bits apart agree in one; at 8 bits two thirds still do.
BAND_WIDTHS = (13, 13, 13, 13, 12)
MAX_DISTANCE = 10
MIN_SHARED = 0.7

_MASK = (1 << 64) - 1
_WORD = re.compile(r"\w+")
# For each of the eight bits the table that turns a byte into its value, 0 or 1.
_BIT_OF = tuple(bytes(value >> bit & 1 for value in range(256)) for bit in range(8))


class Kind(StrEnum):
    """What to do with a draft."""

    NEW = "new"
    REFRESH = "refresh"
    SAME_ADDRESS = "same-address"
    SAME_TEXT = "same-text"
    NEAR_DUPLICATE = "near-duplicate"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored article whose fingerprint is close."""

    article_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`article_id` is the article that was there first; None for a new one."""

    kind: Kind
    article_id: int | None = None
    detail: str = ""

    @property
    def reason(self) -> str | None:
        """`code: detail`, None for a new article."""
        return None if self.article_id is None else f"{self.kind}: {self.detail}"


def decide(
    text: str,
    same_address: KnownArticle | None,
    same_text: int | None,
    candidates: Sequence[Candidate] = (),
    *,
    force: bool = False,
) -> Decision:
    """The one rule: address first, then equal text, then nearly equal text; the earliest article stays.

    `same_text` is the id of an article with the same content hash. `force` refreshes the article at the
    address, or adds a new one, whatever its text.
    """
    # An alias has no page of its own to refresh: forced, the address becomes an article.
    if same_address is not None and not (force and same_address.alias):
        return _at_same_address(same_address, force)
    if force:
        return Decision(Kind.NEW)
    if same_text is not None:
        return Decision(Kind.SAME_TEXT, same_text, f"article {same_text} has this text")
    return _near(text, candidates)


def _at_same_address(known: KnownArticle, force: bool) -> Decision:
    if force:
        return Decision(Kind.REFRESH, known.id, f"article {known.id} was known by this address")
    how = "is also found at" if known.alias else "has"
    return Decision(Kind.SAME_ADDRESS, known.id, f"article {known.id} ({known.status}) {how} this address")


def _near(text: str, candidates: Sequence[Candidate]) -> Decision:
    # The earliest that is near, not the nearest: what came later must not decide which one stays.
    ours = phrases(text) if candidates else frozenset()
    for candidate in sorted(candidates, key=lambda c: c.article_id):
        share = shared(ours, phrases(candidate.text))
        if share >= MIN_SHARED:
            detail = f"article {candidate.article_id} shares {share:.0%} of the text"
            return Decision(Kind.NEAR_DUPLICATE, candidate.article_id, detail)
    return Decision(Kind.NEW)


def content_hash(text: str) -> str:
    """SHA-256 (hex) of the text without differences of case, width and white space."""
    # One text on two sites differs in these without having been changed.
    folded = " ".join(normalized("NFKC", text).casefold().split())
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def simhash(text: str) -> int:
    """A 64-bit fingerprint as SQLite keeps it (signed); similar texts differ in few bits."""
    digests = b"".join(_digest(run) * _weight(count) for run, count in Counter(_runs(text, 2)).items())
    bits = 0
    for position in range(8):
        bits = bits << 8 | _majority(digests[position::8])
    return bits - (1 << 64) if bits >> 63 else bits


# Fingerprints are kept with their articles: by another digest no old one would be found again.
def _digest(run: str) -> bytes:
    return hashlib.blake2b(run.encode("utf-8", "replace"), digest_size=8).digest()


def _weight(count: int) -> int:
    # Growing slowly with repetition, so that a refrain does not outvote the rest.
    return count.bit_length()


def _majority(column: bytes) -> int:
    half = len(column) // 2
    return sum(1 << bit for bit in range(8) if column.translate(_BIT_OF[bit]).count(1) > half)


def close(fingerprint: int, others: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of (article id, fingerprint) pairs the ids at most MAX_DISTANCE bits away, and in how many bits they differ."""
    return [
        (article_id, bits)
        for article_id, other in others
        if (bits := ((fingerprint ^ other) & _MASK).bit_count()) <= MAX_DISTANCE
    ]


def bands(fingerprint: int) -> tuple[int, ...]:
    """Index keys: two fingerprints at most 4 bits apart share one; equal keys mean equal bands."""
    rest, keys = fingerprint & _MASK, []
    for number, width in enumerate(BAND_WIDTHS):
        keys.append(number << 16 | rest & ((1 << width) - 1))
        rest >>= width
    return tuple(keys)


def phrases(text: str) -> frozenset[str]:
    """The text's three-word runs."""
    return frozenset(_runs(text, 3))


def shared(one: frozenset[str], other: frozenset[str]) -> float:
    """The part (0-1) of the shorter text's phrases that the other text has too."""
    # Over the shorter: a text is a copy, too, when a site adds a preface to it.
    shorter, longer = sorted((one, other), key=len)
    return len(shorter & longer) / len(shorter) if shorter else 0.0


def _runs(text: str, length: int) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    # A text shorter than a run is one run: without any, all such texts would have one fingerprint.
    if 0 < len(words) < length:
        return iter((" ".join(words),))
    return map(" ".join, zip(*(words[start:] for start in range(length)), strict=False))
