"""Output to a terminal or a file that cannot hold every character."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def forgive() -> None:
    """Print `?` for what the output's encoding lacks (LC_ALL of another age, PYTHONIOENCODING) instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        # Who has chosen another way than failing keeps it; stderr escapes such signs by itself.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
