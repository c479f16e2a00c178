"""Work under way: a line per change, or a live bar that leaves nothing behind."""

from __future__ import annotations

import io
import itertools
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from mingus_lib.view import progress


@dataclass(frozen=True)
class Step:
    """A snapshot."""

    done: int
    total: int
    counts: dict[str, int] = field(default_factory=dict)
    text: str = ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


STEPS = [Step(number, 4, {"added": number}, f"https://example.com/{number}\x1b[2J") for number in range(5)]


@contextmanager
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Standard error as a terminal of 80 columns."""
    with monkeypatch.context() as patched:
        for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
            patched.setenv(name, value)
        patched.setattr(sys, "stderr", stream := Terminal())
        yield stream


def test_every_change_is_a_line_when_there_is_time(capsys: pytest.CaptureFixture[str]) -> None:
    clock = itertools.count(0, 2)
    steps = [STEPS[0], STEPS[0], STEPS[4]]
    assert progress.show(steps, "addresses", hint="type this", clock=lambda: next(clock)) is STEPS[4]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == ["type this", "0/4 addresses: 0 added", "4/4 addresses: 4 added"]


def test_fast_changes_are_told_at_most_once_a_second_and_the_last_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress.show(STEPS, "addresses", clock=lambda: 5.0)
    assert capsys.readouterr().err.splitlines() == ["0/4 addresses: 0 added", "4/4 addresses: 4 added"]


def test_work_without_steps_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="without a single step"):
        progress.show([], "jobs")


def test_the_live_bar_shows_each_step_and_leaves_the_line_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_terminal(monkeypatch) as terminal:
        assert progress.show(STEPS, "addresses") is STEPS[-1]
    shown = terminal.getvalue()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "4/4 addresses  4 ✓ added" in plain
    assert r"https://example.com/4\x1b[2J" in plain
    assert shown.rstrip().endswith("\x1b[2K")
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]", plain))


def test_ctrl_c_gives_the_cursor_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Iterator[Step]:
        yield STEPS[0]
        raise KeyboardInterrupt

    with on_terminal(monkeypatch) as terminal, pytest.raises(KeyboardInterrupt):
        progress.show(interrupted(), "addresses")
    shown = terminal.getvalue()
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") >= 0
    assert shown.rstrip().endswith("\x1b[2K")


def test_work_that_calls_back_counts_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_terminal(monkeypatch) as terminal, progress.counting("Reading", "pages") as report:
        report(1, 2000)
    assert "Reading 1 of 2,000 pages" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[2K")


def test_work_that_calls_back_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.counting("Reading", "pages") as report:
        report(1, 2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("total", [0, 1, 7])
def test_the_bar_is_as_full_as_the_work_is_done(total: int) -> None:
    full = progress.bar(Step(total, total), "jobs")
    assert full.plain.count("━") == progress.BAR_WIDTH
    green = sum(span.end - span.start for span in full.spans if span.style == "green")
    assert green == (progress.BAR_WIDTH if total else 0)
