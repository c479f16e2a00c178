"""Run every benchmark beside its peers, and write what they say to docs/benchmarks.md, with plots.

    python benchmarks/run.py [--quick] [--only NAME]... [--pages DIR] [--ratings FILE]

With --only the page is build/benchmarks.md, so that a part does not replace the whole.

A claim that does not hold stands there as one. A benchmark that fails is named with its last words, and the exit code
is 1. --quick takes about ten minutes, with smaller stores and fewer rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import plots
from machine import machine

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
PART = HERE.parent / "build" / "benchmarks.md"
OWN = ("redis", "rq", "rq-scheduler", "typer", "sqlite-utils", "trafilatura", "readability-lxml", "scipy")
PEERS = {
    "build/peers": ("celery", "dramatiq", "huey", "rq"),
    "build/peers-recommend": ("implicit",),
    "build/peers-extract": ("newspaper4k",),
}


# Load a core up to which a machine counts as quiet.
QUIET = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """A benchmark, what it is given on a whole and on a quick run, and which of its tables are drawn as bars."""

    name: str
    heading: str
    whole: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    needs: str = ""


RUNS = (
    Run("start", "How soon a command answers", ("--runs", "15"), ("--runs", "5"), ("times rq info",)),
    Run("pipeline", "Addresses to articles", (), ("--pages", "150", "--sample", "20")),
    Run("extraction", "Text and metadata of pages", needs="pages"),
    Run("queues", "Jobs", (), ("--jobs", "600", "--queued", "50000"), ("jobs a second, median of 3",)),
    Run("store", "A large library", ("--articles", "1000000"), ("--articles", "30000")),
    Run("mail", "Mails", (), ("--mails", "60", "--megabytes", "100")),
    Run("labels", "Labels", (), ("--articles", "1000", "--asked", "100")),
    Run("recommendations", "Recommendations", ("--peers",),
        ("--readers", "2000", "--articles", "1000", "--events", "100000", "--peers")),
    Run("quality", "Quality of recommendations, beside peers", needs="ratings"),
    Run("analytics", "Analytics and reports", (), ("--events", "200000")),
    Run("cleanup", "Clean-up", (), ("--articles", "20000")),
    Run("operators", "Commands on a long history", (), ("--jobs", "50000", "--open", "5000", "--runs", "3")),
    Run("dashboard", "The dashboard on a long history", (), ("--jobs", "50000", "--queued", "5000", "--rounds", "8")),
    Run("timetable", "The timetable", (), ("--entries", "200")),
    Run("scheduler", "The scheduler", (), ("--entries", "200", "--idle", "5")),
    Run("footprint", "What the dependencies cost", ("--runs", "7"), ("--runs", "3")),
    Run("growth", "How cost grows", (), ("--quick",)),
)  # fmt: skip


@dataclass
class Outcome:
    """What a benchmark said, or why it said nothing."""

    run: Run
    seconds: float
    claims: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failure: str = ""


def carry_out(run: Run, told: argparse.Namespace) -> Outcome:
    """Run one benchmark as a process of its own."""
    given = list(run.quick if told.quick else run.whole)
    if run.needs:
        given += [f"--{run.needs}", str(getattr(told, run.needs))]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(HERE / f"{run.name}.py"), *given, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = Outcome(run, time.monotonic() - begun)
    try:
        said = json.loads(done.stdout)
        outcome.claims, outcome.figures = said["claims"], said["figures"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}, silent"])[-1]
        outcome.failure = last.replace(f"{HERE.parent}/", "")
    return outcome


def page(outcomes: list[Outcome], folder: Path, *, quick: bool, load: float) -> str:
    """The whole page, as Markdown; its pictures go to images/ in `folder`.

    `load`: the processes that wanted a core before the first benchmark.
    """
    kind = "A quick run, with small stores" if quick else "A whole run"
    claims = [(one.run, each) for one in outcomes for each in one.claims]
    parts = [
        "# Benchmarks",
        f"{kind}, made by `make bench{' QUICK=1' if quick else ''}` on {datetime.now(UTC):%Y-%m-%d}. "
        "Every figure stands beside its peer's from the same run; ratios are what to compare, since machines differ.",
        _busy(load),
        _left_out(outcomes),
        f"Machine: {machine().rpartition(', load')[0]}, load {load:.1f} before the run.",
        f"Versions: {', '.join(_versions())}.",
        "## All claims",
        f"{sum(each['holds'] for _, each in claims)} of {len(claims)} hold. Limits are for a machine with nothing else "
        "to do; those in times (x) are of a peer's figure or of another figure of ours, as named.",
        _table(
            ("of", "claim", "figure", "limit", "holds"),
            [(run.heading, *_claim(each)) for run, each in claims],
        ),
    ]
    for outcome in outcomes:
        parts += _section(outcome, folder / "images")
    return "\n\n".join(part for part in parts if part) + "\n"


def _busy(load: float) -> str:
    """A warning to the reader, where one is due."""
    if load <= QUIET * (os.cpu_count() or 1):
        return ""
    return (
        "**Other programs were busy on this machine**: what is measured in seconds says little, and a claim about "
        "time that does not hold here may hold on a quiet one. Run it again on yours."
    )


def _left_out(outcomes: list[Outcome]) -> str:
    """What this run did not measure, and how to."""
    ran = {outcome.run.name for outcome in outcomes}
    missing = [run for run in RUNS if run.name not in ran]
    if not missing:
        return ""
    ways = (f"{each.heading} (`{_way(each)}`)" for each in missing)
    return f"Not measured in this run: {', '.join(ways)}."


def _way(run: Run) -> str:
    return f"make bench {run.needs.upper()}=..." if run.needs else f"python benchmarks/{run.name}.py"


def _section(outcome: Outcome, images: Path) -> list[str]:
    run = outcome.run
    parts = [f"## {run.heading}", f"`benchmarks/{run.name}.py`, {outcome.seconds:.0f} s."]
    if outcome.failure:
        return [*parts, f"Could not be measured: {outcome.failure}"]
    for title, table in outcome.figures.items():
        rows = [(name, _shown(value)) for name, value in table.items()]
        if not rows:
            continue
        parts.append(_table((title, ""), rows))
        picture = images / f"bench-{run.name}-{_slug(title)}.svg"
        if title in run.bars:
            parts.append(_picture(picture, plots.bars(title, table), title))
        elif all(isinstance(value, Mapping) for value in table.values()):
            parts.append(_picture(picture, plots.curves(title, table), title))
    return parts


def _picture(file: Path, drawing: str, title: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(drawing)
    return f"![{title}]({file.parent.name}/{file.name})"


def _slug(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")


def _claim(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    unit = told["unit"]
    return (
        told["claim"],
        f"{_shown(told['figure'])}{unit}",
        f"{told['comparison']} {told['limit']:g}{unit}",
        "yes" if told["holds"] else "**no**",
    )


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _versions() -> list[str]:
    found = [f"Python {sys.version.split()[0]}", *(f"{name} {metadata.version(name)}" for name in OWN)]
    for folder, names in PEERS.items():
        python = HERE.parent / folder / "bin" / "python"
        if not python.exists():
            continue
        told = "from importlib.metadata import version; import sys; print(*map(version, sys.argv[1:]))"
        shown = subprocess.run([python, "-c", told, *names], capture_output=True, text=True, check=False)
        found += [f"{n} {v} (peer)" for n, v in zip(names, shown.stdout.split(), strict=False)]
    return found


def main() -> None:
    """Run all, write the page, say what did not hold; exit 1 when a benchmark failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=[run.name for run in RUNS])
    parser.add_argument("--pages", type=Path, help="a folder of pages with their truth, for extraction")
    parser.add_argument("--ratings", type=Path, help="a file of ratings, for the quality of recommendations")
    told = parser.parse_args()
    chosen = [
        run
        for run in RUNS
        if (not told.only or run.name in told.only) and (not run.needs or getattr(told, run.needs))
    ]
    outcomes, load = [], os.getloadavg()[0]
    written = PART if told.only else PAGE
    for number, run in enumerate(chosen, 1):
        print(f"{number}/{len(chosen)} {run.heading} ...", file=sys.stderr, flush=True)
        outcomes.append(carry_out(run, told))
        # After each: a run that is broken off has not measured in vain.
        written.parent.mkdir(exist_ok=True)
        written.write_text(page(outcomes, written.parent, quick=told.quick, load=load))
    for outcome in outcomes:
        if outcome.failure:
            print(f"{outcome.run.name}: {outcome.failure}")
        for claim in outcome.claims:
            if not claim["holds"]:
                print(f"does not hold: {' '.join(_claim(claim)[:3])}")
    print(f"Written: {written.relative_to(HERE.parent)}")
    sys.exit(any(outcome.failure for outcome in outcomes))


if __name__ == "__main__":
    main()
