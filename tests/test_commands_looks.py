"""The options that all commands with a result share, given in one place."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from mingus_lib.commands.ending import awaited
from mingus_lib.commands.looks import WATCHED, WITHOUT_COLUMNS
from mingus_lib.services.waiting import Progress
from mingus_lib.view.watching import repeat
from tests.conftest import ROOT, CommandLine, wait_for, workers_in
from tests.pty_screen import Screen


def leaves() -> dict[str, Any]:
    found = {}
    for name, *_ in cli.COMMANDS:
        command = cli._load(name)
        for sub, leaf in (getattr(command, "commands", None) or {"": command}).items():
            found[f"{name} {sub}".strip()] = leaf
    return found


LEAVES = leaves()
OPTIONS = {path: {option for each in leaf.params for option in each.opts} for path, leaf in LEAVES.items()}


@pytest.mark.parametrize("path", [path for path, options in OPTIONS.items() if "--json" in options])
def test_whatever_has_json_has_the_other_looks(path: str) -> None:
    assert "--tsv" in OPTIONS[path]
    assert ("--columns" in OPTIONS[path]) is not (path in WITHOUT_COLUMNS or path.startswith("db "))
    assert ("--watch" in OPTIONS[path]) is (path.split()[-1] in WATCHED)


@pytest.mark.parametrize("path", sorted(OPTIONS))
def test_looking_again_is_only_for_commands_that_look(path: str) -> None:
    if "--watch" in OPTIONS[path]:
        assert not OPTIONS[path] & {"--yes", "--dry-run", "--wait", "--force"}


@pytest.fixture
def library(mingus: CommandLine) -> CommandLine:
    mingus("enqueue", "ping", "--queue", "cleanup", "--lines", "-", stdin='{"token": "a"}\n{"token": "b"}\n')
    return mingus


GROUPS = [
    (name, module) for name, module, *_ in cli.COMMANDS if f"{name} list" in OPTIONS and name != "report"
]


def test_the_groups_that_list() -> None:
    names = {"articles", "breakers", "dead", "hosts", "keys", "mails", "readers", "schedule", "workers"}
    assert {name for name, _ in GROUPS} == names


@pytest.mark.parametrize("group", [name for name, _ in GROUPS])
def test_a_group_lists_by_its_name(mingus: CommandLine, group: str) -> None:
    mingus("keys", "list")
    for options in ([], ["--json"], ["-q"], ["--tsv"]):
        shown, full = mingus(group, *options), mingus(group, "list", *options)
        assert (shown.code, shown.out, shown.err) == (0, full.out, full.err)
    assert f"Without a command: `mingus {group} list`." in mingus(group, "--help").out


def test_a_group_without_its_command_shows_its_help_and_no_empty_line(mingus: CommandLine) -> None:
    shown = mingus("report")
    assert (shown.code, "mingus: " in shown.err) == (2, False)
    assert "trends" in shown.out + shown.err


@pytest.mark.parametrize("arguments", [["health"], ["health", "--json"], ["status", "--json"], ["queues"]])
def test_a_full_disk_is_one_line(mingus: CommandLine, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *arguments],
            env=mingus.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "could not be written" in done.stderr


def test_columns_are_chosen_by_key_or_header_in_their_order(library: CommandLine) -> None:
    shown = library("jobs", "--columns", "queue,State,task", "--tsv")
    assert shown.out == "cleanup\tqueued\tping\n" * 2
    assert (
        library("jobs", "--columns", "task,queue", "--json").json
        == [{"task": "ping", "queue": "cleanup"}] * 2
    )
    assert library("queues", "--columns", "name,queued").out.splitlines()[-1] == "cleanup\t2"


def test_of_an_empty_list_any_column_may_be_asked_for(mingus: CommandLine) -> None:
    shown = mingus("jobs", "--columns", "scheduled_for", "--tsv")
    assert (shown.code, shown.out) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["jobs", "--columns", "stat"], 'did you mean "state"'),
        (["jobs", "--columns", ","], "names no column"),
        (["jobs", "--tsv", "--json"], "choose one"),
        (["jobs", "--watch", "soon"], "90m or 2d"),
        (["jobs", "--sate", "dead"], 'did you mean "--state"'),
        (["status", "--zzz"], "--help"),
    ],
)
def test_wrong_wishes_name_the_fix(library: CommandLine, arguments: list[str], says: str) -> None:
    shown = library(*arguments)
    assert (shown.code, shown.out, len(shown.err.splitlines())) == (2, "", 1)
    assert says in shown.err


def test_watching_off_a_terminal_prints_again_until_it_is_told_to_stop(library: CommandLine) -> None:
    running = library.start("queues", "--json", "--watch", "1s")
    assert running.stdout is not None
    text, decoder = "", json.JSONDecoder()
    documents: list[Any] = []
    while len(documents) < 2:
        text += running.stdout.readline()
        try:
            document, end = decoder.raw_decode(text.lstrip())
        except ValueError:
            continue
        documents.append(document)
        text = text.lstrip()[end:]
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=30) == 130
    assert [row["queued"] for row in documents[1]] == [0, 0, 0, 0, 0, 2]


def test_watching_on_a_terminal_draws_in_place_and_shows_trouble(library: CommandLine) -> None:
    screen = Screen(library, "queues", "--watch", "1s", columns=90, lines=10)
    try:
        screen.wait_until(lambda: screen.shows("article_processing"), "the table")
        assert screen.shows("every 1 s")
        assert screen.shows("more lines") is False
        library("pause", "article_processing")
        screen.wait_until(lambda: screen.shows("yes"), "the pause")
        screen.process.send_signal(signal.SIGINT)
        assert screen.process.wait(timeout=30) == 130
    finally:
        screen.close()


def test_a_narrow_terminal_breaks_no_item_of_the_status(mingus: CommandLine) -> None:
    mingus("db", "migrate")
    screen = Screen(mingus, "status", columns=80, lines=40)
    screen.process.wait(timeout=30)
    text = screen.read()
    screen.close()
    for item in ("pending", "held", "rejected", "review", "published", "archived"):
        assert re.search(rf"0 \S+ {item}", re.sub(r"\x1b\[[0-9;]*m", "", text)), item


def test_following_a_job_ends_with_its_fate(mingus: CommandLine) -> None:
    worker = mingus.start("worker", "--queue", "cleanup", "--loglevel", "error")
    try:
        everything = mingus.start("jobs", "--follow", "--json", "--queue", "cleanup")
        wait_for(lambda: workers_in(mingus.home), "a worker")
        good = mingus("enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": 1}', "-q").out.strip()
        bad = mingus(
            "enqueue", "ping", "--queue", "cleanup", "--args", '{"fail": "permanent"}', "-q"
        ).out.strip()
        shown = mingus("job", good[:8], "--follow", "--json")
        events = [json.loads(line) for line in shown.out.splitlines()]
        assert (shown.code, events[-1]["what"], events[-1]["job"]) == (0, "finished", good)
        told = mingus("job", bad, "--follow", "--tsv")
        assert told.code == 1
        assert told.out.splitlines()[-1].split("\t")[1:] == [bad, "dead", "ping", "ping: told to fail"]
        assert everything.stdout is not None
        seen: list[tuple[str, str]] = []
        while ("dead" not in dict(seen).values()) or len(seen) < 3:
            event = json.loads(everything.stdout.readline())
            assert (event["job"], event["what"]) not in seen, "nothing is told twice"
            seen.append((event["job"], event["what"]))
        everything.send_signal(signal.SIGINT)
        assert everything.wait(timeout=30) == 130
        assert {job for job, _ in seen} == {good, bad}
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)


@pytest.mark.parametrize(
    ("ids", "told"), [(["4f2a"], "mingus job --follow 4f2a"), (["4f2a", "b"], "mingus jobs")]
)
def test_who_leaves_a_wait_is_told_that_the_jobs_stay(
    ids: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def left() -> Iterator[Progress]:
        yield Progress(0, 1, {"queued": 1}, "", ())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        awaited(left(), ids, "jobs", None)
    assert capsys.readouterr().err.splitlines()[-1].endswith(told)


def test_a_look_that_is_slower_than_its_pace_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def slow() -> None:
        ended = time.monotonic() + 0.002
        while time.monotonic() < ended:
            pass
        print("look")
        if next(turns) == 3:
            raise KeyboardInterrupt

    turns = itertools.count(1)
    with pytest.raises(KeyboardInterrupt):
        repeat(slow, 0.001)
    assert capsys.readouterr().out == "look\n" * 3
