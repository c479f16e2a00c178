"""Work under way, shown on standard error: a live bar on a terminal, one line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from mingus_lib.view import human, output

if TYPE_CHECKING:
    from rich.text import Text

BAR_WIDTH = 20
# Steps come seven times a second, which is for a bar, not for a log.
SECONDS_BETWEEN_LINES = 1.0


class Snapshot(Protocol):
    """How far the work is; `text` is what is under way or was last done."""

    @property
    def done(self) -> int:
        """How much has ended."""

    @property
    def total(self) -> int:
        """How much there is."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How much by outcome or state."""

    @property
    def text(self) -> str:
        """A word on the present step."""


S = TypeVar("S", bound=Snapshot)


def show(
    steps: Iterable[S], noun: str, *, hint: str | None = None, clock: Callable[[], float] = time.monotonic
) -> S:
    """Show every step until there are no more, and give back the last; there must be one.

    `hint` is told first, when somebody has to do something before anything can happen. Ctrl-C
    passes through, with the terminal left clean.
    """
    if hint:
        output.message(hint)
    last = _live(steps, noun) if sys.stderr.isatty() else _lines(steps, noun, clock)
    if last is None:
        raise ValueError("work without a single step")
    return last


@contextmanager
def counting(doing: str, noun: str) -> Iterator[Callable[[int, int], None]]:
    """A report(done, total) for work that calls back: a counting line on a terminal, else nothing."""
    with _live_line() as write:
        yield lambda done, total: write(f"{doing} {done:,} of {total:,} {noun}")


@contextmanager
def steps() -> Iterator[Callable[[int, int, str], None]]:
    """A report(done, total, text) for work of a few named steps: a live line on a terminal, else nothing."""
    with _live_line() as write:
        yield lambda done, total, text: write(
            f"{'━' * (BAR_WIDTH * done // max(total, 1)):{BAR_WIDTH}} {text}"
        )


@contextmanager
def _live_line() -> Iterator[Callable[[str], None]]:
    """Writes one line over and over on a terminal, and takes it away at the end; else nothing."""
    live = sys.stderr.isatty()

    def write(text: str) -> None:
        if live:
            # Back to the margin and erased first: a shorter text would leave the end of a longer one.
            print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)

    try:
        yield write
    finally:
        write("")


def summary(step: Snapshot, noun: str) -> str:
    """`12/40 addresses: 10 added, 2 failed`."""
    counts = ", ".join(
        f"{human.number(count)} {human.printable(word)}" for word, count in step.counts.items()
    )
    return f"{human.number(step.done)}/{human.number(step.total)} {noun}{': ' if counts else ''}{counts}"


def _lines(steps: Iterable[S], noun: str, clock: Callable[[], float]) -> S | None:
    last, said, next_line = None, "", clock()
    for last in steps:
        line = summary(last, noun)
        if line != said and clock() >= next_line:
            output.message(line)
            said, next_line = line, clock() + SECONDS_BETWEEN_LINES
    if last is not None and (line := summary(last, noun)) != said:
        output.message(line)
    return last


def _live(steps: Iterable[S], noun: str) -> S | None:
    from rich.live import Live

    last = None
    # Refreshing by itself, rich would start a thread that draws what has not changed.
    with Live(console=output.console(stderr=True), transient=True, auto_refresh=False) as screen:
        for last in steps:
            screen.update(bar(last, noun), refresh=True)
    return last


def bar(step: Snapshot, noun: str) -> Text:
    """The live line: a bar, the counts with their states, and the present step as far as there is room."""
    from rich.text import Text

    filled = BAR_WIDTH * step.done // step.total if step.total else 0
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("━" * filled, style="green").append("━" * (BAR_WIDTH - filled), style="dim")
    line.append(f" {human.number(step.done)}/{human.number(step.total)} {noun}")
    for word, count in step.counts.items():
        line.append(f"  {human.number(count)} ").append_text(output.state(word))
    return line.append(f"  {human.printable(step.text)}", style="dim")
