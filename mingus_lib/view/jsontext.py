"""Results as JSON text. Apart from output.py, because `status --json` must start fast."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from typing import Any


def json_text(result: Any, indent: int | None = None) -> str:
    """JSON for eyes and programs: readable in any script, but nothing in it can steer a terminal."""
    text = json.dumps(result, indent=indent, ensure_ascii=False, default=as_json)
    # Newlines pass: those of texts are escaped by now, and the others are the indentation.
    return re.sub(r"[^ -~\n]", _escaped, text)


def as_json(thing: Any) -> Any:
    """What JSON has for a time or a path; TypeError for anything else."""
    if isinstance(thing, datetime):
        return thing.isoformat()
    if isinstance(thing, os.PathLike):
        return str(thing)
    raise TypeError(f"{type(thing).__name__} has no JSON form")


def _escaped(match: re.Match[str]) -> str:
    # Other scripts stay readable; what is not printable may be an order to the terminal.
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
