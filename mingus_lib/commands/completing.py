"""What the shell offers when Tab is pressed: queues, states, tasks, ids of jobs, entries, breakers, keys."""

from __future__ import annotations

import typer


def queues(incomplete: str) -> list[tuple[str, str]]:
    """Queues by name."""
    # Here and below: each press of Tab is a process of its own, and loads what it offers alone.
    from mingus_lib.services import completing

    return completing.queues(incomplete)


def states(incomplete: str) -> list[tuple[str, str]]:
    """States of jobs."""
    from mingus_lib.services import completing

    return completing.states(incomplete)


def tasks(incomplete: str) -> list[tuple[str, str]]:
    """Tasks by name."""
    from mingus_lib.services import completing

    return completing.tasks(incomplete)


def jobs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of jobs in the library that the line names."""
    from mingus_lib.services import completing

    return completing.job_ids(incomplete, **_library(ctx))


def breakers(incomplete: str) -> list[tuple[str, str]]:
    """Circuit breakers by name."""
    from mingus_lib.services import completing

    return completing.breakers(incomplete)


def entries(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Entries of the timetable in use."""
    from mingus_lib.services import completing

    return completing.entries(incomplete, **_library(ctx))


def keys(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Valid keys of the library that the line names."""
    from mingus_lib.services import completing

    return completing.keys(incomplete, **_library(ctx))


def _library(ctx: typer.Context) -> dict[str, str | None]:
    # From the words of the line: while completing no callback runs, so that ctx.obj is not there.
    given = ctx.find_root().params
    return {"home": given.get("home"), "config": given.get("config")}
