"""pip-audit's answers: a weakness fails, and what was not looked at is named, never passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.audit import judged

SOUND = {"name": "rq", "version": "3.0", "vulns": []}
WEAK = {"name": "lxml", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "redis", "skip_reason": "Dependency not found"}


def answer(*dependencies: Any) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("printed", "code", "words"),
    [
        (answer(SOUND), 0, "1 packages looked up, no known weakness"),
        (answer(SOUND, WEAK), 1, "lxml 1.0: PYSEC-1"),
        (answer(SOUND, UNKNOWN), 0, "NOT CHECKED, unknown to the service that answers here: redis"),
        (answer(*[UNKNOWN] * 7), 0, "0 packages looked up; NOT CHECKED"),
        ("", 0, "NOT CHECKED, no package: it printed nothing"),
        ("Traceback ...\nConnectionError: no route", 0, "NOT CHECKED, no package: ConnectionError: no route"),
        ("[]", 0, "NOT CHECKED"),
    ],
)
def test_the_verdict(printed: str, code: int, words: str) -> None:
    found, told = judged(printed)
    assert (found, words in told) == (code, True), told


def test_nothing_looked_up_is_not_called_sound() -> None:
    assert "no known weakness" not in judged(answer(UNKNOWN))[1]
