"""Logging: one line per event, nothing forged, no password, and what the journal wants."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib import logs

OURS = logging.getLogger("mingus_lib.queues.worker")
THEIRS = logging.getLogger("urllib3.connectionpool")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Put logging back as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def logged(act: Callable[[], Any], level: str = "info", format: str = "text", **env: str) -> list[str]:
    """The lines that `act` logs."""
    stream = io.StringIO()
    logs.setup(level, format, stream, env)
    act()
    return stream.getvalue().splitlines()


def test_a_line_has_time_level_name_message_and_the_jobs_fields() -> None:
    fields = {"job_id": "j1", "task": "ping", "queue": "analytics", "attempt": 2, "duration": 1.23456}
    [line] = logged(lambda: OURS.info("done %s", "well", extra=fields))
    said = r"done well job_id=j1 task=ping queue=analytics attempt=2 duration=1\.235"
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z INFO queues\.worker: {said}", line)


def test_json_has_the_documented_shape() -> None:
    [line] = logged(lambda: OURS.warning("late", extra={"job_id": "j1", "attempt": 2}), format="json")
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "warning",
        "logger": "mingus_lib.queues.worker",
        "message": "late",
        "job_id": "j1",
        "attempt": 2,
    }


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["ours debug", "ours info", "ours warning", "theirs info", "theirs warning"]),
        ("info", ["ours info", "ours warning", "theirs warning"]),
        ("warning", ["ours warning", "theirs warning"]),
        ("error", []),
    ],
)
def test_levels(level: str, heard: list[str]) -> None:
    def speak() -> None:
        for who, logger in (("ours", OURS), ("theirs", THEIRS)):
            logger.debug(f"{who} debug")
            logger.info(f"{who} info")
            logger.warning(f"{who} warning")

    assert [line.split(": ")[1] for line in logged(speak, level)] == heard


@given(st.text(), st.text())
@pytest.mark.parametrize("format", ["text", "json"])
def test_hostile_text_stays_on_its_line(format: str, message: str, task: str) -> None:
    lines = logged(lambda: OURS.error(message, extra={"task": task}), format=format)
    assert len(lines) == 1
    assert lines[0].encode("utf-8", "strict")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", lines[0])


def test_a_forged_line_is_shown_as_what_it_is() -> None:
    [line] = logged(lambda: OURS.info("x\n2026-01-01T00:00:00Z INFO worker: all is well\x1b[2J"))
    assert r"x\x0a2026-01-01T00:00:00Z INFO worker: all is well\x1b[2J" in line


@pytest.mark.parametrize("format", ["text", "json"])
def test_passwords_in_addresses_are_masked_wherever_they_stand(format: str) -> None:
    def speak() -> None:
        OURS.error("at redis://user:hush@h/0", extra={"task": "http://:hush@p and more"})
        OURS.error("at redis://u:a@hush@h/0 and unix:///r.sock?db=1&password=hush")
        try:
            raise ConnectionError("rediss://:hush@h refused")
        except ConnectionError:
            OURS.exception("oops")

    lines = logged(speak, format=format)
    assert len(lines) == 3
    assert "hush" not in "".join(lines)
    assert "redis://user:***@h/0" in lines[0]


def fail() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        OURS.exception("it failed")


def test_an_exception_stays_on_the_line_with_its_innermost_frames() -> None:
    [line] = logged(fail)
    assert re.search(r"it failed \[ValueError: first\\x0asecond; at tests/test_logs\.py:\d+ fail\]$", line)


def test_json_keeps_the_whole_traceback() -> None:
    [line] = logged(fail, format="json")
    event = json.loads(line)
    assert event["error"] == "ValueError: first\nsecond"
    assert event["traceback"].startswith("Traceback (most recent call last):")


def test_warnings_of_libraries_are_logged() -> None:
    def warn() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old thing", DeprecationWarning, stacklevel=1)

    logging.captureWarnings(False)
    [line] = logged(warn)
    assert "WARNING py.warnings: " in line
    assert "DeprecationWarning: old thing" in line


@pytest.mark.parametrize(
    ("format", "end"), [("text", "<4>queues.worker: late"), ("json", '"message": "late"}')]
)
def test_the_journal_gets_priorities_and_no_time(format: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w") as stream:
        found = os.fstat(stream.fileno())
        logs.setup("info", format, stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        OURS.warning("late")
    [line] = path.read_text().splitlines()
    assert line.startswith("<4>")
    assert line.endswith(end)


def test_a_redirected_child_of_a_service_writes_no_priorities() -> None:
    [line] = logged(lambda: OURS.warning("late"), JOURNAL_STREAM="1:2")
    assert " WARNING queues.worker: late" in line


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_only_where_it_is_wanted(env: dict[str, str], coloured: bool) -> None:
    stream = Terminal()
    logs.setup("info", "text", stream, env)
    OURS.error("red")
    assert ("\x1b[31mERROR\x1b[0m" in stream.getvalue()) is coloured
    assert ("\x1b" in stream.getvalue()) is coloured


def test_setting_up_again_replaces(tmp_path: Path) -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.setup("info", "text", first, {})
    logs.setup("info", "text", second, {})
    OURS.info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_a_reader_that_went_away_is_no_noise(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = open(writing, "w", buffering=1)  # noqa: PTH123, SIM115 - closed below, on purpose broken
    logs.setup("info", "text", stream, {})
    OURS.info("hello")
    assert capsys.readouterr().err == ""
    with pytest.raises(BrokenPipeError):
        stream.close()
