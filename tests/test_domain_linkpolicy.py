"""The link policy: the corpus as people judged it, each reason, hosts, and the merging of a mail's links."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import datafiles
from mingus_lib.domain.library import HostPolicy, HostRule
from mingus_lib.domain.linkpolicy import Fate, decide, not_an_address, said_by_anchor
from mingus_lib.domain.maillinks import judge_address, judge_mail
from mingus_lib.domain.mails import FoundLink, JudgedLink, LinkDecision, MailHead, ParsedMail
from tests.mail_corpus import Sample, samples

HEAD = MailHead("id:1", "1", "s", "a@b.example", "", None)
UNKNOWN = HostRule("a.example")
FILE = datafiles.table("linkpolicy.toml")
PHRASES = [(phrase, code) for code, phrases in FILE["anchors"].items() for phrase in phrases]
HOSTS = [(host, code) for code, hosts in FILE["hosts"].items() for host in hosts if code != "social_articles"]
FILES = [(suffix, kind) for kind, suffixes in FILE["files"].items() for suffix in suffixes]


def code(url: str, rule: HostRule = UNKNOWN, **about: object) -> str:
    fate = decide(url, rule, **about)  # type: ignore[arg-type]
    return fate.reason.partition(":")[0] if fate.reason else fate.decision.value


def judged(*links: FoundLink, head: MailHead = HEAD) -> list[JudgedLink]:
    return judge_mail(ParsedMail(head, (), links), HostRule, hold_unknown=False)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_links_are_judged_as_a_person_judged_them(sample: Sample) -> None:
    said = {(link["target"], link["decision"], link["reason"]) for link in sample.golden["links"]}
    found = {
        (link.target, link.decision.value, link.reason.partition(":")[0] if link.reason else None)
        for link in sample.judged()
    }
    assert found == said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://abc.r.a.d.sendibm1.com/mk/un/abc/def", "unsubscribe"),
        ("https://r.mail.example.com/mk/un/sh/abc/def", "unsubscribe"),
        ("https://example.cmail20.com/t/r-u-abcdef-l-r/", "unsubscribe"),
        ("https://example.cmail20.com/t/r-o-abcdef-l/o", "pixel"),
        ("https://r20.rs6.net/on.jsp?ca=1", "pixel"),
        ("https://unsubscribe.convertkit-mail2.com/abc", "unsubscribe"),
        ("https://preferences.convertkit-mail2.com/abc", "preferences"),
        ("https://example.mktoweb.com/u/UnsubscribePage.html?mkt_unsubscribe=1", "unsubscribe"),
        ("https://blog.example/?na=unsubscribe&nk=1-abc", "unsubscribe"),
        ("https://blog.example/?mailpoet_router&endpoint=subscription&action=unsubscribe", "unsubscribe"),
        ("https://forum.example/t/a-u-turn-on-mortgage-rates/12", "fetch"),
        ("https://click.convertkit-mail2.com/abc/def", "follow"),
        ("https://example.cmail20.com/t/r-l-abcdef-l-r/", "follow"),
        ("https://abc.r.a.d.sendibm1.com/mk/cl/f/abc", "follow"),
    ],
)
def test_no_address_of_a_mailer_that_would_act_is_asked_for(url: str, expected: str) -> None:
    fate = judge_address(url, HostRule, hold_unknown=False)
    assert (fate.reason or fate.decision.value).partition(":")[0] == expected


def test_precision_and_recall_on_the_corpus() -> None:
    pairs = [sample.articles() for sample in samples()]
    right = sum(len(said & taken) for said, taken in pairs)
    assert right / sum(len(taken) for _, taken in pairs) >= 0.95
    assert right / sum(len(said) for said, _ in pairs) >= 0.95


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.investopedia.com/terms/e/emergency_fund.asp", "fetch"),
        ("https://a.example/category/careers/how-to-negotiate-a-raise", "fetch"),
        ("https://a.example/?p=12", "fetch"),
        ("https://a.example/wealth.html", "fetch"),
        ("https://a.example/report.pdf", "fetch"),
        ("https://www.linkedin.com/pulse/a-story-by-dana", "fetch"),
        ("https://nerdwallet.com/article/t.co", "fetch"),
        ("https://a.example/terms", "legal"),
        ("https://a.example/", "home-page"),
        ("https://a.example/index.html", "home-page"),
        ("https://a.example/?utm_source=", "home-page"),
        ("https://a.example/money/", "index-page"),
        ("https://a.example/tag/wealth", "index-page"),
        ("https://a.example/author/dana", "index-page"),
        ("https://a.example/feed.xml", "file"),
        ("https://a.example/2026/03/", "index-page"),
        ("https://a.example/photo.JPG", "file"),
        ("https://a.example/sheet.xlsx", "file"),
        ("https://a.example/unsubscribe/abc", "unsubscribe"),
        ("https://a.example/email-preferences", "preferences"),
        ("https://www.facebook.com/sharer/sharer.php?u=x", "share"),
        ("https://m.youtube.com/watch?v=1", "social"),
        ("https://notyoutube.com/a-long-story-about-it", "fetch"),
        ("https://open.spotify.com/episode/1", "media"),
        ("https://www.w3.org/1999/xhtml", "furniture"),
        ("https://a.example/checkout", "account"),
        ("https://a.example/careers", "service"),
        ("mailto:a@b.example", "mailto"),
        ("MAILTO:a@b.example", "mailto"),
        ("tel:+15550100", "not-web"),
        ("javascript:alert(1)", "not-web"),
        ("data:text/html,x", "not-web"),
        ("ftp://a.example/b", "not-web"),
        ("#top", "in-page"),
        ("", "in-page"),
        ("*|UNSUB|*", "bad-address"),
        ("http://", "bad-address"),
        ("https://user:secret@a.example/story", "bad-address"),
        ("/relative", "bad-address"),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    assert code(url) == expected


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("Unsubscribe \u00bb", "unsubscribe"),
        ("[UNSUBSCRIBE]", "unsubscribe"),
        ("Unsubscribe from all of our emails", "unsubscribe"),
        ("View this email in your browser", "view-in-browser"),
        ("Manage your preferences.", "preferences"),
        ("Share on LinkedIn", "share"),
        ("Sign up today", "account"),
        ("Privacy Policy", "legal"),
        ("Advertise with us", "service"),
        ("Buy now, pay later, explained", "fetch"),
        ("Share of Black homeowners rises", "fetch"),
        ("Manage your student loans in five steps", "fetch"),
        ("Why I unsubscribed from the hustle", "fetch"),
        ("", "fetch"),
        ("Unsub\u00adscribe", "unsubscribe"),
        ("\u200bUn\u200csubscribe\u00a0here", "unsubscribe"),
        ("\uff35nsubscribe", "unsubscribe"),
    ],
)
def test_anchors(anchor: str, expected: str) -> None:
    assert code("https://a.example/x/9f8e7d", anchor=anchor) == expected


def test_hosts_decide() -> None:
    url = "https://www.reddit.com/r/personalfinance/how-i-paid-it-off"
    assert code(url) == "social"
    assert code(url, HostRule("reddit.com", HostPolicy.ALLOW)) == "fetch"
    assert code("https://a.example/a-good-story", HostRule("a.example", HostPolicy.DENY)) == "denied-host"
    assert code("https://a.example/a-good-story", hold_unknown=True) == "unknown-host"
    allowed = HostRule("a.example", HostPolicy.ALLOW)
    assert code("https://a.example/a-good-story", allowed, hold_unknown=True) == "fetch"


def test_of_a_tracker_only_its_text_and_its_host_are_judged() -> None:
    url = "https://bit.ly/login"
    assert code(url, tracker=True) == "follow"
    assert code(url, tracker=True, anchor="Unsubscribe") == "unsubscribe"
    assert code(url, HostRule("bit.ly", HostPolicy.DENY), tracker=True) == "denied-host"
    assert code(url, tracker=True, hold_unknown=True) == "follow"


def test_where_a_tracker_led_is_judged_by_the_same_policy() -> None:
    for url, expected in (("https://a.example/", "drop"), ("https://a.example/a-story-of-a-saver", "fetch")):
        assert judge_address(url, HostRule, hold_unknown=False).decision.value == expected


def test_a_target_counts_once_with_the_text_that_readers_see() -> None:
    first = FoundLink("https://a.example/a-good-story?utm_source=x", "", "1", hidden=True)
    image = replace(first, url="https://a.example/a-good-story", anchor="cover", hidden=False)
    title = replace(image, url="https://a.example/a-good-story#c", anchor="A good story of savers")
    (link,) = judged(first, image, title)
    assert (link.target, link.anchor, link.decision) == (
        "https://a.example/a-good-story",
        "A good story of savers",
        LinkDecision.FETCH,
    )


def test_the_list_unsubscribe_header_tells_its_link() -> None:
    head = replace(HEAD, unsubscribe=("https://a.example/x/9a",))
    (link,) = judged(FoundLink("https://a.example/x/9a", "here", "1"), head=head)
    assert (link.decision, (link.reason or "").partition(":")[0]) == (LinkDecision.DROP, "unsubscribe")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.text(max_size=40))
def test_any_link_has_a_fate_and_a_dropped_one_a_reason(url: str, anchor: str) -> None:
    for text in (url, f"https://a.example/{url}"):
        for link in judged(FoundLink(text, anchor, "1")):
            assert (link.reason is None) == (link.decision in (LinkDecision.FETCH, LinkDecision.FOLLOW))


def test_a_password_in_a_link_is_not_handed_on() -> None:
    (link,) = judged(FoundLink("https://user:secret@host.example/a", "Read", "html"))
    assert link.url == "https://***@host.example/a"
    assert link.decision is LinkDecision.DROP
    assert "secret" not in repr(link)


# --- every entry of the file


def test_every_text_of_the_file_can_be_said() -> None:
    # What begins a text has something behind it.
    said = {phrase: said_by_anchor(phrase.replace(" *", " more")) for phrase, _ in PHRASES}
    assert said == {phrase: f"{code}: its text says so" for phrase, code in PHRASES}


def test_every_host_of_the_file_can_be_met() -> None:
    met = {host: decide(f"https://www.{host}/a-story-of-it", UNKNOWN).reason for host, _ in HOSTS}
    assert met == {host: f"{code}: {host}" for host, code in HOSTS}


def test_every_kind_of_file_can_be_told() -> None:
    told = {
        suffix: decide(f"https://a.example/a.story.{suffix.upper()}", UNKNOWN).reason for suffix, _ in FILES
    }
    assert told == {suffix: f"file: {kind}, .{suffix}" for suffix, kind in FILES}
    assert code("https://a.example/jpg") == code("https://a.example/a.jpg/a-story-of-it") == "fetch"


# --- rule by rule


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (" https://a.example/b ", None),
        ("  ", "in-page: a place in the mail itself"),
        (" #top", "in-page: a place in the mail itself"),
        (" Mailto:a@b.example", "mailto: an address to write to"),
        ("Tel:+15550100", "not-web: tel"),
        ("abcdefghijklmnopqrstuvwxyz:x", "not-web: abcdefghijklmnopqrst"),
        ("a.example:8080/b", "bad-address: it cannot be read as a web address"),
        ("HTTPS://", "bad-address: it cannot be read as a web address"),
        ("2:30", "bad-address: it cannot be read as a web address"),
    ],
)
def test_what_is_no_web_address(url: str, reason: str | None) -> None:
    assert not_an_address(url) == reason
    assert reason is None or decide(url, UNKNOWN) == Fate(LinkDecision.DROP, reason)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("Unsubscribe one two three four five six seven eight nine ten eleven", "unsubscribe"),
        ("Unsubscribe one two three four five six seven eight nine ten eleven twelve", None),
        ("If you do not want to receive these e-mails", "unsubscribe"),
        ("Stop receiving", None),
        ("\u00bb (Sign in!)", None),
        ("\u00bb Sign in!", "account"),
        ("DON\u2019T WANT THESE any more", "unsubscribe"),
        ("Manage\n  your\u00a0preferences", "preferences"),
        ("Share on this day", "share"),
        ("The share on offer", None),
    ],
)
def test_whole_texts_and_beginnings_are_told_and_no_other(anchor: str, expected: str | None) -> None:
    assert said_by_anchor(anchor) == (f"{expected}: its text says so" if expected else None)


def test_of_several_reasons_the_first_is_named() -> None:
    seen = {"anchor": "Share", "pixel": True, "hidden": True}
    unseen = {"pixel": True, "hidden": True}
    denied = HostRule("facebook.com", HostPolicy.DENY)
    assert code("https://facebook.com/unsubscribe", denied, **seen) == "share"
    assert code("https://facebook.com/unsubscribe", denied, **unseen) == "denied-host"
    assert code("https://facebook.com/unsubscribe", UNKNOWN, **unseen) == "unsubscribe"
    assert code("https://facebook.com/unsubscribe", UNKNOWN, **unseen, tracker=True) == "unsubscribe"
    assert code("https://facebook.com/x", UNKNOWN, **unseen) == "social"
    assert code("https://facebook.com/x", UNKNOWN, **unseen, tracker=True) == "pixel"
    assert code("https://facebook.com/x", hidden=True, tracker=True) == "hidden"
    assert code("https://facebook.com/x", tracker=True, hold_unknown=True) == "follow"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # Words before parameters, and these before what single mailers do.
        ("https://a.example/preferences/unsubscribe", "unsubscribe"),
        ("https://a.example/preferences?do=unsubscribe", "preferences"),
        ("https://a.example/mk/mr/1?do=UNSUBSCRIBE", "unsubscribe"),
        ("https://a.example/mk/mr/1?do=nothing", "view-in-browser"),
        ("https://a.example/s?unsub&x", "unsubscribe"),
        ("https://a.example/s?do=preferences", "follow"),
        ("https://a.example/s?unsubscribed=1", "follow"),
        ("https://unsub.a.example/s", "unsubscribe"),
        ("https://a.unsub.example/s", "follow"),
        ("https://a.example/x/mk/un/1", "follow"),
    ],
)
def test_a_mailers_own_addresses_are_told_behind_a_tracker_too(url: str, expected: str) -> None:
    assert code(url, tracker=True) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # Words of the path: at any place, the first, the last.
        ("x/login/y", "account"),
        ("careers/x/y", "service"),
        ("x/careers/y", "fetch"),
        ("careers/a-b-c", "service"),
        ("careers/a-b-c-d", "fetch"),
        ("x/y/privacy", "legal"),
        ("x/privacy/y", "fetch"),
        ("x/how-to-read-a-story/privacy", "legal"),
        ("x/PRIVACY.HTML/", "legal"),
        ("x/privacy.aspx", "legal"),
        ("x/privacy.php", "legal"),
        ("x/privacy.php/y", "fetch"),
        ("x/privacy.txt", "fetch"),
        # Front pages: a parameter with a value names a page.
        ("?p=12", "fetch"),
        ("?a&p=1=2", "fetch"),
        ("?p", "home-page"),
        ("?p=&q=", "home-page"),
        ("index.php", "home-page"),
        ("index.php?p=12", "fetch"),
        ("index.php?p", "home-page"),
        ("index/x", "fetch"),
        # Lists of articles.
        ("x/archive", "index-page"),
        ("archive-of-a-b/archive", "index-page"),
        ("tag", "index-page"),
        ("tag/x", "index-page"),
        ("tag/x/y", "fetch"),
        ("tag/a-b-c-d", "fetch"),
        ("x/tag/y", "fetch"),
        ("money/tag/y", "index-page"),
        ("money/y/tag", "fetch"),
        ("x/y/page/2", "index-page"),
        ("x/page/1234", "index-page"),
        ("x/page/12345", "fetch"),
        ("x/page/two", "fetch"),
        ("x/2/page", "fetch"),
        ("money/taxes", "index-page"),
        ("money/x", "fetch"),
        ("x/money", "fetch"),
        ("money/taxes.html", "fetch"),
        ("@dana", "index-page"),
        ("@dana/x", "fetch"),
        ("x/@dana", "fetch"),
        ("2026", "index-page"),
        ("2026/03/02/", "index-page"),
        ("2026/03/02/1", "fetch"),
        ("20261", "fetch"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert code(f"https://a.example/{path}") == expected


@pytest.mark.parametrize(
    ("url", "policy", "expected"),
    [
        ("https://open.spotify.com/episode/1", HostPolicy.UNKNOWN, "media"),
        ("https://open.spotify.com/episode/1", HostPolicy.ALLOW, "service"),
        ("https://www.facebook.com/login", HostPolicy.UNKNOWN, "account"),
        ("https://www.facebook.com/x.jpg", HostPolicy.UNKNOWN, "file"),
        ("https://www.facebook.com/login.jpg/login", HostPolicy.UNKNOWN, "account"),
        ("https://www.facebook.com/", HostPolicy.UNKNOWN, "social"),
        ("https://www.facebook.com/", HostPolicy.ALLOW, "home-page"),
        ("https://a.example/careers", HostPolicy.UNKNOWN, "service"),
        ("https://linkedin.com/pulse/x", HostPolicy.UNKNOWN, "fetch"),
        ("https://www.linkedin.com/in/pulse", HostPolicy.UNKNOWN, "social"),
    ],
)
def test_what_the_path_says_and_what_the_host_says(url: str, policy: HostPolicy, expected: str) -> None:
    assert code(url, HostRule("a.example", policy)) == expected


def test_reasons_are_for_people() -> None:
    assert [
        decide("https://a.example/x", HostRule("a.example", HostPolicy.DENY)).reason,
        decide("https://www.a.example/x", HostRule("www.a.example"), hold_unknown=True).reason,
        decide("https://a.example/x", UNKNOWN, pixel=True).reason,
        decide("https://a.example/x", UNKNOWN, hidden=True).reason,
        decide("https://a.example/", UNKNOWN).reason,
        decide("https://a.example/tag/x", UNKNOWN).reason,
        decide("https://a.example/login", UNKNOWN).reason,
        decide("https://a.example/unsub", UNKNOWN).reason,
    ] == [
        "denied-host: a.example is denied; `mingus hosts allow a.example` changes that",
        "unknown-host: a.example waits for `mingus hosts allow a.example`",
        "pixel: nothing to be seen but an image of one pixel",
        "hidden: readers cannot see it",
        "home-page: the site's front page",
        "index-page: a list of articles",
        "account: its address says so",
        "unsubscribe: its address says so",
    ]
