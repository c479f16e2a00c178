"""Wrappers taken off: every rule by its own example, nests, hostile values."""

from __future__ import annotations

import base64
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
