"""From scores to a list, step by step: what each part of a score is, and what may stand in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.gate import EVERYTHING
from mingus_lib.domain.recommend import rerank
from mingus_lib.domain.recommend.catalogue import Catalogue
from mingus_lib.domain.recommend.facts import PARTS, STEPS, ArticleFacts, ListPolicy, ReaderFacts
from mingus_lib.domain.recommend.rerank import Candidates, Ranked

TODAY = 20_000.0
READER = ReaderFacts(1, EVERYTHING)
NOTHING = frozenset(STEPS)


def article(number: int, **more: Any) -> ArticleFacts:
    given_: dict[str, Any] = {
        "label": ("BE", "Beginner"), "host": f"h{number}", "topics": (f"t{number}",), "stage": None, "income": None,
        "culture": 0.0, "quality": 0.0, "day": TODAY, "fingerprint": None,
    }  # fmt: skip
    return ArticleFacts(number, **(given_ | more))


def shelf_of(*articles: ArticleFacts, popularity: Sequence[float] = ()) -> Catalogue:
    ids = [each.id for each in articles]
    return Catalogue.of(articles, ids, [*popularity, *([0.0] * (len(ids) - len(popularity)))])


def shelf_with(*differences: dict[str, Any], popularity: Sequence[float] = ()) -> Catalogue:
    return shelf_of(*(article(n, **more) for n, more in enumerate(differences)), popularity=popularity)


def only(*steps: str, **weights: Any) -> ListPolicy:
    return ListPolicy(without=NOTHING - set(steps), **weights)


def candidates(places: Sequence[int], taste: Sequence[float], read: int) -> Candidates:
    return Candidates(
        np.array(places, np.int64), np.zeros(len(places), bool), np.array(taste, np.float32), read
    )


def ranked(
    shelf: Catalogue, policy: ListPolicy, *asked: tuple[Candidates, ReaderFacts]
) -> list[dict[str, list[float]]]:
    """The parts by name, and the score, of each reader's candidates."""
    worth = rerank.merits(shelf, policy, TODAY)
    found = rerank.rank(shelf, worth, [who for who, _ in asked], [reader for _, reader in asked], policy)
    return [
        dict(zip(PARTS, each.parts.tolist(), strict=True)) | {"score": each.totals.tolist()} for each in found
    ]


def test_merits_are_weighted_and_fade_by_half_every_half_life() -> None:
    shelf = shelf_with(
        {"culture": 0.5, "quality": 1.0},
        {"culture": 1.0, "quality": 0.5, "day": TODAY - 10},
        {"day": TODAY - 20},
        {"day": TODAY + 5},
    )
    policy = ListPolicy(culture=0.2, quality=0.4, freshness=0.8, half_life_days=10)
    culture, quality, freshness = rerank.merits(shelf, policy, TODAY)
    assert culture == pytest.approx([0.1, 0.2, 0, 0])
    assert quality == pytest.approx([0.4, 0.2, 0, 0])
    # What is dated ahead is as fresh as what is new.
    assert freshness == pytest.approx([0.8, 0.4, 0.2, 0.8])


@pytest.mark.parametrize(("step", "row"), [("culture", 0), ("quality", 1), ("freshness", 2)])
def test_a_merit_that_is_left_out_is_worth_nothing(step: str, row: int) -> None:
    shelf = shelf_with({"culture": 1.0, "quality": 1.0})
    found = rerank.merits(shelf, ListPolicy(without=frozenset({step})), TODAY)
    assert [bool(each) for each in found[:, 0]] == [number != row for number in range(3)]
    alone = ranked(shelf, only(step), (candidates([0], [0], 0), READER))[0]
    assert {name for name in PARTS if alone[name] != [0]} == {step}


@pytest.mark.parametrize(("read", "trust"), [(0, 0), (1, 1 / 5), (4, 1 / 2), (12, 3 / 4)])
def test_taste_counts_as_far_as_it_is_trusted_and_popularity_by_half_the_rest(
    read: int, trust: float
) -> None:
    shelf = shelf_with({}, {}, {}, popularity=[1.0, 0.5, 0.0])
    parts = ranked(shelf, only(), (candidates([2, 1, 0], [4.0, 1.0, -3.0], read), READER))[0]
    # By the best of the reader's own scores; below 0 is no taste.
    assert parts["taste"] == pytest.approx([trust, trust / 4, 0])
    assert parts["popularity"] == pytest.approx([0, (1 - trust) / 4, (1 - trust) / 2])
    assert parts["score"] == pytest.approx(np.add(parts["taste"], parts["popularity"]))


def test_without_any_taste_popularity_is_all_there_is() -> None:
    shelf = shelf_with({}, {}, popularity=[1.0, 0.5])
    parts = ranked(shelf, only(popularity=0.8), (candidates([0, 1], [0, -1], 50), READER))[0]
    assert parts["taste"] == [0, 0]
    assert parts["popularity"] == pytest.approx([0.8, 0.4])


def test_nobody_read_and_nothing_to_trust_is_no_division_by_zero() -> None:
    parts = ranked(shelf_with({}), only(trusting=0), (candidates([0], [1.0], 0), READER))[0]
    assert parts["taste"] == [0]


def test_goals_stage_and_income_are_the_readers_own() -> None:
    shelf = shelf_with(
        {"topics": ("taxes", "rent"), "stage": "early"},
        {"topics": ("rent",), "income": "low"},
        {"topics": (), "stage": "early", "income": "low"},
        {"topics": ("pay",), "stage": "late", "income": "high"},
    )
    reader = replace(READER, goals=("rent", "pay", "unheard of"), stage="early", income="low")
    parts = ranked(
        shelf, only("goals", goals=0.4, stage=0.2), (candidates([0, 1, 2, 3], [0] * 4, 0), reader)
    )[0]
    assert parts["goals"] == pytest.approx([0.4, 0.4, 0, 0.4])
    # Half for each of the two.
    assert parts["stage"] == pytest.approx([0.1, 0.1, 0.2, 0])
    none = ranked(shelf, only("goals"), (candidates([0, 1, 2, 3], [0] * 4, 0), READER))[0]
    assert none["goals"] == none["stage"] == [0] * 4
    off = ranked(shelf, only(), (candidates([0, 1, 2, 3], [0] * 4, 0), reader))[0]
    assert off["goals"] == off["stage"] == [0] * 4


def test_balance_lifts_the_phase_a_reader_is_weak_in() -> None:
    labels = [("HAVE", "Beginner"), ("BE", "Beginner"), ("DO", "Beginner"), None]
    shelf = shelf_with(*({"label": label} for label in labels))
    reader = replace(READER, weakness=(0.25, 0.5, 1.0))
    parts = ranked(shelf, only("balance", balance=0.4), (candidates([0, 1, 2, 3], [0] * 4, 0), reader))[0]
    # Without a phase there is nothing to be weak in.
    assert parts["balance"] == pytest.approx([0.4, 0.1, 0.2, 0])


def test_the_weights_are_those_of_the_document() -> None:
    shelf = shelf_with(
        {"topics": ("rent",), "stage": "early", "income": "low", "culture": 1.0, "quality": 1.0},
        {"day": TODAY - 30},
        popularity=[1.0],
    )
    reader = replace(READER, goals=("rent",), stage="early", income="low", weakness=(1.0, 0, 0))
    parts = ranked(shelf, ListPolicy(), (candidates([0, 1], [2.0, 0], 4), reader))[0]
    # Of four articles read half is trusted.
    best = {
        "taste": 0.5, "popularity": 0.5 * 0.5, "goals": 0.25, "stage": 0.05,
        "culture": 0.1, "quality": 0.1, "freshness": 0.1, "balance": 0.15,
    }  # fmt: skip
    assert {name: parts[name][0] for name in PARTS} == pytest.approx(best)
    assert parts["score"][0] == pytest.approx(1.5)
    assert parts["freshness"][1] == pytest.approx(0.05)


people = st.lists(
    st.tuples(
        st.lists(st.integers(0, 4), max_size=5, unique=True),
        st.integers(0, 20),
        st.sampled_from([(), ("t1",), ("t3", "t4")]),
        st.sampled_from([(0.0, 0.0, 0.0), (0.1, 0.5, 1.0)]),
    ),
    min_size=1,
    max_size=4,
)


@given(people)
def test_readers_that_are_ranked_together_are_ranked_as_alone(given_: list[Any]) -> None:
    shelf = shelf_with(*({"label": ("DO", "Beginner")}, {}, {}, {"culture": 1.0}, {}), popularity=[0.5, 1.0])
    asked = [
        (
            candidates(places, [place - 1 for place in places], read),
            replace(READER, goals=goals, weakness=weakness),
        )
        for places, read, goals, weakness in given_
    ]
    for parts, each in zip(ranked(shelf, ListPolicy(), *asked), asked, strict=True):
        assert parts == {
            name: pytest.approx(alone) for name, alone in ranked(shelf, ListPolicy(), each)[0].items()
        }
        assert parts["score"] == pytest.approx(np.sum([parts[name] for name in PARTS], axis=0))


def chosen(
    shelf: Catalogue,
    totals: Sequence[float],
    policy: ListPolicy,
    limit: int,
    *,
    new: Sequence[int] = (),
    reader: ReaderFacts = READER,
    today: float = TODAY,
) -> list[tuple[int, bool]]:
    places = np.arange(len(totals), dtype=np.int64)
    scores = np.array(totals, np.float32)
    from_them = Ranked(places, scores[None, :], scores)
    return rerank.choose(shelf, from_them, np.isin(places, new), reader, policy, limit, today)


def numbers(found: Sequence[tuple[int, bool]]) -> list[int]:
    return [number for number, _ in found]


@pytest.mark.parametrize(
    ("limit", "found"), [(0, []), (1, [2]), (3, [2, 1, 3]), (4, [2, 1, 3, 0]), (9, [2, 1, 3, 0])]
)
def test_the_best_come_first_and_of_equals_the_first(limit: int, found: list[int]) -> None:
    assert numbers(chosen(shelf_with({}, {}, {}, {}), [1, 2, 3, 2], only(), limit)) == found


def test_many_equals_stay_in_their_order() -> None:
    totals = [number % 2 for number in range(60)]
    found = numbers(chosen(shelf_with(*[{}] * 60), totals, only(), 60))
    assert found == [*range(1, 60, 2), *range(0, 60, 2)]


def test_numbers_are_those_of_the_candidates_and_not_places() -> None:
    shelf = shelf_with({"host": "a"}, {"host": "b"}, {"host": "b"}, {"host": "c"})
    scores = np.array([1, 2, 3], np.float32)
    from_them = Ranked(np.array([3, 2, 1]), scores[None, :], scores)
    found = rerank.choose(
        shelf, from_them, np.zeros(3, bool), READER, only("diversity", per_host=1), 2, TODAY
    )
    assert numbers(found) == [2, 0]


ONE = {"host": "one", "topics": ("x", "y")}
OF_ONE_TOPIC = [{"topics": ("x",)}, {"topics": ("x", "y")}, {"topics": ("x",)}, {"topics": ("y", "x")}]


@pytest.mark.parametrize(
    ("articles", "limits", "limit", "found"),
    [
        # Two of a host, then others; what was left out fills up a list that is short, best first.
        ([{"host": "a"}] * 4 + [{"host": "b"}], {"per_host": 2}, 3, [0, 1, 4]),
        ([{"host": "a"}] * 4 + [{"host": "b"}], {"per_host": 2}, 5, [0, 1, 4, 2, 3]),
        ([{"host": "a"}] * 4 + [{"host": "b"}], {"per_host": 2}, 4, [0, 1, 4, 2]),
        # The first of an article's topics is the one that counts.
        (OF_ONE_TOPIC, {"per_topic": 1}, 2, [0, 3]),
        (OF_ONE_TOPIC, {"per_topic": 2}, 3, [0, 1, 3]),
        (OF_ONE_TOPIC, {"per_topic": 2}, 4, [0, 1, 3, 2]),
        # Without a topic there is none to be full.
        ([{"topics": ()}] * 3, {"per_topic": 1}, 3, [0, 1, 2]),
        ([{"topics": ("x",)}, {"topics": ()}, {"topics": ("x",)}, {}], {"per_topic": 1}, 3, [0, 1, 3]),
    ],
)
def test_hosts_and_topics_have_limits(
    articles: list[dict[str, Any]], limits: dict[str, int], limit: int, found: list[int]
) -> None:
    totals = list(range(len(articles), 0, -1))
    shelf = shelf_with(*articles)
    assert numbers(chosen(shelf, totals, only("diversity", **limits), limit)) == found
    assert numbers(chosen(shelf, totals, only(**limits), limit)) == list(range(limit)), "without the step"


@pytest.mark.parametrize(
    ("marks", "found"),
    [
        ([0b0, 0b11, 0b111], [0, 2]),
        ([0b0, 0b111, 0b11111], [0, 1]),
        ([0b0, 0b111, 0b111000], [0, 1, 2]),
        # As near as it is, one that does not stand in the list keeps nothing out.
        ([0b0, 0b11, 0b1111], [0, 2]),
        # Without a mark an article is like no other.
        ([None, None, 0b0, None], [0, 1, 2, 3]),
    ],
)
def test_near_duplicates_are_left_out_and_never_fill_up(marks: list[int | None], found: list[int]) -> None:
    shelf = shelf_with(*({"fingerprint": mark} for mark in marks))
    totals = list(range(len(marks), 0, -1))
    assert numbers(chosen(shelf, totals, only("diversity", near=2), 9)) == found
    assert numbers(chosen(shelf, totals, only(near=2), 9)) == list(range(len(marks))), "without the step"


def test_what_fills_up_a_list_is_no_near_duplicate_either() -> None:
    shelf = shelf_with(*({"host": "a", "fingerprint": mark} for mark in (0, 0xFF, 0xFE, 0xFF00)))
    assert numbers(chosen(shelf, [4, 3, 2, 1], only("diversity", per_host=1), 9)) == [0, 1, 3]


def test_the_limits_are_those_of_the_document() -> None:
    one_host = shelf_with(*[{"host": "a"}] * 5, {})
    assert numbers(chosen(one_host, range(6, 0, -1), ListPolicy(), 5)) == [0, 1, 2, 3, 5]
    one_topic = shelf_with(*[{"topics": ("x",)}] * 6, {})
    assert numbers(chosen(one_topic, range(7, 0, -1), ListPolicy(), 6)) == [0, 1, 2, 3, 4, 6]
    marks = shelf_with({"fingerprint": 0}, {"fingerprint": 0b111111}, {"fingerprint": 0b1111111})
    assert numbers(chosen(marks, range(3, 0, -1), ListPolicy(), 3)) == [0, 2]
    assert sum(drawn for _, drawn in explored(20, ListPolicy())) == 2


NEW = range(20, 40)


def explored(limit: int, policy: ListPolicy, **more: Any) -> list[tuple[int, bool]]:
    """From 40 articles, the best first, of which the last 20 are new."""
    return chosen(shelf_with(*[{}] * 40), range(40, 0, -1), policy, limit, new=NEW, **more)


ALL = only("exploration", explore=1.0)


@pytest.mark.parametrize(
    ("limit", "share", "places"),
    [
        (10, 0.2, [4, 9]),
        (10, 0.1, [9]),
        (10, 0.04, []),
        # Where the share does not divide the list they are spread, and are no more than it.
        (10, 0.3, [3, 6, 9]),
        (10, 0.4, [2, 4, 7, 9]),
        (10, 0.6, [1, 3, 4, 6, 8, 9]),
        (20, 0.35, [2, 5, 8, 11, 14, 17, 19]),
        (4, 0.5, [1, 3]),
        (5, 1.0, [0, 1, 2, 3, 4]),
        (10, 0.0, []),
    ],
)
def test_every_so_many_places_one_is_drawn_from_the_new(limit: int, share: float, places: list[int]) -> None:
    found = explored(limit, only("exploration", explore=share))
    assert [place for place, (_, drawn) in enumerate(found) if drawn] == places
    assert all(number in NEW for number, drawn in found if drawn)
    # The others are the best, in order.
    assert [number for number, drawn in found if not drawn] == list(range(limit - len(places)))


def test_a_draw_is_of_the_reader_the_day_and_the_seed() -> None:
    today = explored(10, ALL)
    assert explored(10, ALL, today=TODAY + 0.9) == today
    assert sorted(numbers(explored(20, ALL))) == list(NEW), "each is drawn once"
    assert explored(10, ALL, today=TODAY + 1) != today
    assert explored(10, ALL, reader=replace(READER, number=2)) != today
    assert explored(10, replace(ALL, seed=1)) != today
    without = explored(10, replace(ALL, without=NOTHING))
    assert without == [(number, False) for number in range(10)]


def test_where_nothing_new_may_be_drawn_the_best_takes_the_place() -> None:
    shelf = shelf_with({"host": "a"}, {"host": "b"}, {"host": "a"}, {"host": "c"})
    policy = only("exploration", "diversity", explore=0.5, per_host=1)
    # 2 is of a host that stands there already.
    assert chosen(shelf, [4, 3, 2, 1], policy, 4, new=[2]) == [(0, False), (1, False), (3, False), (2, False)]
    # Drawn once, an article is not ranked again.
    assert chosen(shelf, [4, 3, 2, 1], policy, 4, new=[3]) == [(0, False), (3, True), (1, False), (2, False)]
