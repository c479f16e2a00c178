"""What is built carries all that runs: code, data, the timetable and the command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    assert list(folder.glob("*.tar.gz")), "no source distribution"
    return zipfile.ZipFile(built)


def test_the_wheel_of_the_source_distribution_has_every_file(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    code = [*ROOT.glob("mingus_lib/**/*.py"), *ROOT.glob("jobs/*.py"), ROOT / "cli.py"]
    data = [path for path in ROOT.glob("mingus_lib/data/**/*") if path.is_file()]
    assert {path.relative_to(ROOT).as_posix() for path in [*code, *data]} <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]


def test_the_timetable_in_the_wheel_is_the_one_at_the_top(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("mingus_lib/data/schedules.toml") == (ROOT / "schedules.toml").read_bytes()


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert b"mingus = cli:main" in wheel.read(points)


def test_the_wheel_brings_unit_files_and_the_manual_page(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    units = [path for path in (ROOT / "systemd").rglob("*") if path.is_file()]
    assert len(units) >= 7
    for path in units:
        inside = f"mingus_lib/data/systemd/{path.relative_to(ROOT / 'systemd').as_posix()}"
        assert wheel.read(inside) == path.read_bytes()
    (page,) = [name for name in names if name.endswith("share/man/man1/mingus.1")]
    assert wheel.read(page) == (ROOT / "docs/mingus.1").read_bytes()
