"""The fuzzer's targets over their seeds, and over everything that it found before; `make fuzz` goes on from there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fuzz import NAMES
from tests.fuzz_targets import TARGETS, found_before

SEEDS = 12


def test_every_target_is_run_by_make_fuzz() -> None:
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_old_finds_are_held(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert seeds
    for data in [*seeds[:: max(1, len(seeds) // SEEDS)], *(path.read_bytes() for path in found_before(name))]:
        target.run(data[: target.longest])
        target.run(data[: len(data) // 2])


def test_a_target_that_fails_is_told(tmp_path: object) -> None:
    """The runner's own end: a process that fails is an exit code and a name."""
    command = [sys.executable, "-m", "tests.fuzz", "robots", "--minutes", "0.02", "--engine", "hypothesis"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (shown.returncode, "1 of 1 targets held" in shown.stdout) == (0, True), shown.stdout + shown.stderr
