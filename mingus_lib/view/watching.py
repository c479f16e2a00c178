"""A command's output again and again: drawn in place on a terminal, one after another elsewhere."""

from __future__ import annotations

import io
import select
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime

CLEAR, HOME, TO_LINE_END, TO_SCREEN_END = "\x1b[2J", "\x1b[H", "\x1b[K", "\x1b[J"


class Frame(io.StringIO):
    """Collects one picture for a terminal, and says that it is one, so that tables are drawn."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """It ends up on a terminal."""
        return True


def repeat(look: Callable[[], None], every: float) -> None:
    """Call `look` every so many seconds, until an exception (Ctrl-C, a closed pipe) ends it."""
    draw = _drawn if sys.stdout.isatty() else _printed
    begun = time.monotonic()
    first = True
    while True:
        draw(look, every, first)
        first = False
        # By the clock, so that a slow look does not make the pace slower.
        begun = max(begun + every, time.monotonic())
        select.select([], [], [], max(0.0, begun - time.monotonic()))


def _printed(look: Callable[[], None], _every: float, _first: bool) -> None:
    look()
    sys.stdout.flush()


def _drawn(look: Callable[[], None], every: float, first: bool) -> None:
    """One picture, written at once over the last one, so that nothing flickers; what does not fit is counted."""
    real, frame = sys.stdout, Frame()
    # Whatever the look prints, and however, ends up in the picture.
    sys.stdout = frame
    try:
        look()
    finally:
        sys.stdout = real
    height = max(3, shutil.get_terminal_size().lines)
    found = frame.getvalue().rstrip("\n").split("\n")
    title = f"every {every:g} s, {datetime.now().astimezone():%H:%M:%S}; Ctrl-C ends it"
    if len(found) > height - 2:
        left = len(found) - (height - 3)
        found = [*found[: height - 3], f"... {left} more lines; make the window taller, or use --limit"]
    # Each line erases what stood behind it: a screen cleared before each picture would flicker.
    picture = "\n".join(f"{line}{TO_LINE_END}" for line in (title, *found))
    print(f"{CLEAR if first else ''}{HOME}{picture}{TO_SCREEN_END}", flush=True)
