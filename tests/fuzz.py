"""`make fuzz MINUTES=10 [TARGET=mail]`: bytes thrown at every target, one after another, guided by coverage (atheris).

Each target runs in a process of its own, so that a crash, an endless loop (10 s for one input) or a flood of memory
(2 GB) ends that process alone and leaves its input in build/fuzz/TARGET/. Where atheris is not installed, hypothesis
mutates the seeds. Exit 1 when something was found: make it a file of tests/fuzz/TARGET/, then mend it.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build/fuzz"
NAMES = ("address", "html", "mail", "robots", "timetable", "arguments", "answer", "redis")
# Seconds for one input, bytes of memory for the process.
PATIENCE, MEMORY_MB = 10, 2048
ENGINES = ("atheris", "hypothesis")


def main() -> int:
    """Run the targets that were asked for; 1 when one failed."""
    given = _given()
    if given.inside:
        return _inside(given.target, given.engine, given.seconds)
    engine = given.engine or ("atheris" if importlib.util.find_spec("atheris") else "hypothesis")
    if engine != "atheris":
        print("atheris is not installed: hypothesis mutates the seeds instead")
    names = [given.target] if given.target else NAMES
    failed = [name for name in names if not _run(name, engine, given.minutes * 60)]
    print(
        f"{len(names) - len(failed)} of {len(names)} targets held"
        + (f"; not: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", nargs="?", choices=[*NAMES, []], default=None)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target")
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60.0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(name: str, engine: str, seconds: float) -> bool:
    """One target in a process of its own; whether it held. Its log and finds are in build/fuzz/NAME."""
    folder = PLACE / name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        name,
        "--inside",
        "--engine",
        engine,
        "--seconds",
        str(seconds),
    ]
    begun = time.monotonic()
    with log.open("wb") as output:
        code = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False).returncode
    text = log.read_text("utf-8", "replace")
    runs = [int(each) for each in re.findall(r"(?:#|Done )(\d+)", text)]
    told = f"{name:10} {max(runs, default=0):>10,} inputs in {time.monotonic() - begun:.0f} s"
    print(f"{told}: {'held' if code == 0 else f'FAILED, see {log.relative_to(ROOT)}'}", flush=True)
    if code != 0:
        print("  " + "\n  ".join(text.strip().splitlines()[-15:]))
    return code == 0


def _inside(name: str, engine: str, seconds: float) -> int:
    return _by_atheris(name, seconds) if engine == "atheris" else _by_hypothesis(name, seconds)


def _by_atheris(name: str, seconds: float) -> int:
    import atheris

    with atheris.instrument_imports(include=["mingus_lib", "jobs", "protego", "cronsim"]):
        from tests import fuzz_targets
    target = fuzz_targets.TARGETS[name]
    corpus = PLACE / name / "corpus"
    seeds = PLACE / name / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / f"{number:04}").write_bytes(seed[: target.longest])
    # What is imported only when it is needed is no part of the time of an input.
    target.run(b"")
    options = [
        f"-max_total_time={seconds:.0f}", f"-timeout={PATIENCE}", f"-rss_limit_mb={MEMORY_MB}",
        f"-max_len={target.longest}", f"-artifact_prefix={PLACE / name}/", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus), str(seeds)], target.run)
    atheris.Fuzz()
    return 0


def _by_hypothesis(name: str, seconds: float) -> int:
    """Seeds with pieces changed, cut, doubled and exchanged; hypothesis shrinks what fails."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from tests.fuzz_targets import TARGETS

    target = TARGETS[name]
    seeds = [seed[: target.longest] for seed in target.seeds()]
    chance = random.Random(0)
    count = 0
    end = time.monotonic() + seconds

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(seeds),
        st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=8)), max_size=8),
    )
    def hold(seed: bytes, changes: list[tuple[int, bytes]]) -> None:
        nonlocal count
        count += 1
        for at, piece in changes:
            at %= len(seed) + 1
            seed = seed[:at] + piece + seed[at + chance.choice((0, len(piece), 2 * len(piece))) :]
        begun = time.monotonic()
        target.run(seed[: target.longest])
        assert time.monotonic() - begun < PATIENCE, "too slow"

    while time.monotonic() < end:
        hold()
    print(f"Done {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
