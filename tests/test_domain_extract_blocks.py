"""A page cut into blocks: what parts two, what each knows of its place, and where its mark is set."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import tostring

from mingus_lib.domain.extract import blocks
from mingus_lib.domain.extract.blocks import LETTERS, Block, Cutter, Place, kept_in, squeeze
from mingus_lib.domain.extract.markup import parse

MARKS = [chr(LETTERS[number]) for number in range(4)]
PARTS = "address article aside blockquote div figure footer form h1 h6 header li main nav ol p pre section table ul"
UNSEEN = "audio button canvas object script style svg template video"


def cut(body: str) -> list[Block]:
    return Cutter().cut(parse(f"<html><body>{body}</body></html>"))


def texts(body: str) -> list[str]:
    return [block.text for block in cut(body)]


def marked(body: str) -> str:
    """The body as it is after the cut, with its marks as the digits of their numbers."""
    tree = parse(f"<html><body>{body}</body></html>")
    Cutter().cut(tree)
    text: str = tostring(tree.find("body"), encoding="unicode")
    for number, mark in enumerate(MARKS):
        text = text.replace(mark, f"[{number}]")
    return text.removeprefix("<body>").removesuffix("</body>")


@pytest.mark.parametrize("tag", PARTS.split())
def test_a_block_level_element_is_a_block_of_its_own(tag: str) -> None:
    assert texts(f"one<{tag}>two</{tag}>three") == ["one", "two", "three"]


@pytest.mark.parametrize("tag", ["a", "b", "em", "span", "sup", "q"])
def test_an_inline_element_is_a_part_of_its_block(tag: str) -> None:
    assert texts(f"one <{tag}>two</{tag}>three") == ["one twothree"]


@pytest.mark.parametrize("tag", UNSEEN.split())
def test_what_no_reader_sees_is_no_text_and_what_follows_it_is(tag: str) -> None:
    inner = "no" if tag in ("script", "style") else "no <b>no</b> no"
    assert " ".join(texts(f"<div>one <{tag}>{inner}</{tag}> two</div>")) == "one two"


def test_silence_ends_with_the_outermost() -> None:
    assert texts("<p>one <svg>no <canvas>no</canvas> no</svg> two</p>") == ["one two"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<p>  one \n\t two  </p>", ["one two"]),
        ("<p>one<b> </b>two</p>", ["one two"]),
        ("<p>one<br>two<hr>three</p>", ["one", "two", "three"]),
        ("<p> </p><div>\n\n</div>", []),
        ("<pre>one\n   two</pre>", ["one two"]),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", ["a", "b", "c"]),
        ("<ul><li>a <ul><li>b</li></ul> c</li></ul>", ["a", "b", "c"]),
    ],
)
def test_white_space_parts_words_and_makes_no_block(body: str, found: list[str]) -> None:
    assert texts(body) == found


@pytest.mark.parametrize(
    ("body", "linked"),
    [
        ("<p>12345</p>", [0]),
        ("<p><a>12345</a></p>", [1]),
        ("<p>12<a>34<b>56</b></a>78</p>", [4 / 8]),
        # White space in front of a link is folded only afterwards; more than all is not linked.
        ("<p><a>1      2</a></p>", [1]),
        ("<p><a>12</a></p><p>34</p>", [1, 0]),
        ("<a>1<p>23</p>4</a><div>5</div>", [1, 1, 1, 0]),
    ],
)
def test_the_share_of_a_block_that_is_linked(body: str, linked: list[float]) -> None:
    assert [block.link_density for block in cut(body)] == pytest.approx(linked)
    assert Block("", 0, Place(None, "p", "")).link_density == 0


def test_a_block_knows_the_elements_around_it() -> None:
    (found,) = cut("<main class='a b' id=c><section><p id=d>one <b>two</b></p></section></main>")
    assert [(place.tag, place.classes, place.depth) for place in found.place.line()] == [
        ("p", " d", 4), ("section", " ", 3), ("main", "a b c", 2), ("body", " ", 1), ("html", " ", 0),
    ]  # fmt: skip
    assert found.place.element is not None
    assert found.place.element.get("id") == "d"
    for steps, near in ((1, False), (2, False), (3, True), (4, True)):
        assert found.place.near(frozenset({"main", "ul"}), steps) is near
    assert found.place.near(frozenset({"main"}))
    assert not found.place.near(frozenset({"body"})), "three elements, if not told otherwise"


def test_what_follows_an_element_stands_where_that_stands() -> None:
    assert [(block.text, block.place.tag) for block in cut("<div>1<p>2</p>3<br>4</div>5")] == [
        ("1", "div"), ("2", "p"), ("3", "div"), ("4", "div"), ("5", "body"),
    ]  # fmt: skip


def test_of_classes_and_ids_a_thousand_letters_each_are_read() -> None:
    (found,) = cut(f"<p class={'c' * 2_000} id={'i' * 2_000}>one</p>")
    assert found.place.classes == "c" * 1_000 + " " + "i" * 1_000


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("<p>one</p>", "<p>on[0]e</p>"),
        ("<p> one two \n</p>", "<p> one tw[0]o \n</p>"),
        ("<p>1</p>", "<p>1[0]</p>"),
        ("<p>one</p><p>two</p>", "<p>on[0]e</p><p>tw[1]o</p>"),
        # One mark a block, in the first of its texts that is more than white space.
        ("<p> <b>one</b> two</p>", "<p> <b>on[0]e</b> two</p>"),
        ("<div><p>one</p>two <b>three</b></div>", "<div><p>on[0]e</p>tw[1]o <b>three</b></div>"),
        ("<p>one<br>two</p>", "<p>on[0]e<br>tw[1]o</p>"),
        # Much white space becomes little, but not where it is shown.
        ("<p>one</p>\n\n\n<p>two</p>", "<p>on[0]e</p>\n<p>tw[1]o</p>"),
        ("<p>one</p>    <p>two</p>", "<p>on[0]e</p> <p>tw[1]o</p>"),
        ("<p>one</p>\t\t<p>two</p>", "<p>on[0]e</p>\t\t<p>tw[1]o</p>"),
        ("<pre>one<b>    </b>two</pre>   <p>   </p>", "<pre>on[0]e<b>    </b>two</pre> <p> </p>"),
    ],
)
def test_a_mark_stands_before_the_last_letter(body: str, after: str) -> None:
    assert marked(body) == after


def test_a_block_that_is_erased_leaves_a_space_and_the_others() -> None:
    tree = parse("<html><body><div>one<b>two</b>three<p>four</p>five</div></body></html>")
    found = Cutter().cut(tree)
    found[0].erase()
    assert tostring(tree.find(".//div"), encoding="unicode") == (
        f"<div> <b> </b> <p>fou{MARKS[1]}r</p>fiv{MARKS[2]}e</div>"
    )
    assert kept_in(tree.text_content(), found) == {1, 2}
    assert [block.text for block in found] == ["onetwothree", "four", "five"]


def test_there_are_no_more_blocks_than_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LETTERS", LETTERS[:2])
    assert texts("<p>1</p><p>2</p><p>3</p>") == ["1", "2"]


def test_every_mark_is_a_letter_that_stays_as_it_is() -> None:
    for letter in (LETTERS[0], LETTERS[-1]):
        assert unicodedata.name(chr(letter)) == f"CJK UNIFIED IDEOGRAPH-{letter:X}"


def test_blocks_are_known_by_their_marks_and_no_other_letters() -> None:
    found = cut("<p>1</p><p>2</p><p>3</p>")
    assert kept_in(f"o{MARKS[2]}ne {MARKS[0]}{MARKS[2]}", found) == {0, 2}
    assert kept_in(f"one, 中文, {MARKS[3]} and \U0001f600", found) == set()


@pytest.mark.parametrize(
    ("text", "left"),
    [("A Title, 2021!", "atitle2021"), ("ÀB ç", "àbç"), (" —…\n", ""), ("snake_case", "snakecase")],
)
def test_squeezed_lines_are_letters_and_digits(text: str, left: str) -> None:
    assert squeeze(text) == left


@given(st.text())
def test_what_stands_around_a_line_makes_no_difference(text: str) -> None:
    assert squeeze(f"“{text}.” ") == squeeze(text)
