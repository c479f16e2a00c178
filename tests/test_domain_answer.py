"""What is made of a model's answer, and its price. Everything in an answer is hostile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import answer, labels, pricing, prompting, topics
from mingus_lib.domain.answer import BadAnswer
from mingus_lib.domain.pricing import Usage
from mingus_lib.errors import UsageError

GOOD: dict[str, Any] = {
    "primary_phase": "DO", "difficulty_level": "Beginner", "confidence_score": 0.9, "demographic_relevance": 7,
    "cultural_sensitivity": 6, "income_impact_potential": 5, "actionability_score": 8,
    "professional_development_value": 4, "key_topics": ["budgeting"], "learning_objectives": ["Make a budget"],
    "prerequisites": [], "cultural_relevance_keywords": ["hbcu"], "cultural_focus": "career",
    "target_income_range": "All ranges", "career_stage": "Early career", "recommended_reading_order": 5,
    "classification_reasoning": "It tells what to do.",
}  # fmt: skip


def parsed(title: str = "T", body: str = "an HBCU budget", **changes: Any) -> labels.Labels:
    return answer.parse(json.dumps(GOOD | changes), title, body)


def test_a_good_answer_becomes_labels() -> None:
    found = parsed()
    assert found.as_dict() == GOOD


@pytest.mark.parametrize(
    ("field", "said", "meant"),
    [
        ("primary_phase", " have ", "HAVE"),
        ("difficulty_level", "beginner", "Beginner"),
        ("confidence_score", "85%", 0.85),
        ("confidence_score", 85, 0.85),
        ("confidence_score", 1, 1.0),
        ("confidence_score", " 0.85 ", 0.85),
        ("confidence_score", "2 %", 0.02),
        ("confidence_score", "85", 0.85),
        ("confidence_score", 10, 0.1),
        ("confidence_score", 100, 1.0),
        ("actionability_score", "8/10", 8),
        ("actionability_score", 8.0, 8),
        ("actionability_score", " 10 / 10 ", 10),
        ("actionability_score", "8.00", 8),
        ("actionability_score", 1, 1),
        ("recommended_reading_order", "100", 100),
        ("career_stage", "MID CAREER", "Mid-career"),
        ("target_income_range", "$40k - $60k", "$40K-$60K"),
        ("key_topics", ["401K", "Retirement planning", "Stocks"], ("retirement", "investing")),
        ("cultural_focus", None, None),
        (
            "key_topics",
            ["saving", "SAVING", "credit", "budget", "world domination"],
            ("saving", "credit", "budgeting"),
        ),
        ("cultural_focus", "None", None),
        ("cultural_focus", "N/A", None),
        ("cultural_relevance_keywords", ["HBCU", "unicorn"], ("HBCU",)),
        ("prerequisites", [" a\tb ", "a b", "c", "d"], ("a b", "c")),
        ("prerequisites", ["x" * 170], ("x" * 160,)),
        ("learning_objectives", [f"Learn {n}" for n in range(9)], ("Learn 0", "Learn 1", "Learn 2")),
        ("classification_reasoning", "a\x1b[31m\u202eb\n c", "a [31m b c"),
        ("classification_reasoning", "y" * 700, "y" * 600),
        ("classification_reasoning", " \n", None),
    ],
)
def test_what_is_meant_without_doubt_is_taken(field: str, said: Any, meant: Any) -> None:
    assert getattr(parsed(**{field: said}), field) == meant


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("primary_phase", "OWN"),
        ("primary_phase", None),
        ("confidence_score", 3),
        ("confidence_score", 1.01),
        ("confidence_score", 9.9),
        ("confidence_score", 101),
        ("confidence_score", -0.1),
        ("confidence_score", float("inf")),
        ("confidence_score", True),
        ("confidence_score", "high"),
        ("confidence_score", "1000%"),
        ("confidence_score", float("nan")),
        ("actionability_score", 11),
        ("actionability_score", 0),
        ("actionability_score", 7.5),
        ("actionability_score", "7.5"),
        ("actionability_score", "8/100"),
        ("actionability_score", "-8"),
        ("actionability_score", True),
        ("key_topics", []),
        ("key_topics", ["world domination"]),
        ("key_topics", "budgeting"),
        ("key_topics", ["budgeting", 1]),
        ("learning_objectives", [1]),
        ("learning_objectives", ["Learn", " \u200b "]),
        ("cultural_focus", "moon"),
        ("recommended_reading_order", 0),
        ("recommended_reading_order", 101),
        ("recommended_reading_order", "1000"),
    ],
)
def test_what_is_wrong_is_refused_by_name(field: str, said: Any) -> None:
    with pytest.raises(BadAnswer, match=field):
        parsed(**{field: said})


@pytest.mark.parametrize("text", ["", "no", "[]", "{", "} {", "{a}", '"x"', "null", "1", "[" * 19_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer, match=r"^it is not a JSON object$"):
        answer.parse(text, "", "")


def test_an_answer_without_end_is_not_read() -> None:
    text = json.dumps(GOOD).ljust(20_000)
    assert answer.parse(text, "", "hbcu").as_dict() == GOOD
    with pytest.raises(BadAnswer, match=r"^the answer has 20001 characters$"):
        answer.parse(text + " ", "", "hbcu")


def test_what_is_wrong_is_told_with_its_place_the_first_four_in_one_short_line() -> None:
    with pytest.raises(BadAnswer) as told:
        parsed(primary_phase="OWN", key_topics=["budgeting", "x\ny"], learning_objectives=["Learn", 1])
    assert str(told.value) == (
        "primary_phase: Input should be 'BE', 'DO' or 'HAVE'; "
        "key_topics.1: Value error, 'x\\ny' is not in the vocabulary of topics; "
        "learning_objectives.1: Input should be a valid string"
    )
    with pytest.raises(BadAnswer) as told:
        answer.parse("{}", "", "")
    assert str(told.value) == "; ".join(f"{name}: Field required" for name in list(GOOD)[:4])
    with pytest.raises(BadAnswer, match=f"'{'z' * 60}' is not"):
        parsed(key_topics=["z" * 61])
    # Each character of it is told as ten, \U000e0041.
    with pytest.raises(BadAnswer) as told:
        parsed(key_topics=["\U000e0041" * 60])
    assert len(str(told.value)) == 500


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" a \t b\r\nc  d ", "a b c d"),
        ("a\x00b\x7fc\x85d", "a b c d"),
        ("abcdefghij k", "abcdefghij"),
        ("abcdefghi jk", "abcdefghi"),
        ("\u2069\ufeff\ud800", ""),
        ("é ü 好", "é ü 好"),
    ],
)
def test_what_is_kept_is_one_printable_line_of_a_length(text: str, line: str) -> None:
    assert answer.clean(text, 10) == line


@pytest.mark.parametrize(
    ("keyword", "kept"),
    [
        ("Unicorn", True),
        ("unicorns", True),
        ("Block  Party!", True),
        ("block parties", True),
        # Words of our own lists, wherever they come from.
        ("redlining", True),
        ("a glass ceiling", True),
        # Not in this article: other words, a part of a word, words apart.
        ("dragon", False),
        ("uni", False),
        ("block unicorn", False),
        ("?!", False),
    ],
)
def test_a_keyword_is_of_the_article_or_of_our_own_lists(keyword: str, kept: bool) -> None:
    found = parsed("The unicorn", "A block party. For all", cultural_relevance_keywords=[keyword])
    assert found.cultural_relevance_keywords == ((answer.clean(keyword, 160),) if kept else ())


def test_keywords_that_are_not_there_take_no_place() -> None:
    said = ["dragon", *(f"word{n}" for n in range(14)), "word0"]
    found = parsed("", " ".join(said[1:]), cultural_relevance_keywords=said)
    assert found.cultural_relevance_keywords == tuple(said[1:13])


@pytest.mark.parametrize(
    "around",
    [
        '<think>{DO} or {BE}? Say {}: {"primary_phase": "BE"}</think>\n%s',
        "As you asked {in JSON}:\n```\n%s\n```\nI left {notes} out.",
        "%s\n{}",
    ],
)
def test_an_object_is_found_among_braces_of_prose(around: str) -> None:
    assert answer.parse(around % json.dumps(GOOD), "T", "an HBCU budget").as_dict() == GOOD


def test_a_text_may_go_over_several_lines() -> None:
    text = json.dumps(GOOD).replace("It tells", "It\n\ttells")
    assert answer.parse(text, "T", "B").classification_reasoning == "It tells what to do."


@pytest.mark.parametrize(
    "around", ["```json\n%s\n```", "%s I hope that this helps.", "Here it is: %s", "[%s]"]
)
def test_an_object_is_found_in_a_fence_and_other_keys_are_left_out(around: str) -> None:
    text = around % json.dumps(GOOD | {"is_override": True, "status": "published"})
    assert answer.parse(text, "", "hbcu").as_dict() == GOOD


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner),
    )
)
def test_no_answer_is_a_bug(value: Any) -> None:
    try:
        found = answer.parse(json.dumps(value), "", "")
    except BadAnswer:
        return
    assert found.primary_phase in labels.PHASES


def test_an_answer_may_choose_from_what_labels_have() -> None:
    asked = answer.schema()["properties"]
    taken = answer.Answer.model_json_schema()["properties"]
    for name in ("primary_phase", "difficulty_level", "target_income_range", "career_stage"):
        assert taken[name]["enum"] == asked[name]["enum"]
    focus, nothing = taken["cultural_focus"]["anyOf"]
    assert [*focus["enum"], None] == asked["cultural_focus"]["enum"]
    assert nothing == {"type": "null"}


def test_the_schema_asks_for_plain_kinds() -> None:
    fields = answer.schema()["properties"]
    assert {name: field["type"] for name, field in fields.items()} == {
        **dict.fromkeys(fields, "string"),
        "confidence_score": "number",
        **dict.fromkeys((*labels.SCORES, "recommended_reading_order"), "integer"),
        **dict.fromkeys(labels.LISTS, "array"),
        "cultural_focus": ["string", "null"],
    }
    assert [fields[name]["items"] for name in labels.LISTS] == [
        {"type": "string", "enum": list(topics.names())}, {"type": "string"}, {"type": "string"}, {"type": "string"}
    ]  # fmt: skip
    assert fields["classification_reasoning"] == {"type": "string"}


def test_the_schema_is_strict_and_has_no_limits() -> None:
    schema = answer.schema()
    assert schema["type"] == "object"
    assert schema["required"] == list(schema["properties"]) == list(answer.Answer.model_fields)
    assert schema["additionalProperties"] is False
    text = json.dumps(schema)
    assert not any(word in text for word in ("minimum", "maximum", "maxItems", "minItems", "$ref"))
    assert prompting.estimate(text) <= prompting.SCHEMA_TOKENS


def test_a_price_is_by_million_tokens_cached_ones_cheaper_batches_half() -> None:
    price = pricing.shipped().of("gpt-4.1-mini-2025-04-14")
    usage = Usage(tokens_in=1_000_000, tokens_out=1_000_000, cached=500_000)
    assert price.of(usage) == pytest.approx(0.5 * 0.40 + 0.5 * 0.10 + 1.60)
    assert price.of(usage, batch=True) == pytest.approx(price.of(usage) / 2)


def test_a_model_without_a_price_is_refused_with_the_fix() -> None:
    for name in ("llama", "gpt-4.1-mini-turbo"):
        with pytest.raises(UsageError, match="MINGUS_AI_PRICES"):
            pricing.shipped().of(name)


@pytest.mark.parametrize(
    "text", ["x", "a = 1", "[models]\na = 1", '[models.a]\ninput = "1"\noutput = 1', "[models.a]\ninput = -1"]
)
def test_a_bad_price_list_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"mine\.toml"):
        pricing.read(text, "mine.toml")
