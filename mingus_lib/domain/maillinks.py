"""The links of a mail, each with its fate: unwrapped, told apart by their targets, judged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mingus_lib.domain import linkpolicy
from mingus_lib.domain.library import HostRule
from mingus_lib.domain.mails import FoundLink, JudgedLink, LinkDecision, ParsedMail
from mingus_lib.domain.unwrap import Unwrapped, unwrap
from mingus_lib.domain.urls import canonical, host_of, without_login
from mingus_lib.errors import UsageError

HostRules = Callable[[str], HostRule]


def judge_mail(mail: ParsedMail, rules: HostRules, *, hold_unknown: bool) -> list[JudgedLink]:
    """Every link of the mail once for each target, in the mail's order; `rules` gives the policy of a host."""
    # Unwrapped as the links are, or a tracker around one of them would hide that they are the same.
    machinery = {_target(unwrap(url).url) for url in mail.head.unsubscribe} - {None}
    merged: dict[str, tuple[FoundLink, Unwrapped]] = {}
    for link in mail.links:
        inner = unwrap(link.url)
        key = _target(inner.url) or link.url
        merged[key] = (_merged(merged[key][0], link), merged[key][1]) if key in merged else (link, inner)
    return [
        _judged(link, inner, rules, hold_unknown, key in machinery) for key, (link, inner) in merged.items()
    ]


def judge_address(url: str, rules: HostRules, *, hold_unknown: bool) -> linkpolicy.Fate:
    """The fate of an address that a tracker led to: by the same policy, without a text."""
    inner = unwrap(url)
    strange = linkpolicy.not_an_address(inner.url)
    if strange is not None:
        return linkpolicy.Fate(LinkDecision.DROP, strange)
    rule = rules(host_of(canonical(inner.url)))
    return linkpolicy.decide(inner.url, rule, tracker=inner.opaque, hold_unknown=hold_unknown)


def _judged(
    link: FoundLink, inner: Unwrapped, rules: HostRules, hold_unknown: bool, machinery: bool
) -> JudgedLink:
    target = _target(inner.url)
    host = host_of(target) if target else None
    rule = rules(host) if host else HostRule("")
    fate = linkpolicy.decide(
        target or inner.url,
        rule,
        anchor=link.anchor,
        tracker=inner.opaque,
        hidden=link.hidden,
        pixel=link.pixel,
        hold_unknown=hold_unknown,
    )
    # Whatever else it looks like: asking for it would unsubscribe the mailbox.
    if machinery:
        fate = linkpolicy.Fate(LinkDecision.DROP, "unsubscribe: the mail's List-Unsubscribe")
    return JudgedLink(
        # Addresses in mails may carry passwords, and this is stored and shown.
        url=without_login(link.url),
        target=target,
        anchor=link.anchor,
        place=link.place,
        hidden=link.hidden,
        wrappers=inner.rules,
        decision=fate.decision,
        reason=fate.reason,
        host=host,
        quality=rule.quality,
    )


def _merged(first: FoundLink, again: FoundLink) -> FoundLink:
    """Two links to one target: what a reader sees counts, and the longer text says more."""
    # Bulk mails link one article from a picture, its headline and "read more".
    best = again if (first.hidden or first.pixel) and not again.hidden else first
    texts: Sequence[str] = [each.anchor for each in (first, again) if not each.hidden] or [first.anchor]
    return replace(best, anchor=max(texts, key=len))


def _target(url: str) -> str | None:
    try:
        return canonical(url)
    except UsageError:
        return None
