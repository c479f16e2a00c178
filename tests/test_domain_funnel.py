"""The funnel of mail: where each link is counted, and that none is lost or counted twice."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.funnel import UNASKED, Funnel, Tally
from mingus_lib.domain.mails import SENT_ON, LinkDecision
from mingus_lib.domain.states import Outcome

CODES = st.sampled_from([None, "same-address", "too-short", "social"])
TALLIES = st.builds(
    Tally,
    st.sampled_from(list(LinkDecision)),
    CODES,
    st.integers(0, 1),
    st.sampled_from([None, *Outcome]),
    CODES,
    st.integers(1, 50),
)


def sent(outcome: Outcome | None, code: str | None = None, links: int = 1) -> Tally:
    return Tally(LinkDecision.FETCH, None, 0, outcome, code, links)


def test_nothing_is_nought_of_everything() -> None:
    assert Funnel.of(0, []).as_json() == {
        "mails": 0,
        "found": 0,
        "unwrapped": 0,
        "dropped": {},
        "known": 0,
        "sent": 0,
        "waiting": 0,
        "fetched": 0,
        "kept": 0,
        "duplicate": 0,
        "rejected": {},
        "failed": {},
    }
    assert Funnel().as_json() == Funnel.of(0, []).as_json()


def test_a_whole_funnel() -> None:
    found = Funnel.of(
        3,
        [
            Tally(LinkDecision.DROP, "social", 0, None, None, 40),
            Tally(LinkDecision.DROP, "unsubscribe", 1, None, None, 50),
            Tally(LinkDecision.KNOWN, None, 1, None, None, 7),
            Tally(LinkDecision.FETCH, None, 1, None, None, 1),
            Tally(LinkDecision.FETCH, None, 0, Outcome.ADDED, None, 20),
            Tally(LinkDecision.FOLLOW, None, 1, Outcome.DUPLICATE, "same-address", 5),
            Tally(LinkDecision.FETCH, None, 0, Outcome.UNCHANGED, None, 2),
            Tally(LinkDecision.FETCH, None, 0, Outcome.REJECTED, "too-short", 3),
            Tally(LinkDecision.HOLD, None, 0, Outcome.FAILED, "held", 4),
        ],
    )
    assert found.as_json() == {
        "mails": 3,
        "found": 132,
        "unwrapped": 63,
        "dropped": {"unsubscribe": 50, "social": 40},
        "known": 7,
        "sent": 35,
        "waiting": 1,
        # All that have an outcome, but the five of a known address and the four of a held host.
        "fetched": 25,
        "kept": 20,
        "duplicate": 7,
        "rejected": {"too-short": 3},
        "failed": {"held": 4},
    }


@pytest.mark.parametrize("decision", list(LinkDecision))
def test_only_what_goes_to_an_article_job_is_sent(decision: LinkDecision) -> None:
    found = Funnel.of(1, [Tally(decision, "code", 0, Outcome.ADDED, None, 2)])
    goes = decision in {"fetch", "follow", "hold"}
    assert (found.found, found.sent, found.kept) == (2, 2 * goes, 2 * goes)
    assert found.known == 2 * (decision == "known")
    assert found.dropped == ({"code": 2} if decision == "drop" else {})


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (None, {"waiting": 6}),
        (Outcome.ADDED, {"kept": 6}),
        (Outcome.DUPLICATE, {"duplicate": 6}),
        (Outcome.UNCHANGED, {"duplicate": 6}),
        (Outcome.REJECTED, {"rejected": {"why": 6}}),
        (Outcome.FAILED, {"failed": {"why": 6}}),
    ],
)
def test_each_outcome_has_one_place(outcome: Outcome | None, counted: dict[str, object]) -> None:
    found = Funnel.of(1, [sent(outcome, "why", 2), sent(outcome, "why", 4)]).as_json()
    fetched = {} if outcome is None else {"fetched": 6}
    always = {"mails": 1, "found": 6, "sent": 6}
    assert {name: value for name, value in found.items() if value} == always | fetched | counted


@pytest.mark.parametrize("code", ["same-address", "denied-host", "held", "bad-address"])
def test_what_was_known_without_a_request_was_not_fetched(code: str) -> None:
    found = Funnel.of(1, [sent(Outcome.FAILED, code, 3), sent(Outcome.FAILED, "timeout", 5)])
    assert found.fetched == 5
    assert found.failed == {code: 3, "timeout": 5}
    assert len(UNASKED) == 4


def test_a_link_without_an_outcome_was_not_fetched_yet() -> None:
    assert Funnel.of(1, [sent(None, links=3)]).fetched == 0


def test_a_reason_without_a_code_is_unknown() -> None:
    dropped = [Tally(LinkDecision.DROP, code, 0, None, None, 2) for code in (None, "", None)]
    failed = [sent(Outcome.FAILED, None, 3), sent(Outcome.FAILED, None, 4)]
    found = Funnel.of(1, [*dropped, *failed, sent(Outcome.REJECTED)])
    assert found.dropped == {"unknown": 6}
    assert found.failed == {"unknown": 7}
    assert found.rejected == {"unknown": 1}


@pytest.mark.parametrize("order", list(permutations([("b", 2), ("a", 2), ("z", 9)])))
def test_the_most_frequent_reasons_come_first_and_equals_by_name(order: tuple[tuple[str, int], ...]) -> None:
    tallies = [
        tally
        for code, links in order
        for tally in (
            Tally(LinkDecision.DROP, code, 0, None, None, links),
            sent(Outcome.REJECTED, code, links),
            sent(Outcome.FAILED, code, links),
        )
    ]
    found = Funnel.of(1, tallies).as_json()
    for name in ("dropped", "rejected", "failed"):
        assert list(found[name].items()) == [("z", 9), ("a", 2), ("b", 2)]


@given(st.lists(TALLIES))
def test_every_link_is_in_one_place(tallies: list[Tally]) -> None:
    found = Funnel.of(1, tallies)
    lost = sum(found.rejected.values()) + sum(found.failed.values())
    assert found.found == sum(tally.links for tally in tallies)
    assert found.found == sum(found.dropped.values()) + found.known + found.sent
    assert found.sent == found.waiting + found.kept + found.duplicate + lost
    assert found.fetched <= found.sent - found.waiting
    assert found.unwrapped == sum(tally.links for tally in tallies if tally.unwrapped)
    assert found.sent == sum(tally.links for tally in tallies if tally.decision in SENT_ON)


@given(st.lists(TALLIES), st.randoms(use_true_random=False))
def test_the_order_of_the_tallies_changes_nothing(tallies: list[Tally], chance: Random) -> None:
    mixed = list(tallies)
    chance.shuffle(mixed)
    one, other = Funnel.of(1, tallies).as_json(), Funnel.of(1, mixed).as_json()
    assert repr(one) == repr(other)


@given(st.lists(TALLIES), st.lists(TALLIES))
def test_adding_one_by_one_is_the_same_as_all_at_once(first: list[Tally], then: list[Tally]) -> None:
    grown = Funnel.of(2, first)
    for tally in then:
        grown.add(tally)
    assert grown == Funnel.of(2, [*first, *then])
