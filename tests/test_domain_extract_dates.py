"""The day of publication: who is believed first, what is a day, and which shown day is meant."""

from __future__ import annotations

import pytest

from mingus_lib.domain.extract.dates import choose_date, day_shown, iso_day, revised_days
from mingus_lib.domain.extract.markup import parse

URL = "https://site.example/a"
# The names in a head that mean the first publication, the most sure first, and those that mean a revision.
META = (
    "article:published_time", "og:article:published_time", "datepublished", "parsely-pub-date", "sailthru.date",
    "dc.date.issued",
)  # fmt: skip
MODIFIED = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "dc.date.modified",
)  # fmt: skip


def chosen(html: str, meta: dict[str, str] | None = None, declared: str = "", url: str = URL) -> str | None:
    return choose_date(
        parse(f"<html><body>{html}<p>Some words.</p></body></html>"), declared, meta or {}, url
    )


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-03-05", "2024-03-05"),
        (" \n2024-12-31T23:59:59+14:00", "2024-12-31"),
        ("1900-01-01", "1900-01-01"),
        ("2099-10-30", "2099-10-30"),
        ("1899-12-31", None),
        ("2100-01-01", None),
        ("2024-00-10", None),
        ("2024-13-10", None),
        ("2024-03-00", None),
        ("2024-03-32", None),
        ("2024-3-5", None),
        ("on 2024-03-05", None),
    ],
)
def test_a_day_is_what_an_iso_text_begins_with(text: str, day: str | None) -> None:
    assert iso_day(text) == day


def test_every_name_of_a_first_publication_is_believed_in_order() -> None:
    days = {name: f"2021-01-{number:02}" for number, name in enumerate(META, 1)}
    for number, name in enumerate(META, 1):
        assert choose_date(None, "", {name: days[name]}, URL) == days[name]
        rest = dict(list(days.items())[number - 1 :])
        assert choose_date(None, "", rest, URL) == days[name], "the first of those that are there"
        assert choose_date(None, "2020-02-02", rest, URL) == "2020-02-02", "and JSON-LD before them all"
    assert choose_date(None, "", {META[0]: "soon", META[1]: "2021-05-06"}, URL) == "2021-05-06"
    assert choose_date(None, "", dict.fromkeys((*MODIFIED, "dc.date", "date"), "2021-05-06"), URL) is None


def test_every_name_of_a_revision_is_read() -> None:
    for name in MODIFIED:
        assert revised_days("", {name: "2023-03-03T00:30:00Z"}) == {"2023-03-03"}
    assert revised_days("", dict.fromkeys(META, "2023-03-03")) == frozenset()
    assert revised_days("2023-04-04", {MODIFIED[0]: "2023-04-04"}) == {"2023-04-04"}


@pytest.mark.parametrize(
    ("html", "day"),
    [
        ("<time itemprop=datePublished datetime=2022-02-03>3 Feb</time>", "2022-02-03"),
        ("<meta itemprop=datePublished content=2022-02-03>", "2022-02-03"),
        # Of one element, `datetime`; of several, the first that has a day.
        ("<time itemprop=datePublished content=2022-02-02 datetime=2022-02-03></time>", "2022-02-03"),
        (
            "<time itemprop=datePublished></time><time itemprop=datePublished datetime=soon></time>"
            "<time itemprop=datePublished datetime=2022-02-03></time>"
            "<time itemprop=datePublished datetime=2022-02-01></time>",
            "2022-02-03",
        ),
    ],
)
def test_a_marked_day_comes_before_what_is_searched_for(html: str, day: str) -> None:
    assert chosen(f"<time datetime=2020-01-01 class=published>1 Jan</time>{html}") == day
    assert chosen(html, {META[0]: "2023-03-03"}) == "2023-03-03"


def test_what_is_searched_for_is_a_stated_day_and_the_first_one() -> None:
    assert chosen("", url="https://site.example/2021/03/04/a") == "2021-03-04"
    head = '<meta property="og:updated_time" content="2023-03-03"><meta name="date" content="2021-01-02">'
    assert chosen(head) == "2021-01-02"
    # There is no clock here: a day ahead is a day.
    assert chosen('<meta name="date" content="2090-01-02">') == "2090-01-02"
    assert chosen("<p>It was on May 4, 2012 that it rained.</p>") is None
    assert chosen("") is None


@pytest.mark.parametrize(
    ("published", "revised", "shown", "day"),
    [
        (None, [], ["2024-03-05"], None),
        ("2024-03-05", [], [], "2024-03-05"),
        # The day before and the day after are those of other zones, over the end of a month too.
        ("2024-03-01", [], ["2024-02-29"], "2024-02-29"),
        ("2024-12-31", [], ["2025-01-01"], "2025-01-01"),
        ("2024-03-05", [], ["2024-03-03"], "2024-03-05"),
        ("2024-03-05", [], ["2024-03-07"], "2024-03-05"),
        # A stated revision, if it is later.
        ("2024-03-05", ["2024-06-01"], ["2024-06-01"], "2024-06-01"),
        ("2024-03-05", ["2024-01-01"], ["2024-01-01"], "2024-03-05"),
        ("2024-03-05", ["2024-06-01"], ["2024-06-02"], "2024-03-05"),
        # The first that can be meant; the day of publication, wherever it is shown.
        ("2024-03-05", ["2024-06-01"], ["2024-05-01", "2024-06-01", "2024-03-04"], "2024-06-01"),
        ("2024-03-05", ["2024-06-01"], ["2024-06-01", "2024-03-05"], "2024-03-05"),
        # No day is around one that is none.
        ("2023-02-30", [], ["2023-03-01"], "2023-02-30"),
        ("2023-02-30", ["2023-03-09"], ["2023-03-09"], "2023-03-09"),
        ("9999-12-31", [], ["9999-12-30"], "9999-12-31"),
    ],
)
def test_which_of_the_shown_days_is_meant(
    published: str | None, revised: list[str], shown: list[str], day: str | None
) -> None:
    assert day_shown(published, revised, shown) == day
