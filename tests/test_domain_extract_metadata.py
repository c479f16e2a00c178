"""What a page says of itself: title, authors, date, site, language, links."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract.dates import choose_date, iso_day
from mingus_lib.domain.extract.head import absolute, read_head
from mingus_lib.domain.extract.jsonld import Statement, declared_article
from mingus_lib.domain.extract.markup import parse
from mingus_lib.domain.extract.metadata import read_metadata
from mingus_lib.domain.extract.names import clean_names
from mingus_lib.domain.extract.titles import agrees, choose_title, without_site

URL = "https://site.example/a/b.html"


@pytest.mark.parametrize(
    ("headings", "names", "document", "site", "title"),
    [
        (
            ["Daily News", "Rent is not the whole story"],
            ["Rent is not the whole story"],
            "",
            "",
            "Rent is not the whole story",
        ),
        (["A budget that bends"], ["A completely different name"], "", "", "A budget that bends"),
        ([], ["A budget that bends | The Ledger"], "", "The Ledger", "A budget that bends"),
        ([], [], "A budget that bends - The Ledger", "", "A budget that bends"),
        (
            ["Opinion A budget that bends but holds"],
            ["A budget that bends but holds"],
            "",
            "",
            "A budget that bends but holds",
        ),
        (
            ["City Politics | A budget that bends but holds"],
            ["A budget that bends but holds"],
            "",
            "",
            "A budget that bends but holds",
        ),
        (
            ["2021: A budget that bends but holds"],
            ["A budget that bends but holds"],
            "",
            "",
            "2021: A budget that bends but holds",
        ),
        # A short <h1> that the long names do not agree with is the site or a section...
        (
            ["The Ledger"],
            ["A budget that bends"],
            "The Ledger: A budget that bends",
            "",
            "A budget that bends",
        ),
        (["Money Matters"], [], "A budget that bends | The Ledger", "", "A budget that bends"),
        # ... unless one of them does, or none of them is sure.
        (["New Zealand"], ["monarchy in the Pacific ocean"], "New Zealand - Book", "", "New Zealand"),
        (["Big Budget"], ["Money"], "", "", "Big Budget"),
        (["", "Two words"], [], "", "", "Two words"),
        ([], [], "", "", ""),
    ],
)
def test_title(headings: list[str], names: list[str], document: str, site: str, title: str) -> None:
    assert choose_title(headings, names, document, site) == title


@pytest.mark.parametrize(
    ("title", "site", "short"),
    [
        ("How banks read you | Ledger", "Ledger", "How banks read you"),
        *((f"How banks read you {sign} Ledger", "Ledger", "How banks read you") for sign in "⋆*~>›―｜"),
        ("Income > expenses", "Ledger", "Income > expenses"),
        ("Ledger: notes", "Ledger", "Ledger: notes"),
        ("Ledger | How banks read you", "Ledger", "How banks read you"),
        ("Well-being and the wage-gap", "", "Well-being and the wage-gap"),
        ("Pay | raise", "", "Pay | raise"),
        ("Patch 1.8 of the game - the big update", "Game News", "Patch 1.8 of the game - the big update"),
    ],
)
def test_site_names_are_cut_off(title: str, site: str, short: str) -> None:
    assert without_site(title, site) == short


@given(st.text(min_size=1, max_size=60))
def test_a_title_with_a_word_in_it_agrees_with_itself(text: str) -> None:
    assert agrees(text, text) == any(c.isalnum() or c == "_" for c in text)


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (["By Imani Brooks"], ("Imani Brooks",)),
        (["Imani Brooks and Devon Achebe, Staff Writer"], ("Imani Brooks", "Devon Achebe")),
        (["Robert E. Moss, Ph.D."], ("Robert E. Moss, Ph.D.",)),
        (["Imani Brooks, LCSW, and Ed Dunn, CFP®, AIF®"], ("Imani Brooks, LCSW", "Ed Dunn, CFP®, AIF®")),
        (["Imani Brooks, Psy.D., M.Ed."], ("Imani Brooks, Psy.D., M.Ed.",)),
        (["Imani Brooks", "imani brooks", "admin", "https://x.example/me", ""], ("Imani Brooks",)),
        (["Imani Brooks", "The Northern Press"], ("Imani Brooks",)),
        (["The Northern Press"], ("The Northern Press",)),
        (["View all posts by Imani Brooks"], ("Imani Brooks",)),
        (["Imani Brooks | March 3, 2024"], ("Imani Brooks",)),
        (["x" * 500], ()),
    ],
)
def test_names_are_cleaned(raw: list[str], names: tuple[str, ...]) -> None:
    assert clean_names(raw, "Porch Money") == names


@given(st.lists(st.text(max_size=80), max_size=5))
def test_names_are_short_and_never_doubled(raw: list[str]) -> None:
    names = clean_names(raw)
    assert len(names) <= 10 and all(1 < len(name) <= 60 for name in names)
    assert len({name.casefold() for name in names}) == len(names)


def test_date_is_the_declared_day() -> None:
    assert choose_date(parse("<p>x"), "2024-03-05T23:30:00-05:00", {}, URL) == "2024-03-05"


def test_date_is_found_in_the_head_without_json() -> None:
    tree = parse('<head><meta property="article:published_time" content="2023-07-09T01:02:03Z"></head><p>x')
    assert choose_date(tree, "", {}, URL) == "2023-07-09"


def test_stated_dates_come_before_found_ones() -> None:
    marked = '<p>x<time itemprop="datePublished" datetime="2022-02-02">2 Feb</time>'
    tree = parse(f'<head><meta name="dc.date" content="2021-01-01"></head>{marked}')
    meta = {"article:published_time": "2023-03-03T00:30:00+11:00", "dc.date": "2021-01-01"}
    assert choose_date(tree, "", {}, URL) == "2022-02-02"
    assert choose_date(tree, "", meta, URL) == "2023-03-03"
    assert choose_date(tree, "2024-04-04", meta, URL) == "2024-04-04"
    assert choose_date(None, "soon", meta, URL) == "2023-03-03"
    assert choose_date(None, "", {}, URL) is None


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01", "0000-01-01", "2024", "1970-01-01T00:00:00Z"]
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert iso_day(text) is None


def json_page(data: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(data)}</script><p>x'


@pytest.mark.parametrize(
    "author",
    [
        "Imani Brooks",
        {"@type": "Person", "name": "Imani Brooks"},
        [{"name": "Imani Brooks"}],
        {"@id": "#imani"},
        {"@type": "Person", "name": ["Imani Brooks"]},
    ],
)
def test_json_authors_in_every_shape(author: object) -> None:
    person = {"@type": "Person", "@id": "#imani", "name": "Imani Brooks"}
    article = {"@type": ["NewsArticle"], "headline": "H", "author": author}
    assert declared_article(parse(json_page({"@graph": [person, article]}))).authors == ("Imani Brooks",)


def test_json_organisations_are_desks_and_free_is_read() -> None:
    found = declared_article(
        parse(
            json_page(
                {
                    "@type": "Article",
                    "author": {"@type": "Organization", "name": "Desk"},
                    "isAccessibleForFree": "False",
                }
            )
        )
    )
    assert (found.authors, found.desks, found.free) == ((), ("Desk",), False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["@type", "@id", "@graph", "author", "name", "headline", "publisher", "articleBody"]
                ),
                x,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_json_of_any_shape_is_read(data: object) -> None:
    declared_article(parse(json_page(data)))


def test_json_of_a_million_values_takes_linear_time() -> None:
    page = parse(f'<script type="application/ld+json">[{"1," * 950_000}1]</script><p>x')
    started = time.process_time()
    assert declared_article(page) == Statement()
    assert time.process_time() - started < 1


@pytest.mark.parametrize("key", ["@type", "@id", "isAccessibleForFree", "author"])
def test_deep_json_around_a_long_text_is_never_printed(key: str) -> None:
    deep = f'{{"{key}":[' * 150 + f'"{"x" * 500_000}"' + "]}" * 150
    article = f'{{"@type":"Article","headline":"H","{key}":{deep}}}'
    page = parse(f'<script type="application/ld+json">[{article},{deep}]</script><p>x')
    started = time.process_time()
    assert declared_article(page).headline == ("" if key == "@type" else "H")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("said", [False, 0, "False", "no", "0"])
def test_an_article_that_is_not_free_says_so_in_many_ways(said: object) -> None:
    for value, free in ((said, False), (True, True), ("yes", True), (None, None)):
        page = parse(json_page({"@type": "Article", "isAccessibleForFree": value}))
        assert declared_article(page).free is free


def test_json_that_was_escaped_for_html_or_cut_within_an_emoji_is_read() -> None:
    data = {
        "@type": "Article",
        "headline": "Saving &amp; <em>R&D</em>: it&#8217;s mort\u00adgage time \ud83c",
        "author": {"name": "Sin&eacute;ad O&#039;Brien\x00"},
        "publisher": {"name": "Black &amp; Bold\ud83d"},
    }
    tree = parse(f'<script type="application/ld+json">{json.dumps(data)};</script><p>x')
    said = declared_article(tree)
    assert said.headline == "Saving & R&D: it’s mortgage time"
    assert (said.authors, said.site_name) == (("Sinéad O'Brien",), "Black & Bold")


def test_meta_that_was_escaped_twice_is_read() -> None:
    head = read_head(
        parse('<meta name=a content="&lt;p&gt;Tom &amp;amp; Ann&amp;#8217;s R&D, 1 < 2 > 0&lt;/p&gt;"><p>x'),
        URL,
    )
    assert head.first("a") == "Tom & Ann’s R&D, 1 < 2 > 0"


def test_broken_json_and_deep_json_are_passed_over() -> None:
    deep = '<script type="application/ld+json">' + "[" * 100_000 + "</script>"
    assert (
        declared_article(parse(deep + '<script type="application/ld+json">{oops</script><p>x')).headline == ""
    )


@pytest.mark.parametrize(
    ("base", "link", "result"),
    [
        (URL, "c.html", "https://site.example/a/c.html"),
        (URL, "//cdn.example/x", "https://cdn.example/x"),
        (URL, "javascript:alert(1)", None),
        (URL, "http://[broken", None),
        (URL, "data:text/html,x", None),
    ],
)
def test_links_become_absolute_or_nothing(base: str, link: str, result: str | None) -> None:
    assert absolute(base, link) == result


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ('<html lang="en-GB">', "en"),
        ('<html xml:lang="FR">', "fr"),
        ('<meta property="og:locale" content="es_MX">', "es"),
        ('<meta http-equiv="Content-Language" content="pt-BR, en">', "pt"),
        ('<html lang="x-klingon">', None),
    ],
)
def test_declared_language(html: str, language: str | None) -> None:
    assert read_head(parse(html + "<p>x"), URL).language == language


def test_headings_that_hold_the_whole_page_each_cost_little() -> None:
    tree = parse("<h1><div>" * 50 + "Pay rises" + "<b></b>" * 100_000)
    started = time.perf_counter()
    assert read_metadata(tree, URL, thorough=False).title == "Pay rises"
    assert time.perf_counter() - started < 2


def test_canonical_is_resolved_against_the_base_and_must_be_http() -> None:
    html = '<base href="https://other.example/x/"><link rel="canonical" href="y"><p>x'
    assert read_head(parse(html), URL).canonical == "https://other.example/x/y"
    assert read_head(parse('<link rel=canonical href="ftp://a/b"><p>x'), URL).canonical is None


def test_a_page_that_is_not_searched_thoroughly_still_states_its_facts() -> None:
    said = read_metadata(
        parse('<meta name="author" content="Imani Brooks"><h1>A budget that bends</h1>'), URL, thorough=False
    )
    assert (said.title, said.authors) == ("A budget that bends", ("Imani Brooks",))
