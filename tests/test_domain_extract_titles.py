"""The title of a page: when two texts are one title, what is cut from it, and which is taken."""

from __future__ import annotations

import pytest

from mingus_lib.domain.extract.titles import agrees, choose_title, variants, without_kicker, without_site

BUDGET = "A budget that bends but holds"


@pytest.mark.parametrize(
    ("heading", "name", "one"),
    [
        ("A budget that bends", "a BUDGET, that bends!", True),
        # Shortened, or with the site behind it: all words of the shorter one, if they are three.
        ("The budget bends", "How the budget of a whole city bends in the wind", True),
        ("How the budget of a whole city bends in the wind", "The budget bends", True),
        # Two words are a title only if the other begins with them.
        ("New Zealand", "New Zealand and all of its islands", True),
        ("New Zealand", "All of the islands of New Zealand", False),
        ("New Zealand and all of its islands", "New Zealand", False),
        # Six of ten words in common are enough: here 3 of 5, and 4 of 7.
        ("one two three four", "one two three five", True),
        ("one two three four five", "one two three four six seven", False),
        ("one two three four five", "one two three four five", True),
        ("the the the cat", "the cat sat on a mat", False),
        ("", "A budget", False),
        ("A budget", "", False),
        ("?!", "A budget", False),
    ],
)
def test_two_texts_are_one_title(heading: str, name: str, one: bool) -> None:
    assert agrees(heading, name) is one


@pytest.mark.parametrize(
    ("heading", "names", "left"),
    [
        (f"Opinion {BUDGET}", [BUDGET], BUDGET),
        (f"City Politics | {BUDGET}", [BUDGET], BUDGET),
        (f"Opinion {BUDGET}: {BUDGET}", [BUDGET], f"{BUDGET}: {BUDGET}"),
        (f"Opinion » {BUDGET}", ["Another name, as long as it is", BUDGET], BUDGET),
        # Set apart by styles alone, before the whole name.
        (f"Opinion|{BUDGET}", [BUDGET], BUDGET),
        (f"Opinion{BUDGET}", [BUDGET], BUDGET),
        # 20 letters of a name are enough; fewer are no proof.
        ("Opinion A budget that bends in a new way", ["A budget that bends and"], "A budget that bends in a new way"),
        ("Opinion A budget bends", ["A budget bends"], None),
        ("Opinion Nineteen letters now", ["Nineteen letters no"], None),
        ("Opinion Twenty letters herein", ["Twenty letters herei"], "Twenty letters herein"),
        # Three words are more than a kicker, a number is part of the title, and what is joined stays so.
        (f"News of today {BUDGET}", [BUDGET], None),
        (f"2021: {BUDGET}", [BUDGET], None),
        (f"Opinion:{BUDGET}", [BUDGET], None),
        (f"Opinion|{BUDGET}", [f"{BUDGET} again"], None),
        (BUDGET, [BUDGET], None),
        (f"| {BUDGET}", [BUDGET], None),
        (BUDGET, [], None),
    ],
)  # fmt: skip
def test_a_kicker_is_one_or_two_words_before_the_name(
    heading: str, names: list[str], left: str | None
) -> None:
    assert without_kicker(heading, names) == (left or heading)


@pytest.mark.parametrize(
    ("title", "site", "left"),
    [
        ("Pay rises | The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises - theledger", "The Ledger", "Pay rises"),
        # Part of the site's name, or the name and more.
        ("Pay rises | Ledger", "The Ledger", "Pay rises"),
        ("Pay rises | The Ledger Online", "The Ledger", "Pay rises"),
        ("Pay rises | Money | The Ledger", "The Ledger", "Pay rises | Money"),
        ("The Ledger | Pay rises | Money", "The Ledger", "Pay rises | Money"),
        ("Pay rises | and falls", "The Ledger", "Pay rises | and falls"),
        ("Pay rises", "The Ledger", "Pay rises"),
        # Without a name of the site, up to four words behind three or more.
        ("How pay rises | The Ledger of Today", "", "How pay rises"),
        ("How pay rises | The Ledger of Today Online", "", "How pay rises | The Ledger of Today Online"),
        ("Pay rises | The Ledger", "", "Pay rises | The Ledger"),
        ("How pay - rises | Ledger", "", "How pay - rises"),
        # What parts a title from a site.
        ("Pay rises|The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises» The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises – The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises — The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises • The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises :: The Ledger", "The Ledger", "Pay rises"),
        ("Pay rises > The Ledger", "The Ledger", "Pay rises"),
        ("Why Time in the Market > Timing the Market", "", "Why Time in the Market > Timing the Market"),
        ("Why we spend < we earn", "", "Why we spend < we earn"),
        ("Pay rises-The Ledger", "The Ledger", "Pay rises-The Ledger"),
        ("Pay rises: The Ledger", "The Ledger", "Pay rises: The Ledger"),
    ],
)
def test_the_site_is_cut_off_behind_or_before_a_separator(title: str, site: str, left: str) -> None:
    assert without_site(title, site) == left


@pytest.mark.parametrize(
    ("headings", "names", "document", "site", "title"),
    [
        # The first <h1> that agrees with any name, the <title> among them.
        (["Money of ours", BUDGET, f"{BUDGET} well"], ["", BUDGET], "", "", BUDGET),
        (["What we read today", BUDGET], [], f"{BUDGET} | Ledger", "", BUDGET),
        ([f"Opinion {BUDGET}"], [], BUDGET, "", BUDGET),
        # Without one, the first of two words; with one word only, what the head says.
        (["Money", "Pay rises"], ["Something else is said here"], "", "", "Something else is said here"),
        (["Money", "Pay rises at last"], ["Something else is said here"], "", "", "Pay rises at last"),
        (["Money"], [], "", "", ""),
        (["Money"], [], "Pay", "", "Pay"),
        # Three words that a longer name does not bear out are a section; four are not.
        (["Money of ours"], [BUDGET], "", "", BUDGET),
        (["Money of our own"], [BUDGET], "", "", "Money of our own"),
        (["Money of ours"], ["Pay that bends"], "", "", "Money of ours"),
        # Of names only those count that <title> bears out: the first may be the same on all pages.
        (["Daily Money News", BUDGET], ["Daily Money News for everybody", BUDGET], f"{BUDGET} | Ledger", "", BUDGET),
        # A heading too long to be a title.
        ([f"{BUDGET} {'x' * 271}"], [BUDGET], "", "", BUDGET),
        ([f"{BUDGET} {'x' * 270}"], [BUDGET], "", "", f"{BUDGET} {'x' * 270}"),
        # The site is cut from the head's names, and from no heading.
        ([], ["", f"{BUDGET} | Ledger"], "", "Ledger", BUDGET),
        ([], [], f"{BUDGET} | Ledger", "Ledger", BUDGET),
        (["Pay rises | Ledger"], [], "", "Ledger", "Pay rises | Ledger"),
        ([], ["Pay", "Rise"], "Fall", "", "Pay"),
    ],
)  # fmt: skip
def test_which_text_is_the_title(
    headings: list[str], names: list[str], document: str, site: str, title: str
) -> None:
    assert choose_title(headings, names, document, site) == title


def test_the_parts_of_a_name_that_may_be_the_title_alone() -> None:
    name = "Sixteen letters. | Fifteen letters | A budget that bends"
    assert list(variants(name)) == [name, "Sixteen letters.", "A budget that bends"]
    assert list(variants("Pay rises")) == ["Pay rises"]
