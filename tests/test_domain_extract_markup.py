"""Hostile markup: whatever its shape, it parses, and a flood of attributes is cut before it costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import document_fromstring, tostring

from mingus_lib.domain.extract.markup import (
    MAX_ATTRIBUTES,
    MAX_ELEMENTS,
    is_large,
    parse,
    strip_unread,
    without_floods,
)

FLOOD = "<div " + " ".join(f"a{n}=1" for n in range(MAX_ATTRIBUTES * 5)) + ">"


def test_a_flooded_tag_loses_its_attributes_only() -> None:
    text = f"<p class='kept'>before</p>{FLOOD}inside</div><p id=x>after</p>"
    assert without_floods(text) == "<p class='kept'>before</p><div>inside</div><p id=x>after</p>"


def test_an_ordinary_page_is_untouched() -> None:
    text = '<p title="a > b" data-x=\'{"a": [1, 2]}\'>x</p>' * 1_000
    assert without_floods(text) == text


def test_a_flood_behind_a_quote_in_a_script_is_found() -> None:
    text = f'<script>if (a<b="</script>{FLOOD}">'
    assert len(without_floods(text)) < len(text) / 2


def test_a_script_that_looks_like_a_flood_is_passed_over() -> None:
    script = "<script>x<y " + "a b " * MAX_ATTRIBUTES * 2 + "</script>"
    assert without_floods(script + "<p>text</p>" * 2) == script + "<p>text</p>" * 2


@given(st.text(alphabet="<>ab/='\" \n!-", min_size=1, max_size=300))
def test_markup_without_a_flood_is_given_back_as_it_was(text: str) -> None:
    padded = text + "<p>" + " " * 20_000
    assert without_floods(padded) == padded


@pytest.mark.parametrize(
    "reference", ["&#8;", "&#27;", "&#x1F", "&#xFFFE;", "&#65535;", "&shy;", "&#173;", "&#8203;"]
)
def test_references_to_what_is_not_read_are_dropped(reference: str) -> None:
    tree = parse(f"<p>mort{reference} gage &amp;shy; &#146; &#233; &#x1F600; &#9999999999; &shy er;")
    assert tree.text_content() == "mort gage &shy; ’ é 😀 \ufffd  er;"


def test_what_only_begins_like_such_a_reference_is_kept() -> None:
    tree = parse('<a href="?x=1&shyness=2&nobreak=1&ZeroWidthSpace=3">R&Shyla &SHY; R&&shy;D</a>')
    assert next(tree.iter("a")).get("href") == "?x=1&shyness=2&nobreak=1&ZeroWidthSpace=3"
    assert tree.text_content() == "R&Shyla &SHY; R&D"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("&#&shy;1;", "&#1;"),
        ("&&#173;&shy;#1;", "&#1;"),
        ("&#x&#&#8203;173;1F;", "&#x&#173;1F;"),
        ("&l&#xFB01;t;", "&lfit;"),
        ("&#10&shy;1;&amp&shy;lt;", "\n1;&lt;"),
        ("&#0000000000000000000000000000000000000000000&shy;1;", "0" * 33 + "1;"),
    ],
)
def test_no_reference_comes_about_where_another_is_dropped(markup: str, text: str) -> None:
    assert parse(f"<p>{markup} hello</p>").text_content() == f"{text} hello"


@pytest.mark.parametrize(
    ("page", "body"),
    [
        ("<title>T</title><main><p>a</p></main>", "<main><p>a</p></main>"),
        (
            "<title>T</title><header>a</header> b <nav>c</nav>d<p>e</p>",
            "<header>a</header> b <nav>c</nav>d<p>e</p>",
        ),
        ("<title>T</title><section>a</section><body>b", "<section>a</section>b"),
        (
            "<title>T</title><my-app><main><h1>a</h1></main></my-app>",
            "<my-app><main><h1>a</h1></main></my-app>",
        ),
        ("<head><my-tag></my-tag><title>T</title></head><body>b", "<my-tag></my-tag>b"),
        ("<head><title>T</title></head><body>a<main>b</main>", "a<main>b</main>"),
    ],
)
def test_a_page_without_tags_of_head_and_body_has_both(page: str, body: str) -> None:
    tree = parse(page)
    assert [element.tag for element in tree] == ["head", "body"]
    assert tostring(tree[0], encoding="unicode") == "<head><title>T</title></head>"
    assert tostring(tree[1], encoding="unicode") == f"<body>{body}</body>"


def test_depth_is_bounded() -> None:
    tree = parse("<div>" * 100_000 + "x")
    depth = max(sum(1 for _ in element.iterancestors()) for element in tree.iter())
    assert depth < 1_000


def test_large_pages_are_told_from_small_ones() -> None:
    assert is_large(parse("<p>x" * (MAX_ELEMENTS + 10)))
    assert not is_large(parse("<p>x" * 100))


def test_a_page_of_much_text_far_down_is_large_too() -> None:
    deep = "<div class=author>" * 200 + "word " * 200_000
    assert is_large(parse(deep), len(deep))
    flat = "<p>" + "word " * 200_000
    assert not is_large(parse(flat), len(flat))


def test_strip_unread_keeps_the_text_around() -> None:
    tree = document_fromstring("<div>one<script>var x</script> two<style>p{}</style> three</div>")
    strip_unread(tree)
    assert tree.text_content() == "one two three"
