"""Cells that a spreadsheet does not run. Pure."""

from __future__ import annotations

import unicodedata
from typing import Any

# A cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
# Without it Excel takes a CSV in UTF-8 for one of the machine's own code page.
MARK = "\ufeff"


def defused(value: Any) -> Any:
    """The value, with an apostrophe before text that a spreadsheet could take for a formula."""
    if not isinstance(value, str):
        return value
    # Full-width signs are read as plain ones by some, and leading blanks are passed over.
    plain = unicodedata.normalize("NFKC", value[:16]).lstrip(" \u00a0\ufeff\u200b'\"")
    # The value as it is, too: NFKC may melt a sign into another with what follows it.
    return f"'{value}" if plain.startswith(FORMULA_STARTS) or value.startswith(FORMULA_STARTS) else value
