"""What a chosen article loses: furniture, repeats, bylines, and what stands under it."""

from __future__ import annotations

import pytest

from mingus_lib.domain.extract.blocks import Block, Cutter
from mingus_lib.domain.extract.bylines import is_about, is_byline, is_stamp
from mingus_lib.domain.extract.furniture import is_ending, is_notice
from mingus_lib.domain.extract.markup import parse
from mingus_lib.domain.extract.trim import home_of, is_prose, kind_of, trimmed

LINES = [
    "The first paragraph says what the page is about, and it does so in one full and rather long sentence.",
    "The second paragraph goes on at some length, because articles do, and then it ends in another point.",
    "The third paragraph brings an example, which nobody asked for but which everybody will remember well.",
    "The fourth paragraph winds down and repeats, in other words than before, what has been said already.",
]
BODY = "".join(f"<p>{line}</p>" for line in LINES)


def cut(html: str) -> list[Block]:
    return Cutter().cut(parse(html))


def left(html: str, *authors: str, titles: tuple[str, ...] = ()) -> list[str]:
    return [block.text for block in trimmed(cut(html), titles, authors)]


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


@pytest.mark.parametrize(
    ("inner", "prose"),
    [
        ("x" * 80, True),
        ("x" * 79, False),
        (f"<a>{'x' * 29}</a>{'x' * 71}", True),
        (f"<a>{'x' * 30}</a>{'x' * 70}", False),
    ],
)
def test_prose_is_80_letters_of_which_less_than_3_in_10_are_linked(inner: str, prose: bool) -> None:
    assert is_prose(cut(f"<p>{inner}</p>")[0]) is prose


@pytest.mark.parametrize(
    ("line", "title", "goes"),
    [
        ("Pay rises again", "Pay rises again", True),
        ("PAY RISES, again!", "pay rises again", True),
        # Nine letters are a title, eight may be any line.
        ("Pay rises 9", "Pay rises 9", True),
        ("Pay rises", "Pay rises", False),
        ("Pay rises again", "Pay rises again and again", False),
        ("y" * 500, "y" * 500, True),
        ("y" * 501, "y" * 501, False),
    ],
)
def test_the_title_goes_wherever_it_stands(line: str, title: str, goes: bool) -> None:
    whole = [LINES[0], line, LINES[1]]
    html = "".join(f"<p>{text}</p>" for text in whole)
    assert left(html, titles=("Another", title)) == (LINES[:2] if goes else whole)


LINK = "x" * 21


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        (f"<p><a>{LINK}</a></p>", False),
        (f"<p><a>{LINK[1:]}</a></p>", True),
        # More than 8 in 10 of it are the link.
        (f"<p><a>{'x' * 24}</a>{'x' * 6}</p>", True),
        (f"<p><a>{'x' * 25}</a>{'x' * 6}</p>", False),
        # What stands in lists and tables is linked for good reasons.
        (f"<ul><li><a>{LINK}</a></li></ul>", True),
        (f"<table><tr><td><a>{LINK}</a></td></tr></table>", True),
        (f"<table><tr><th><a>{LINK}</a></th></tr></table>", True),
        (f"<dl><dt><a>{LINK}</a></dt></dl>", True),
        (f"<dl><dd><a>{LINK}</a></dd></dl>", True),
        # A heading stays over prose, and goes over anything else.
        (f"<h2><a>{LINK}</a></h2><p>{'y' * 80}</p>", True),
        (f"<h2><a>{LINK}</a></h2><p>{'y' * 79}</p>", False),
    ],
)
def test_a_line_that_is_only_a_link_goes(html: str, kept: bool) -> None:
    found = left(f"{BODY}{html}{BODY}")
    assert any(text.startswith("xxx") for text in found) is kept


@pytest.mark.parametrize(
    ("line", "goes"),
    [("y" * 26, True), ("y" * 25, False), (" ".join("y" * 25), False), ("Y, " + "y" * 25, True)],
)
def test_a_line_that_stood_elsewhere_goes_if_it_has_26_letters(line: str, goes: bool) -> None:
    found = left(f"<div><p>{line}</p></div><section>{BODY}<p>{line}</p><p>{LINES[0][::-1]}</p></section>")
    assert found.count(line) == (1 if goes else 2)
    assert found[0] == line, "it is the later one that goes"


def test_a_line_repeated_among_its_siblings_stays() -> None:
    refrain = "y" * 40
    assert left(f"<div><p>{refrain}</p>{BODY}<p>{refrain}</p></div>") == [refrain, *LINES, refrain]


def test_of_the_text_a_quarter_may_stand_under_a_heading_like_related() -> None:
    # A third of what stands before.
    most = sum(map(len, LINES)) // 3 - len("Trending")
    for letters, kept in ((most, []), (most + 1, ["z" * (most + 1)])):
        under = f"<aside><h3>Trending</h3><p>{'z' * letters}</p></aside>"
        assert left(f"<div>{BODY}</div>{under}") == [*LINES, *kept]


def test_such_a_heading_within_the_article_goes_alone() -> None:
    assert (
        left(
            f"<div><p>{LINES[0]}</p><h3>Trending</h3><p>{LINES[1]}</p><p>{LINES[2]}</p><p>{LINES[3]}</p></div>"
        )
        == LINES
    )


def test_an_article_goes_on_in_elements_of_its_class() -> None:
    box = "<h3>Trending</h3><p>Cars and boats</p>"
    parts = [f"<div class=part><p>{line}</p></div>" for line in (*LINES, "z" * 80)]
    assert left("".join([*parts[:4], box, parts[4]])) == [*LINES, "Cars and boats", "z" * 80]
    parts[4] = parts[4].replace("part", "other")
    assert left("".join([*parts[:4], box, parts[4]])) == LINES


def test_paragraphs_side_by_side_are_at_home_in_one_place() -> None:
    one, two, three, four = cut(
        "<div class=a><p>1</p><p>2</p></div><div class=a><p>3</p></div><section><p>4</p></section>"
    )
    assert kind_of(one.place) is kind_of(two.place) is not kind_of(three.place)
    assert home_of(one) == home_of(two) == home_of(three) == "a"
    assert home_of(four) is kind_of(four.place)
    top = cut("<p>1</p>")[0].place.parent
    assert top is not None and top.parent is not None
    assert kind_of(top.parent) is top.parent, "nothing is around the whole page"


ADA = "Ada Lovelace"
ABOUT = f"{ADA} is a mathematician in London."


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (f"<p>By {ADA}</p><p>Pay</p><p>March 3, 2021</p>", ["Pay"]),
        # Only in front of the prose; and a line about the author only behind it.
        (f"<p>{'y' * 80}</p><p>By {ADA}</p><p>March 3, 2021</p>", ["y" * 80, f"By {ADA}", "March 3, 2021"]),
        (f"<p>{ABOUT}</p>", [ABOUT]),
        # In a list a day is one of many.
        ("<ul><li>March 3, 2021</li></ul>", ["March 3, 2021"]),
    ],
)
def test_what_frames_the_beginning(before: str, kept: list[str]) -> None:
    assert left(f"{before}{BODY}", ADA) == [*kept, *LINES]


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ([ABOUT, f"By {ADA}"], []),
        ([ABOUT, "Pay", "Day"], ["Pay", "Day"]),
        # Of the end three lines are looked at, and days stay.
        ([ABOUT, "Pay", "Day", "Way"], [ABOUT, "Pay", "Day", "Way"]),
        ([ABOUT, "March 3, 2021"], ["March 3, 2021"]),
    ],
)
def test_what_frames_the_end(after: list[str], kept: list[str]) -> None:
    assert left(BODY + "".join(f"<p>{line}</p>" for line in after), ADA) == [*LINES, *kept]


def test_the_first_prose_is_never_a_frame() -> None:
    long_about = f"{ADA} is {'y' * 80}"
    assert left(f"<p>Pay</p><p>{long_about}</p>", ADA) == ["Pay", long_about]
    # Without any prose the first line stays, whatever it is.
    assert left(f"<p>By {ADA}</p><p>By {ADA}</p><p>Pay</p>", ADA) == [f"By {ADA}", "Pay"]


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        (f"<h2>{'y' * 59}</h2>", []),
        (f"<h2>{'y' * 60}</h2>", ["y" * 60]),
        ("<h2>Pay</h2><h6>Day</h6>", []),
        ("<h2>Pay</h2><p>Day</p><h3>Way</h3>", ["Pay", "Day"]),
        ("<h1>Pay</h1>", []),
        ("<h3><span><b>Pay</b></span></h3>", []),
    ],
)
def test_headings_with_nothing_under_them_go(after: str, kept: list[str]) -> None:
    assert left(BODY + after) == [*LINES, *kept]


def test_headings_alone_stay() -> None:
    assert left("<h2>Pay</h2><h3>Day</h3>") == ["Pay", "Day"]
