"""The command line as users and scripts meet it: a process, its output, its exit code."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cli
from mingus_lib import __version__
from mingus_lib.queues import embedded
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from tests.conftest import ROOT, CommandLine, wait_for
from tests.store_samples import NOW, held

LONG_HELP = re.compile(r"Example: (mingus .+)")


def test_version(mingus: CommandLine) -> None:
    shown = mingus("--version")
    assert (shown.code, shown.out, shown.err) == (0, f"mingus {__version__}\n", "")


@pytest.mark.parametrize("entry", cli.COMMANDS, ids=lambda entry: entry[0])
def test_the_help_line_in_the_list_is_the_command_s_own(entry: tuple[str, str, str, str]) -> None:
    name, _, _, line = entry
    command = cli._load(name)
    assert (command.help or "").strip().splitlines()[0] == line


def commands() -> list[str]:
    found = []
    for name, *_ in cli.COMMANDS:
        command = cli._load(name)
        nested = getattr(command, "commands", None)
        found += [f"{name} {sub}" for sub in nested] if nested else [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_with_an_example(command: str) -> None:
    name, _, sub = command.partition(" ")
    loaded = cli._load(name)
    leaf = loaded.commands[sub] if sub else loaded  # type: ignore[attr-defined]
    assert LONG_HELP.search(leaf.help or ""), f"{command} has no example"


def test_modules_of_commands_exist() -> None:
    for _, module, _, _ in cli.COMMANDS:
        importlib.import_module(f"mingus_lib.commands.{module}")


def test_an_unknown_command_suggests_the_nearest(mingus: CommandLine) -> None:
    shown = mingus("stats")
    assert shown.code == 2
    assert shown.err == "mingus: no command 'stats', did you mean \"status\"?; see: mingus --help\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["articles", "lst"], "no command 'lst', did you mean \"list\"?; see: mingus articles --help"),
        (["jobs", "--limit", "many"], "'many' is not a whole number; see: mingus jobs --help"),
        (["jobs", "--error"], "option '--error' requires an argument"),
        (["jobs", "dead"], "unexpected: dead; see: mingus jobs --help"),
        (["job"], "missing argument 'ID'; see: mingus job --help"),
        (["hosts", "allow"], "missing argument 'HOST'; see: mingus hosts allow --help"),
        (["hosts", "allow", "x.example", "--quality", "good"], "'good' is not a number"),
        (["status", "--jsn"], 'no option --jsn, did you mean "--json"?; see: mingus status --help'),
    ],
)
def test_a_slip_is_one_line_with_the_next_step(mingus: CommandLine, arguments: list[str], says: str) -> None:
    shown = mingus(*arguments)
    assert (shown.code, shown.out, len(shown.err.splitlines())) == (2, "", 1)
    assert says in shown.err


def test_the_old_name_of_job_works(mingus: CommandLine) -> None:
    shown = mingus("task-status", "nothing-there")
    assert shown.code == 4
    assert "no job" in shown.err


def test_a_closed_pipe_is_quiet(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup", "--lines", "-", stdin="{}\n" * 500)
    command = f"{sys.executable} -m cli jobs --limit 500 | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=mingus.environment(), check=False
    )
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_output_cannot_hold_is_a_question_mark(mingus: CommandLine, encoding: str) -> None:
    mingus("hosts", "deny", "press.example", "--note", "“news” of nobody…")
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "hosts", "list", "--policy", "deny"],
        env=mingus.environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?news? of nobody?" in done.stdout


def test_add_accepts_arguments_files_and_standard_input(mingus: CommandLine, tmp_path: Path) -> None:
    listed = tmp_path / "addresses.txt"
    listed.write_text("# a comment\nhttps://a.example/1\n\nhttps://b.example/2  \n")
    shown = mingus(
        "add", "https://c.example/3", "-", "--file", str(listed), "--json", stdin="https://d.example/4\n"
    )
    assert shown.code == 0
    receipt = shown.json
    assert (receipt["addresses"], receipt["repeated"]) == (4, 0)
    assert sorted(receipt["jobs"][0]["urls"]) == [
        "https://a.example/1",
        "https://b.example/2",
        "https://c.example/3",
        "https://d.example/4",
    ]


def test_add_splits_into_jobs_of_a_hundred_and_drops_repeats(mingus: CommandLine) -> None:
    addresses = [f"https://h{i % 7}.example/{i}" for i in range(250)] + ["https://h0.example/0?utm_source=x"]
    shown = mingus("add", "-", "--json", stdin="\n".join(addresses))
    receipt = shown.json
    assert [len(job["urls"]) for job in receipt["jobs"]] == [63, 63, 63, 61]
    assert (receipt["addresses"], receipt["repeated"]) == (250, 1)
    assert len(mingus("jobs", "-q").out.split()) == 4


BAD_INPUT = [
    (["add", "not an address"], "", 2),
    (["add", "ftp://example.com/x"], "", 2),
    (["add", "https://user:secret@example.com/"], "", 2),
    (["add"], "", 2),
    (["add", "-"], b"https://example.com/" + b"a" * 5_000_000, 2),
    (["add", "-"], bytes(range(256)), 2),
    (["add", "--file", "/nowhere/at/all"], "", 2),
    (["add", "--file", "/"], "", 2),
    (["enqueue", "pong", "--queue", "cleanup"], "", 4),
    (["enqueue", "ping"], "", 2),
    (["enqueue", "ping", "--queue", "clean"], "", 4),
    (["enqueue", "ping", "--queue", "cleanup", "--args", "{"], "", 2),
    (["enqueue", "ping", "--queue", "cleanup", "--args", "[]"], "", 2),
    (["enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": "1"}'], "", 2),
    (["enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": NaN}'], "", 2),
    (["enqueue", "ping", "--queue", "cleanup", "--lines", "-"], '{}\n{"tok": 1}\n', 2),
    (["enqueue", "ping", "--queue", "cleanup", "--lines", "-"], "[" * 100_000, 2),
    (["job", "0123456789abcdef"], "", 4),
    (["job", "../../etc/passwd"], "", 4),
    (["jobs", "--state", "ded"], "", 2),
    (["jobs", "--limit", "0"], "", 2),
    (["purge", "everything"], "", 4),
    (["worker", "--queue", "nope"], "", 4),
    (["worker", "--concurrency", "0"], "", 2),
    (["worker", "--loglevel", "loud"], "", 2),
    (["reprocess", "77"], "", 4),
    (["articles", "show", "77"], "", 4),
    (["articles", "list", "--status", "publishd"], "", 2),
    (["extract", "/nowhere"], "", 2),
    (["extract", "a" * 300], "", 2),
    (["extract", "file:///etc/passwd"], "", 2),
    (["articles", "export", "--output", "a" * 300], "", 2),
    (["db", "backup", "a" * 300], "", 2),
    (["db", "restore", "a" * 300], "", 2),
    (["db", "salvage", "x", "--from", "a" * 300], "", 2),
    (["articles", "export", "--output", "."], "", 2),
    (["keys", "add", "x", "-p", "mails:write", "--output", "a" * 300], "", 2),
    (["readers", "import", "-"], "id,reader\ra,b\r", 2),
    (["reprocess", "99999999999999999999999"], "", 2),
    (["enqueue", "reprocess_article", "--args", '{"article_id": 99999999999999999999}'], "", 2),
    (["enqueue", "process_new_articles", "--args", '{"urls": ["nowhere"]}'], "", 2),
    (["enqueue", "ping", "--queue", "cleanup", "--lines", "-"], "", 2),
    (["hosts", "allow", "not a host"], "", 2),
    (["--config", "/nowhere.toml", "status"], "", 2),
    (["db", "check"], "", 4),
]


def test_a_file_that_the_system_refuses_is_named(mingus: CommandLine) -> None:
    shown = mingus("db", "restore", "a" * 300, "--yes")
    assert shown.code == 2
    assert "a" * 300 in shown.err and "File name too long" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(("arguments", "stdin", "code"), BAD_INPUT, ids=lambda part: str(part)[:50])
def test_bad_input_gets_one_line_and_changes_nothing(
    mingus: CommandLine, arguments: list[str], stdin: str | bytes, code: int
) -> None:
    shown = mingus(*arguments, stdin=stdin)
    assert shown.code == code, shown.err
    assert len(shown.err.splitlines()) == 1, shown.err
    assert "Traceback" not in shown.err
    assert "secret" not in shown.err
    assert shown.out == ""
    assert mingus("jobs", "-q").out == ""


def test_redis_down_is_said_and_nothing_is_recorded(mingus: CommandLine, tmp_path: Path) -> None:
    away = f"unix://{tmp_path}/nothing.sock"
    shown = mingus("add", "https://example.com/", MINGUS_REDIS_URL=away)
    assert shown.code == 69
    assert len(shown.err.splitlines()) == 1
    assert mingus("status", MINGUS_REDIS_URL=away).code == 69
    assert mingus("jobs", "-q", MINGUS_REDIS_URL=away).out == ""


def test_a_redis_that_wants_a_password_is_named_without_it(
    mingus: CommandLine, redis: Any, redis_home: Path
) -> None:
    path = embedded.socket_path(redis_home)
    redis.config_set("requirepass", "rightsecret")
    try:
        for url in (f"unix://{path}", f"unix://:wrongsecret@{path}"):
            shown = mingus("add", "https://example.com/", MINGUS_REDIS_URL=url)
            assert shown.code == 69
            assert "password" in shown.err
            assert "secret" not in shown.err
        right = mingus("add", "https://example.com/", MINGUS_REDIS_URL=f"unix://:rightsecret@{path}")
        assert right.code == 0
    finally:
        redis.config_set("requirepass", "")


def test_a_redis_of_another_store_is_refused(mingus: CommandLine, redis: object, redis_home: Path) -> None:
    url = embedded.url(redis_home)
    assert mingus("enqueue", "ping", "--queue", "cleanup", MINGUS_REDIS_URL=url).code == 0
    other = CommandLine(mingus.home.with_name("other"))
    for line in (
        ("enqueue", "ping", "--queue", "cleanup"),
        ("purge", "--dry-run"),
        ("workers", "drain", "--all"),
    ):
        shown = other(*line, MINGUS_REDIS_URL=url)
        assert shown.code == 5
        assert "belongs to the store" in shown.err


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_state_directory_that_cannot_be_written_is_named(mingus: CommandLine) -> None:
    mingus.home.mkdir()
    mingus.home.chmod(0o500)
    shown = mingus("add", "https://example.com/")
    mingus.home.chmod(0o700)
    assert shown.code == 75
    assert str(mingus.home) in shown.err


def test_a_state_directory_that_is_a_file_is_named(mingus: CommandLine) -> None:
    mingus.home.write_text("in the way")
    shown = mingus("add", "https://example.com/")
    assert shown.code == 75
    assert len(shown.err.splitlines()) == 1
    mingus.home.unlink()


def test_a_corrupt_store_is_named(mingus: CommandLine) -> None:
    mingus.home.mkdir()
    (mingus.home / "mingus.db").write_bytes(b"not a database at all" * 100)
    shown = mingus("add", "https://example.com/")
    assert shown.code == 1
    assert "mingus doctor" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_two_ups_in_one_home_are_one_too_many(mingus: CommandLine) -> None:
    first = mingus.start("up", "--concurrency", "1")
    try:
        wait_for(lambda: mingus("status", "--json").json["workers"], "the first up's worker")
        second = mingus("up")
        assert second.code == 5
        assert "runs already" in second.err
    finally:
        first.send_signal(signal.SIGINT)
        _, said = first.communicate(timeout=30)
    assert first.returncode == 0, said
    assert not embedded.socket_path(mingus.home).exists()


def test_purge_needs_a_yes_and_counts_truly(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup", "--lines", "-", stdin="{}\n" * 3)
    assert mingus("purge").code == 5
    dry = mingus("purge", "cleanup", "--dry-run", "--json").json
    assert dry == [{"queue": "cleanup", "removed": 3, "dry_run": True}]
    done = mingus("purge", "cleanup", "--yes", "--json").json
    assert done == [{"queue": "cleanup", "removed": 3, "dry_run": False}]
    assert [job["state"] for job in mingus("jobs", "--json").json] == ["cancelled"] * 3
    assert mingus("purge", "--json").json[0]["removed"] == 0


def test_a_background_worker_works_and_stops(mingus: CommandLine) -> None:
    started = mingus("worker", "--background")
    assert started.code == 0, started.err
    pid = int(started.out)
    try:
        shown = mingus(
            "enqueue", "ping", "--queue", "cleanup", "--args", '{"token": "hi"}', "--wait", "--json"
        )
        assert [(job["state"], job["result"]) for job in shown.json["jobs"]] == [("finished", "hi")]
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not mingus("status", "--json").json["workers"], "the worker to leave")


@pytest.mark.parametrize(
    ("queues", "place"),
    [((), 1), (("--queue", "article_processing", "--queue", "cleanup"), 3)],
    ids=["all", "named"],
)
def test_a_flood_in_one_queue_keeps_no_other_waiting_unless_an_order_is_named(
    mingus: CommandLine, queues: tuple[str, ...], place: int
) -> None:
    for _ in range(3):
        assert mingus("enqueue", "ping", "--queue", "article_processing").code == 0
    report = mingus("enqueue", "ping", "--queue", "cleanup", "-q").out.strip()
    assert mingus("worker", "--burst", *queues).code == 0
    jobs = sorted(mingus("jobs", "--json").json, key=lambda job: job["started_at"])
    assert [job["id"] for job in jobs].index(report) == place


def test_waiting_tells_of_failure_with_the_exit_code(mingus: CommandLine) -> None:
    worker = mingus.start("worker", "--queue", "cleanup")
    try:
        shown = mingus(
            "enqueue", "ping", "--queue", "cleanup", "--args", '{"fail": "permanent"}', "--wait", "--json"
        )
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
    assert shown.code == 1
    assert shown.json["jobs"][0]["reason"] == "ping: told to fail"
    story = mingus("job", shown.json["jobs"][0]["id"][:8], "--json").json
    assert (story["state"], story["attempts"], len(story["history"])) == ("dead", 1, 1)


def test_an_embedded_redis_that_died_counts_as_stopped(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup")
    pid = int((mingus.home / "redis" / "redis.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not embedded.answers(mingus.home), "Redis to be gone")
    shown = mingus("status", "--json")
    assert (shown.code, shown.json["redis"]["state"]) == (0, "stopped")
    assert shown.json["queues"][5]["queued"] == 1


def test_archiving_what_is_not_there_is_not_found(mingus: CommandLine) -> None:
    assert mingus("articles", "archive", "5").code == 4


def test_allowing_a_host_tells_how_to_fetch_what_was_held(mingus: CommandLine) -> None:
    mingus("hosts", "list")
    with Store.open(mingus.home / "mingus.db") as store:
        for name in ("news.example.org/a", "example.org/b"):
            Articles(store).record(held(f"https://{name}"), job_id=name, position=0, now=NOW)
    assert mingus("hosts", "allow", "other.example").err == ""
    assert mingus("hosts", "allow", "news.example.org").err.startswith("1 held of news.example.org; fetch: ")
    told = mingus("hosts", "allow", "example.org").err
    assert told.startswith("2 held of example.org; fetch: mingus articles list ")
    assert told.endswith(" | mingus add -\n")
    listed = mingus(*told.partition("fetch: mingus ")[2].partition(" | ")[0].split())
    assert listed.out == "https://example.org/b\nhttps://news.example.org/a\n"


def test_a_full_output_is_said_in_one_line(mingus: CommandLine) -> None:
    command = f"{sys.executable} -m cli tasks --json > /dev/full"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=mingus.environment(), check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
