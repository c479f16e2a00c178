"""A person's search words become an expression."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import searchquery


@pytest.mark.parametrize(
    ("typed", "expression"),
    [
        ("save money", '"save" AND "money"'),
        ('"emergency fund" -credit', '("emergency fund") NOT ("credit")'),
        ('money -"side hustle" -debt', '("money") NOT ("side hustle" OR "debt")'),
        ("first-generation wealth", '"first generation" AND "wealth"'),
        ("don't", '"don t"'),
        ("money money", '"money"'),
        ("title:money OR NEAR(a b)", '"title money" AND "OR" AND "NEAR a" AND "b"'),
        ('"unbalanced here', '"unbalanced here"'),
        ("a_b*^{}", '"a b"'),
        ("cafe\u0301", '"café"'),
        ("Ol\u00fa\u1e63\u1eb9\u0301gun", '"Olúṣẹgun"'),
        ("mort\u00adgage\u200b", '"mortgage"'),
        ("“emergency fund” -“pay gap”", '("emergency fund") NOT ("pay gap")'),
        ("-only -these", ""),
        ('* ^ " - 🎷 \x00', ""),
        ("", ""),
    ],
)
def test_expression(typed: str, expression: str) -> None:
    assert searchquery.parse(typed).expression == expression


@given(st.text())
def test_only_quoted_words_get_through(typed: str) -> None:
    query = searchquery.parse(typed)
    for term in (*query.wanted, *query.unwanted):
        assert term[0] == term[-1] == '"'
        assert all(word.isalnum() for word in term[1:-1].split())


def test_limits() -> None:
    query = searchquery.parse(" ".join(f"w{n}" for n in range(100_000)))
    assert len(query.wanted) == searchquery.MAX_TERMS
    assert len(searchquery.parse("x" * 1_000_000).expression) == searchquery.MAX_CHARACTERS + 2
