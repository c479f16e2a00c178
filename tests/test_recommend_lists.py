"""From scores to lists: what stands in one, why, and what each step does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import gate
from mingus_lib.domain.gate import EVERYTHING, LABELS
from mingus_lib.domain.recommend.catalogue import Catalogue
from mingus_lib.domain.recommend.facts import STEPS, ArticleFacts, ListPolicy, ReaderFacts, Suggestion
from mingus_lib.domain.recommend.lists import History, ListMaker
from mingus_lib.domain.recommend.matrix import csr, empty
from mingus_lib.settings import declared

TODAY = 20_000.0
READER = ReaderFacts(1, EVERYTHING)
PLAIN = ListPolicy(trusting=0, without=frozenset(STEPS) - {"finished"})
BEGINNER = ("BE", "Beginner")


def facts(number: int, **more: Any) -> ArticleFacts:
    given_: dict[str, Any] = {
        "label": BEGINNER, "host": f"h{number}", "topics": (f"t{number}",), "stage": None, "income": None,
        "culture": 0.5, "quality": 0.5, "day": TODAY - number, "fingerprint": None,
    }  # fmt: skip
    return ArticleFacts(number, **(given_ | more))


def maker(articles: list[ArticleFacts], policy: ListPolicy = PLAIN, seed: int = 0) -> ListMaker:
    """Every article leads to every other with a score of its own."""
    count = len(articles)
    draw = np.random.default_rng(seed)
    rows, columns = np.nonzero(~np.eye(count, dtype=bool))
    taste = csr(rows, columns, draw.random(len(rows)) + 0.1, (count, count))
    popularity = draw.random(count).tolist()
    return ListMaker(
        Catalogue.of(articles, [each.id for each in articles], popularity), taste, empty(taste.shape), policy
    )


def history(*places: int) -> History:
    read = np.array(places, np.int64)
    return History(read, np.full(len(read), 1 / max(len(read), 1), np.float32), read)


def listed(
    made: ListMaker, reader: ReaderFacts = READER, read: tuple[int, ...] = (0, 1), limit: int = 10
) -> list[Suggestion]:
    return next(made.many([(reader, history(*read))], limit, TODAY))


def ids(found: list[Suggestion]) -> list[int]:
    return [each.article for each in found]


def test_a_first_cut_before_the_gate_takes_the_same() -> None:
    # Beginners may read a tenth of what leads on, so that the first cut is too small for them, and enough for others.
    draw = np.random.default_rng(3)
    shelf = [facts(n, label=BEGINNER if n % 10 == 0 else ("BE", "Advanced")) for n in range(1, 1200)]
    made = maker(shelf)
    scored, scores = draw.permutation(1199), draw.random(1199).astype(np.float32)
    for levels_ in ((0, 0, 0), EVERYTHING):
        is_open = made.shelf.open_to(levels_)[made.shelf.labels[scored]]
        best = scored[is_open][np.argsort(-scores[is_open])[:150]]
        assert set(made._best(ReaderFacts(1, levels_), scored, scores, 150)) == set(best)


labels = st.sampled_from(LABELS)
articles = st.lists(
    st.builds(
        lambda label, host, topic, mark, culture: (label, f"h{host}", (f"t{topic}",), mark, culture),
        labels, st.integers(0, 3), st.integers(0, 3), st.none() | st.integers(0, 2**64 - 1), st.floats(0, 1),
    ),
    min_size=3, max_size=30,
)  # fmt: skip
levels = st.tuples(*[st.integers(0, 2)] * 3)
without = st.frozensets(st.sampled_from(STEPS))


@settings(deadline=None, max_examples=60)
@given(articles, levels, without, st.integers(1, 20))
def test_whatever_the_library_a_list_keeps_its_promises(
    given_: list[Any], reader_levels: Any, off: frozenset[str], limit: int
) -> None:
    shelf = [
        facts(number + 1, label=label, host=host, topics=topics, fingerprint=mark, culture=culture)
        for number, (label, host, topics, mark, culture) in enumerate(given_)
    ]
    made = maker(shelf, ListPolicy(without=off, explore=0.2))
    found = listed(made, ReaderFacts(3, reader_levels, goals=("t1",)), limit=limit)
    by_id = {each.id: each for each in shelf}
    assert len(ids(found)) == len(set(ids(found))) <= limit
    assert all(gate.may_read(by_id[article].label, reader_levels) for article in ids(found))
    assert "finished" in off or not {1, 2} & set(ids(found))
    for each in found:
        assert each.score == pytest.approx(sum(each.parts.values()), abs=1e-3)
    assert listed(made, ReaderFacts(3, reader_levels, goals=("t1",)), limit=limit) == found


def test_the_order_is_that_of_the_scores_and_the_reasons_are_what_was_read() -> None:
    made = maker([facts(number) for number in range(1, 30)])
    found = listed(made, limit=5)
    scores = made.taste.toarray()[[0, 1]].mean(axis=0)
    best = [place + 1 for place in np.argsort(-scores) if place not in (0, 1)]
    assert ids(found) == best[:5]
    assert set(found[0].because) <= {1, 2}
    first = found[0].article - 1
    assert found[0].because[0] == (1 if made.taste[0, first] > made.taste[1, first] else 2)


def test_at_most_so_many_of_a_host_and_topic_while_there_are_others() -> None:
    shelf = [
        facts(n, host="big" if n % 2 else f"h{n}", topics=("t",) if n % 3 else (f"t{n}",))
        for n in range(1, 60)
    ]
    policy = replace(PLAIN, without=PLAIN.without - {"diversity"}, per_host=2, per_topic=3)
    found = ids(listed(maker(shelf, policy), limit=10))
    hosts = [shelf[number - 1].host for number in found]
    topics = [shelf[number - 1].topics[0] for number in found]
    assert len(found) == 10
    assert hosts.count("big") <= 2
    assert topics.count("t") <= 3


def test_a_library_of_one_host_still_fills_a_list() -> None:
    shelf = [facts(number, host="only") for number in range(1, 30)]
    policy = replace(PLAIN, without=PLAIN.without - {"diversity"})
    assert len(listed(maker(shelf, policy), limit=10)) == 10


def test_near_duplicates_never_stand_together() -> None:
    shelf = [facts(number, fingerprint=number % 2) for number in range(1, 30)]
    policy = replace(PLAIN, without=PLAIN.without - {"diversity"})
    assert len(listed(maker(shelf, policy), limit=10)) == 1


def step(name: str, **weights: Any) -> ListPolicy:
    return replace(PLAIN, without=PLAIN.without - {name}, **weights)


def test_each_step_does_what_it_is_for() -> None:
    shelf = [facts(number) for number in range(1, 12)]
    wished = facts(
        12,
        topics=("taxes",),
        culture=1.0,
        quality=1.0,
        day=TODAY,
        label=("HAVE", "Beginner"),
        stage="Mid-career",
    )
    reader = replace(READER, goals=("taxes",), weakness=(0.1, 0.1, 1.0), stage="Mid-career")
    steps = {
        "goals": step("goals", goals=5), "culture": step("culture", culture=9), "quality": step("quality", quality=9),
        "freshness": step("freshness", freshness=500), "balance": step("balance", balance=5),
    }  # fmt: skip
    for name, policy in steps.items():
        made = maker([*shelf, wished], policy)
        assert ids(listed(made, reader))[0] == 12, name
        without_step = replace(policy, without=policy.without | {name})
        assert listed(maker([*shelf, wished], without_step), reader)[0].parts.get(name) is None
    assert "goal:taxes" in listed(maker([*shelf, wished], steps["goals"]), reader)[0].reasons
    assert "phase:HAVE" in listed(maker([*shelf, wished], steps["balance"]), reader)[0].reasons


def test_exploring_gives_its_share_to_the_new_and_is_the_same_all_day() -> None:
    shelf = [facts(number) for number in range(1, 300)]
    made = maker(shelf, step("exploration", explore=0.2))
    found = listed(made, limit=20)
    assert len([each for each in found if "new" in each.reasons]) == 4
    assert listed(made, limit=20) == found
    tomorrow = next(made.many([(READER, history(0, 1))], 20, TODAY + 1))
    other = listed(made, replace(READER, number=2), limit=20)
    assert ids(tomorrow) != ids(found) != ids(other)


def test_a_new_reader_gets_what_is_popular_and_on_their_goals() -> None:
    shelf = [facts(number, topics=("taxes",) if number == 5 else ("other",)) for number in range(1, 40)]
    made = maker(shelf, ListPolicy(per_topic=100))
    found = listed(made, replace(READER, goals=("taxes",)), read=(), limit=5)
    assert found[0].article == 5
    assert all(each.because == () and "taste" not in each.parts for each in found)
    assert any("popular" in each.reasons for each in found)


def test_more_history_is_trusted_more() -> None:
    made = maker([facts(number) for number in range(1, 30)], replace(PLAIN, trusting=4))
    little, much = listed(made, read=(0,), limit=30), listed(made, read=tuple(range(12)), limit=30)
    assert max(each.parts["taste"] for each in little) == pytest.approx(1 / 5, abs=1e-3)
    assert max(each.parts["taste"] for each in much) == pytest.approx(12 / 16, abs=1e-3)


def test_articles_that_are_gone_or_newer_than_the_model() -> None:
    shelf = [facts(number) for number in (1, 2, 3, 9)]
    taste = csr([0, 0], [1, 2], [1.0, 2.0], (3, 3))
    made = ListMaker(
        Catalogue.of([shelf[0], shelf[2], shelf[3]], [1, 2, 3], [0.5] * 3), taste, empty((3, 3)), PLAIN
    )
    assert ids(listed(made, read=(0,))) == [3, 9], "2 is gone; 9 is unknown to the model, but new"
    assert listed(made, read=(3,))[0].because == ()


def test_an_empty_library() -> None:
    made = ListMaker(Catalogue.of([], [], []), empty((0, 0)), empty((0, 0)), ListPolicy())
    assert list(made.many([(READER, history())], 5, TODAY)) == [[]]
    assert list(made.many([], 5, TODAY)) == []


def test_the_settings_name_the_same_steps() -> None:
    assert declared.STEPS == STEPS
