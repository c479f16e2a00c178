"""The files of mingus_lib/data, which an editor may change: words, rules and numbers that the code only applies."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "data"


def text(*path: str) -> str:
    """The text of data/PATH."""
    return FOLDER.joinpath(*path).read_text("utf-8")


def table(*path: str) -> dict[str, Any]:
    """The values of the TOML file data/PATH."""
    return tomllib.loads(text(*path))


def lines(*path: str) -> list[str]:
    """The lines of data/PATH, without blank ones and those that begin with # (some are regular expressions)."""
    return [line.strip() for line in text(*path).splitlines() if line.strip() and not line.startswith("#")]
