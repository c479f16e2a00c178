"""`make mutants MODULE=pricing`: small changes of one module of domain/, each tried by the module's own tests.

cosmic-ray makes the changes, in a copy of the project (build/mutants). What survives is a rule that no test holds, or a
change that changes nothing: look at each. A module in a folder is named with it: MODULE=recommend/rerank. Its tests are
found by their names, or given: FILES="tests/test_a.py tests/test_b.py". One to four seconds a change.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOMAIN = Path("mingus_lib/domain")
PLACE = ROOT / "build/mutants"
COSMIC_RAY = "cosmic-ray==8.7.0"
# Beyond this a change has made an endless loop.
PATIENCE_SECONDS = 60
LOOK_SECONDS = 2
CONFIG = """
[cosmic-ray]
module-path = {module}
timeout = {timeout}
excluded-modules = []
test-command = {command}
[cosmic-ray.distributor]
name = "local"
"""


def main() -> int:
    """Try every change; 1 when one survived."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module", help="of mingus_lib/domain, such as pricing or recommend/rerank")
    parser.add_argument("files", nargs="*", help="its tests; those of its name when there are none")
    given = parser.parse_args()
    module = DOMAIN / f"{given.module}.py"
    files = given.files or _tests_of(module)
    if not (ROOT / module).is_file() or not files:
        parser.error(f"{module} and its tests: no such files")
    return _report(_tried(module, files))


def _tests_of(module: Path) -> list[str]:
    names = module.relative_to(DOMAIN).with_suffix("").parts
    patterns = (
        f"test_domain_{'_'.join(names)}.py",
        f"test_{'_'.join(names)}.py",
        f"test_domain_{names[0]}.py",
    )
    return sorted({f"tests/{path.name}" for each in patterns for path in (ROOT / "tests").glob(each)})


def _tried(module: Path, files: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each change with its diff and whether it survived."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from peers import python_with

    copy = PLACE / "project"
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "build", "dist", "__pycache__")
    )
    command = f"{sys.executable} -m pytest -x -q -o addopts= -p no:cacheprovider --hypothesis-seed=0 {' '.join(files)}"
    config = CONFIG.format(
        module=json.dumps(str(module)), timeout=PATIENCE_SECONDS, command=json.dumps(command)
    )
    (copy / "mutants.toml").write_text(config, "utf-8")
    tool = Path(python_with("mutants-tools", COSMIC_RAY)).with_name("cosmic-ray")
    for step in (["init", "mutants.toml", "session"], ["baseline", "mutants.toml"]):
        subprocess.run([tool, *step], cwd=copy, check=True)
    with subprocess.Popen([tool, "exec", "mutants.toml", "session"], cwd=copy) as trying:
        while trying.poll() is None:
            print(f"\r{_so_far(copy / 'session')}", end="", file=sys.stderr, flush=True)
            with suppress(subprocess.TimeoutExpired):
                trying.wait(LOOK_SECONDS)
    print(file=sys.stderr)
    if trying.returncode:
        sys.exit(f"cosmic-ray ended with {trying.returncode}")
    dump = subprocess.run([tool, "dump", "session"], cwd=copy, check=True, capture_output=True, text=True)
    for line in dump.stdout.splitlines():
        change, result = json.loads(line)
        yield {**change["mutations"][0], **result}


def _so_far(session: Path) -> str:
    with closing(sqlite3.connect(session)) as found:
        all_of_them, done = (
            found.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("work_items", "work_results")
        )
    return f"{done} of {all_of_them} changes tried"


def _report(tried: Iterator[dict[str, Any]]) -> int:
    found = list(tried)
    survived = [each for each in found if each["test_outcome"] == "survived"]
    for each in survived:
        print(each["diff"])
    print(f"{len(found) - len(survived)} of {len(found)} changes were noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
