"""The links of a mail: one for each target, what is kept of two, which host's policy decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.library import HostPolicy, HostRule
from mingus_lib.domain.linkpolicy import Fate
from mingus_lib.domain.maillinks import judge_address, judge_mail
from mingus_lib.domain.mails import FoundLink, JudgedLink, LinkDecision, MailHead, ParsedMail

STORY = "https://a.example/a-good-story"
SCANNED = "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.example%2Fa-good-story&data=5"
HEAD = MailHead("id:1", "1", "s", "a@b.example", "", None)


def rules(host: str) -> HostRule:
    """One host is denied, one allowed, the others nobody knows; where there is no host nobody asks."""
    assert host
    policies = {"denied.example": HostPolicy.DENY, "good.example": HostPolicy.ALLOW}
    return HostRule(host, policies.get(host, HostPolicy.UNKNOWN), quality=0.9 if host in policies else 0.5)


def judged(*links: FoundLink, head: MailHead = HEAD, hold_unknown: bool = False) -> list[JudgedLink]:
    return judge_mail(ParsedMail(head, (), links), rules, hold_unknown=hold_unknown)


@pytest.mark.parametrize(
    ("url", "fate"),
    [
        ("mailto:a@b.example", Fate(LinkDecision.DROP, "mailto: an address to write to")),
        ("ftp://a.example/b", Fate(LinkDecision.DROP, "not-web: ftp")),
        (STORY, Fate(LinkDecision.FETCH)),
        (SCANNED, Fate(LinkDecision.FETCH)),
        ("https://bit.ly/abc", Fate(LinkDecision.FOLLOW)),
        ("https://good.example/a-good-story", Fate(LinkDecision.FETCH)),
        (
            "https://denied.example/a-good-story",
            Fate(
                LinkDecision.DROP,
                "denied-host: denied.example is denied; `mingus hosts allow denied.example` changes that",
            ),
        ),
    ],
)
def test_an_address_without_a_text_has_its_own_fate(url: str, fate: Fate) -> None:
    assert judge_address(url, rules, hold_unknown=False) == fate


def test_a_tracker_in_a_mail_is_followed_whatever_its_path_says() -> None:
    (link,) = judged(FoundLink("https://bit.ly/login", "Read", "1"), hold_unknown=True)
    assert (link.decision, link.reason) == (LinkDecision.FOLLOW, None)


def test_what_waits_for_an_editor_is_what_the_wrapper_holds() -> None:
    waits = Fate(LinkDecision.HOLD, "unknown-host: a.example waits for `mingus hosts allow a.example`")
    assert judge_address(SCANNED, rules, hold_unknown=True) == waits
    (link,) = judged(FoundLink(SCANNED, "Read", "1"), hold_unknown=True)
    assert (link.decision, link.reason) == waits


def test_a_link_tells_all_that_is_known_of_it() -> None:
    links = judged(
        FoundLink(SCANNED, "A story", "1.2 text/html"),
        FoundLink("https://good.example/x?utm_source=mail", "", "1.1 text/plain"),
        FoundLink("mailto:a@b.example", "Write", "1.1 text/plain", hidden=True),
    )
    wrapped, allowed, strange = links
    assert wrapped == JudgedLink(
        url=SCANNED, target=STORY, anchor="A story", place="1.2 text/html", hidden=False,
        wrappers=("outlook-safelinks",), decision=LinkDecision.FETCH, reason=None,
        host="a.example", quality=0.5,
    )  # fmt: skip
    assert (allowed.target, allowed.host, allowed.quality) == ("https://good.example/x", "good.example", 0.9)
    assert (strange.target, strange.host, strange.quality, strange.hidden) == (None, None, 0.5, True)
    assert strange.reason == "mailto: an address to write to"


@pytest.mark.parametrize(
    ("about", "code"), [({"hidden": True}, "hidden"), ({"pixel": True}, "pixel"), ({}, "")]
)
def test_what_readers_cannot_see_is_left_out(about: dict[str, bool], code: str) -> None:
    (link,) = judged(FoundLink(STORY, "", "1", **about))
    assert (link.reason or "").partition(":")[0] == code


SEEN, HIDDEN, PIXEL = (
    FoundLink(STORY, "seen", "at first"),
    FoundLink(STORY, "hidden", "at first", hidden=True),
    FoundLink(STORY, "", "at first", pixel=True),
)


@pytest.mark.parametrize(
    ("first", "again", "anchor", "place", "decision"),
    [
        (SEEN, replace(SEEN, anchor="longer"), "longer", "at first", "fetch"),
        (SEEN, replace(SEEN, anchor="less"), "seen", "at first", "fetch"),
        (SEEN, replace(HIDDEN, anchor="a longer hidden text"), "seen", "at first", "fetch"),
        (SEEN, PIXEL, "seen", "at first", "fetch"),
        (HIDDEN, SEEN, "seen", "again", "fetch"),
        (PIXEL, SEEN, "seen", "again", "fetch"),
        (PIXEL, HIDDEN, "", "at first", "drop"),
        (HIDDEN, replace(HIDDEN, anchor="hidden, and longer"), "hidden", "at first", "drop"),
    ],
)
def test_of_two_links_to_one_target_the_one_that_is_seen_counts(
    first: FoundLink, again: FoundLink, anchor: str, place: str, decision: str
) -> None:
    (link,) = judged(first, replace(again, place="again"))
    assert (link.anchor, link.place, link.decision.value) == (anchor, place, decision)


def test_a_tracked_and_a_wrapped_address_are_one_target() -> None:
    (link,) = judged(FoundLink(SCANNED, "Read", "1"), FoundLink(f"{STORY}?utm_source=x#top", "A story", "1"))
    assert (link.url, link.wrappers, link.anchor) == (SCANNED, ("outlook-safelinks",), "A story")


@pytest.mark.parametrize("header", [STORY, SCANNED, f"{STORY}?utm_source=x"])
@pytest.mark.parametrize("url", [STORY, SCANNED])
def test_the_address_of_list_unsubscribe_is_never_asked_for(header: str, url: str) -> None:
    head = replace(HEAD, unsubscribe=("https://b.example/other", header, "no address"))
    link, other = judged(FoundLink(url, "A good story", "1"), FoundLink(STORY + "-2", "", "1"), head=head)
    dropped = (LinkDecision.DROP, "unsubscribe: the mail's List-Unsubscribe")
    assert (link.decision, link.reason) == dropped
    assert other.decision is LinkDecision.FETCH


@given(st.lists(st.sampled_from("abcde"), max_size=12))
def test_targets_keep_the_order_in_which_the_mail_has_them(names: list[str]) -> None:
    links = judged(*(FoundLink(f"https://a.example/story-{name}", "", "1") for name in names))
    assert [link.target for link in links] == [
        f"https://a.example/story-{name}" for name in dict.fromkeys(names)
    ]
