"""What JSON-LD says of an article: which node is it, and where each fact stands, in the shapes that sites write."""

from __future__ import annotations

import json

import pytest

from mingus_lib.domain.extract.jsonld import MAX_NODES, MAX_SCRIPT, Statement, declared_article
from mingus_lib.domain.extract.markup import parse

JSON_LD = "application/ld+json"


def read(*scripts: str, kind: str = JSON_LD) -> Statement:
    return declared_article(
        parse("".join(f'<script type="{kind}">{text}</script>' for text in scripts) + "<p>x")
    )


def said(data: object) -> Statement:
    return read(json.dumps(data))


def article(**facts: object) -> dict[str, object]:
    return {"@type": "Article", **facts}


PERSON = {"@type": "Person", "@id": "#ada", "name": "Ada"}
PAPER = {"@type": "NewsMediaOrganization", "@id": "#paper", "name": "The Paper"}


@pytest.mark.parametrize(
    ("facts", "statement"),
    [
        ({"headline": "H", "name": "N"}, Statement(headline="H")),
        ({"headline": "", "name": "N"}, Statement(headline="N")),
        ({"datePublished": "2021-01-02", "dateCreated": "2020-01-01"}, Statement(published="2021-01-02")),
        ({"dateCreated": "2020-01-01"}, Statement(published="2020-01-01")),
        ({"dateModified": "2022-01-01"}, Statement(modified="2022-01-01")),
        ({"description": "D"}, Statement(description="D")),
        ({"inLanguage": "en"}, Statement(language="en")),
        ({"articleBody": "B"}, Statement(body="B")),
        ({"isAccessibleForFree": True}, Statement(free=True)),
        ({"isAccessibleForFree": "NO"}, Statement(free=False)),
        ({"publisher": PAPER}, Statement(site_name="The Paper")),
        ({"publisher": ["", {"name": "P"}, {"name": "Q"}]}, Statement(site_name="P")),
        ({"author": "A", "creator": "C"}, Statement(authors=("A",))),
        ({"creator": "C"}, Statement(authors=("C",))),
        ({"author": [" A ", {"name": "B"}, PAPER, 7, None]}, Statement(authors=("A", "B"), desks=("The Paper",))),
        ({"author": {"@type": ["Person", "Author"], "name": ["A", "", 3, "B"]}}, Statement(authors=("A", "B"))),
        ({"author": {"@type": ["Thing", "Organization"], "name": "D"}}, Statement(desks=("D",))),
        # A text may be the first of a list, or an object's value or name.
        ({"headline": [" H ", "I"]}, Statement(headline="H")),
        ({"headline": [], "description": {"@value": "D", "name": "N"}}, Statement(description="D")),
        ({"inLanguage": {"name": "en"}}, Statement(language="en")),
        ({"headline": {}, "description": 7, "articleBody": [["B"]]}, Statement()),
        ({}, Statement()),
    ],
)  # fmt: skip
def test_where_each_fact_stands(facts: dict[str, object], statement: Statement) -> None:
    assert said(article(**facts)) == statement


def test_an_article_that_does_not_say_whether_it_is_free_is_neither() -> None:
    assert said(article()).free is None


@pytest.mark.parametrize(
    "kind",
    ["Article", "NewsArticle", "blogposting", "Report", "Review", "Recipe", "LiveBlog", ["WebPage", "NewsArticle"]],
)  # fmt: skip
def test_what_is_an_article(kind: object) -> None:
    assert said({"@type": kind, "headline": "H"}).headline == "H"


@pytest.mark.parametrize("kind", ["WebPage", "Person", "", None, 7, [], {"name": "Article"}, [["Article"]]])
def test_what_is_none(kind: object) -> None:
    assert said({"@type": kind, "headline": "H"}) == said({"headline": "H"}) == Statement()


def test_of_several_articles_the_one_that_says_most_counts_and_of_equals_the_first() -> None:
    little, much = article(headline="H"), article(headline="I", author="A", datePublished="2021-01-01")
    assert said([little, much]).headline == said([much, little]).headline == "I"
    for more in ({"author": "A"}, {"datePublished": "2021-01-01"}):
        assert said([little, article(headline="I", **more)]).headline == "I"
        assert said([article(headline="H", **more), much]).headline == "I"
    assert said([little, article(headline="I", description="D", name="N")]).headline == "H"
    # However deep it stands, and in whatever script.
    assert said({"@graph": [{"mainEntity": [{"x": much}]}]}).headline == "I"
    assert read(json.dumps(little), json.dumps(much)).headline == "I"


def test_people_are_named_once_and_referred_to() -> None:
    by_reference = article(author=[{"@id": "#ada"}, {"@id": "#paper"}], publisher={"@id": "#paper"})
    found = said([PERSON, PAPER, by_reference])
    assert (found.authors, found.desks, found.site_name) == (("Ada",), ("The Paper",), "The Paper")
    assert read(json.dumps(by_reference), json.dumps([PERSON, PAPER])) == found
    # One who has a name is not looked for, and one who is nowhere named has none.
    assert said([PERSON, article(author={"@id": "#ada", "name": "Grace"})]).authors == ("Grace",)
    assert said([{"@id": "#ada"}, article(author={"@id": "#ada"})]).authors == ()
    assert said([PERSON, article(author={"@id": "#nobody"})]).authors == ()
    assert said([PERSON, article(author={})]).authors == ()


ARTICLE = '{"@type":"Article","headline":"H"}'


@pytest.mark.parametrize("kind", [JSON_LD, "APPLICATION/LD+JSON", f"{JSON_LD}; charset=utf-8"])
def test_scripts_that_are_read(kind: str) -> None:
    assert read(ARTICLE, kind=kind).headline == "H"


@pytest.mark.parametrize("kind", ["", "application/json", "text/javascript"])
def test_scripts_that_are_not(kind: str) -> None:
    assert read(ARTICLE, kind=kind) == Statement()
    assert declared_article(parse(f"<script>{ARTICLE}</script><p>x")) == Statement()


@pytest.mark.parametrize(
    "text",
    [
        f"\n<!-- {ARTICLE} -->\n",
        f"//<![CDATA[\n{ARTICLE}\n//]]>",
        f"// <![CDATA[\n{ARTICLE}\n// ]]>;",
        f"<![CDATA[{ARTICLE}]]> ; ",
        f"{ARTICLE} {ARTICLE}",
        f"<!--//<![CDATA[{ARTICLE}//]]>-->",
        '{"@type":"Article","description":"over\ntwo\tlines","headline":"H"}',
    ],
)
def test_comments_around_the_data_and_line_ends_in_it_are_harmless(text: str) -> None:
    assert read(text).headline == "H"


@pytest.mark.parametrize("text", ["", "{oops", f"oops {ARTICLE}", "[" * 100_000])
def test_a_script_that_cannot_be_read_is_passed_over(text: str) -> None:
    assert read(text) == Statement()
    assert read(text, ARTICLE).headline == "H"


def test_a_script_has_a_longest_and_its_data_a_most() -> None:
    blank = " " * (MAX_SCRIPT - len(ARTICLE))
    assert read(f"{ARTICLE[:-1]}{blank}}}").headline == "H"
    assert read(f"{ARTICLE[:-1]}{blank} }}") == Statement()
    # The list itself is the first of them.
    numbers = "1," * (MAX_NODES - 2)
    assert read(f"[{numbers}{ARTICLE}]").headline == "H"
    assert read(f"[{numbers}1,{ARTICLE}]") == Statement()
    # What stands in an object as a text or number costs nothing.
    many = ",".join(f'"{number}":1' for number in range(MAX_NODES))
    assert read(f"[{{{many}}},{ARTICLE}]").headline == "H"
