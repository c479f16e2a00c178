"""Links of HTML: their addresses, their texts, what hides them, what is a pixel."""

from __future__ import annotations

import pytest

from mingus_lib.domain.mailparse.markup import MAX_ANCHOR, html_links
from mingus_lib.domain.mails import FoundLink

A = "<a href=http://a.example/1>"


def found(markup: str) -> list[FoundLink]:
    return html_links(markup, "1", limit=9)[0]


@pytest.mark.parametrize(
    ("base", "href", "url"),
    [
        ("", "http://a.example/1", "http://a.example/1"),
        ("", "http://a.ex\r\n\tample/a b ", "http://a.example/a%20b"),
        ("", "//a.example/1", "https://a.example/1"),
        ("", "1", "1"),
        ("", "", ""),
        ("<base href='http://b.example/d/ '>", "1", "http://b.example/d/1"),
        ("<base href=http://b.example/d/>", "/1", "http://b.example/1"),
        ("<base href=http://b.example/d/>", "//a.example/1", "http://a.example/1"),
        ("<base href=http://b.example/d/>", "HTTP://a.example/1", "HTTP://a.example/1"),
        ("<base href=http://b.example/d/>", "mailto:a@a.example", "mailto:a@a.example"),
        ("<base href=http://b.example/d/>", "#top", "#top"),
        ("<base href=http://b.example/d/>", "a#top", "http://b.example/d/a#top"),
        ("<base href=//b.example/d/>", "1", "https://b.example/d/1"),
        # The first one with an address counts, as in browsers.
        ("<base target=_blank>", "//a.example/1", "https://a.example/1"),
        ("<base target=_blank><base href=http://b.example/>", "1", "http://b.example/1"),
        ("<base href=http://b.example/><base href=http://c.example/>", "1", "http://b.example/1"),
        ("<base href=''><base href=http://c.example/>", "1", "1"),
        ("<base href='http://[b'>", "1", "1"),
    ],
)
def test_addresses_are_read_as_browsers_read_them(base: str, href: str, url: str) -> None:
    assert [link.url for link in found(f"{base}<a href='{href}'>x</a>")] == [url]


@pytest.mark.parametrize(
    ("markup", "anchor"),
    [
        (f"{A}a  <b>b</b>\nc</a>d", "a b c"),
        (f"d{A}a", "a"),
        (f"{A}a<!-- b --></a>", "a"),
        (f"{A}a<img alt=b>c<img>d</a>", "a b c d"),
        (f"{A}a</a><img alt=b>", "a"),
        ("<a href=http://a.example/1 title='t  u'> <img alt=''> </a>", "t u"),
        ("<a href=http://a.example/1 title=t>a</a>", "a"),
        ("<area href=http://a.example/1 alt=' a  b '>c", "a b"),
        (f"<area alt=b>{A}a</a>", "a"),
        (f"<a name=b>b</a>{A}a</a>", "a"),
        (f"{A}{'x' * 500}</a>", "x" * MAX_ANCHOR),
        (f"{A}{'x' * 299}<b>yz</b></a>", "x" * 299 + "y"),
        (f"{A}{'x ' * 150}<b>y</b></a>", ("x " * 150).strip()),
        # Blanks in a row count once, those that stand for tags too.
        (f"{A}{' ' * 300}<b>y</b></a>", "y"),
        (f"{A}x{' ' * 299}<b> </b>y</a>", "x y"),
        (f"{A}{'<br>' * 160}y</a>", "y"),
        (f"{A}x{'<br> &nbsp; ' * 160}y</a>", "x y"),
    ],
)
def test_the_text_of_a_link_is_what_is_seen_of_it(markup: str, anchor: str) -> None:
    assert found(markup) == [FoundLink("http://a.example/1", anchor, "1")]


def test_links_keep_their_order_and_do_not_nest() -> None:
    links = found(f"{A}a<area href=http://a.example/2 alt=b>c<a href=http://a.example/3>d</a>e</a>")
    assert [(link.url[-1], link.anchor) for link in links] == [("2", "b"), ("1", "ac"), ("3", "d")]


def test_links_above_the_limit_are_counted() -> None:
    links, count = html_links("".join(f"<a href={n}>x</a>" for n in range(5)), "1.2", limit=3)
    assert [(link.url, link.place) for link in links] == [("0", "1.2"), ("1", "1.2"), ("2", "1.2")]
    assert count == 5
    assert html_links("", "1", limit=3) == ([], 0)


@pytest.mark.parametrize(
    ("before", "after", "hidden"),
    [
        ("<div hidden>", "", True),
        ("<div hidden><p>", "</p>", True),
        ("<div hidden></div>", "", False),
        ("<br><img hidden>", "", False),
        ("</div></p>", "", False),
        ("<div hidden><p></p></div></p>", "", False),
        ("<noscript>", "</noscript>", True),
        ("<div style='color:red'>", "", False),
    ],
)
def test_what_is_hidden_hides_all_inside(before: str, after: str, hidden: bool) -> None:
    assert [link.hidden for link in found(f"{before}{A}x</a>{after}")] == [hidden]
    area = f"{before}<area href=http://a.example/1>{after}"
    assert [link.hidden for link in found(area)] == [hidden]


@pytest.mark.parametrize(
    ("style", "hidden"),
    [
        ("display:none", True),
        ("color:red;DISPLAY : NONE !important", True),
        ("color:red; display:none", True),
        ("x-display:none", False),
        ("display:block", False),
        ("visibility:hidden", True),
        ("mso-hide:all", False),
        ("font-size:0", True),
        ("font-size:0px", True),
        ("font-size:0.0em", True),
        ("font-size:0.8em", False),
        ("font-size:10px", False),
        ("opacity:0", True),
        ("opacity:0.05", False),
        ("max-height:0px", True),
        ("max-height:0.5em", False),
        ("line-height:0", False),
        ("", False),
    ],
)
def test_styles_that_hide(style: str, hidden: bool) -> None:
    assert [link.hidden for link in found(f"<a href=http://a.example/1 style='{style}'>x</a>")] == [hidden]


@pytest.mark.parametrize(
    ("image", "pixel"),
    [
        ("width=1", True),
        ("height=0", True),
        ("width=600 height=1", True),
        ("width=' 1.0PX '", True),
        ("width=2", False),
        ("width=11", False),
        ("width=1%", False),
        ("style='width:1px'", True),
        ("style='border:0; HEIGHT : 0 !important'", True),
        ("style='width:1px;border:0'", True),
        ("style='max-width:1px'", False),
        ("style='width:10px'", False),
        ("style='width:1em'", False),
        ("", False),
        ("alt=story width=1", False),
        ("width=1><img height=1", True),
        ("width=1><img height=10", False),
    ],
)
def test_images_of_one_pixel(image: str, pixel: bool) -> None:
    assert [link.pixel for link in found(f"{A} <img {image}> </a>")] == [pixel]
    assert [link.pixel for link in found(f"{A} <img {image}> story</a>")] == [False]
    assert [link.pixel for link in found(f"{A}</a><img {image}>")] == [False]
