"""Files for service managers: accepted by the real ones where they are here, and by their schema."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import jsonschema
import pytest
import yaml
from supervisor.xmlrpc import SupervisorTransport

import cli
from mingus_lib.domain import datafiles
from mingus_lib.errors import UsageError
from mingus_lib.queues import catalog, embedded
from mingus_lib.services import deploying, systemd
from tests.conftest import ROOT, CommandLine, wait_for

PROGRAM = Path("/bin/true")
HAS_SYSTEMD = shutil.which("systemd-analyze") is not None
needs_systemd = pytest.mark.skipif(not HAS_SYSTEMD, reason="there is no systemd-analyze here")
SERVICES = sorted(path.name for path in (ROOT / "systemd").glob("*.service"))
# The Compose Specification's own schema (Apache License 2.0).
SCHEMA = jsonschema.Draft201909Validator(json.loads((ROOT / "tests/compose-spec.json").read_text()))
ANSWERS = {"mingus-redis": "redis", "mingus-scheduler": "scheduler", "mingus-dashboard": "dashboard"}


def plan(**changes: Any) -> deploying.Plan:
    # Any program that is there: a checkout may lie anywhere.
    return deploying.Plan(**{"program": PROGRAM, "user": "mingus", "queues": catalog.QUEUES,
                             "own_redis": True, **changes})  # fmt: skip


def instance(path: Path) -> Path:
    """A template is looked at as an instance of it."""
    return path.with_name(path.name.replace("@.", "@cleanup."))


@pytest.fixture
def units(tmp_path: Path) -> Path:
    folder = tmp_path / "units"
    deploying.write(folder, systemd.files(plan(), None), force=False)
    return folder


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_understands_every_unit(units: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(instance(units / name))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_every_unit_is_hardened(units: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(units / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) <= 1.5
    assert done.returncode == 0


def directives(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_the_shipped_units_keep_the_rules(name: str) -> None:
    text = (ROOT / "systemd" / name).read_text()
    told = directives(text)
    assert (told["Type"], told["User"], told["Restart"]) == (["notify"], ["mingus"], ["always"])
    assert told["ExecStart"][0].startswith("/usr/bin/mingus ")
    assert text.startswith("#"), "a unit begins with what it is for"
    command = told["ExecStart"][0].split()[1]
    assert command in {known for known, *_ in cli.COMMANDS} | {"scheduler", "dashboard"}


def test_a_stop_of_a_worker_outlasts_every_hard_limit() -> None:
    told = directives((ROOT / "systemd/mingus-worker@.service").read_text())
    hard = max(task.hard for task in catalog.load().values())
    assert int(told["TimeoutStopSec"][0]) > hard
    assert (told["KillMode"], told["WatchdogSec"]) == (["mixed"], ["120"])


def test_the_units_are_made_for_this_installation(units: Path) -> None:
    worker = (units / "mingus-worker@.service").read_text()
    assert f"ExecStart={PROGRAM} worker --queue %i" in worker
    assert (units / "mingus.toml").read_text().splitlines()[1:] == [
        'home = "/var/lib/mingus"', 'redis_url = "unix:///var/lib/mingus/redis/redis.sock"',
    ]  # fmt: skip
    assert (units / "mingus-worker@article_processing.service.d" / "concurrency.conf").exists()


def test_another_user_and_another_redis() -> None:
    found = systemd.files(plan(user="library", own_redis=False), "redis://:secret@db/0")
    assert "mingus-redis.service" not in found
    assert "User=library\nGroup=library" in found["mingus-scheduler.service"]
    assert re.search(
        r'^u +library - +"mingus article library" /var/lib/mingus -$', found["mingus.sysusers.conf"], re.M
    )
    assert "2770 library library" in found["mingus.tmpfiles.conf"]
    assert 'redis_url = "redis://:secret@db/0"' in found["mingus.toml"]
    assert "secret" not in "".join(text for name, text in found.items() if name != "mingus.toml")


def test_a_user_s_own_systemd_needs_no_privileges(tmp_path: Path) -> None:
    found = systemd.user_files(plan(), tmp_path / "o'neil's b", None)
    worker = directives(found["mingus-worker@.service"])
    assert not [key for key in worker if key.startswith(("Private", "Protect", "User", "State", "Cap"))]
    assert rf"MINGUS_HOME={tmp_path}/o\'neil\'s\x20b" in worker["Environment"]
    assert worker["After"] == ["mingus-redis.service"]
    assert "StateDirectory" not in found["mingus-worker@.service"]
    if HAS_SYSTEMD:
        deploying.write(tmp_path, found, force=False)
        done = subprocess.run(
            ["systemd-analyze", "--user", "verify", "--man=no", str(instance(tmp_path / "mingus-worker@.service"))],
            capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")


def test_no_path_brings_a_setting_of_its_own_into_a_unit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="printable"):
        systemd.user_files(plan(), tmp_path / "a\nExecStartPre=/bin/b", None)


@pytest.mark.parametrize(
    ("program", "line"),
    [("/tmp/x/mingus", "PrivateTmp=no"), ("/home/ada/bin/mingus", "ProtectHome=read-only")],
)
def test_a_program_that_units_would_not_see_is_opened_to_them(program: str, line: str) -> None:
    found = systemd.files(plan(program=Path(program)), None)
    assert line in found["mingus-worker@.service"].splitlines()


def test_files_that_are_there_are_not_overwritten(mingus: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "units"
    first = mingus("systemd", "--output", str(folder), "--json")
    assert (first.code, len(first.json["files"])) == (0, 9)
    assert mingus("systemd", "--output", str(folder)).code == 0
    (folder / "mingus.target").write_text("mine")
    refused = mingus("systemd", "--output", str(folder))
    assert (refused.code, (folder / "mingus.target").read_text()) == (5, "mine")
    assert mingus("systemd", "--output", str(folder), "--force").code == 0
    assert (folder / "mingus.target").read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--user", "no body"], 2), (["--user", "a;b"], 2), (["--queue", "clean"], 4), ([], 2)],
)
def test_bad_wishes_write_nothing(
    mingus: CommandLine, tmp_path: Path, arguments: list[str], code: int
) -> None:
    where = [] if not arguments else ["--output", str(tmp_path / "units")]
    shown = mingus("systemd", *where, *arguments)
    assert (shown.code, len(shown.err.splitlines())) == (code, 1)
    assert not (tmp_path / "units").exists()


def test_a_password_is_for_its_owner_alone(mingus: CommandLine, tmp_path: Path) -> None:
    shown = mingus("supervisor", "--output", str(tmp_path / "s"), MINGUS_REDIS_URL="redis://:secret%40@db/0")
    assert "secret" not in shown.out + shown.err
    written = tmp_path / "s" / "mingus.conf"
    assert "secret%%40" in written.read_text()
    assert written.stat().st_mode & 0o077 == 0


def test_a_password_does_not_go_into_a_file_that_all_may_read(mingus: CommandLine, tmp_path: Path) -> None:
    written = tmp_path / "mingus.conf"
    written.write_text("before")
    written.chmod(0o644)
    url = "redis://:secret@db/0"
    assert mingus("supervisor", "--output", str(tmp_path), "--force", MINGUS_REDIS_URL=url).code == 0
    assert "secret" in written.read_text()
    assert written.stat().st_mode & 0o077 == 0


def test_what_is_in_the_way_is_named(mingus: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mingus.conf").write_bytes(b"\xff\x00")
    assert mingus("supervisor", "--output", str(tmp_path)).code == 5
    (tmp_path / "folder" / "mingus.conf").mkdir(parents=True)
    shown = mingus("supervisor", "--output", str(tmp_path / "folder"), "--force")
    assert (shown.code, "another --output" in shown.err) == (2, True)


@pytest.mark.parametrize("home", ['/a"b', "/a'b", "/a ;b", "/a\nb"])
def test_supervisord_is_not_given_what_it_cannot_read(home: str) -> None:
    with pytest.raises(UsageError, match="supervisord"):
        deploying.supervisor_files(plan(), Path(home), None)


def test_the_commands_to_type_are_quoted(tmp_path: Path) -> None:
    typed = "\n".join([*systemd.commands(plan(), Path("/a b")), *systemd.user_commands(plan(), Path("/a b"))])
    assert "'/a b/mingus.target'" in typed
    assert all(typed[at - 1] == "'" for at in (found.start() for found in re.finditer("/a b", typed)))


# compose


def test_the_compose_file_fits_the_schema(tmp_path: Path) -> None:
    files = deploying.compose_files(plan(), tmp_path, image="mingus:1", source="/src/a $b")
    found = yaml.safe_load(files["compose.yaml"])
    SCHEMA.validate(found)
    assert set(found["services"]) == {"redis", "scheduler", "dashboard"} | {
        q.replace("_", "-") for q in catalog.QUEUES
    }
    for name, service in found["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["cap_drop"] == ["ALL"]
    worker = found["services"]["article-processing"]
    assert worker["command"] == ["worker", "--queue", "article_processing"]
    assert worker["build"]["context"] == "/src/a $$b"
    assert "--appendonly" in found["services"]["redis"]["command"]
    assert [port for service in found["services"].values() for port in service.get("ports", [])] == [
        "127.0.0.1:9181:9181"
    ]


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    text = deploying.compose_files(plan(), tmp_path, image="mingus:1", source="/src")["compose.yaml"]
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(yaml.safe_load(text.replace("healthcheck:", "healthchek:")))


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = datafiles.text("deploy/Dockerfile").splitlines()
    assert "USER mingus" in lines
    assert lines.index("USER mingus") < next(
        n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT")
    )
    assert not [line for line in lines if re.match(r"(ADD|CURL|.*https?://)", line)]


# supervisord


@pytest.fixture
def supervised(mingus: CommandLine, tmp_path: Path) -> Iterator[Any]:
    """A real supervisord with the configuration that `mingus supervisor` wrote."""
    mingus.home.mkdir()
    written = mingus("supervisor", "--output", str(tmp_path), "--queue", "cleanup", "-q")
    assert written.code == 0, written.err
    (tmp_path / "supervisord.conf").write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={tmp_path}/log\npidfile={tmp_path}/pid\nchildlogdir={tmp_path}\n"
        f"[unix_http_server]\nfile={tmp_path}/s.sock\n[supervisorctl]\nserverurl=unix://{tmp_path}/s.sock\n"
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[include]\nfiles={tmp_path}/mingus.conf\n"
    )
    scripts = Path(sys.executable).parent
    # The installed command may be another checkout's: ours is put before it.
    daemon = subprocess.Popen(
        [scripts / "supervisord", "-c", tmp_path / "supervisord.conf"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=mingus.environment(PYTHONPATH=str(ROOT)),
    )  # fmt: skip

    def status() -> dict[str, tuple[str, int]]:
        # A line of its own each time: one that failed once is not used again.
        transport = SupervisorTransport(None, None, serverurl=f"unix://{tmp_path}/s.sock")
        server = ServerProxy("http://127.0.0.1", transport=transport)
        try:
            told: Any = server.supervisor.getAllProcessInfo()
        except OSError:
            return {}
        return {each["name"]: (each["statename"], each["pid"]) for each in told}

    yield status
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(timeout=60)
    assert not embedded.answers(mingus.home)


def test_a_real_supervisord_runs_them_and_starts_them_again(mingus: CommandLine, supervised: Any) -> None:
    there = {name for name, *_ in cli.COMMANDS}
    programs = ["mingus-cleanup", *(name for name, command in ANSWERS.items() if command in there)]

    def state(name: str) -> tuple[str, int]:
        found: tuple[str, int] = supervised().get(name, ("", 0))
        return found

    wait_for(lambda: all(state(name)[0] == "RUNNING" for name in programs), "all programs to run")
    assert set(supervised()) == {"mingus-cleanup", *ANSWERS}
    wait_for(lambda: embedded.answers_now(mingus.home), "Redis to answer")
    assert mingus("test", "--queue", "cleanup").code == 0
    before = supervised()
    for name in programs:
        # Pid 0 would be this test's own process group.
        assert before[name][1] > 1, f"{name} does not stay up: {before[name]}"
        os.kill(before[name][1], signal.SIGKILL)
    wait_for(
        lambda: all(state(name)[0] == "RUNNING" and state(name)[1] != before[name][1] for name in programs),
        "all programs to run again",
    )
    # Before it answers, a command of ours would start a Redis of its own in its place.
    wait_for(lambda: embedded.answers_now(mingus.home), "Redis to answer again")
    assert mingus("test", "--queue", "cleanup", "--timeout", "30s").code == 0
