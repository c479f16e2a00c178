"""The articles as arrays: where each stands, to whom it is open, and which are popular, new or of a goal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mingus_lib.domain.gate import BEGINNER, EVERYTHING, LABELS, PHASES, Label
from mingus_lib.domain.recommend.catalogue import Catalogue, Coded
from mingus_lib.domain.recommend.facts import ArticleFacts

EASY, HARD = ("BE", "Beginner"), ("HAVE", "Advanced")


def article(number: int, label: Label = EASY, **more: Any) -> ArticleFacts:
    given: dict[str, Any] = {
        "host": f"h{number}", "topics": (), "stage": None, "income": None,
        "culture": 0.0, "quality": 0.0, "day": 0.0, "fingerprint": None,
    }  # fmt: skip
    return ArticleFacts(number, label, **(given | more))


def catalogue(*articles: ArticleFacts, popularity: Sequence[float] = ()) -> Catalogue:
    """All are the model's; those without a popularity were read by nobody."""
    return Catalogue.of(
        articles, [each.id for each in articles], [*popularity, *[0.0] * (len(articles) - len(popularity))]
    )


def test_words_are_numbered_as_they_come() -> None:
    coded = Coded.of(["b", None, "a", "b"])
    assert coded.codes.tolist() == [0, -1, 1, 0]
    assert coded.numbers == {"b": 0, "a": 1}
    places = np.array([3, 1, 2])
    for word, found in (("b", [True, False, False]), ("a", [False, False, True])):
        assert coded.are(places, word) is not None
        assert np.array_equal(coded.are(places, word), found)  # type: ignore[arg-type]
    assert coded.are(places, "c") is None
    assert coded.are(places, None) is None


def test_the_models_articles_stand_first_in_its_order_and_the_others_behind() -> None:
    facts = [
        article(5, HARD, topics=("x", "y"), stage="early", culture=0.25, day=7.0, fingerprint=9),
        article(3, None, topics=("y",), income="low", quality=0.5),
        article(8),
    ]
    # 4 is in the model, and gone since.
    shelf = Catalogue.of(facts, [3, 4, 5], [0.2, 0.4, 1.0])
    assert shelf.ids.tolist() == [3, 4, 5, 8]
    assert shelf.places == {3: 0, 4: 1, 5: 2, 8: 3}
    assert shelf.hosts == ["h3", "", "h5", "h8"]
    assert shelf.popularity == pytest.approx([0.2, 0.4, 1.0, 0])
    assert shelf.culture == pytest.approx([0, 0, 0.25, 0])
    assert shelf.quality == pytest.approx([0.5, 0, 0, 0])
    assert shelf.days == pytest.approx([0, 0, 7, 0])
    assert shelf.fingerprints == [None, None, 9, None]
    assert shelf.stages.numbers == {"early": 0}
    assert shelf.stages.codes.tolist() == [-1, -1, 0, -1]
    assert shelf.incomes.numbers == {"low": 0}
    assert shelf.incomes.codes.tolist() == [0, -1, -1, -1]
    assert shelf.phases.tolist() == [-1, -1, PHASES.index("HAVE"), PHASES.index("BE")]
    assert shelf.topics == [("y",), (), ("x", "y"), ()]
    assert shelf.topic_numbers == {"y": 0, "x": 1}
    assert {name: places.tolist() for name, places in shelf.by_topic.items()} == {"y": [0, 2], "x": [2]}


def test_five_topics_of_an_article_are_numbered() -> None:
    shelf = catalogue(article(1, topics=("a", "b", "c", "d", "e", "f")), article(2, topics=("e", "a")))
    assert shelf.topic_codes.tolist() == [[0, 1, 2, 3, 4], [4, 0, -1, -1, -1]]
    assert "f" not in shelf.topic_numbers
    assert shelf.by_topic["f"].tolist() == [0], "but all are found by"


@pytest.mark.parametrize(
    ("levels", "readable"),
    [
        (BEGINNER, ["easy"]),
        (EVERYTHING, ["easy", "hard", "unlabelled"]),
        # Of the phase of the hard one.
        ((0, 0, 2), ["easy", "hard"]),
        ((2, 2, 1), ["easy"]),
    ],
)
def test_the_gate_holds_and_what_is_gone_is_open_to_nobody(levels: Any, readable: list[str]) -> None:
    names = {1: "easy", 2: "hard", 3: "unlabelled", 4: "gone"}
    shelf = Catalogue.of([article(1), article(2, HARD), article(3, None)], [1, 2, 3, 4], [1.0] * 4)
    is_open = shelf.open_to(levels)[shelf.labels]
    assert [names[number] for number in shelf.ids[is_open]] == readable
    assert len(shelf.open_to(levels)) == len(LABELS) + 1
    popular, newest = shelf.pools(levels)
    assert [names[number] for number in shelf.ids[popular]] == readable
    assert sorted(popular.tolist()) == sorted(newest.tolist())
    # Asked again, it says the same.
    assert shelf.pools(levels) is shelf.pools(levels)
    assert np.array_equal(shelf.open_to(levels)[shelf.labels], is_open)


@pytest.mark.parametrize(
    ("articles", "popular", "new"), [(3, 3, 3), (59, 59, 5), (60, 60, 6), (200, 60, 20), (700, 60, 60)]
)
def test_the_pools_hold_60_of_the_popular_and_a_tenth_of_the_new(
    articles: int, popular: int, new: int
) -> None:
    # The later, the more popular; the earlier, the newer.
    shelf = catalogue(
        *(article(n, day=-float(n)) for n in range(articles)), popularity=[n / 1000 for n in range(articles)]
    )
    most, newest = shelf.pools(BEGINNER)
    assert most.tolist() == list(range(articles))[::-1][:popular]
    assert newest.tolist() == list(range(new))


def test_of_equals_the_first_are_in_the_pools() -> None:
    # The odd are more popular and newer.
    shelf = catalogue(
        *(article(n, day=float(n % 2)) for n in range(100)), popularity=[n % 2 for n in range(100)]
    )
    most, newest = shelf.pools(BEGINNER)
    assert most.tolist() == [*range(1, 100, 2), *range(0, 20, 2)]
    assert newest.tolist() == list(range(1, 21, 2))


def test_the_best_of_a_goal_are_30_by_popularity_and_quality() -> None:
    shelf = catalogue(
        article(0, topics=("tax",), quality=0.5),
        article(1, topics=("pay", "tax"), quality=0.3),
        article(2, topics=("pay",), quality=1.0),
        article(3, HARD, topics=("tax",), quality=1.0),
        popularity=[0.1, 0.4, 1.0, 1.0],
    )
    assert shelf.of_goal("tax", BEGINNER).tolist() == [1, 0]
    assert shelf.of_goal("tax", EVERYTHING).tolist() == [3, 1, 0]
    assert shelf.of_goal("pay", BEGINNER).tolist() == [2, 1]
    assert shelf.of_goal("tax", BEGINNER) is shelf.of_goal("tax", BEGINNER)
    assert shelf.of_goal("never heard of", BEGINNER).tolist() == []
    many = catalogue(*(article(n, topics=("tax",)) for n in range(50)))
    assert many.of_goal("tax", BEGINNER).tolist() == list(range(30))
