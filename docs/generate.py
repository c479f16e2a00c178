"""Write the generated pages of docs/ anew; `make docs` runs this, tests/test_docs.py compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs import task_reference
from mingus_lib.view import reference

DOCS = Path(__file__).resolve().parent

PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": reference.configuration,
    "tasks.md": task_reference.tasks,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
