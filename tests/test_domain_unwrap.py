"""Wrappers taken off: every rule by its own example, nests, hostile values."""

from __future__ import annotations

import base64
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain.unwrap import MAX_DEPTH, STEPS, Rule, is_tracker, rules, unwrap
from mingus_lib.domain.urls import take_apart

ARTICLE = "https://www.example.com/money/first-budget?id=7"
SHORTENERS = ("bit.ly", "tinyurl.com", "goo.gl", "t.co", "is.gd", "v.gd", "ow.ly", "buff.ly", "lnkd.in")


def safelink(url: str) -> str:
    return f"https://nam02.safelinks.protection.outlook.com/?url={quote(url, safe='')}&data=05"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_every_rule_does_what_its_example_says(rule: Rule) -> None:
    found = unwrap(rule.example)
    if rule.opaque:
        assert (found.url, found.rules, found.opaque) == (rule.example, (), True)
    else:
        assert (found.url, found.rules) == (rule.target, (rule.name,))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_every_rule_can_be_told_and_decoded(rule: Rule) -> None:
    assert set(rule.steps) <= set(STEPS)
    assert rule.path is not None or "*" not in rule.hosts
    assert rule.opaque or rule.params or "url" in (rule.path.groupindex if rule.path else ())


def test_names_are_told_apart() -> None:
    names = [rule.name for rule in rules()]
    assert len(names) == len(set(names))


def test_nests_are_unwrapped_to_a_bounded_depth() -> None:
    url = ARTICLE
    for _ in range(3):
        url = safelink(url)
    assert unwrap(url).url == ARTICLE
    assert unwrap(url).rules == ("outlook-safelinks",) * 3
    loop = ARTICLE
    while len(safelink(loop)) < 7_000 and loop.count("safelinks") < MAX_DEPTH + 2:
        loop = safelink(loop)
    assert len(unwrap(loop).rules) <= MAX_DEPTH


def test_a_tracker_inside_a_scanner_is_still_to_be_followed() -> None:
    found = unwrap(safelink("https://bit.ly/3AbCdEf"))
    assert (found.url, found.opaque) == ("https://bit.ly/3AbCdEf", True)


@pytest.mark.parametrize("host", SHORTENERS)
def test_shorteners_are_trackers_by_their_whole_name(host: str) -> None:
    assert is_tracker(f"https://{host}/abc")
    assert not is_tracker(f"https://x{host}/abc")
    assert not is_tracker(f"https://{host}.example.com/abc")


@pytest.mark.parametrize(
    "url",
    [
        ARTICLE,
        "https://www.facebook.com/sharer/sharer.php?u=https%3A%2F%2Fa.example%2Fb",
        "https://twitter.com/intent/tweet?url=https%3A%2F%2Fa.example%2Fb",
        "https://www.example.com/article?url=https%3A%2F%2Fa.example%2Fb",
        "https://nam02.safelinks.protection.outlook.com/?data=05",
        safelink("javascript:alert(1)"),
        safelink("https://user:secret@a.example/b"),
        safelink("file:///etc/passwd"),
        "https://substack.com/redirect/2/not-base64-at-all!!",
        "mailto:a@b.example",
        "",
    ],
)
def test_what_is_no_wrapper_stays(url: str) -> None:
    assert unwrap(url).url == url
    assert unwrap(url).rules == ()


@pytest.mark.parametrize(
    ("step", "value", "expected"),
    [
        ("percent", "a%2Fb+c%20d", "a/b+c d"),
        ("form", "a%2Fb+c%20d", "a/b c d"),
        ("drop2", "a1rest", "rest"),
        ("base64", "YWJj", "abc"),
        ("base64", "YWJjZA", "abcd"),
        ("base64", "YWJjZA==", "abcd"),
        ("base64", "YWJjZA%3D%3D", "abcd"),
        # Cut in the midst of the fourth character, of which the first six bits are left.
        ("base64", "YWJjZ", "abcd"),
        ("base64", "Pj4-Pz8_", ">>>???"),
        ("base64", "Pj4%2BPz8%2F", ">>>???"),
        ("base64", "_w", "\ufffd"),
        ("json", ' {"id": 7, "at": "not http://x", "u": "https://a/b", "v": "https://c/d"}', "https://a/b"),
        ("json", '{"u": "HTTP://a/b"}AAAA', "HTTP://a/b"),
        ("json", '{"a": {"b": {"c": {"u": "https://a/b"}}}}', "https://a/b"),
        ("json", '{"a": {"b": {"c": {"d": {"u": "https://a/b"}}}}}', ""),
        ("json", '{"p": "{\\"u\\": \\"https://a/b\\"}"}', "https://a/b"),
        ("json", '{"a": {"b": {"c": {"p": "{\\"u\\": \\"https://a/b\\"}"}}}}', ""),
        ("json", '"https://a/b"', "https://a/b"),
        ("json", '["https://a/b"]', ""),
        ("jwt", "head.eyJ1IjoxfQ.signature", '{"u":1}'),
        ("jwt", "head.eyJ1IjoxfQ", '{"u":1}'),
        ("jwt", "no token", ""),
        ("proofpoint2", "https-3A__a.example_b-2Dc-5Fd", "https://a.example/b-c_d"),
        ("proofpoint3", "https://a/b*c*d__;JSM!!X!y$", "https://a/b%c#d"),
        # A run of two is **A, one of three **B.
        ("proofpoint3", "https://a/b**Ac**Bd*e__;JSMmJj8_Kg!!X", "https://a/b%#c&&?d?e"),
        # More stars than were put away: these stand for themselves.
        ("proofpoint3", "https://a/b*c*d__;JQ!!X!y$", "https://a/b%c*d"),
        ("proofpoint3", "https://a/b*c__;", "https://a/b*c"),
        ("proofpoint3", "https:%2F%2Fa%2Fb__;!!X", "https://a/b"),
    ],
)
def test_steps_decode(step: str, value: str, expected: str) -> None:
    assert STEPS[step](value) == expected


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(STEPS)), st.text(max_size=60))
def test_a_step_gives_a_text_or_fails_as_a_bad_value(step: str, value: str) -> None:
    with suppress(ValueError):
        assert isinstance(STEPS[step](value), str)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        # The first of several, whatever its value holds; an empty one says nothing.
        ("https://www.google.com/url?q=https://a.example/b?c=d", "https://a.example/b?c=d"),
        ("https://www.google.com/url?q=https://a.example/b&q=https://c.example/d", "https://a.example/b"),
        ("https://www.google.com/url?q=&url=https://a.example/b", "https://a.example/b"),
        ("https://www.google.com/url?url=https://a.example/b&q=https://c.example/d", "https://c.example/d"),
        # As servers and writers leave them.
        ("https://web.archive.org/web/2024/https:/a.example/b", "https://a.example/b"),
        ("https://web.archive.org/web/2024im_/HTTP:/a.example/b", None),
        ("https://www.google.com/url?q=HTTPS:///a.example/b", None),
        ("https://www.google.com/url?q=HTTPS:/a.example/b", "HTTPS://a.example/b"),
        ("https://www.google.com/url?q=%20https://a.example/b%20c%20", "https://a.example/b%20c"),
        ("https://www.google.com/url?q=see+https://a.example/b", None),
        # A wrapper of itself.
        ("https://web.archive.org/web/2024/https://web.archive.org/", "https://web.archive.org/"),
        ("https://out.example/redirect?url=https://a.example/b+c", "https://a.example/b%20c"),
    ],
)
def test_the_address_inside(url: str, inside: str | None) -> None:
    assert unwrap(url).url == (inside or url)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://slack-redir.net/r?url=https://a.example/b", "slack"),
        ("https://x.example/r?url=https://a.example/b", "redirect-page"),
        ("https://example.us5.list-manage.com/track/click?u=1&url=https://a.example/b", "mailchimp-query"),
    ],
)
def test_a_rule_of_the_host_goes_before_one_for_any(url: str, name: str) -> None:
    assert unwrap(url).rules == (name,)


def test_what_is_inside_a_ninth_wrapper_stays_there() -> None:
    archived = "https://web.archive.org/web/2024/"
    assert unwrap(archived * 8 + ARTICLE).url == ARTICLE
    found = unwrap(archived * 10 + ARTICLE)
    assert (found.url, found.rules) == (archived * 2 + ARTICLE, ("web-archive",) * MAX_DEPTH)


def test_base64_with_slashes_is_read_to_its_end() -> None:
    target = "https://a.example/on?id=7"
    value = base64.b64encode(target.encode()).decode()
    assert "/" in value
    for written in (value, value.rstrip("="), base64.urlsafe_b64encode(target.encode()).decode()):
        assert unwrap(f"https://click.kit-mail3.com/abc/def/{written}").url == target


def test_proofpoint_puts_back_what_it_took_out() -> None:
    wrapped = "https://urldefense.com/v3/__https://a.example/b*c*d**Be__;JSM-Pz8_!!X!y$"
    assert unwrap(wrapped).url.startswith("https://a.example/b%c#d")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(rules()), st.text(max_size=200))
def test_hostile_values_give_an_address_or_nothing(rule: Rule, value: str) -> None:
    host = rule.hosts[0].replace("*", "x.example")
    for url in (f"https://{host}/?{(rule.params or ('u',))[0]}={quote(value)}", rule.example[:30] + value):
        found = unwrap(url)
        if found.rules:
            assert take_apart(found.url)
        else:
            assert found.url == url
