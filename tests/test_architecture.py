"""The doorways: which room may know which, and what start-up may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from docs import house

ROOT = Path(__file__).resolve().parent.parent
LIB = ROOT / "mingus_lib"
MODULES = sorted([*LIB.rglob("*.py"), *(ROOT / "jobs").glob("*.py"), ROOT / "cli.py"])

# Who may import whom, apart from runtime.py; errors and settings are open to all rooms but domain.
ALLOWED = {
    "domain": {"domain", "errors"},
    "store": {"store", "domain", "errors", "sharing"},
    "queues": {"queues", "domain", "errors", "sharing"},
    "clients": {"clients", "domain", "errors"},
    "services": {"services", "store", "queues", "clients", "domain", "errors", "settings"},
    "view": {"view", "domain", "errors", "settings"},
    "commands": {
        "commands",
        "services",
        "view",
        "runtime",
        "queues",
        "domain",
        "errors",
        "settings",
        "logs",
        "dashboard",
    },
    "dashboard": {"dashboard", "services", "view", "runtime", "queues", "domain", "errors", "settings"},
}
LIBRARY_HOMES = {
    "sqlite3": {"store"},
    "sqlite_utils": {"store"},
    "rq": {"queues"},
    "redis": {"queues"},
    "requests": {"clients"},
    "imaplib": {"clients"},
    "imapclient": {"clients"},
    "openai": {"clients"},
    "flask": {"dashboard"},
    "waitress": {"dashboard"},
}
HEAVY = (
    "openai",
    "lxml",
    "readability",
    "numpy",
    "scipy",
    "sqlite_utils",
    "rq",
    "requests",
    "pydantic",
    "rich",
    "flask",
)


@cache
def imports(path: Path, *, run_time_only: bool = False) -> frozenset[str]:
    """Dotted names of everything the module imports, also inside functions."""
    tree = ast.parse(path.read_text("utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    if run_time_only:
        found -= _type_only(tree)
    return frozenset(found)


def _type_only(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.module:
                    found |= {inner.module, *(f"{inner.module}.{alias.name}" for alias in inner.names)}
    return found


def room(path: Path) -> str:
    parts = path.relative_to(LIB).parts if path.is_relative_to(LIB) else ()
    return parts[0].removesuffix(".py") if parts else ""


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) in ALLOWED], ids=str)
def test_arrows_point_down(path: Path) -> None:
    used = {
        name.split(".")[1] for name in imports(path, run_time_only=True) if name.startswith("mingus_lib.")
    }
    used -= {"__version__"}
    assert used <= ALLOWED[room(path)], f"{path}: {used - ALLOWED[room(path)]}"


@pytest.mark.parametrize("library", sorted(LIBRARY_HOMES))
def test_each_library_lives_in_one_room(library: str) -> None:
    users = {
        room(path)
        for path in MODULES
        if any(name.split(".")[0] == library for name in imports(path, run_time_only=True))
    }
    assert users <= LIBRARY_HOMES[library]


def test_the_library_never_imports_jobs() -> None:
    users = [
        path for path in LIB.rglob("*.py") if any(name.split(".")[0] == "jobs" for name in imports(path))
    ]
    assert users == []


def test_only_the_store_speaks_sql() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE job_runs", "DELETE FROM")
    speakers = {room(path) for path in MODULES if any(word in path.read_text("utf-8") for word in words)}
    assert speakers <= {"store"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\nsys.argv = ['mingus']\n{statement}\nprint('\\n'.join(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return {name.split(".")[0] for name in shown.stdout.splitlines()}


def test_start_up_is_light() -> None:
    assert not loaded_by("import cli") & set(HEAVY)


def test_status_loads_nothing_heavy() -> None:
    run = (
        "sys.argv = ['mingus', '--home', '/nonexistent/home', 'status', '--json']\n"
        "import cli\ntry:\n    cli.main()\nexcept SystemExit as end:\n    assert end.code == 0"
    )
    assert not loaded_by(run) & set(HEAVY)


def test_no_import_cycles() -> None:
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES}
    known = {name.removesuffix(".__init__"): path for path, name in names.items()}
    graph = {name: top_level_imports(path) & set(known) for name, path in known.items()}
    visited: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert visited.get(name) != 1, " -> ".join([*trail, name])
        if name in visited:
            return
        visited[name] = 1
        for target in graph[name] - {name}:
            visit(target, (*trail, name))
        visited[name] = 2

    for name in graph:
        visit(name, ())


def test_functions_are_small() -> None:
    over = [each for each in house.figures() if "body" in each.name and each.value > (each.limit or 0)]
    assert over == []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_long_module_says_why(path: Path) -> None:
    text = path.read_text("utf-8")
    if text.count("\n") > house.LONG:
        assert re.search(r"Longer than 300 lines\b.*: ", ast.get_docstring(ast.parse(text)) or ""), path


def top_level_imports(path: Path) -> set[str]:
    """What the module imports when it is loaded itself."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
