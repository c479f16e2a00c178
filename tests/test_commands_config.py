"""`mingus config`: every setting with its origin, every problem on a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mingus_lib.settings import declarations
from tests.conftest import CommandLine


@pytest.fixture
def mingus(tmp_path: Path) -> CommandLine:
    """The command line in an empty state directory."""
    (tmp_path / "state").mkdir()
    return CommandLine(tmp_path / "state")


def test_show_prints_a_line_for_every_setting(mingus: CommandLine) -> None:
    (mingus.home / "mingus.toml").write_text("[fetch]\ninterval = 1\n[tasks.ping]\nsoft = 9\n")
    shown = mingus("--redis-url", "redis://:hush@h", "config", "show", MINGUS_LOG_LEVEL="error")
    assert (shown.code, shown.err) == (0, "")
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in shown.out.splitlines()}
    assert list(rows) == [*(each.name for each in declarations()), "tasks.ping.soft"]
    assert rows["redis_url"] == ["redis://:***@h", "--redis-url"]
    assert rows["log_level"] == ["error", "MINGUS_LOG_LEVEL"]
    assert rows["fetch_interval"] == ["1 s", f"{mingus.home}/mingus.toml:2"]
    assert rows["tasks.ping.soft"] == ["9", f"{mingus.home}/mingus.toml:4"]


def test_show_json_gives_values_not_words(mingus: CommandLine) -> None:
    shown = mingus("config", "show", "--json").json
    told = {row["setting"]: row for row in shown["settings"]}
    assert told["fetch_max_bytes"] == {
        "setting": "fetch_max_bytes",
        "value": 10_000_000,
        "origin": "default",
        "variable": "MINGUS_FETCH_MAX_BYTES",
        "key": "fetch.max_bytes",
    }
    assert (told["redis_url"]["value"], told["fetch_ports"]["value"]) == (None, [80, 443])
    assert told["home"]["value"] == str(mingus.home)
    assert shown["tasks"] == {}


def test_show_refuses_what_cannot_be_loaded(mingus: CommandLine) -> None:
    shown = mingus("config", "show", MINGUS_FETCH_INTERVAL="soon")
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith('mingus: MINGUS_FETCH_INTERVAL: "soon" will not do; use a time')


def test_check_finds_nothing_wrong_and_says_what_it_read(mingus: CommandLine) -> None:
    (mingus.home / "mingus.toml").write_text("")
    shown = mingus("config", "check")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err == f"All is well. Read {mingus.home}/mingus.toml.\n"


def test_check_reports_every_problem_and_exits_3(mingus: CommandLine) -> None:
    path = mingus.home / "mingus.toml"
    path.write_text("fetch.intervall = 1\nlog_level = 'loud'\n")
    shown = mingus("config", "check", MINGUS_FETCH_PORT="80")
    assert shown.code == 3
    lines = shown.out.splitlines()
    assert [
        line.startswith(start)
        for line, start in zip(lines, (f"{path}:1:", f"{path}:2:", "MINGUS_FETCH_PORT:"), strict=True)
    ]
    assert shown.err.startswith("3 problems. Read ")


def test_check_knows_the_tasks(mingus: CommandLine) -> None:
    path = mingus.home / "mingus.toml"
    path.write_text("[tasks.pong]\nsoft = 9\n")
    shown = mingus("config", "check", "--json")
    assert shown.code == 3
    assert shown.json["ok"] is False
    assert shown.json["files_read"] == [str(path)]
    [problem] = shown.json["problems"]
    assert problem["message"].startswith(f"{path}:2: no task named")
    assert 'did you mean "ping"?' in problem["message"]


@pytest.mark.parametrize("command", ["show", "check"])
def test_help_has_an_example(command: str, mingus: CommandLine) -> None:
    shown = mingus("config", command, "--help")
    assert shown.code == 0
    assert "Example: mingus" in shown.out
