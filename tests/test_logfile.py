"""The log file: one line a write, rotated by whoever finds it full, shared by many processes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mingus_lib import logs
from mingus_lib.errors import UsageError
from mingus_lib.logfile import LogFile
from tests.conftest import ROOT, CommandLine

WRITER = """
import logging, sys
from pathlib import Path
from mingus_lib.logfile import LogFile
log = logging.getLogger("writer")
log.propagate = False
log.addHandler(LogFile(Path(sys.argv[1]), max_bytes=20_000, backups=200))
for number in range(400):
    log.error("%s %d %s", sys.argv[2], number, "x" * 200)
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    logger = logging.getLogger("logfile-test")
    logger.propagate = False
    yield logger
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def test_it_is_private_and_rotated(tmp_path: Path, log: logging.Logger) -> None:
    path = tmp_path / "mingus.log"
    log.addHandler(LogFile(path, max_bytes=100, backups=2))
    for number in range(40):
        log.error("line %02d", number)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {
        "mingus.log", "mingus.log.1", "mingus.log.2", "mingus.log.lock",
    }  # fmt: skip
    kept = "".join((tmp_path / name).read_text() for name in ("mingus.log.2", "mingus.log.1", "mingus.log"))
    assert kept.splitlines() == [f"line {number:02d}" for number in range(40)][-len(kept.splitlines()) :]


def test_many_processes_lose_no_line_and_tear_none(tmp_path: Path) -> None:
    path = tmp_path / "mingus.log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"w{n}"], cwd=ROOT) for n in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    files = [each for each in tmp_path.iterdir() if not each.name.endswith(".lock")]
    assert len(files) > 10, "it was not rotated"
    found = sorted(line for each in files for line in each.read_text().splitlines())
    assert found == sorted(f"w{n} {number} {'x' * 200}" for n in range(4) for number in range(400))


def test_a_file_that_logrotate_moved_is_opened_anew(tmp_path: Path, log: logging.Logger) -> None:
    path = tmp_path / "mingus.log"
    log.addHandler(LogFile(path))
    log.error("before")
    path.rename(tmp_path / "moved")
    log.error("after")
    assert ((tmp_path / "moved").read_text(), path.read_text()) == ("before\n", "after\n")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the log file"):
        LogFile(tmp_path / "no" / "folder.log")


def test_setup_sends_lines_to_the_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.setup("info", "text", sys.stderr, {}, file=tmp_path / "mingus.log")
        logging.getLogger("mingus.worker").info("hello", extra={"job_id": "j1", "duration": 0.5})
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert (tmp_path / "mingus.log").read_text().endswith("mingus.worker: hello job_id=j1 duration=0.500\n")
    assert "hello" not in capsys.readouterr().err


def test_a_worker_s_lines_tell_the_job(mingus: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "mingus.log"
    (job_id,) = mingus("enqueue", "ping", "--queue", "cleanup", "-q").out.split()
    shown = mingus("--log-file", str(path), "worker", "--burst")
    assert (shown.code, shown.err) == (0, "")
    lines = path.read_text().splitlines()
    (done,) = [line for line in lines if "finished" in line]
    assert f"job_id={job_id} task=ping queue=cleanup attempt=1 duration=" in done


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_the_environment_names_the_file(mingus: CommandLine) -> None:
    shown = mingus("status", MINGUS_LOG_FILE="/proc/mingus.log")
    assert shown.code == 2


def test_a_bad_log_file_is_one_line(mingus: CommandLine) -> None:
    shown = mingus("status", MINGUS_LOG_FILE="/nowhere/mingus.log")
    assert shown.code == 2
    assert len(shown.err.splitlines()) == 1
