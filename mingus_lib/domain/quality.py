"""Is a page worth keeping: an article, in our languages, of the right length.

`assess` applies these rules in order; the first that refuses names the reason, `code: detail`:
error-page, bot-check, consent-wall, login-wall, index-page, not-language, too-short, too-long.
A wall is only seen where there is little prose: a long article that mentions one passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from mingus_lib.domain.models import Extracted, PageSignals, QualityPolicy, Verdict
from mingus_lib.domain.walls import sign_of, walls

# With this much prose a page is an article, whatever else it says.
ENOUGH_PROSE = 250
STUB_WORDS = 150
BARE_WORDS = 60
MANY_LINES = 12
LINKED = 0.5
SEARCHED = 3_000

Rule = Callable[[Extracted, str, QualityPolicy], str | None]


def assess(extracted: Extracted, *, url: str, policy: QualityPolicy) -> Verdict:
    """The Verdict on a page that was fetched from `url`."""
    reasons = (reason for rule in RULES if (reason := rule(extracted, url, policy)))
    reason = next(reasons, None)
    return Verdict(reason is None, reason)


def _wall(extracted: Extracted, url: str, policy: QualityPolicy) -> str | None:
    signals = extracted.signals
    if signals is None or signals.prose_words >= ENOUGH_PROSE:
        return None
    # The article too: a tool may have taken the wall for it.
    visible = f"{extracted.text[:SEARCHED]}\n{signals.lead}"
    return next(_walls(extracted.title, visible, signals), None)


def _walls(title: str, visible: str, signals: PageSignals) -> Iterator[str]:
    for wall in walls():
        sign = sign_of(wall, title, visible, bare=signals.prose_words < BARE_WORDS)
        if sign:
            yield f"{wall.code}: the page says {sign!r}"
    if signals.asks_password and signals.prose_words < STUB_WORDS:
        yield "login-wall: the page asks for a password"
    if signals.free is False and signals.prose_words < STUB_WORDS:
        yield "login-wall: the page says that it is not free to read"


def _index(extracted: Extracted, url: str, policy: QualityPolicy) -> str | None:
    """Many headlines that lead elsewhere, and little to read here."""
    signals = extracted.signals
    if signals is None:
        return None
    lines, words = signals.link_lines, signals.prose_words
    if signals.article_linked_share > LINKED and lines >= MANY_LINES:
        return f"index-page: {round(signals.article_linked_share * 100)} % of its text is links"
    # Teasers on a front page count as prose, so it needs four times as much to pass.
    home = not urlsplit(url).path.strip("/")
    if (
        lines >= MANY_LINES
        and signals.linked_share > LINKED
        and words < (ENOUGH_PROSE * 4 if home else BARE_WORDS)
    ):
        return f"index-page: {lines} linked headlines, {words} words of prose"
    return None


def _language(extracted: Extracted, url: str, policy: QualityPolicy) -> str | None:
    found = extracted.language
    # An article is not lost because nothing is sure of its language.
    if found is None or not policy.languages or found in policy.languages or not extracted.word_count:
        return None
    return f"not-language: detected {found}, allowed {', '.join(policy.languages)}"


def _length(extracted: Extracted, url: str, policy: QualityPolicy) -> str | None:
    words = extracted.word_count
    if words < policy.min_words:
        return f"too-short: {words} words, the minimum is {policy.min_words}"
    if words > policy.max_words:
        return f"too-long: {words} words, the maximum is {policy.max_words}"
    return None


# Walls first: they are short, and would be told as too short.
RULES: tuple[Rule, ...] = (_wall, _index, _language, _length)
