"""What a list is made from and of: what quality is, which steps are taken, and how a place of a list is kept."""

from __future__ import annotations

import json

import pytest

from mingus_lib.domain.gate import BEGINNER
from mingus_lib.domain.recommend.facts import STEPS, ListPolicy, ReaderFacts, Suggestion, quality_of


@pytest.mark.parametrize(
    ("source", "usefulness", "featured", "quality"),
    [
        (0.0, 0.0, False, 0.0),
        (1.0, 0.0, False, 0.5),
        (0.0, 1.0, False, 0.5),
        (0.8, 0.4, False, 0.6),
        (1.0, 1.0, False, 1.0),
        (0.0, 0.2, True, 1.0),
    ],
)
def test_quality_is_half_the_source_and_half_the_use_or_an_editors_word(
    source: float, usefulness: float, featured: bool, quality: float
) -> None:
    assert quality_of(source, usefulness, featured) == pytest.approx(quality)


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_taken_unless_it_is_left_out(step: str) -> None:
    assert ListPolicy().has(step)
    without = ListPolicy(without=frozenset({step}))
    assert [each for each in STEPS if not without.has(each)] == [step]


def test_of_whom_nothing_is_known_is_a_beginner_with_nothing_to_weigh() -> None:
    assert ReaderFacts(1) == ReaderFacts(1, BEGINNER, (), stage=None, income=None, weakness=(0, 0, 0))


def test_a_suggestion_is_kept_as_json() -> None:
    kept = json.dumps(Suggestion(7, 0.5, {"taste": 0.3, "goals": 0.2}, (1, 2), ("goal:taxes",)).as_json())
    assert json.loads(kept) == {
        "article": 7,
        "score": 0.5,
        "parts": {"taste": 0.3, "goals": 0.2},
        "because": [1, 2],
        "reasons": ["goal:taxes"],
    }
    bare = Suggestion(7, 0.5, {}).as_json()
    assert (bare["because"], bare["reasons"]) == ([], [])
