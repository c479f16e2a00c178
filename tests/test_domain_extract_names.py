"""Names of people out of byline texts: what stands around a name, between two, and what is none."""

from __future__ import annotations

import pytest

from mingus_lib.domain.extract.names import clean_names, is_full_name, persons

ADA, GRACE = "Ada Lovelace", "Grace Hopper"


@pytest.mark.parametrize(
    "text",
    [
        ADA, f"By {ADA}", f"by: {ADA}", f"BY  {ADA}", f"Written by {ADA}", f"Words by {ADA}", f"Story by {ADA}",
        f"Reported by {ADA}", f"Posted by {ADA}", f"Published by {ADA}", f"Authored by {ADA}", f"Text by {ADA}",
        f"View all posts by {ADA}", f"More posts by {ADA}", f"Author: {ADA}", f"Authors : {ADA}", f"Words: {ADA}",
        f"Text: {ADA}", f"{ADA} | Today", f"{ADA} • Today", f"{ADA}·Today", f"{ADA} – London", f"{ADA} — London",
        f"{ADA} (left)", f"{ADA} <ada@x.example>", f"{ADA} [video]", f"{ADA} for The Ledger", f"{ADA} at The Ledger",
        f"{ADA} on Monday", f"{ADA} in London", f"{ADA} at @ada", f"{ADA} - London", f"{ADA} Updated today",
        f"{ADA} published at noon", f"{ADA} Posted today", f"{ADA}.", f"“{ADA}”", f"  {ADA} \n ", f"{ADA},", f"'{ADA}'",
        f"{ADA}, Staff Writer", f"{ADA}, Senior Reporter", f"{ADA}, {ADA.upper()}", f"{ADA}, https://x.example",
    ],
)  # fmt: skip
def test_around_a_name_all_else_is_cut(text: str) -> None:
    assert clean_names([text]) == (ADA,)


@pytest.mark.parametrize(
    "text",
    [
        f"{ADA} and {GRACE}", f"{ADA} AND {GRACE}", f"{ADA} & {GRACE}", f"{ADA}; {GRACE}", f"{ADA}, {GRACE}",
        f"{ADA}, and {GRACE}", f"{ADA} ,{GRACE}", f"By {ADA} and by {GRACE}", f"{ADA}, Editor, {GRACE}",
    ],
)  # fmt: skip
def test_between_two_names(text: str) -> None:
    assert clean_names([text]) == (ADA, GRACE)
    assert clean_names([ADA, text]) == (ADA, GRACE), "nobody is named twice"


def test_initials_are_no_degree_where_a_name_follows() -> None:
    assert clean_names([f"{ADA}, J.D. Roth"]) == (ADA, "J.D. Roth")
    assert clean_names([f"{ADA}, JD Roth and {GRACE}"]) == (ADA, "JD Roth", GRACE)
    assert clean_names([f"{ADA}, J.D., {GRACE}"]) == (f"{ADA}, J.D.", GRACE)
    assert clean_names([f"{ADA}, Ph.D. and {GRACE}, CFP"]) == (f"{ADA}, Ph.D.", f"{GRACE}, CFP")
    assert clean_names([f"{ADA}, Sr. Editor"]) == (ADA,)
    for degrees in ("CPA CFP", "MD PhD", "MBA RN"):
        assert clean_names([f"{ADA}, {degrees}"]) == (f"{ADA}, {degrees}",)


@pytest.mark.parametrize(
    "name",
    [
        f"{ADA}, Ph.D.", f"{ADA}, PhD", f"{ADA}, Jr.", f"{ADA} Jr.", f"{ADA}, M.D.", f"{ADA}, CFP", f"{ADA}, III",
        "Bo", "Andy Sandler", "Ada in love", "x" * 60, "Ada 2", "Staff Writer", "Editorial Board", "Byron Lovelace",
        "José Ñandú", "Ada 3000",
    ],
)  # fmt: skip
def test_a_name_stays_as_it_is(name: str) -> None:
    assert clean_names([name]) == (name,)


@pytest.mark.parametrize(
    "text",
    [
        "", "A", "A.", "x" * 61, "admin", "Administrator", "author", "EDITOR", "guest", "user", "unknown", "Anonymous",
        "staff", "null", "none", "undefined", "n/a", "NA", "by", "https://x.example/ada", "www.x.example",
        "ada@x.example", "@ada", "/authors/ada", "ledger.com", "ledger.co.uk", "3 May", "12 Monkeys", "A1", "--",
        "The Ledger", "the LEDGER",
    ],
)  # fmt: skip
def test_what_is_no_name(text: str) -> None:
    assert clean_names([text], "The Ledger") == ()
    assert clean_names([text, ADA], "The Ledger") == (ADA,)


@pytest.mark.parametrize(
    "agency",
    [
        "Associated Press",
        "BBC News",
        "Reuters",
        "AFP",
        "The Newsroom",
        "PA Wire",
        "The Times",
        "City Tribune",
    ],
)
def test_an_agency_stands_only_alone(agency: str) -> None:
    assert clean_names([agency]) == (agency,)
    assert clean_names([agency, ADA]) == (ADA,)
    assert persons([agency]) == ()
    assert persons([ADA, agency, GRACE]) == (ADA, GRACE)


def test_there_are_ten_names_at_most_and_of_a_text_500_letters_count() -> None:
    many = [f"Ada {chr(65 + number)}lovelace" for number in range(12)]
    assert clean_names(many) == tuple(many[:10])
    assert clean_names([f"{ADA}, {'x' * 484}, {GRACE}"]) == (ADA,)
    assert clean_names([f"{ADA};{' ' * 475}{GRACE}"]) == (ADA, GRACE)
    assert clean_names([f"{ADA};{' ' * 476}{GRACE}"]) == (ADA, GRACE[:-1])


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("Ada Lovelace", True),
        ("Ada King Noel Lovelace", True),
        ("Ada", False),
        ("Ada Augusta King Noel Lovelace", False),
        ("Ada lovelace", False),
        ("ada Lovelace", False),
        ("Senior Editor", False),
        ("Head Of State", False),
        ("", False),
    ],
)
def test_a_full_name_has_two_to_four_capitals_and_no_job(text: str, full: bool) -> None:
    assert is_full_name(text) is full
