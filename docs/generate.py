"""Write the generated pages and tables of docs/ anew; `make docs` runs this, tests/test_docs.py compares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import typer

import cli
from docs import house, task_reference
from mingus_lib.view import manual, reference

DOCS = Path(__file__).resolve().parent


def man_page() -> str:
    """mingus(1), which the wheel installs."""
    commands = {name: (panel, cli._load(name)) for name, _, panel, _ in cli.COMMANDS}
    return manual.page(commands, typer.main.get_command(cli.app).params)


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": reference.configuration,
    "tasks.md": task_reference.tasks,
    "mingus.1": man_page,
}
# What a page holds between <!-- figures --> and the next empty comment.
FIGURES = re.compile(r"(?<=<!-- figures -->\n\n).*?(?=\n<!-- -->)", re.DOTALL)


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
        print(f"docs/{name}")
    architecture = DOCS / "architecture.md"
    architecture.write_text(FIGURES.sub(house.table(), architecture.read_text("utf-8")), "utf-8")
    print("docs/architecture.md: its figures")


if __name__ == "__main__":
    main()
