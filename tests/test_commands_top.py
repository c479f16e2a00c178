"""`mingus top` on a real terminal: keys, a Redis that goes and comes, sizes, and a clean end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.jobs import JobRun, JobState
from mingus_lib.queues import embedded
from mingus_lib.queues.status import QueueState, RedisState, WorkerState
from mingus_lib.services.watching import Seen
from mingus_lib.view import terminal, top
from mingus_lib.view.topkeys import Item, Place, Wish, press
from tests.conftest import CommandLine, wait_for, workers_in
from tests.pty_screen import Screen

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
JOB = JobRun(
    "9f86d081884c7d65", "process_new_articles", "article_processing", {}, JobState.STARTED, "cli", None, None,
    "2026-11-25T11:59:00+00:00", None, None, "2026-11-25T11:59:30+00:00", None, 1, 0, "ada.1.1", None, None, None,
    30, 100, "https://example.com/\x1b[2Ja",
)  # fmt: skip
DEAD = replace(
    JOB,
    id="5308790587222c97",
    state=JobState.DEAD,
    ended_at="2026-11-25T11:59:59+00:00",
    reason="http-503: \x1b[31mno",
)
SEEN = Seen(
    redis=RedisState("7.2.4", 1_000_000, "aof"),
    queues=[
        QueueState(name, 12_345, 2, 1, 0, 77.0, name == "cleanup")
        for name in ("article_processing", "cleanup")
    ],
    workers=[
        WorkerState(
            f"ada.of.length.1.{n}",
            1,
            "ada",
            ["cleanup"],
            "busy",
            JOB.id,
            3599.0,
            9.0,
            12,
            3,
            10**8,
            10**8,
            "",
            "3",
        )
        for n in range(9)
    ],
    running=[replace(JOB, id=f"{n:016x}") for n in range(20)],
    failures=[DEAD],
    done=(0.0, 1.5, 3.0),
    failed=(0.0, 0.0, 0.5),
    trouble=None,
)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 50), (40, 12), (20, 5), (200, 10)])
@pytest.mark.parametrize("mode", ["watch", "help", "filter", "confirm"])
def test_the_picture_fits_every_size(width: int, height: int, mode: str) -> None:
    lines = top.draw(SEEN, Place(mode=mode), width, height, NOW)
    assert len(lines) <= height
    for line in lines:
        bare = COLOURS.sub("", line)
        assert len(bare) <= width
        assert "\x1b" not in bare


def test_eighty_by_twenty_four_has_everything() -> None:
    text = COLOURS.sub("", "\n".join(top.draw(SEEN, Place(), 80, 24, NOW)))
    for word in (
        "12,345",
        "paused",
        "Workers (9)",
        "Running (20)",
        DEAD.id,
        "30/100",
        "▅█",
        "q quit",
        "1m 17s",
        "59m 59s",
    ):
        assert word in text, word


def test_trouble_is_said_and_the_filter_narrows() -> None:
    away = replace(SEEN, redis=None, workers=(), trouble="Redis at x does not answer")
    shown = "\n".join(top.draw(away, Place(filter="5308"), 100, 24, NOW))
    assert "does not answer" in shown
    assert DEAD.id in shown
    assert "0000000000000001" not in shown
    none = COLOURS.sub("", "\n".join(top.draw(SEEN, Place(filter="zzz"), 100, 30, NOW)))
    assert none.count("No row matches.") == 3
    assert "Workers (0)" in none
    one = COLOURS.sub("", "\n".join(top.draw(SEEN, Place(filter="length.1.7"), 100, 30, NOW)))
    assert "Workers (1)" in one


ITEMS = [
    Item("queue", "cleanup", "cleanup"),
    Item("running", "a1", "cleanup"),
    Item("failure", "b2", "cleanup"),
]


def after(keys: list[str], place: Place | None = None) -> tuple[Place, list[Wish]]:
    place, wishes = place or Place(), []
    for key in keys:
        place, wish = press(place, key, ITEMS)
        wishes += [wish] if wish else []
    return place, wishes


def test_keys_act_on_the_chosen_row() -> None:
    assert after(["down", "p"])[1] == [Wish("pause", "cleanup")]
    assert after(["up", "r"])[1] == [Wish("retry", "b2")]
    assert after(["down", "down", "c", "y"])[1] == [Wish("cancel", "a1")]
    assert after(["down", "down", "c", "n"])[1] == []
    assert after(["p", "c", "r"])[1] == []
    assert after(["/", "q", "j", "enter"])[0].filter == "qj"
    assert after(["/", "x", "escape"])[0].filter == ""
    assert after(["?", "q", "q"])[1] == [Wish("quit")]


@given(
    st.lists(st.sampled_from(["up", "down", "p", "r", "c", "y", "/", "?", "escape", "enter", "x", "page-up"]))
)
def test_no_keys_lead_astray(keys: list[str]) -> None:
    place, wishes = after(keys)
    assert place.mode in ("watch", "help", "filter", "confirm")
    assert {wish.name for wish in wishes if wish.what == "cancel"} <= {"a1"}
    assert {wish.name for wish in wishes if wish.what == "retry"} <= {"b2"}


@given(st.text(max_size=30))
def test_what_is_typed_becomes_keys(typed: str) -> None:
    assert all(key.isprintable() for key in terminal.split(typed))


def test_sequences_of_keys_are_told_apart() -> None:
    assert terminal.split("\x1b[A\x1bOBq\x1b[5~\x7fé\x1b[1;5C\x1b") == [
        "up", "down", "q", "page-up", "backspace", "é", "escape",
    ]  # fmt: skip


def test_sparks_are_scaled_to_their_highest() -> None:
    assert top.spark([0, 1, 2, 4], 3) == "▃▅█"
    assert top.spark([], 5) == ""
    assert top.spark([0.0], 5) == "▁"


@given(st.integers(-3, 40), st.lists(st.integers(0, 20), min_size=1, max_size=4))
def test_room_is_shared_and_never_exceeded(room: int, wanted: list[int]) -> None:
    given_ = top.share(room, wanted)
    assert sum(given_) == max(0, min(room, sum(wanted)))
    assert all(got <= want for got, want in zip(given_, wanted, strict=True))


@pytest.fixture
def worker(mingus: CommandLine) -> Iterator[subprocess.Popen[str]]:
    running = mingus.start("worker", "--queue", "cleanup", "--loglevel", "error")
    wait_for(lambda: workers_in(mingus.home), "a worker")
    yield running
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)


@pytest.fixture
def screen(mingus: CommandLine, worker: object) -> Iterator[Screen]:
    found = Screen(mingus, "top")
    yield found
    found.close()


def test_a_session_at_the_terminal(mingus: CommandLine, screen: Screen, worker: Any) -> None:
    dead = mingus(
        "enqueue", "ping", "--queue", "cleanup", "--args", '{"fail": "permanent"}', "-q"
    ).out.strip()
    job = mingus("enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": 60}', "-q").out.strip()
    screen.wait_until(lambda: screen.shows(job) and screen.shows(dead), "both jobs")
    screen.press("\x1b[B" * 6 + "p")
    screen.wait_until(lambda: screen.shows("cleanup is paused"), "the pause")
    assert mingus("queues", "--json").json[5]["paused"]
    screen.press("p")
    screen.wait_until(lambda: screen.shows("cleanup goes on"), "the resumption")
    screen.press("jc")
    screen.wait_until(lambda: screen.shows(f"cancel job {job}? y or n"), "the question")
    screen.press("y")
    screen.wait_until(lambda: screen.shows(f"{job} cancelled"), "the cancelling")
    screen.press("\x1b/5308nothing\r")
    screen.wait_until(lambda: not screen.shows(dead), "the filter")
    screen.press("\x1bkr")
    screen.wait_until(lambda: screen.shows(f"{dead} requeued"), "the retry")
    screen.resize(60, 12)
    os.kill(screen.process.pid, signal.SIGWINCH)
    screen.wait_until(lambda: len(screen.picture()) == 12, "the smaller picture")
    worker.send_signal(signal.SIGSTOP)  # so that its keeper does not bring Redis back at once
    for child in mingus_children(worker.pid):
        os.kill(child, signal.SIGSTOP)
    os.kill(int((mingus.home / "redis" / "redis.pid").read_text()), signal.SIGKILL)
    screen.wait_until(lambda: screen.shows("Redis is away"), "the absence of Redis")
    for child in [worker.pid, *mingus_children(worker.pid)]:
        os.kill(child, signal.SIGCONT)
    screen.wait_until(lambda: screen.shows("✓ up"), "its return")
    screen.process.send_signal(signal.SIGTERM)
    assert screen.process.wait(timeout=30) == 143
    assert screen.is_clean
    assert screen.process.stderr is not None
    assert screen.process.stderr.read() == b""


def mingus_children(pid: int) -> list[int]:
    direct = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for child in direct for each in (child, *mingus_children(child))]


@pytest.mark.parametrize(("keys", "code"), [("q", 0), ("\x03", 130)])
def test_it_leaves_the_terminal_clean(mingus: CommandLine, keys: str, code: int) -> None:
    shown = Screen(mingus, "top")
    try:
        shown.wait_until(lambda: shown.shows("Redis is away"), "a picture without anything")
        assert not mingus.home.exists() or not embedded.answers(mingus.home)
        shown.press(keys) if keys == "q" else shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(timeout=30) == code
        assert shown.is_clean
    finally:
        shown.close()


def test_without_a_terminal_it_says_what_to_use(mingus: CommandLine) -> None:
    shown = mingus("top")
    assert (shown.code, "status --watch" in shown.err) == (2, True)
