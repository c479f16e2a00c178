"""The figures of the house, counted from the code, as the table in docs/architecture.md."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mingus_lib.view.reference import markdown_table

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("cli.py", "jobs", "mingus_lib")
LONG = 300
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """What is counted of a module; lines of a function are those of its body, without the docstring."""

    path: Path
    lines: int
    comments: int
    docstrings: int
    bodies: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure beside its budget: `limit` is a number, or None where there is none."""

    name: str
    value: float
    limit: float | None


def modules(*names: str) -> list[Module]:
    """The Python modules under these names, empty ones left out."""
    found = (path for name in names for path in _files(ROOT / name))
    return [module for path in found if (module := _read(path)).lines > 1]


def _files(path: Path) -> Sequence[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _read(path: Path) -> Module:
    text = path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    comments = sum(line.lstrip().startswith("#") for line in text.splitlines())
    docstrings = sum(_lines([body]) for node in nodes if (body := _docstring(node)))
    return Module(path, len(text.splitlines()), comments, docstrings, tuple(_bodies(nodes)))


def _bodies(nodes: Sequence[ast.AST]) -> Iterator[int]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (body := _without_docstring(node)):
            yield _lines(body)


def _docstring(node: ast.AST) -> ast.stmt | None:
    return node.body[0] if isinstance(node, Documented) and ast.get_docstring(node) is not None else None


def _without_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return node.body[1:] if _docstring(node) else node.body


def _lines(body: Sequence[ast.stmt]) -> int:
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@cache
def figures() -> Sequence[Figure]:
    """Every figure with its budget."""
    source, tests = modules(*SOURCES), modules("tests")
    lines = sum(each.lines for each in source)
    bodies = [body for each in source for body in each.bodies]
    return [
        Figure("lines of a module, median", statistics.median(each.lines for each in source), 100),
        Figure("lines of a function's body, median", statistics.median(bodies), 6),
        Figure("lines of a function's body, 95th percentile", statistics.quantiles(bodies, n=20)[-1], 25),
        Figure(
            "modules over 300 lines, each with its reason", sum(each.lines > LONG for each in source), None
        ),
        Figure("comment lines in 100", 100 * sum(each.comments for each in source) / lines, None),
        Figure("lines of docstrings in 100", 100 * sum(each.docstrings for each in source) / lines, None),
        Figure("lines of tests for a line of code", sum(each.lines for each in tests) / lines, None),
    ]


def table() -> str:
    """The table of docs/architecture.md, rounded so that not every change alters it."""
    rows = ((each.name, f"{each.value:.3g}", f"{each.limit:g}" if each.limit else "") for each in figures())
    return markdown_table(("Figure", "Now", "At most"), rows)


if __name__ == "__main__":
    print(table(), end="")
