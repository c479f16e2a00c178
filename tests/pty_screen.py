"""A command in a pseudo-terminal of its own: keys go in, what it wrote comes out, its settings can be seen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable

from tests.conftest import ROOT, CommandLine, wait_for


class Screen:
    """`mingus ARGUMENTS` on a terminal of `columns` x `lines`."""

    def __init__(self, mingus: CommandLine, *arguments: str, columns: int = 80, lines: int = 24) -> None:
        self._ours, self._theirs = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self._theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=subprocess.PIPE,
            env=mingus.environment(TERM="xterm-256color"),
            cwd=ROOT,
            start_new_session=True,
        )
        self.written = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self) -> str:
        """Everything written so far."""
        while select.select([self._ours], [], [], 0)[0]:
            try:
                self.written += os.read(self._ours, 65536).decode("utf-8", "replace")
            except OSError:
                break
        return self.written

    def picture(self) -> list[str]:
        """The last whole picture, without colours."""
        last = self.read().rpartition("\x1b[H")[2]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).split("\r\n")

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.picture())

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        wait_for(condition, f"{what}; it shows:\n" + "\n".join(self.picture()))

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    @property
    def is_clean(self) -> bool:
        """Whether the terminal is as it was: its settings, the cursor, the main screen."""
        text = self.read()
        left = text.rfind("\x1b[?1049l") > text.rfind("\x1b[?1049h")
        shown = text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
        return left and shown and termios.tcgetattr(self._theirs) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)
