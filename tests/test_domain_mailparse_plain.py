"""Links of plain text: where they begin and end, and the words before them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.mailparse.plain import MAX_CONTEXT, MAX_URL, text_links
from mingus_lib.domain.mails import FoundLink


def found(text: str) -> list[tuple[str, str]]:
    return [(link.url, link.anchor) for link in text_links(text, "1", limit=9)[0]]


def urls(text: str) -> list[str]:
    return [url for url, _ in found(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTPS://a.example/1", ["HTTPS://a.example/1"]),
        ("mailto:a@b.example", ["mailto:a@b.example"]),
        ("WWW.a.example", ["http://WWW.a.example"]),
        ("http://www.a.example", ["http://www.a.example"]),
        ("ftp://a.example a.example/1", []),
        ("awww.a.example amailto:b", []),
        ("xhttp://a.example", ["http://a.example"]),
        ("http:// www. mailto:", []),
        ("http://a.example/1\thttp://a.example/2", ["http://a.example/1", "http://a.example/2"]),
        ('"http://a.example/1">http://a.example/2</a>', ["http://a.example/1", "http://a.example/2"]),
        ("http://a.example/\x07x", ["http://a.example/"]),
        ("<http://a.example/\n  1/\n\t2>", ["http://a.example/1/2"]),
        ("<MAILTO:a@b\n.example>", ["MAILTO:a@b.example"]),
        ("<see http://a.example/\n1>", ["http://a.example/"]),
        ("http://" + "a" * (MAX_URL + 5), ["http://" + "a" * MAX_URL]),
    ],
)
def test_where_links_begin_and_end(text: str, expected: list[str]) -> None:
    assert urls(text) == expected


@given(st.text(alphabet=".,;:!?'\"*_`|\u2026\u201d\u2019", max_size=6))
def test_the_punctuation_of_the_sentence_is_no_part_of_a_link(punctuation: str) -> None:
    assert urls(f"http://a.example/1{punctuation} and so on") == ["http://a.example/1"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("(http://a.example/1)", "http://a.example/1"),
        ("(http://a.example/1).", "http://a.example/1"),
        ("(http://a.example/1.)", "http://a.example/1"),
        ("http://a.example/1(2)", "http://a.example/1(2)"),
        ("(http://a.example/1(2)).", "http://a.example/1(2)"),
        ("http://a.example/1((2)))", "http://a.example/1((2))"),
        ("http://a.example/1[2]", "http://a.example/1[2]"),
        ("http://a.example/1{2}", "http://a.example/1{2}"),
        ("http://a.example/1[2)", "http://a.example/1[2"),
        ("http://a.example/1(2.)", "http://a.example/1(2"),
        ("http://a.example/1(2[3])", "http://a.example/1(2[3])"),
        ("http://a.example/(1)2)", "http://a.example/(1)2"),
    ],
)
def test_a_closing_bracket_stays_when_its_opening_one_is_in_the_address(text: str, url: str) -> None:
    assert urls(text) == [url]


@pytest.mark.parametrize(
    ("text", "anchors"),
    [
        ("A story: http://a.example/1", ["A story"]),
        ("A story\nhttp://a.example/1", ["A story"]),
        ("A story\n\n  \nhttp://a.example/1", ["A story"]),
        ("Above\nBeside http://a.example/1", ["Beside"]),
        ("Above\n\u2022 <http://a.example/1>", ["Above"]),
        ("One\nTwo\nhttp://a.example/1", ["Two"]),
        ("http://a.example/1 after", [""]),
        ("One\nhttp://a.example/1\nhttp://a.example/2", ["One", "One"]),
        ("One\ntwo http://a.example/1 three\nhttp://a.example/2", ["two", "One"]),
        ("One\nhttp://a.example/1, two http://a.example/2", ["One", "two"]),
        ("* [A  story](http://a.example/1)", ["A story"]),
        ("x" * 300 + " http://a.example/1", ["x" * (MAX_CONTEXT - 1)]),
        ("y" * 10 + "x" * MAX_CONTEXT + "\nhttp://a.example/1", ["x" * MAX_CONTEXT]),
        ("=== A - B ===\nhttp://a.example/1", ["A - B"]),
    ],
)
def test_the_words_before_a_link(text: str, anchors: list[str]) -> None:
    assert [anchor for _, anchor in found(text)] == anchors


def test_links_above_the_limit_are_counted() -> None:
    links, count = text_links("http://a.example/1 http://a.example/2\nhttp://a.example/3", "1.2", limit=2)
    assert links == [FoundLink("http://a.example/1", "", "1.2"), FoundLink("http://a.example/2", "", "1.2")]
    assert count == 3
    assert text_links("no link", "1", limit=2) == ([], 0)
