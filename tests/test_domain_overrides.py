"""What an editor types to change labels: fields, short names, values and bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import topics
from mingus_lib.domain.labels import SCORES
from mingus_lib.domain.overrides import FIELDS, apart, field_named, read
from mingus_lib.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("phase", "primary_phase"),
        ("difficulty", "difficulty_level"),
        ("level", "difficulty_level"),
        ("topics", "key_topics"),
        (" Career-Stage ", "career_stage"),
        ("ACTIONABILITY_SCORE", "actionability_score"),
        *((field, field) for field in FIELDS),
    ],
)
def test_a_field_has_its_name_and_perhaps_a_short_one(typed: str, field: str) -> None:
    assert field_named(typed) == field


def test_an_unknown_field_gets_the_nearest_and_all_names() -> None:
    with pytest.raises(UsageError) as caught:
        field_named("fase")
    assert (
        str(caught.value)
        == f"no field 'fase' to override, did you mean \"phase\"?; they are {', '.join(FIELDS)}"
    )
    with pytest.raises(UsageError, match=f"^no field '{'x' * 60}' to override; they are primary_phase, "):
        field_named("x" * 1000)


def test_several_stand_in_one_line() -> None:
    typed = " phase=BE  career-stage=Advanced topics=salary negotiation; taxes\tactionability_score=8 "
    assert [text.strip() for text in apart(typed)] == [
        "phase=BE", "career-stage=Advanced", "topics=salary negotiation; taxes", "actionability_score=8"
    ]  # fmt: skip
    assert read(apart(typed))["key_topics"] == ("salary negotiation", "taxes")
    assert apart("  ") == []


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("phase=do", "primary_phase", "DO"),
        (" phase = Be ", "primary_phase", "BE"),
        ("level=ADVANCED", "difficulty_level", "Advanced"),
        ("career_stage=advanced", "career_stage", "Advanced"),
        ("target_income_range=$60k-$80k", "target_income_range", "$60K-$80K"),
        ("cultural_focus=Career", "cultural_focus", "career"),
        ("cultural_focus=", "cultural_focus", None),
        ("cultural_focus=None", "cultural_focus", None),
        *((f"{name}={number}", name, number) for name in SCORES for number in (1, 10)),
        ("actionability_score=007", "actionability_score", 7),
        ("recommended_reading_order=1", "recommended_reading_order", 1),
        ("recommended_reading_order=100", "recommended_reading_order", 100),
        ("recommended_reading_order=000000100", "recommended_reading_order", 100),
        ("topics=Networking, salary negotiation", "key_topics", ("networking", "salary negotiation")),
        ("topics=", "key_topics", ()),
        ("topics=;;", "key_topics", ()),
        ("prerequisites=a, b;c", "prerequisites", ("a, b", "c")),
        ("prerequisites=a,,a, b ,", "prerequisites", ("a", "b")),
        ("learning_objectives=" + "x" * 600, "learning_objectives", ("x" * 600,)),
        ("classification_reasoning=a=b, c;d", "classification_reasoning", "a=b, c;d"),
        ("classification_reasoning=" + "x" * 600, "classification_reasoning", "x" * 600),
    ],
)
def test_a_value_is_read_as_its_field_has_it(text: str, field: str, value: Any) -> None:
    assert read([text]) == {field: value}


def test_two_names_of_one_topic_are_one_topic() -> None:
    assert read(["topics=negotiation; salary negotiation; NETWORKING; networking; negotiation"]) == {
        "key_topics": ("salary negotiation", "networking")
    }


def test_several_changes_at_once_and_the_last_word_counts() -> None:
    assert read([]) == {}
    assert read(["phase=DO", "level=Beginner", "primary_phase=HAVE"]) == {
        "primary_phase": "HAVE",
        "difficulty_level": "Beginner",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("phase", "'phase': write field=value, such as primary_phase=DO"),
        ("phase=doing", "primary_phase: 'doing' will not do; use one of BE, DO, HAVE"),
        ("phase=none", "primary_phase: 'none' will not do; use one of BE, DO, HAVE"),
        ("phase=" + "x" * 99, f"primary_phase: '{'x' * 60}' will not do; use one of BE, DO, HAVE"),
        *(
            (
                f"actionability_score={value}",
                f"actionability_score: {value!r} will not do; use a whole number, 1 to 10",
            )
            for value in ("0", "11", "5.0", "-1", "", "٥", "²", "0000000005")
        ),
        (
            "recommended_reading_order=101",
            "recommended_reading_order: '101' will not do; use a whole number, 1 to 100",
        ),
        ("prerequisites=a;b;c", "prerequisites: 3 are too many; give at most 2"),
        ("learning_objectives=a,b,c,d", "learning_objectives: 4 are too many; give at most 3"),
        (
            "topics=networking;mindset;executive presence;salary negotiation",
            "key_topics: 4 are too many; give at most 3",
        ),
        (
            "topics=mindse",
            "key_topics: 'mindse' is no topic, did you mean \"mindset\"?; they are "
            + ", ".join(topics.names()),
        ),
        *(
            (f"prerequisites=a,{part}", "prerequisites: write printable words, separated by commas")
            for part in ("x" * 601, "b\x1b[2J")
        ),
        *(
            (
                f"classification_reasoning={text}",
                "classification_reasoning: write one line of 1 to 600 characters",
            )
            for text in ("", "x" * 601, "two\nlines", "\x1b[2J")
        ),
    ],
)
def test_what_will_not_do_is_told_with_what_will(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read([text])
    assert str(caught.value) == says


def test_twelve_keywords_are_the_most() -> None:
    words = tuple(f"w{n}" for n in range(12))
    assert read([f"cultural_relevance_keywords={','.join(words)}"]) == {"cultural_relevance_keywords": words}
    with pytest.raises(UsageError, match="13 are too many; give at most 12"):
        read([f"cultural_relevance_keywords={','.join(words)},w12"])


@given(st.sampled_from(FIELDS), st.text(max_size=30))
def test_any_text_is_a_value_or_one_line_that_says_why(field: str, text: str) -> None:
    try:
        assert read([f"{field}={text}"]).keys() == {field}
    except UsageError as error:
        assert str(error).startswith(f"{field}: ") and str(error).isprintable()
