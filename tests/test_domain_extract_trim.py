"""What a chosen article loses: furniture, repeats, bylines, and what stands under it."""

from __future__ import annotations

import pytest

from mingus_lib.domain.extract.blocks import Cutter
from mingus_lib.domain.extract.bylines import is_about, is_byline, is_stamp
from mingus_lib.domain.extract.furniture import is_ending, is_notice
from mingus_lib.domain.extract.markup import parse
from mingus_lib.domain.extract.trim import trimmed

LINES = [
    "The first paragraph says what the page is about, and it does so in one full and rather long sentence.",
    "The second paragraph goes on at some length, because articles do, and then it ends in another point.",
    "The third paragraph brings an example, which nobody asked for but which everybody will remember well.",
    "The fourth paragraph winds down and repeats, in other words than before, what has been said already.",
]
BODY = "".join(f"<p>{line}</p>" for line in LINES)


def left(html: str, *authors: str, titles: tuple[str, ...] = ()) -> list[str]:
    return [block.text for block in trimmed(Cutter().cut(parse(html)), titles, authors)]


def test_a_linked_heading_stays_over_prose_and_goes_over_links() -> None:
    heading = "<h2><a href=#a>How the second part began</a></h2>"
    teaser = "<h2><a href=/b>Another story on this site today</a></h2>"
    teaser += "<p><a href=/c>And one more story here</a></p>"
    assert left(f"<div>{heading}{BODY}{teaser}</div>") == ["How the second part began", *LINES]


def test_a_caption_does_not_make_a_repeat_of_the_paragraph() -> None:
    html = f"<div><figure><figcaption>{LINES[1]}</figcaption></figure></div><div>{BODY}</div>"
    assert left(html) == LINES


def test_a_repeat_elsewhere_goes_but_not_out_of_lists_and_tables() -> None:
    cell = "Two years and three months of it free"
    table = f"<table><tr><td>{cell}</td></tr><tr><td>{cell}</td></tr></table>"
    html = f"<div>{BODY}</div><aside><p>{LINES[2]}</p></aside>{table}"
    assert left(html) == [*LINES, cell, cell]


def test_bylines_and_dates_before_the_prose_go() -> None:
    before = "<p>Ada Lovelace, staff writer</p><p>Updated: 3 March 2021 at 10:15 AM</p><p>Part one</p>"
    assert left(f"<div>{before}{BODY}</div>", "Ada Lovelace") == ["Part one", *LINES]


def test_dates_between_paragraphs_stay() -> None:
    html = f"<div><p>{LINES[0]}</p><p>March 3, 2021</p>{BODY}</div>"
    assert left(html) == [LINES[0], "March 3, 2021", *LINES]


def test_a_line_about_the_author_goes_from_the_end_only() -> None:
    about = "Ada Lovelace is a mathematician who lives in London and likes engines."
    assert left(f"<div>{BODY}<p>{about}</p></div>", "Ada Lovelace") == LINES
    assert left(f"<div>{BODY}<p>{about}</p></div>", "Grace Hopper") == [*LINES, about]
    assert about in left(f"<div><p>{about}</p>{BODY}</div>", "Ada Lovelace")


@pytest.mark.parametrize("heading", ["Related stories", "You might also like", "Comments (3)", "Trending"])
def test_what_stands_under_an_article_goes(heading: str) -> None:
    html = f"<div>{BODY}</div><aside><h3>{heading}</h3><p>Cars</p><p>Planes and boats</p></aside>"
    assert left(html) == LINES


def test_an_article_goes_on_after_a_box_of_related_stories() -> None:
    box = "<aside><h3>Related stories</h3></aside>"
    parts = [f"<div class=body><p>{line}</p></div>" for line in LINES]
    assert left("".join([*parts[:3], box, parts[3]])) == LINES


def test_much_text_under_such_a_heading_stays() -> None:
    others = [line.replace("paragraph", "part") for line in LINES]
    html = BODY + "<h2>Trending</h2>" + "".join(f"<section><p>{line}</p></section>" for line in others)
    assert left(html) == [*LINES, *others]


def test_a_short_heading_at_the_end_goes_and_a_long_one_stays() -> None:
    long = "What people had to say about all of this, in the pictures that they posted:"
    assert left(f"<div>{BODY}<h3>{long}</h3><h3>What comes next</h3></div>") == [*LINES, long]


def test_nothing_but_furniture_leaves_nothing_and_breaks_nothing() -> None:
    assert left("<h2>Related stories</h2>") == []
    assert trimmed([], (), ()) == []


@pytest.mark.parametrize(
    "text",
    [
        "March 3, 2021",
        "| December 6, 2023",
        "9/8/2015 12:15 PM PT",
        "Published: Wed, 3 Mar 2021",
        "2021-03-04",
    ],
)
def test_stamps(text: str) -> None:
    assert is_stamp(text)


@pytest.mark.parametrize(
    "text", ["May 2021 was wet", "3 March", "12 Monkeys (1995)", "On March 3, 2021 it rained", "", "1.5"]
)
def test_what_is_more_or_less_than_a_date_is_no_stamp(text: str) -> None:
    assert not is_stamp(text)


@pytest.mark.parametrize(
    ("text", "byline"),
    [
        ("By Ada Lovelace", True),
        ("Ada Lovelace", True),
        ("Words by Ada Lovelace and Grace Hopper", True),
        ("Ada Lovelace, senior reporter", True),
        ("Ada Lovelace wrote the first program", False),
        ("Charles Babbage, senior reporter", False),
        ("", False),
    ],
)
def test_bylines(text: str, byline: bool) -> None:
    assert is_byline(text, ["Ada Lovelace", "Grace Hopper"]) is byline


def test_a_writer_is_told_without_a_name_only_if_nobody_is_named() -> None:
    text = "Mary Shelley is a freelance writer who lives in Bath."
    assert is_about(text, [])
    assert not is_about(text, ["Ada Lovelace"])
    assert not is_about("The Booklist is a letter from our books editor.", [])


@pytest.mark.parametrize("text", ["Loading...", "Contents", "Read more", "Instagram content"])
def test_labels_are_notices_alone_and_not_in_a_sentence(text: str) -> None:
    assert is_notice(text, 0)
    assert not is_notice(f"{text} of the box were found in the attic", 0)


@pytest.mark.parametrize(
    "text", ["Related", "MOST READ IN POLITICS", "Leave a reply", "2 comments", "Leggi anche:"]
)
def test_endings(text: str) -> None:
    assert is_ending(text)
    assert not is_ending(f"He said that {text} was the name of the game")


@pytest.mark.parametrize(
    "text",
    [
        "Click here to see all the pictures",
        "Sponsored content",
        "Got a tip? We would like to hear from you",
        "If you liked this story, tell a friend",
        "Tell us in the comments and share this article!",
        "The views of the author do not necessarily reflect the views of the paper.",
        "This page contains affiliate links.",
    ],
)
def test_the_house_speaking(text: str) -> None:
    assert is_notice(text, 0)


@pytest.mark.parametrize(
    "text",
    [
        "He said that people who click here and there are not reading.",
        "They share this view of the article",
        "A tip that somebody got from the police led to the arrest.",
    ],
)
def test_prose_with_such_words_is_no_notice(text: str) -> None:
    assert not is_notice(text, 0)
