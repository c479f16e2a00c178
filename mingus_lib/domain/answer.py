"""A model's answer: the schema it is asked for, and what is made of what came. Everything in it is hostile. Pure.

Numeric limits are checked here, not in the schema: servers differ in which of them they take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mingus_lib.domain import labels, topics
from mingus_lib.domain.labels import Labels
from mingus_lib.domain.lexicon import fold, words_of
from mingus_lib.domain.prompting import UNPRINTABLE
from mingus_lib.domain.wordlists import lists

# Some four times what ANSWER_TOKENS allow: only a server that keeps to no limit goes beyond.
LONGEST_ANSWER = 20_000
# Servers without a strict mode put words around the object.
MOST_BRACES = 50
LONGEST_ITEM, LONGEST_REASONING = 160, 600


class BadAnswer(ValueError):
    """The answer will not do; the message says why, in words for the model and for an editor."""


def schema() -> dict[str, Any]:
    """The JSON schema that the model is held to, in the strict form: all required, nothing else, no limits."""
    text: dict[str, Any] = {"type": "string"}
    fields: dict[str, dict[str, Any]] = {
        "primary_phase": _one_of(labels.PHASES),
        "difficulty_level": _one_of(labels.LEVELS),
        "confidence_score": {"type": "number"},
        **{name: {"type": "integer"} for name in labels.SCORES},
        "key_topics": {"type": "array", "items": _one_of(topics.names())},
        **{name: {"type": "array", "items": text} for name in labels.LISTS[1:]},
        "cultural_focus": {"type": ["string", "null"], "enum": [*labels.FOCUS_GROUPS, None]},
        "target_income_range": _one_of(labels.INCOME_RANGES),
        "career_stage": _one_of(labels.CAREER_STAGES),
        "recommended_reading_order": {"type": "integer"},
        "classification_reasoning": text,
    }
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _chosen(options: Sequence[str]) -> BeforeValidator:
    """A value of a closed list, in any case and spacing; what else it is, the validator after this says."""
    plain = {_plain(option): option for option in options}
    return BeforeValidator(lambda raw: plain.get(_plain(raw), raw) if isinstance(raw, str) else raw)


def _none(raw: object) -> object:
    """Models that may not leave a value out write that there is none."""
    return None if isinstance(raw, str) and _plain(raw) in ("", "none", "null", "n a") else raw


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9$]+", " ", text.lower()).strip()


def _whole(raw: object) -> object:
    """8, 8.0, "8" and "8/10" are 8."""
    if isinstance(raw, str) and (match := re.fullmatch(r"\s*(\d{1,3})(?:\.0+)?(?:\s*/\s*10)?\s*", raw)):
        return int(match[1])
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


def _share(raw: object) -> object:
    """0.85, "0.85", "85%" and 85 are 0.85."""
    if isinstance(raw, str) and (match := re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*(%?)\s*", raw)):
        raw = float(match[1]) / (100 if match[2] else 1)
    # From 10 on it can only be a percentage; 2 could be anything, and is out of the range.
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 10 <= raw <= 100:
        return raw / 100
    return raw


def _topics(raw: object) -> object:
    """Names of the vocabulary for their aliases, each once, the first three."""
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw):
        return raw
    return list(dict.fromkeys(topics.known(each) or each for each in raw))[: labels.LIST_SIZES["key_topics"]]


def _topic(name: str) -> str:
    if name not in topics.names():
        raise ValueError(f"{name[:60]!r} is not in the vocabulary of topics")
    return name


def _item(raw: object) -> object:
    return clean(raw, LONGEST_ITEM) if isinstance(raw, str) else raw


def clean(text: str, longest: int) -> str:
    """One printable line of at most so many characters."""
    return " ".join(UNPRINTABLE.sub(" ", text).split())[:longest].strip()


Score = Annotated[int, BeforeValidator(_whole), Field(ge=labels.SCORE_RANGE[0], le=labels.SCORE_RANGE[1])]
Item = Annotated[str, BeforeValidator(_item), Field(min_length=1)]


class Answer(BaseModel):
    """An answer that may enter the store. Other keys are left out."""

    # Strict, as pydantic would take true for 1; spellings that are meant well are read by the validators.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    # Literals, since mypy reads no tuples; a test holds them to those of labels.
    primary_phase: Annotated[Literal["BE", "DO", "HAVE"], _chosen(labels.PHASES)]
    difficulty_level: Annotated[Literal["Beginner", "Intermediate", "Advanced"], _chosen(labels.LEVELS)]
    confidence_score: Annotated[float, BeforeValidator(_share), Field(ge=0, le=1, allow_inf_nan=False)]
    demographic_relevance: Score
    cultural_sensitivity: Score
    income_impact_potential: Score
    actionability_score: Score
    professional_development_value: Score
    key_topics: Annotated[
        list[Annotated[str, AfterValidator(_topic)]], BeforeValidator(_topics), Field(min_length=1)
    ]
    learning_objectives: list[Item]
    prerequisites: list[Item]
    cultural_relevance_keywords: list[Item]
    cultural_focus: Annotated[
        Literal["identity and community", "systemic barriers", "career", "financial empowerment", "income"]
        | None,
        _chosen(labels.FOCUS_GROUPS),
        BeforeValidator(_none),
    ]
    target_income_range: Annotated[
        Literal["$40K-$60K", "$60K-$80K", "$80K-$100K", "All ranges"], _chosen(labels.INCOME_RANGES)
    ]
    career_stage: Annotated[
        Literal["Early career", "Mid-career", "Advanced", "All stages"], _chosen(labels.CAREER_STAGES)
    ]
    recommended_reading_order: Annotated[int, BeforeValidator(_whole), Field(ge=1, le=100)]
    classification_reasoning: str


def parse(text: str, title: str, body: str) -> Labels:
    """Labels from a model's answer about this article; raises BadAnswer with what is wrong."""
    if len(text) > LONGEST_ANSWER:
        raise BadAnswer(f"the answer has {len(text)} characters")
    try:
        answer = Answer.model_validate(_object(text))
    except ValidationError as error:
        raise BadAnswer(_complaints(error)) from error
    return _labels(answer, title, body)


def _object(text: str) -> dict[str, Any]:
    """The JSON object of the answer, out of a Markdown fence, a sentence or thoughts around it."""
    # Line ends in texts are meant well.
    decoder = json.JSONDecoder(strict=False)
    found: dict[str, Any] | None = None
    at = text.find("{")
    for _ in range(MOST_BRACES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
            # The last one: thoughts, which may hold a draft, come before the answer.
            found = value or found or {}
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    if found is None:
        raise BadAnswer("it is not a JSON object")
    return found


def _complaints(error: ValidationError) -> str:
    found = [
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
        # Without the input, which is hostile: a complaint is kept and shown.
        for each in error.errors(include_url=False, include_input=False)
    ]
    # The first few are enough to mend an answer, and go back to the model as input.
    return clean("; ".join(found[:4]), 500)


def _labels(answer: Answer, title: str, body: str) -> Labels:
    values = answer.model_dump()
    # Folded as the lists are, so that a keyword in the plural is found in the singular.
    words = [fold(word) for word in words_of(f"{title} {body}")]
    there = f" {' '.join(words)} "
    said = [word for word in values["cultural_relevance_keywords"] if _occurs(word, there)]
    values["cultural_relevance_keywords"] = said
    values["classification_reasoning"] = clean(answer.classification_reasoning, LONGEST_REASONING) or None
    for name, size in labels.LIST_SIZES.items():
        values[name] = tuple(dict.fromkeys(values[name]))[:size]
    return labels.from_dict(values)


def _occurs(keyword: str, there: str) -> bool:
    """Whether the article has the keyword, or it is a word of our own lists: models invent some."""
    folded = [fold(word) for word in words_of(keyword)]
    return bool(folded) and (f" {' '.join(folded)} " in there or bool(lists("culture").hits(folded)))
