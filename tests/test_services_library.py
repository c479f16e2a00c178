"""Taking things out of the library into files: whole or not at all, and never in the place of a device."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mingus_lib.errors import UsageError
from mingus_lib.services import library, person
from mingus_lib.services.library import ExportFormat

ROWS = [{"id": 1, "title": "One"}, {"id": 2, "title": "Two"}]
LINES = '{"id": 1, "title": "One"}\n{"id": 2, "title": "Two"}\n'


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError):
        library.export((ROWS[each] for each in (0, 1 // 0)), str(path), ExportFormat.JSONL)
    assert path.read_text() == "before"
    assert library.export(ROWS, str(path), ExportFormat.JSONL) == 2
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == (LINES, ["out.jsonl"])


def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    path, read = tmp_path / "pipe", list[str]()
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    library.export(ROWS, str(path), ExportFormat.JSONL)
    reader.join(10)
    assert read == [LINES]
    assert path.is_fifo()


@pytest.mark.parametrize("name", ["", ".", "/", "missing/out.csv", "a" * 300])
def test_what_is_no_place_for_a_file_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot write"):
        library.export(ROWS, name, ExportFormat.CSV)
    assert not any(tmp_path.iterdir())


def test_who_has_no_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert person.login_name() == f"uid {os.getuid()}"
    monkeypatch.setenv("LOGNAME", "ada")
    assert person.login_name() == "ada"
