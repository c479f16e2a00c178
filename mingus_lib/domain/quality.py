"""Is a page worth keeping: words, language, and not an error page, a wall or an index."""

from __future__ import annotations

from mingus_lib.domain.models import Extracted, QualityPolicy, Verdict


def assess(extracted: Extracted, *, url: str, policy: QualityPolicy) -> Verdict:
    """The gate. The first rule that refuses names the reason: `code: detail`."""
    words = extracted.word_count
    if words < policy.min_words:
        return Verdict(False, f"too-short: {words} words, the minimum is {policy.min_words}")
    if words > policy.max_words:
        return Verdict(False, f"too-long: {words} words, the maximum is {policy.max_words}")
    return Verdict(True)
