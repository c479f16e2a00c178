"""Who wrote a page: people before agencies, and the byline checked against what is stated."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract.authors import PLACES, choose_authors, find_byline
from mingus_lib.domain.extract.markup import parse


def chosen(
    html: str = "<p>x</p>",
    people: tuple[str, ...] = (),
    desks: tuple[str, ...] = (),
    meta: dict[str, str] | None = None,
    site: str = "Porch Money",
) -> str:
    return ", ".join(choose_authors(people, desks, meta or {}, parse(html), site))


@pytest.mark.parametrize(
    ("line", "authors", "others"),
    [
        ("By <a>Ada Lovelace</a>", "Ada Lovelace", ""),
        ("Words by Ada Lovelace on May 3, 2021 at 9:30", "Ada Lovelace", "May 3, 2021 at 9:30"),
        ("by Ada Lovelace 12/22/2023", "Ada Lovelace", "12/22/2023"),
        ("<b>By Theresa May</b><i>Photos by Grace Hopper</i>", "Theresa May", "Photos by Grace Hopper"),
        ("By Ada Lovelace<br>Staff Writer", "Ada Lovelace , Staff Writer", ""),
        ("Bye now", "", ""),
        ("Ada Lovelace", "", ""),
        ("By " + "a long line of what is no name " * 9, "", ""),
    ],
)
def test_the_byline_ends_at_a_date_or_another_part(line: str, authors: str, others: str) -> None:
    found = find_byline(PLACES(parse(f"<p>By nobody</p><div class=byline>{line}</div>")))
    assert (found.authors, found.others) == (authors, others)


def test_places_that_hold_the_whole_page_each_cost_little() -> None:
    places = PLACES(parse("<div class=byline>" * 40 + "<b></b>" * 100_000))
    started = time.perf_counter()
    assert find_byline(places).authors == ""
    assert time.perf_counter() - started < 2


def test_the_byline_adds_authors_it_names_beside_the_stated_one() -> None:
    line = "<p class=Byline>By Ada Lovelace and Grace Hopper</p>"
    assert chosen(line, people=("Ada Lovelace",)) == "Ada Lovelace, Grace Hopper"
    assert chosen(line, people=("Mary Shelley",)) == "Mary Shelley"


def test_the_byline_adds_no_jobs_and_places() -> None:
    line = "<p class=byline>By Ada Lovelace, Chief Engineer, National Institute of Engines</p>"
    assert chosen(line, people=("Ada Lovelace",)) == "Ada Lovelace"


def test_meta_may_name_more_authors_than_json() -> None:
    meta = {"author": "Ada Lovelace, Grace Hopper"}
    assert chosen(people=("Ada Lovelace",), meta=meta) == "Ada Lovelace, Grace Hopper"
    assert chosen(people=("Mary Shelley",), meta=meta) == "Mary Shelley"


def test_who_only_contributed_is_no_author() -> None:
    line = "<div class=author>By Ada Lovelace Contributions from Grace Hopper</div>"
    assert chosen(line, people=("Ada Lovelace", "Grace Hopper")) == "Ada Lovelace"
    assert chosen("<p>x", people=("Ada Lovelace", "Grace Hopper")) == "Ada Lovelace, Grace Hopper"
    assert chosen(line, people=("Grace Hopper",)) == "Grace Hopper"


def test_a_person_anywhere_comes_before_an_agency() -> None:
    line = "<p class=author>By Ada Lovelace</p>"
    assert chosen(line, people=("The Northern Press",), desks=("Southern News",)) == "Ada Lovelace"
    assert chosen(people=("The Northern Press",), desks=("Southern News",)) == "The Northern Press"
    assert chosen(desks=("Southern News",)) == "Southern News"


def test_a_link_to_the_author_counts_where_nothing_else_does() -> None:
    assert chosen("<a rel=author href=/ada>Ada Lovelace</a>") == "Ada Lovelace"


def test_a_job_in_a_line_of_its_own_is_not_of_the_name() -> None:
    assert chosen("<p class=byline>By Ada Lovelace<br>Staff Writer</p>") == "Ada Lovelace"


def test_a_name_of_two_lines_is_one() -> None:
    assert chosen("<p class=byline>By<br>Ada<br>Lovelace<br>Staff Writer</p>") == "Ada Lovelace"
    assert chosen("<a rel=author>Ada<br>Lovelace</a>") == "Ada Lovelace"


def test_the_site_is_an_author_only_if_it_says_so_and_nobody_else_is() -> None:
    assert chosen(people=("Porch Money",)) == "Porch Money"
    assert chosen(desks=("Porch Money",)) == ""


@given(st.lists(st.text(max_size=40), max_size=3), st.text(max_size=60), st.text(max_size=40))
def test_any_line_gives_clean_names(people: list[str], line: str, site: str) -> None:
    tree = parse("<div class=byline></div>")
    next(tree.iter("div")).text = "".join(c for c in f"By {line}" if c.isprintable())
    names = choose_authors(people, (), {}, tree, site)
    assert all(1 < len(name) <= 60 for name in names)
