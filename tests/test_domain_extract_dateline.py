"""The days a page shows beside its title, and what they say about when it was published."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract import extract
from mingus_lib.domain.extract.dateline import days_in
from mingus_lib.domain.extract.dates import day_shown, revised_days

PROSE = "".join(
    f"<p>The {n} paragraph says what the page is about, and it does so in a full and rather long line.</p>"
    for n in ("first", "second", "third", "fourth")
)


def published(line: str, after: str = "", *, modified: str = "2023-11-27T06:20:00-05:00") -> str | None:
    stated = {
        "@type": "NewsArticle",
        "headline": "A budget that bends but holds",
        "datePublished": "2019-11-25T08:00:00-05:00",
        "dateModified": modified,
    }
    html = (
        f"<html><head><script type='application/ld+json'>{json.dumps(stated)}</script></head><body><article>"
        f"<h1>A budget that bends but holds</h1>{line}<div>{PROSE}</div></article>{after}</body></html>"
    )
    url = "https://site.example/a"
    return extract(html.encode(), content_type="text/html", charset="utf-8", url=url).published_at


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Updated November 27, 2023 at 9:00", ["2023-11-27"]),
        ("Mon 3rd Mar, 2021", ["2021-03-03"]),
        ("2021-03-04", ["2021-03-04"]),
        ("Posted: Dec 22, 2023 8:25 AM EST | Last Updated: January 2, 2024", ["2023-12-22", "2024-01-02"]),
        ("3/4/2021", []),
        ("May I ask 20 people in 2023", []),
    ],
)
def test_days_in_a_line(text: str, days: list[str]) -> None:
    assert list(days_in(text)) == days


def test_a_page_that_shows_only_its_revision_is_of_that_day() -> None:
    assert published("<p>November 27, 2023</p>") == "2023-11-27"


@pytest.mark.parametrize(
    "line",
    ["", "<p>Nov 25, 2019 | Updated Nov 27, 2023</p>", "<p>November 29, 2023</p>"],
    ids=["no day", "both days", "a day that is not stated"],
)
def test_otherwise_it_is_of_the_day_it_was_published(line: str) -> None:
    assert published(line) == "2019-11-25"


def test_days_elsewhere_on_the_page_do_not_count() -> None:
    assert published("", "<footer><p>November 27, 2023</p></footer>") == "2019-11-25"


def test_a_day_off_by_one_is_that_of_the_readers() -> None:
    assert published("<p>November 24, 2019</p>") == "2019-11-24"
    assert published("<p>November 25, 2019, revised November 26, 2019</p>") == "2019-11-25"
    assert day_shown("2021-02-31", [], ["2021-03-01"]) == "2021-02-31"


def test_a_revision_is_never_before_the_publication() -> None:
    assert published("<p>November 20, 2019</p>", modified="2019-11-20") == "2019-11-25"


def test_revisions_are_read_from_json_and_meta() -> None:
    meta = {"article:modified_time": "2023-03-03T00:30:00Z", "datemodified": "soon"}
    assert revised_days("2023-04-04", meta) == {"2023-03-03", "2023-04-04"}


@given(st.none() | st.dates().map(str), st.lists(st.dates().map(str)), st.lists(st.dates().map(str)))
def test_the_day_is_the_published_one_or_a_later_one_shown(
    day: str | None, revised: list[str], shown: list[str]
) -> None:
    found = day_shown(day, revised, shown)
    if found != day:
        assert day is not None and found in shown
        assert (found in revised and str(found) > day) or abs(
            date.fromisoformat(day) - date.fromisoformat(found)
        ).days == 1
