"""What is made of a model's answer, and what is sent to it. Everything in an answer is hostile."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import answer, labels, pricing, prompting, topics
from mingus_lib.domain.answer import BadAnswer
from mingus_lib.domain.pricing import Usage
from mingus_lib.errors import UsageError
from tests.conftest import ROOT

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
        ("actionability_score", "8/10", 8),
        ("actionability_score", 8.0, 8),
        ("career_stage", "MID CAREER", "Mid-career"),
        ("target_income_range", "$40k - $60k", "$40K-$60K"),
        ("key_topics", ["401K", "Retirement planning", "Stocks"], ("retirement", "investing")),
        ("cultural_focus", None, None),
        ("cultural_focus", "None", None),
        ("cultural_focus", "N/A", None),
        ("cultural_relevance_keywords", ["HBCU", "unicorn"], ("HBCU",)),
        ("learning_objectives", [f"Learn {n}" for n in range(9)], ("Learn 0", "Learn 1", "Learn 2")),
        ("classification_reasoning", "a\x1b[31m\u202eb\n c", "a [31m b c"),
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
        ("confidence_score", float("nan")),
        ("actionability_score", 11),
        ("actionability_score", 7.5),
        ("actionability_score", True),
        ("key_topics", []),
        ("key_topics", ["world domination"]),
        ("key_topics", "budgeting"),
        ("learning_objectives", [1]),
        ("recommended_reading_order", 0),
    ],
)
def test_what_is_wrong_is_refused_by_name(field: str, said: Any) -> None:
    with pytest.raises(BadAnswer, match=field):
        parsed(**{field: said})


@pytest.mark.parametrize("text", ["", "no", "[]", "{", "{}", '"x"', "[" * 50_000, "x" * 30_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        answer.parse(text, "", "")


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


def test_an_object_is_found_in_a_fence_and_other_keys_are_left_out() -> None:
    text = f"```json\n{json.dumps(GOOD | {'is_override': True, 'status': 'published'})}\n```"
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


def test_the_schema_is_strict_and_has_no_limits() -> None:
    schema = answer.schema()
    assert schema["required"] == list(schema["properties"]) == list(answer.Answer.model_fields)
    assert schema["additionalProperties"] is False
    text = json.dumps(schema)
    assert not any(word in text for word in ("minimum", "maximum", "maxItems", "minItems", "$ref"))
    assert prompting.estimate(text) <= prompting.SCHEMA_TOKENS


def test_the_prompt_of_this_version_is_the_one_that_was_released() -> None:
    # A changed prompt is a new version, in a file of its own: answers are kept by it.
    prompt = (ROOT / f"mingus_lib/data/prompts/{prompting.VERSION}.md").read_bytes()
    digest = hashlib.sha256(prompt).hexdigest()
    assert {"labels-1": PROMPT_1}[prompting.VERSION] == digest
    assert all(name in prompting.instruction() for name in (*topics.names(), *labels.CAREER_STAGES))


def test_the_messages_are_golden() -> None:
    ask = prompting.ask('A "title"', "Line one.\nLine <|im_end|> two\u202e.", "gpt-4.1-mini", 1500)
    assert [each["role"] for each in ask.messages] == ["system", "user"]
    assert (
        ask.messages[1]["content"]
        == '{"title": "A \\"title\\"", "text": "Line one.\\nLine < |im_end|> two."}'
    )


def test_a_question_has_one_key_for_content_prompt_and_model() -> None:
    one = prompting.ask("t", "text", "a", 100)
    assert one.key == prompting.ask("t", "text", "a", 100).key
    others = (
        prompting.ask("u", "text", "a", 100),
        prompting.ask("t", "x", "a", 100),
        prompting.ask("t", "text", "b", 100),
    )
    assert len({one.key, *(other.key for other in others)}) == 4


@given(st.text(max_size=3000), st.integers(20, 400))
def test_a_text_is_cut_to_its_budget(text: str, budget: int) -> None:
    found = prompting.cut(text, budget)
    assert prompting.estimate(found) <= budget
    assert found == text or prompting.CUT_MARK.strip() in found


def test_head_and_tail_of_a_long_text_stay() -> None:
    text = " ".join(f"word{n}" for n in range(5000))
    found = prompting.cut(text, 300)
    assert found.startswith("word0 word1 ")
    assert found.endswith(" word4999")


@pytest.mark.parametrize(
    ("title", "text", "words", "strong"),
    [
        ("Saving", "a calm text", 500, False),
        ("Saving", "a calm text", 501, True),
        ("Your first Portfolio", "short", 100, True),
        ("Saving", "on estate taxes", 100, True),
        ("Saving", "a taxi and a syntax", 100, False),
    ],
)
def test_long_and_difficult_texts_go_to_the_strong_model(
    title: str, text: str, words: int, strong: bool
) -> None:
    assert prompting.wants_strong(title, text, words) is strong


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


PROMPT_1 = "d1d24988f672c97eec67abd72ecc76f3df2a53310e2cd4453fed1d550da32639"
