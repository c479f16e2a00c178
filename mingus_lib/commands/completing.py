"""What the shell offers when Tab is pressed: queues, states, tasks and ids of jobs."""

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

    # From the words of the line: while completing no callback runs, so that ctx.obj is not there.
    given = ctx.find_root().params
    return completing.job_ids(incomplete, home=given.get("home"), config=given.get("config"))
