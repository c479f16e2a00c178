"""The unit files of this machine: whether those that are installed would start."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mingus_lib.domain.checks import Finding, fail, ok, warn

FOLDERS = (
    Path("/etc/systemd/system"),
    Path("/usr/local/lib/systemd/system"),
    Path("/usr/lib/systemd/system"),
)
VERIFY_SECONDS = 20.0


def installed(folders: Sequence[Path] = FOLDERS) -> list[Path]:
    """Our unit files, the first of each name as systemd finds them."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("mingus*.service")):
            found.setdefault(path.name, path)
    return list(found.values())


def check(folders: Sequence[Path] = FOLDERS) -> Finding:
    """Whether every program they start is there, and systemd understands them."""
    units = installed(folders)
    if not units:
        return ok("unit-files", "none is installed")
    missing = [
        (unit, program) for unit in units for program in _programs(unit) if not os.access(program, os.X_OK)
    ]
    if missing:
        unit, program = missing[0]
        return fail(
            "unit-files", f"{unit.name} starts {program}, which is not there", "mingus systemd --output DIR"
        )
    complaints = _verified(units)
    if complaints:
        return warn("unit-files", complaints[0], f"systemd-analyze verify {units[0]}")
    return ok("unit-files", f"{len(units)} installed, {units[0].parent}")


def _programs(unit: Path) -> list[str]:
    try:
        lines = unit.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []  # systemd, which is asked next, says what is wrong with it
    commands = [line.partition("=")[2].lstrip("-@:+! ") for line in lines if line.startswith("ExecStart=")]
    return [command.split()[0].strip("\"'") for command in commands if command.strip()]


def _verified(units: Sequence[Path]) -> list[str]:
    """What systemd-analyze complains of in these files; nothing where it is missing."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return []
    # A template can be verified as an instance of it.
    names = [str(unit).replace("@.", "@cleanup.") if unit.exists() else str(unit) for unit in units]
    try:
        done = subprocess.run(  # noqa: S603
            [program, "verify", "--man=no", *names],
            capture_output=True,
            text=True,
            timeout=VERIFY_SECONDS,
            check=False,
        )
    # Its verdict is an extra: without it the other checks still count.
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in done.stderr.splitlines() if "mingus" in line]
