"""Values as people read them. Pure."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from mingus_lib.domain.spans import age_words
from mingus_lib.domain.words import FLAG

# The soft hyphen and the joiners of emoji and Persian: invisible, but part of honest text.
_HARMLESS = "\u00ad\u200c\u200d"
_UNITS = ("B", "kB", "MB", "GB", "TB")


def age(seconds: float | None) -> str:
    """`3m 12s`: the two largest units; empty for None."""
    return "" if seconds is None else age_words(seconds)


def size(count: float | None) -> str:
    """`4.2 MB` (decimal units); empty for None."""
    if count is None:
        return ""
    value, unit = float(count), 0
    # Not 1000: what is rounded to 1000 belongs to the next unit.
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 99.95 else f"{value:.1f} {_UNITS[unit]}"


def number(value: float | None) -> str:
    """`12,345`; empty for None."""
    return "" if value is None else f"{value:,}"


def moment(value: str | datetime | None) -> str:
    """`2026-11-24 15:04:05`, in UTC; empty for None. Text that is no time is shown as it is."""
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return printable(str(value))
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def printable(text: str, *, keep_lines: bool = False) -> str:
    """The text with everything that could steer a terminal made visible.

    Control characters, escape sequences, bidirectional overrides and lone surrogates become `\\xNN`
    or `\\uNNNN`; `keep_lines` lets line ends and tabs through.
    """
    # Nearly every text ends here; sign by sign it takes many times as long.
    if text.isprintable():
        return text
    kept = "\n\t" if keep_lines else ""
    # Every second part is a flag, whose tags are shown nowhere else.
    parts = enumerate(FLAG.split(text))
    return "".join(part if number % 2 else _spelled(part, kept) for number, part in parts)


def _spelled(text: str, kept: str) -> str:
    return "".join(c if c in kept or not _steers(c) else _escaped(c) for c in text)


def _steers(character: str) -> bool:
    if " " <= character <= "~" or character in _HARMLESS:
        return False
    # Cf has the marks of direction, Cs what print cannot encode, Zl and Zp other ends of a line.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
