"""Environments for the peers, under build/: made when they are first needed, renewed when their list changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"


def python_with(name: str, *packages: str) -> str:
    """The Python of build/NAME, which has these packages."""
    folder = BUILD / name
    python, installed = folder / "bin" / "python", folder / "packages.txt"
    wanted = "\n".join(packages)
    if not installed.exists() or installed.read_text("utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        installed.write_text(wanted, "utf-8")
    return str(python)
