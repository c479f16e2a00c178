"""Deploy: the settings, where each came from, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from mingus_lib import settings
from mingus_lib.commands.common import Json, Quiet
from mingus_lib.errors import MingusError
from mingus_lib.settings import Declaration, Examination, Finding, Settings
from mingus_lib.view import output
from mingus_lib.view.output import Column, Kind

app = typer.Typer(help="Show and check the settings.", no_args_is_help=True, add_completion=False)

COLUMNS = (
    Column("setting", "Setting", Kind.ID),
    Column("shown", "Value"),
    Column("origin", "Where from"),
)
FOUND_PROBLEM = 3


@app.command()
def show(ctx: typer.Context, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show every setting, its value and where that came from.

    Flags win over MINGUS_* variables, these over mingus.toml, that over the defaults. Passwords are masked.

    Example: mingus config show --json
    """
    # No runtime here and below: these commands are for settings with which none can be made.
    flags, config = _given(ctx)
    found = settings.load(flags, config=config)
    if as_json:
        output.value({"settings": [*map(_public, _rows(found))], "tasks": found.tasks})
        return
    rows = [*_rows(found), *_task_rows(found)]
    output.rows(rows, COLUMNS, output.choose(quiet=quiet), id_key="setting")


@app.command()
def check(ctx: typer.Context, as_json: Json = False) -> None:
    """Report everything wrong with the settings, one problem a line; exit 3 if there is any.

    Example: mingus --config ./mingus.toml config check
    """
    flags, config = _given(ctx)
    examined = settings.examine(flags, config=config)
    # The room of settings may not know the catalog, so that names of tasks are checked here.
    problems = [*examined.findings, *_unknown_tasks(examined.settings)]
    if as_json:
        output.value(_as_json(examined, problems))
    else:
        output.lines(problem.message for problem in problems)
        output.message(_summary(examined, len(problems)))
    if problems:
        raise typer.Exit(FOUND_PROBLEM)


def _given(ctx: typer.Context) -> tuple[dict[str, str | None], str | None]:
    given = ctx.obj or {}
    return given.get("flags", {}), given.get("config")


def _rows(found: Settings) -> list[dict[str, Any]]:
    return [
        _row(each, getattr(found, each.name), found.origin(each.name)) for each in settings.declarations()
    ]


def _row(each: Declaration, value: Any, origin: str) -> dict[str, Any]:
    shown = each.shown(value)
    return {
        "setting": each.name,
        # Masked in JSON as well, which ends up in logs and reports of faults.
        "value": shown if each.secret and value is not None else value,
        "shown": shown,
        "origin": origin,
        "variable": each.env,
        "key": each.key,
    }


def _public(row: dict[str, Any]) -> dict[str, Any]:
    """A row of --json: the value itself, without its form for people."""
    return {key: row[key] for key in row if key != "shown"}


def _task_rows(found: Settings) -> Iterator[dict[str, Any]]:
    for task, table in found.tasks.items():
        for key, value in table.items():
            name = f"tasks.{task}.{key}"
            yield {"setting": name, "shown": value, "origin": found.origin(name)}


def _unknown_tasks(found: Settings | None) -> Iterator[Finding]:
    if found is None or not found.tasks:
        return
    from mingus_lib.queues import catalog

    for task, table in found.tasks.items():
        try:
            catalog.find(task)
        except MingusError as error:
            # A table has no place of its own: that of its first key names the line.
            yield Finding(f"{found.origin(f'tasks.{task}.{next(iter(table))}')}: {error}")


def _as_json(examined: Examination, problems: list[Finding]) -> dict[str, Any]:
    return {
        "ok": not problems,
        "problems": [problem._asdict() for problem in problems],
        "files_read": examined.files_read,
        "files_absent": examined.files_absent,
    }


def _summary(examined: Examination, count: int) -> str:
    read = f"Read {_listed(examined.files_read)}." if examined.files_read else "No mingus.toml was found."
    looked = f" Not there: {_listed(examined.files_absent)}." if examined.files_absent else ""
    verdict = f"{count} problem{'s' * (count > 1)}" if count else "All is well"
    return f"{verdict}. {read}{looked}"


def _listed(paths: tuple[Path, ...]) -> str:
    return ", ".join(map(str, paths))
