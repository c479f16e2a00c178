"""Which phase a text speaks of: its orders, its manner, and the points of its words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import phase, prose
from mingus_lib.domain.labels import PHASES
from mingus_lib.domain.lexicon import Hit


def hit(term: str, **weights: float) -> Hit:
    return Hit(term, 0, in_title=False, negated=False, weights=tuple(weights.items()))


@pytest.mark.parametrize(
    ("sentence", "order"),
    [
        ("write it down", True),
        ("first write it down", True),
        ("do not sell it", True),
        ("week two call them", True),
        ("three ask them", True),
        ("week four open it", True),
        ("one next open it", True),
        ("now also carefully read it", True),
        ("finally just do it", False),
        ("finally just call them", True),
        ("afterwards please always ask them", True),
        ("never pay them", True),
        ("and so don't pay them", True),
        ("thereafter call them", True),
        ("then please now write it", True),
        ("then please also now write it", False),
        ("start now", True),
        ("write", False),
        ("first write", True),
        ("she may write it", False),
        ("then she may write it", False),
        ("writes it down", False),
        ("and so", False),
        ("and so then now", False),
        ("", False),
    ],
)
def test_an_order_begins_with_its_verb_after_at_most_three_openings(sentence: str, order: bool) -> None:
    assert phase.is_order(sentence.split()) is order


def test_orders_are_a_share_of_the_sentences() -> None:
    orders, reports = [["call", "them"]], [["they", "called"], ["call"], ["rates", "rose"]]
    assert phase.orders_share(orders + reports) == 1 / 4
    assert phase.orders_share(orders) == 1
    assert phase.orders_share([]) == 0


@pytest.mark.parametrize(
    ("text", "orders", "first", "second"),
    [
        ("", 0, 0, 0),
        ("Rates rose.", 0, 0, 0),
        ("Call us. You win!", 1 / 2, 1 / 4, 1 / 4),
        ("I'm late, my friend", 0, 2 / 4, 0),
        ("Is it yours or your own yourself?", 0, 0, 3 / 7),
        ("We, me, myself, our", 0, 1, 0),
        ("I see my own", 0, 2 / 4, 0),
    ],
)
def test_the_manner_is_counted_in_sentences_and_words(
    text: str, orders: float, first: float, second: float
) -> None:
    # What a title says in the first person is no manner of the text.
    found = phase.features(prose.read("I and you", text), [])
    assert found == pytest.approx((*[math.log(1 / 3)] * 3, orders, first, second))


@pytest.mark.parametrize(
    ("hits", "shares"),
    [
        ([hit("fear", BE=2)], (6 / 14, 4 / 14, 4 / 14)),
        ([hit("fear", BE=2), hit("plan", DO=1, HAVE=1)], (6 / 16, 5 / 16, 5 / 16)),
        ([hit("tax", HAVE=88)], (4 / 100, 4 / 100, 92 / 100)),
        # Words that speak against a phase leave it what each has in advance.
        ([hit("fear", BE=-1)], (4 / 12, 4 / 12, 4 / 12)),
        ([hit("fear", BE=-1000), hit("plan", DO=2)], (4 / 14, 6 / 14, 4 / 14)),
        ([hit("fear", BE=3), hit("joke", BE=-1)], (6 / 14, 4 / 14, 4 / 14)),
    ],
)
def test_points_are_shares_drawn_together_by_four_of_each(hits: list[Hit], shares: tuple[float, ...]) -> None:
    found = phase.features(prose.read("", ""), hits)[:3]
    assert found == pytest.approx(tuple(map(math.log, shares)))


@given(st.lists(st.builds(hit, st.just("a"), BE=st.floats(-1000, 1000), DO=st.floats(-1000, 1000))))
def test_any_weights_give_shares_of_a_whole(hits: list[Hit]) -> None:
    assert sum(map(math.exp, phase.features(prose.read("", ""), hits)[:3])) == pytest.approx(1)


def test_words_and_orders_are_the_evidence() -> None:
    found = phase.assess(prose.read("Fear", "Write down what it is. Nothing more is said."))
    assert [(each.term, each.in_title) for each in found.hits] == [("fear", True), ("write down", False)]
    # 1.5 thrice for the title, 2 for what is to be written down, and half of the ten for orders alone.
    assert (found.orders, found.points) == (0.5, 3 * 1.5 + 2 + 5)
    assert tuple(found.probabilities) == PHASES
    assert sum(found.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("I felt shame for years. My mother had the same fear, and I believe that we belong.", "BE"),
        ("Open a spreadsheet. Write down your bills. Call the bank and ask for a lower rate.", "DO"),
        ("The portfolio holds bonds and an estate. Its dividends rose, and taxes fell.", "HAVE"),
    ],
)
def test_words_and_manner_tell_the_phase(text: str, best: str) -> None:
    found = phase.assess(prose.read("", text)).probabilities
    assert max(PHASES, key=lambda name: found[name]) == best
    assert found[best] > 0.8
