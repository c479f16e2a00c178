"""Events of jobs, a line each, as they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Protocol

from mingus_lib.view import human, output
from mingus_lib.view.output import Format


class Event(Protocol):
    """Something that happened to a job."""

    @property
    def at(self) -> str:
        """When, ISO 8601."""

    @property
    def job(self) -> str:
        """Its id."""

    @property
    def task(self) -> str:
        """Its task."""

    @property
    def what(self) -> str:
        """Its state, or progress."""

    @property
    def text(self) -> str:
        """More."""


def show(events: Iterable[Event], form: Format) -> str:
    """Print every event at once; the last one's `what`."""
    last = ""
    for event in events:
        last = event.what
        if form is Format.JSON:
            output.json_line(asdict(event))  # type: ignore[call-overload]
        elif form is Format.IDS:
            # At once: through a pipe Python would hold the lines back until some kB have come together.
            print(event.job, flush=True)
        elif form is Format.TSV:
            facts = (event.at, event.job, event.what, event.task, event.text)
            print("\t".join(map(human.printable, facts)), flush=True)
        else:
            _draw(event)
    return last


def _draw(event: Event) -> None:
    from rich.text import Text

    line = Text(f"{human.moment(event.at)}  ", style="dim")
    line.append(event.job, style="not dim").append("  ")
    state = output.state(event.what)
    # The longest state has nine letters, and its sign and a blank before them.
    state.append(" " * max(0, 12 - state.cell_len))
    line.append_text(state).append(f"{human.printable(event.task)}  ", style="not dim")
    line.append(human.printable(event.text), style="not dim")
    # Folded by the terminal alone, so that an event is one line to whoever copies it.
    output.console().print(line, soft_wrap=True)
