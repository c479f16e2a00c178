"""The circuit breakers of what jobs need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mingus_lib.domain.words import nearest
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.queues import catalog
from mingus_lib.queues.limits import Breaker, Limits
from mingus_lib.services.overview import breaker_json


def listed(limits: Limits | None) -> list[dict[str, Any]]:
    """Every breaker, also those that never failed; the documented shape of `breakers list --json`."""
    # They live in Redis: without one none has counted anything.
    counted = {each.name: each for each in (limits.breakers() if limits else ())}
    return [
        breaker_json(counted.get(name) or Breaker(name, "closed", 0, None, "")) for name in _names(counted)
    ]


def reset(limits: Limits, names: Sequence[str], *, everything: bool) -> list[dict[str, Any]]:
    """Close them by hand; whether each had counted failures. Raises NotFound, UsageError."""
    if bool(names) is everything:
        raise UsageError("which breakers? name them, or say --all")
    known = _names({each.name: each for each in limits.breakers()})
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise NotFound(f"no breaker named {name!r}{nearest(name, known)}; there are: {there}")
    # Each once: a breaker named twice would be told as one that had counted nothing.
    return [{"name": name, "reset": limits.reset(name)} for name in dict.fromkeys(names or known)]


def _names(counted: dict[str, Breaker]) -> list[str]:
    return sorted(catalog.dependencies() | counted.keys())
