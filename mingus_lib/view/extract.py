"""What `mingus extract` read from a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mingus_lib.view import facts as facts_view
from mingus_lib.view import human, output
from mingus_lib.view.article import TEXT_WIDTH, paragraphs
from mingus_lib.view.output import Format

FACTS = (
    "url", "canonical_url", "author", "published_at", "site_name", "language", "word_count",
    "reading_time_minutes", "description", "verdict", "reason",
)  # fmt: skip


class Reading(Protocol):
    """A page as read, in the documented shape of `extract --json`."""

    @property
    def source(self) -> str:
        """The file, address or `-`."""

    def as_json(self) -> dict[str, Any]:
        """What was read, and the verdict on it."""


def show_reading(reading: Reading, *, as_json: bool, one_of_many: bool = False) -> None:
    """Print it: JSON (one line each of many), a page on a terminal, `name<TAB>value` lines elsewhere."""
    read = reading.as_json()
    form = output.choose(as_json=as_json)
    if form is Format.JSON:
        # A line each of many: the first can be read while the last is still being fetched.
        output.json_line(read) if one_of_many else output.value(read)
    elif form is Format.TABLE:
        _draw(read, reading.source if one_of_many else "")
    else:
        _print(read)


def facts(read: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The metadata that was found, safe to print."""
    return [(name, human.printable(str(read[name]))) for name in FACTS if read[name] not in (None, "")]


def _print(read: Mapping[str, Any]) -> None:
    output.lines([f"title\t{human.printable(read['title'])}"])
    output.lines(f"{name}\t{value}" for name, value in facts(read))
    # An empty line at the end as well, where the next page begins.
    output.lines(["", *paragraphs(read["text"]), ""])


def _draw(read: Mapping[str, Any], source: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    screen = output.console()
    # Of many pages each is told apart; of one, everybody knows which it is.
    if source:
        screen.rule(Text(human.printable(source)), align="left", style="dim")
    screen.print(Text(human.printable(read["title"]) or "(no title)", style="bold"))
    screen.print(facts_view.grid(facts(read)))
    for paragraph in paragraphs(read["text"]):
        screen.print(Padding(Text(paragraph), (1, 0, 0, 0)), width=min(screen.width, TEXT_WIDTH))
    screen.print()
