"""Pages that stand where an article should: errors, bot checks, consent and login walls.

The phrases are in data/walls.toml, where an editor can add to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from mingus_lib.domain import datafiles


@dataclass(frozen=True, slots=True)
class Wall:
    """One kind of such page, and how it gives itself away."""

    code: str
    title: re.Pattern[str]
    phrase: re.Pattern[str]
    hint: re.Pattern[str]


@cache
def walls() -> tuple[Wall, ...]:
    """All kinds, in the order in which they are looked for."""
    data: dict[str, dict[str, list[str]]] = datafiles.table("walls.toml")
    return tuple(
        Wall(code, _any(rules["titles"]), _any(rules["phrases"]), _any(rules["hints"]))
        for code, rules in data.items()
    )


def sign_of(wall: Wall, title: str, visible: str, *, bare: bool) -> str | None:
    """What the page says that makes it such a wall, None if it says nothing of the kind.

    Hints count only on a `bare` page, one with hardly any prose.
    """
    found = (
        wall.title.search(title)
        or wall.phrase.search(visible)
        or (wall.hint.search(visible) if bare else None)
    )
    return " ".join(found[0].split()) if found else None


def _any(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)
