"""Values as the store keeps them: times as text that sorts, text that SQLite can hold, reasons with a code."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Lone surrogates cannot be encoded, NUL ends text for FTS5, and 2 and 3 are the marks of snippets.
_UNFIT = re.compile("[\x00\x02\x03\ud800-\udfff]")


def as_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always the same width, so that text order is time order; `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    # isoformat alone leaves out a fraction that is nought.
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def as_optional_text(moment: datetime | None) -> str | None:
    """The same, keeping None."""
    return None if moment is None else as_text(moment)


def as_time(text: str) -> datetime:
    """The reverse of as_text."""
    return datetime.fromisoformat(text)


def as_optional_time(text: str | None) -> datetime | None:
    """The same, keeping None."""
    return None if text is None else as_time(text)


def clean(text: str) -> str:
    """The text with unfit characters replaced by U+FFFD."""
    # Replaced and not left out: a word must not become another one.
    return _UNFIT.sub("�", text)


def code_of(reason: str) -> str:
    """The SQL expression for the code of a reason, `code: detail`; `reason` is a column or an expression."""
    # With a colon added, so that a reason without one is its own code.
    return f"substr({reason}, 1, instr({reason} || ':', ':') - 1)"
