"""Tab in bash, zsh and fish: commands, options, queues, tasks and ids of jobs; never slow, never an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer._completion_classes import BashComplete
from typer.main import get_command

import cli
from mingus_lib import errors
from mingus_lib.queues.keyring import KeyRing
from mingus_lib.view.manual import EXIT_CODES
from tests.conftest import ROOT, CommandLine


def offered(mingus: CommandLine, line: str, shell: str = "bash", **env: str) -> list[str]:
    """What the shell's script gets for a line whose last word is being typed."""
    words = line.split(" ")
    protocol = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv = ['mingus']; from cli import main; main()"],
        env=mingus.environment(**protocol, _MINGUS_COMPLETE=f"complete_{shell}", **env),
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split("\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_offered_queues(mingus: CommandLine, shell: str) -> None:
    found = "\n".join(offered(mingus, "mingus pause a", shell))
    for queue in ("article_processing", "ai_classification", "analytics"):
        assert queue in found
    assert "cleanup" not in found


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("mingus hea", "health"),
        ("mingus workers dr", "drain"),
        ("mingus jobs --task pro", "process_new_articles"),
        ("mingus jobs --state de", "dead"),
        ("mingus enqueue pi", "ping"),
        ("mingus worker --queue cl", "cleanup"),
        ("mingus systemd --queue cl", "cleanup"),
        ("mingus jobs --col", "--columns"),
        ("mingus schedule run swe", "sweep"),
        ("mingus schedule disable maint", "maintain-database"),
        ("mingus breakers reset im", "imap"),
        ("mingus keys revoke news", "newsroom"),
    ],
)
def test_words_are_completed(line: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINGUS_HOME", str(tmp_path))
    KeyRing(tmp_path / "keys.json").add("newsroom", ("*",))
    words = line.split(" ")
    # In this process: that the shells' scripts get there is tested above.
    completion = BashComplete(get_command(cli.app), {}, "mingus", "_MINGUS_COMPLETE")
    assert word in [item.value for item in completion.get_completions(words[1:-1], words[-1])]


def test_ids_of_jobs_come_from_the_store_alone(mingus: CommandLine) -> None:
    job = mingus("enqueue", "ping", "--queue", "cleanup", "-q").out.strip()
    away = {"MINGUS_REDIS_URL": "redis://192.0.2.1:6379/0"}  # an address that never answers (RFC 5737)
    for line in ("mingus cancel ", f"mingus --home {mingus.home} retry {job[:4]}"):
        assert job in offered(mingus, line, **away)


def test_without_a_store_nothing_is_offered_and_nothing_is_made(mingus: CommandLine) -> None:
    assert "".join(offered(mingus, "mingus job ")) == ""
    assert not mingus.home.exists()
    mingus.home.mkdir()
    (mingus.home / "mingus.db").write_text("no database at all" * 50)
    offered(mingus, "mingus job ")
    (mingus.home / "mingus.toml").write_text("no toml at all")
    offered(mingus, "mingus job ")


def test_bash_itself_completes(mingus: CommandLine, tmp_path: Path) -> None:
    program = tmp_path / "mingus"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom cli import main\nmain()\n"
    )
    program.chmod(0o755)
    script = (
        'eval "$(mingus --show-completion bash)"; COMP_WORDS=(mingus resume an); COMP_CWORD=2; '
        '_mingus_completion mingus; echo "${COMPREPLY[@]}"'
    )
    env = mingus.environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    env["PATH"] = f"{tmp_path}:{env['PATH']}"
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("analytics\n", "")


def test_the_manual_page_knows_every_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {str(kind.exit_code) for kind in kinds if issubclass(kind, errors.MingusError)}
    assert codes <= {code for code, _ in EXIT_CODES}


def test_the_manual_page_is_clean_roff() -> None:
    page = (ROOT / "docs/mingus.1").read_text("utf-8")
    for line in page.splitlines():
        assert not line.startswith("'")
        assert not line.startswith(".") or line.split()[0] in {
            ".TH", ".SH", ".SS", ".TP", ".PP", ".RS", ".RE", ".B", ".BR", ".I",
        }, line  # fmt: skip
    for word in ("mingus health", "MINGUS_REDIS_URL", "process_new_articles"):
        assert word in page.replace("\\-", "-")
