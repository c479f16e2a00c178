"""A whole terminal for one program: pictures on the alternate screen, single keys, and a clean end however it ends."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType
from typing import Any

# The alternate screen has no history: what was on the terminal is there again afterwards.
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?25h\x1b[?1049l"
HOME, TO_LINE_END, TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"
ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
NAMES = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down", "\x1b[5~": "page-up", "\x1b[6~": "page-down",
    "\x1b": "escape", "\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\t": "tab",
}  # fmt: skip


class Terminal:
    """Takes the terminal in a `with` block. `ended` is the signal that asks for the end, 0 while none has come."""

    def __init__(self) -> None:
        self.ended = 0
        self._input, self._output = sys.stdin.fileno(), sys.stdout.fileno()
        self._saved: list[Any] = []
        self._handlers: dict[signal.Signals, Any] = {}
        self._reading, self._writing = os.pipe()
        # Python writes signals to no descriptor that may block, and _drain reads until nothing is left.
        for descriptor in (self._reading, self._writing):
            os.set_blocking(descriptor, False)

    def __enter__(self) -> Terminal:
        self._saved = termios.tcgetattr(self._input)
        # A signal that comes just before select would otherwise be noticed at the next key.
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        # Before the mode changes: a SIGTERM in between would leave a terminal that echoes nothing.
        for stop in ENDS:
            self._handlers[stop] = signal.signal(stop, self._note)
        # A handler, however empty: a signal without one wakes no select.
        self._handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: None)
        # A stop by Ctrl-Z would leave the terminal as it is now.
        self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        # Not raw, so that Ctrl-C stays a signal.
        tty.setcbreak(self._input)
        self._write(ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(LEAVE)
        # What was typed and not read yet must not reach the shell.
        termios.tcsetattr(self._input, termios.TCSAFLUSH, self._saved)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._reading)
        os.close(self._writing)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.ended = number

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines now."""
        try:
            found = os.get_terminal_size(self._output)
        except OSError:
            return 80, 24
        return found.columns or 80, found.lines or 24

    def show(self, lines: Sequence[str]) -> None:
        """Draw over the last picture in one write, so that nothing flickers; a line must fit the width."""
        picture = "\r\n".join(f"{line}{TO_LINE_END}" for line in lines)
        self._write(f"{HOME}{picture}{TO_SCREEN_END}")

    def keys(self, seconds: float) -> list[str]:
        """The keys pressed, by name or character; waits for one, a signal or the time."""
        ready, _, _ = select.select([self._input, self._reading], [], [], max(0.0, seconds))
        if self._reading in ready:
            self._drain()
        if self._input not in ready:
            return []
        try:
            typed = os.read(self._input, 1024)
        except OSError:
            typed = b""
        # A terminal that has gone is always ready to read, and would keep the loop spinning.
        if not typed:
            self.ended = self.ended or signal.SIGHUP
        return split(typed.decode("utf-8", "replace"))

    def _drain(self) -> None:
        try:
            while os.read(self._reading, 4096):
                continue
        except BlockingIOError:
            return

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        try:
            # A slow terminal takes a picture in parts.
            while data:
                data = data[os.write(self._output, data) :]
        except OSError:
            self.ended = self.ended or signal.SIGHUP


def split(typed: str) -> list[str]:
    """What was typed, key by key: `\\x1b[A` is `up`, `a` is itself; unknown sequences are nothing."""
    found, at = [], 0
    while at < len(typed):
        # The longest first: Escape alone begins all the others.
        sequence = next(
            (typed[at : at + size] for size in (4, 3, 1) if typed[at : at + size] in NAMES), typed[at]
        )
        # A key without a name here must not become Escape and some letters.
        if sequence == "\x1b" and typed[at + 1 : at + 2] in ("[", "O"):
            at += 2
            while at < len(typed) and not typed[at].isalpha() and typed[at] != "~":
                at += 1
            at += 1
            continue
        found.append(NAMES.get(sequence, sequence))
        at += len(sequence)
    return [key for key in found if key in NAMES.values() or key.isprintable()]
