"""The example of every command's --help, run as it stands in a library with a worker, articles and jobs."""

from __future__ import annotations

import json
import mailbox
import os
import re
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

import cli
from mingus_lib import runtime
from mingus_lib.queues import embedded
from mingus_lib.services import sample_site, timetables
from tests.conftest import CommandLine, wait_for, workers_in

EXAMPLE = re.compile(r"Example: mingus (.+)")
# What runs until it is told to stop, and how its being up is seen; None where tests of its own run it.
FOREGROUND: dict[str, Callable[[CommandLine], Any] | None] = {
    "up": lambda mingus: workers_in(mingus.home),
    "worker": lambda mingus: workers_in(mingus.home),
    "redis": lambda mingus: embedded.answers(mingus.home),
    "top": None,
    "dashboard": None,
    "scheduler": None,
    "demo": None,
}


def examples() -> dict[str, str]:
    """The examples by command, those that send the workers away last."""
    found = {}
    for name, *_ in cli.COMMANDS:
        command = cli._load(name)
        nested = getattr(command, "commands", None) or {"": command}
        for sub, leaf in nested.items():
            match = EXAMPLE.search(leaf.help or "")
            assert match is not None, f"mingus {name} {sub} has no example"
            found[f"{name} {sub}".strip()] = match[1]
    return dict(sorted(found.items(), key=lambda item: item[0].startswith("workers")))


EXAMPLES = examples()
# What undoes another example.
BEFORE = {"articles feature": ("articles", "restore", "1"), "articles restore": ("articles", "archive", "1")}


@dataclass
class Prepared:
    """A library in which every example makes sense, and what stands there for the example's words."""

    mingus: CommandLine
    folder: Path
    site: str
    ids: dict[str, str] = field(default_factory=dict)

    def words(self, command: str, example: str) -> list[str]:
        job = self.ids["cancelled" if command == "retry" else "dead"]
        text = re.sub(r"\b4f2a(91c0)?\b", job, example)
        text = re.sub(r"https://example\.com/article\b", f"{self.site}/negotiate-your-raise", text)
        text = re.sub(r"\b12\b", "1", re.sub(r"\b12 13\b", "1 2", text))
        return [os.path.expanduser(word) for word in shlex.split(text)]  # noqa: PTH111 - as a shell does


def fill(mingus: CommandLine, folder: Path, site: str) -> None:
    """A read mail, more mails to read, a reader, and the files that examples name."""
    (folder / "backups").mkdir()
    mailbox.Maildir(folder / "Maildir", create=True).add(letter(site, "maildir"))
    newsletters = mailbox.mbox(folder / "newsletters.mbox", create=True)
    newsletters.add(letter(site, "mbox"))
    newsletters.close()
    (folder / "read.eml").write_bytes(letter(site, "read").as_bytes())
    mingus("mail", str(folder / "read.eml"), "--wait")
    (folder / "events.csv").write_text("id,reader,kind,article,at\ne1,ada,viewed,1,2026-11-20T08:00:00Z\n")
    mingus("readers", "import", "-", stdin="reader,goals\nada,budgeting\n")
    texts = (("raise", "Negotiate your salary."), ("fund", "An emergency fund, month by month."))
    lines = (json.dumps({"text": text, "title": title, "label": "Beginner"}) for title, text in texts)
    (folder / "articles.jsonl").write_text("\n".join(lines))
    rows = [f"u{user},i{item}" for user in range(12) for item in range(user % 3, 12, 2)]
    (folder / "train.csv").write_text("user,item\n" + "\n".join(rows[::2]))
    (folder / "test.csv").write_text("user,item\n" + "\n".join(rows[1::2]))


def letter(site: str, name: str) -> EmailMessage:
    """A newsletter with one link."""
    message = EmailMessage()
    message["Subject"], message["From"], message["Message-ID"] = (
        "Worth reading",
        "a@example.com",
        f"<{name}@x>",
    )
    message.set_content(f"{site}/first-home-in-order")
    return message


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    home, folder = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("here")
    mingus = CommandLine(home, {"MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.0/8", "MINGUS_FETCH_INTERVAL": "0"})
    (folder / "mingus.toml").write_text('log_level = "info"\n')
    shutil.copy(timetables.shipped(), folder / "schedules.toml")
    with sample_site.serve() as addresses:
        worker = mingus.start("worker", "--loglevel", "error")
        found = Prepared(mingus, folder, addresses[0].rpartition("/")[0])
        try:
            wait_for(lambda: workers_in(mingus.home), "a worker")
            mingus(
                "add",
                "--wait",
                *(f"{found.site}/{page}" for page in ("negotiate-your-raise", "first-emergency-fund")),
            )
            (folder / "page.html").write_bytes(
                (Path(sample_site.__file__).parent.parent / "data/demo/topics.html").read_bytes()
            )
            fill(mingus, folder, found.site)
            dead = mingus(
                "enqueue", "ping", "--queue", "cleanup", "--args", '{"fail": "permanent"}', "--wait", "--json"
            )
            mingus("pause", "analytics")
            waiting = mingus("enqueue", "ping", "--queue", "analytics", "-q").out.strip()
            mingus("cancel", waiting)
            mingus("resume", "--all")
            mingus("db", "backup", str(folder / "backups" / "mingus-20260309T050000Z.db"))
            found.ids = {"dead": dead.json["jobs"][0]["id"], "cancelled": waiting}
            yield found
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.communicate(timeout=30)
            embedded.stop(home)


@pytest.mark.parametrize("command", [name for name in EXAMPLES if name not in FOREGROUND])
def test_the_example_works(
    command: str, prepared: Prepared, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(prepared.folder)
    for name, value in prepared.mingus.environment(HOME=str(prepared.folder)).items():
        monkeypatch.setenv(name, value)
    words = prepared.words(command, EXAMPLES[command])
    if command in BEFORE:
        prepared.mingus(*BEFORE[command])
    # In this process: a start of its own for each would be most of the work.
    code = cli.app(words, standalone_mode=False)
    runtime.release()
    assert code in (0, None), f"mingus {shlex.join(words)}\n{capsys.readouterr()}"


@pytest.mark.parametrize("command", [name for name, is_up in FOREGROUND.items() if is_up is not None])
def test_the_example_runs_until_it_is_told_to_stop(command: str, mingus: CommandLine) -> None:
    running = mingus.start(*shlex.split(EXAMPLES[command]))
    is_up = FOREGROUND[command]
    assert is_up is not None
    wait_for(lambda: is_up(mingus), f"mingus {command} to be up")
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert running.returncode == 0
