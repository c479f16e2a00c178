"""Watch: everything that moves, on one screen."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mingus_lib.commands.common import runtime_of
from mingus_lib.errors import MingusError, UsageError
from mingus_lib.runtime import Runtime

if TYPE_CHECKING:
    from mingus_lib.view.topkeys import Wish

app = typer.Typer(add_completion=False)

# The picture stands still meanwhile; a job that stops later is seen at the next look.
CANCEL_SECONDS = 1.0


@app.command()
def top(
    ctx: typer.Context,
    interval: Annotated[
        str, typer.Option("--interval", metavar="TIME", help="Look again every so often: 1s or 1m.")
    ] = "1s",
) -> None:
    """Watch queues, workers, rates, running jobs and failures live, and act on them.

    Keys: arrows choose, p pauses, r retries, c cancels, / filters, ? helps, q quits.

    Example: mingus top --interval 2s
    """
    from mingus_lib.domain.spans import parse_span

    every = parse_span(interval, "--interval").total_seconds()
    if every < 1:
        raise UsageError("--interval: at least 1s")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top needs a terminal; elsewhere use: mingus status --watch 2s")
    _run(runtime_of(ctx), every)


def _run(here: Runtime, every: float) -> None:
    from mingus_lib.view import top as view
    from mingus_lib.view.terminal import Terminal
    from mingus_lib.view.topkeys import Place, press

    watcher, place, next_look = here.watcher(), Place(), 0.0
    with Terminal() as screen:
        while not screen.ended:
            if time.monotonic() >= next_look:
                seen, next_look = watcher.look(), time.monotonic() + every
            screen.show(view.draw(seen, place, *screen.size, datetime.now(UTC)))
            for key in screen.keys(next_look - time.monotonic()):
                # Against what is on the screen, which is what the person saw when the key went down.
                place, wish = press(place, key, view.items(seen, place))
                if wish is not None and wish.what == "quit":
                    return
                if wish is not None:
                    place = replace(place, said=_do(here, wish))
                    # What was done is to be seen at once.
                    next_look = 0.0
    # As a shell tells of a program that a signal ended.
    raise typer.Exit(128 + screen.ended)


def _do(here: Runtime, wish: Wish) -> str:
    """Carry a wish out; what came of it in words."""
    from mingus_lib.services import pausing

    try:
        if wish.what == "pause":
            pausing.pause(here.control, here.hand, [wish.name])
            return f"{wish.name} is paused"
        if wish.what == "resume":
            pausing.resume(here.control, here.hand, [wish.name])
            return f"{wish.name} goes on"
        return _act(here, wish)
    # In the foot of the picture: Redis may be back at the next key.
    except MingusError as error:
        return str(error)


def _act(here: Runtime, wish: Wish) -> str:
    # As it is on the record now: the picture is as old as the last look.
    jobs = here.history.briefs_of([wish.name])
    if wish.what == "retry":
        acts = here.retrier.retry(jobs)
    else:
        canceller = here.canceller
        canceller.wait_seconds = CANCEL_SECONDS
        acts = canceller.run(jobs)
    return ", ".join(f"{act.id} {act.outcome.value}{f': {act.reason}' if act.reason else ''}" for act in acts)
