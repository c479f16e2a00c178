"""The tables `[tasks.NAME]` of mingus.toml: limits and retries of one task. Pure.

Whether a task of that name exists is for the caller to check, against the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mingus_lib.settings.kinds import Duration, Kind, Whole

# From 1: at none an hour a job would wait for ever.
_RATE = r"([1-9][0-9]{0,6})\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day)"


class Rate(Kind):
    """So many jobs in a time, such as 10/min."""

    allowed = 'a rate such as "10/min" (a number from 1, then /s, /min, /h or /day), or "off"'

    def parse(self, raw: object) -> str:
        """The rate in one spelling: number, slash and s, min, h or day; or off."""
        if isinstance(raw, str) and raw.strip().lower() == "off":
            return "off"
        match = re.fullmatch(_RATE, raw.strip().lower()) if isinstance(raw, str) else None
        if match is None:
            raise ValueError
        return f"{match[1]}/{ {'s': 's', 'm': 'min', 'h': 'h', 'd': 'day'}[match[2][0]] }"


TASK_KEYS: Mapping[str, tuple[Kind, str]] = {
    "soft": (Duration(1, 86_400, whole=True), "After this the job is asked to stop; seconds."),
    "hard": (Duration(1, 86_400, whole=True), "After this the process of the job is killed; seconds."),
    "retries": (Whole(0, 100), "How often a job that failed transiently is tried again."),
    "backoff": (Duration(0, 86_400), "The wait before the first retry; later ones wait longer."),
    "rate_limit": (
        Rate(),
        'The most jobs of this task that start in a time, over all workers; "off" for none.',
    ),
}


def contradiction(table: Mapping[str, Any]) -> str | None:
    """What is wrong with a task's values taken together, or None."""
    if "soft" in table and "hard" in table and table["soft"] >= table["hard"]:
        return f"hard ({table['hard']} s) must be more than soft ({table['soft']} s)"
    return None
