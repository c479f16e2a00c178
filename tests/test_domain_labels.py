"""The offline engine on our own labelled set, and the rules around labels."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import labels, offline, rubric, scoring, topics
from mingus_lib.domain.labels import Labels, holds, review_flags, review_value
from mingus_lib.domain.lexicon import Hit
from mingus_lib.domain.offline import Opinion
from tests.conftest import ROOT


@cache
def labelled(part: str) -> list[dict[str, Any]]:
    lines = (ROOT / f"tests/labelled/{part}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def opinions(part: str) -> list[Opinion]:
    return [offline.classify(item["title"], item["text"]) for item in labelled(part)]


def test_the_labelled_set_is_large_and_balanced() -> None:
    items = labelled("tune") + labelled("test")
    assert len({item["title"] for item in items}) == len(items) >= 90
    for phase in labels.PHASES:
        of_phase = [item for item in items if item["phase"] == phase]
        assert len(of_phase) >= 30
        assert {item["difficulty"] for item in of_phase} == set(labels.LEVELS)
    assert {topic for item in items for topic in item["topics"]} == set(topics.names())


@pytest.mark.parametrize(("field", "least"), [("phase", 0.85), ("difficulty", 0.75)])
def test_the_test_part_is_labelled_well(field: str, least: float) -> None:
    said = [each.phases if field == "phase" else each.levels for each in opinions("test")]
    true = [item[field] for item in labelled("test")]
    found = scoring.single(true, [offline.best(each) for each in said], [max(each.values()) for each in said])
    assert found.accuracy >= least
    assert found.ece <= 0.10


def test_the_topics_of_the_test_part_are_found() -> None:
    true = [item["topics"] for item in labelled("test")]
    guessed = [each.labels.key_topics for each in opinions("test")]
    found = scoring.many(true, guessed, [1.0] * len(true))
    assert found.micro_f1 >= 0.7
    assert found.macro_f1 >= 0.7


def test_no_evidence_is_a_guess_among_three_that_waits_for_an_editor() -> None:
    opinion = offline.classify("", "lorem ipsum dolor sit amet")
    assert opinion.labels.confidence_score < 0.4
    assert "low-confidence" in review_flags(opinion.labels, words=60, engine=labels.OFFLINE)
    assert (opinion.labels.key_topics, opinion.labels.cultural_focus) == ((), None)


def test_evidence_says_which_words_stood_where() -> None:
    opinion = offline.classify("How to negotiate", "Write down your salary. Do not fear the answer.")
    found = {(each.field, each.term, each.place, each.negated) for each in opinion.evidence}
    assert ("primary_phase", "how to", "title", False) in found
    assert ("primary_phase", "fear", "text", True) in found
    assert ("key_topics", "negotiat*", "title", False) in found


@settings(max_examples=60)
@given(st.text(max_size=300), st.text(max_size=2000))
def test_any_text_gets_valid_labels(title: str, text: str) -> None:
    found = offline.classify(title, text).labels
    assert found.primary_phase in labels.PHASES
    assert found.difficulty_level in labels.LEVELS
    assert 0 <= found.confidence_score <= 1
    assert all(1 <= getattr(found, name) <= 10 for name in labels.SCORES)
    assert set(found.key_topics) <= set(topics.names())
    assert found.career_stage in labels.CAREER_STAGES
    assert found.target_income_range in labels.INCOME_RANGES
    assert labels.from_dict(found.as_dict()) == found


@given(st.floats(0, 500), st.floats(0, 500))
def test_more_evidence_never_lowers_a_score(less: float, more: float) -> None:
    low, high = sorted((less, more))
    assert 1 <= rubric.raised(3.0, low) <= rubric.raised(3.0, high) <= 10


def of(phase: str = "HAVE", confidence: float = 0.9, actionability: int | None = 7) -> Labels:
    return Labels(phase, "Beginner", confidence, actionability_score=actionability)


@pytest.mark.parametrize(
    ("given_labels", "words", "flags"),
    [
        (of(), 300, ()),
        (of(confidence=0.8), 300, ()),
        (of(confidence=0.79), 300, ("second-look",)),
        (of(confidence=0.69), 300, ("low-confidence",)),
        (of("DO", actionability=4), 300, ("do-without-action",)),
        (of("DO", actionability=5), 300, ()),
        (of("DO", actionability=None), 300, ("do-without-action",)),
        (of(), 49, ("few-words",)),
        (of(), 50, ()),
        (of(confidence=0.7), 300, ("second-look",)),
        (of("BE", actionability=1), 300, ()),
        (of("DO", 0.69, 1), 49, ("low-confidence", "do-without-action", "few-words")),
    ],
)
def test_what_makes_labels_wait(given_labels: Labels, words: int, flags: tuple[str, ...]) -> None:
    assert review_flags(given_labels, words=words, engine=labels.OPENAI) == flags
    assert holds(flags) == bool(set(flags) - {"second-look"})


@pytest.mark.parametrize(
    ("phase", "confidence", "disagree"),
    [("DO", 0.9, True), ("DO", 0.7, True), ("DO", 0.69, False), ("BE", 0.9, False)],
)
def test_engines_disagree_only_when_the_other_is_sure(phase: str, confidence: float, disagree: bool) -> None:
    one, other = of("BE", 0.1), of(phase, confidence)
    assert labels.disagree(one, other) is disagree
    flags = review_flags(one, words=300, engine=labels.OPENAI, other=other)
    assert flags == (("low-confidence", "engines-disagree") if disagree else ("low-confidence",))


def test_flags_come_with_the_weightiest_first() -> None:
    flags = review_flags(of("DO", 0.75, 1), words=1, engine=labels.OFFLINE, other=of("BE"))
    assert flags == ("do-without-action", "few-words", "engines-disagree", "second-look", "offline")


@pytest.mark.parametrize(
    ("flags", "held"),
    [
        ((), False),
        (("second-look", "offline", "engines-disagree"), False),
        (("low-confidence",), True),
        (("do-without-action",), True),
        (("few-words",), True),
        (("offline", "engine-failed"), True),
    ],
)
def test_some_flags_keep_an_article_back(flags: tuple[str, ...], held: bool) -> None:
    assert holds(flags) is held


@pytest.mark.parametrize(
    ("flags", "confidence", "value"),
    [
        ((), 1.0, 0.0),
        ((), 0.75, 0.5),
        ((), 0.33333, 1.3333),
        (("low-confidence", "second-look", "offline"), 0.5, 1.0),
        (("engine-failed",), 1.0, 3.0),
        (("engines-disagree",), 1.0, 2.5),
        (("do-without-action",), 1.0, 1.5),
        (("few-words",), 1.0, 0.5),
        (("do-without-action", "few-words", "offline"), 0.25, 3.5),
    ],
)
def test_a_look_is_worth_twice_the_doubt_and_what_the_flags_weigh(
    flags: tuple[str, ...], confidence: float, value: float
) -> None:
    assert review_value(flags, confidence) == value


def test_doubt_comes_first_in_the_queue() -> None:
    doubtful, sure = review_value(("low-confidence",), 0.4), review_value(("offline",), 0.95)
    assert review_value(("engine-failed",), 0.4) > doubtful > sure > 0


def test_what_was_never_said_is_none_or_empty() -> None:
    assert Labels("BE", "Beginner", 0.5).as_dict() == {
        "primary_phase": "BE",
        "difficulty_level": "Beginner",
        "confidence_score": 0.5,
        **dict.fromkeys(labels.SCORES),
        **{name: [] for name in labels.LISTS},
        "cultural_focus": None,
        "target_income_range": None,
        "career_stage": None,
        "recommended_reading_order": 50,
        "classification_reasoning": None,
    }


def test_labels_come_back_from_what_was_kept_of_them() -> None:
    given_labels = Labels("DO", "Advanced", 0.8, 1, 2, 3, 4, 5, ("credit",), ("a", "b"), ("c",), ("hbcu",))
    kept = given_labels.as_dict()
    assert (kept["key_topics"], kept["learning_objectives"]) == (["credit"], ["a", "b"])
    assert labels.from_dict(kept) == labels.from_dict(kept | {"status": "published"}) == given_labels
    few = {"primary_phase": "BE", "difficulty_level": "Beginner", "confidence_score": 1.0}
    assert labels.from_dict(few) == Labels("BE", "Beginner", 1.0)


def test_the_words_of_an_article_stay_out_of_a_log() -> None:
    found = labels.Evidence("primary_phase", "BE", "shame", "text", 3, 2.5)
    made = labels.Classified(
        of(), labels.OFFLINE, "lists-1", None, None, datetime(2026, 3, 1, tzinfo=UTC), evidence=(found,)
    )
    assert not found.negated
    assert "shame" not in repr(made)
    assert (made.tokens_in, made.tokens_out, made.cost_usd, made.flags) == (0, 0, 0, ())


def test_the_library_s_mix_is_a_whole_of_the_phases() -> None:
    assert tuple(labels.MIX) == labels.PHASES
    assert sum(labels.MIX.values()) == pytest.approx(1)


def test_the_engine_starts_fast_and_light() -> None:
    code = (
        "import mingus_lib.domain.offline, sys; print([m for m in ('numpy', 'pydantic') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert shown.stdout.strip() == "[]"


def test_scores_of_a_run_are_what_scikit_learn_says() -> None:
    true, said = ["a", "a", "b", "b", "c"], ["a", "b", "b", "b", "a"]
    found = scoring.single(true, said, [0.9, 0.6, 0.8, 0.7, 0.5])
    assert found.accuracy == pytest.approx(0.6)
    assert found.macro_f1 == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert found.confusion["a"] == {"a": 1, "b": 1, "c": 0}
    # Bins of a tenth: .9 right, .6 wrong, .8 right, .7 right, .5 wrong.
    assert found.ece == pytest.approx((0.1 + 0.6 + 0.2 + 0.3 + 0.5) / 5)


def test_a_cultural_word_ranks_by_its_weightiest_place() -> None:
    title = Hit("hbcu", 0, in_title=True, negated=False, weights=(("identity and community", 9.0),))
    body = Hit("hbcu", 7, in_title=False, negated=False, weights=(("identity and community", 3.0),))
    other = Hit("redlin*", 9, in_title=False, negated=False, weights=(("systemic barriers", 4.0),))
    denied = Hit("bias", 20, in_title=False, negated=True, weights=(("systemic barriers", 0.5),))
    assert offline.keywords([title, other, body, denied]) == ("hbcu", "redlin")
