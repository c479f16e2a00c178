"""What an editor may change of an article's labels, as typed: `field=value`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mingus_lib.domain import topics
from mingus_lib.domain.labels import (
    CAREER_STAGES,
    FOCUS_GROUPS,
    INCOME_RANGES,
    LEVELS,
    LIST_SIZES,
    LISTS,
    PHASES,
    READING_ORDER_RANGE,
    SCORE_RANGE,
    SCORES,
)
from mingus_lib.domain.words import is_printable, nearest
from mingus_lib.errors import UsageError

LONGEST = 600
CHOICES = {
    "primary_phase": PHASES,
    "difficulty_level": LEVELS,
    "cultural_focus": FOCUS_GROUPS,
    "target_income_range": INCOME_RANGES,
    "career_stage": CAREER_STAGES,
}
SHORT = {
    "phase": "primary_phase",
    "difficulty": "difficulty_level",
    "topics": "key_topics",
    "level": "difficulty_level",
}
_BETWEEN = re.compile(r"\s(?=[a-z_-]+=)", re.IGNORECASE)
FIELDS = (*CHOICES, *SCORES, *LISTS, "recommended_reading_order", "classification_reasoning")


def field_named(name: str) -> str:
    """The field of that name, or short name; UsageError suggests the nearest."""
    plain = name.strip().lower().replace("-", "_")
    found = SHORT.get(plain, plain)
    if found not in FIELDS:
        hint = nearest(plain, (*FIELDS, *SHORT))
        raise UsageError(f"no field {name[:60]!r} to override{hint}; they are {', '.join(FIELDS)}")
    return found


def apart(typed: str) -> list[str]:
    """The `field=value` texts of one line; a space belongs to the value where no `field=` follows it."""
    return _BETWEEN.split(typed.strip()) if typed.strip() else []


def read(assignments: Sequence[str]) -> dict[str, Any]:
    """The changes of `field=value` texts; lists are separated by `;` or `,`. UsageError says what will not do."""
    changes: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r}: write field=value, such as primary_phase=DO")
        field = field_named(name)
        changes[field] = _value(field, value.strip())
    return changes


def _value(field: str, text: str) -> Any:
    if field in CHOICES:
        return _one_of(field, text, CHOICES[field])
    if field in SCORES:
        return _number(field, text, *SCORE_RANGE)
    if field == "recommended_reading_order":
        return _number(field, text, *READING_ORDER_RANGE)
    if field in LISTS:
        return _list(field, text)
    # It is shown on terminals, which a control character could steer.
    if not text or len(text) > LONGEST or not is_printable(text):
        raise UsageError(f"{field}: write one line of 1 to {LONGEST} characters")
    return text


def _one_of(field: str, text: str, options: Sequence[str]) -> str | None:
    if field == "cultural_focus" and text.lower() in ("", "none"):
        return None
    found = next((option for option in options if option.lower() == text.lower()), None)
    if found is None:
        raise UsageError(f"{field}: {text[:60]!r} will not do; use one of {', '.join(options)}")
    return found


def _number(field: str, text: str, low: int, high: int) -> int:
    # So long at most: int() refuses thousands of digits with an error of its own.
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or not low <= int(text) <= high:
        raise UsageError(f"{field}: {text[:60]!r} will not do; use a whole number, {low} to {high}")
    return int(text)


def _list(field: str, text: str) -> tuple[str, ...]:
    # Where there are semicolons, a comma belongs to the words.
    parts = [part.strip() for part in text.split(";" if ";" in text else ",")]
    given = list(dict.fromkeys(part for part in parts if part))
    if any(len(part) > LONGEST or not is_printable(part) for part in given):
        raise UsageError(f"{field}: write printable words, separated by commas")
    if field == "key_topics":
        # Once more each once: a topic has several names.
        given = list(dict.fromkeys(_topic(part) for part in given))
    if len(given) > LIST_SIZES[field]:
        raise UsageError(f"{field}: {len(given)} are too many; give at most {LIST_SIZES[field]}")
    return tuple(given)


def _topic(name: str) -> str:
    found = topics.known(name)
    if found is None:
        hint = nearest(name.lower(), topics.names())
        raise UsageError(f"key_topics: {name[:60]!r} is no topic{hint}; they are {', '.join(topics.names())}")
    return found
