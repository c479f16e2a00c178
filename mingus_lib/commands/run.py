"""Run: the processes that do the work."""

from __future__ import annotations

from typing import Annotated

import typer

from mingus_lib import runtime
from mingus_lib.commands import completing
from mingus_lib.commands.common import runtime_of
from mingus_lib.runtime import Runtime
from mingus_lib.services import working
from mingus_lib.view import output

app = typer.Typer(add_completion=False)

Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        help="Take jobs from this queue; repeat it. All, when left out.",
        autocompletion=completing.queues,
    ),
]
Concurrency = Annotated[int, typer.Option("--concurrency", "-c", min=1, max=256, help="How many processes.")]
LogLevel = Annotated[
    str | None,
    typer.Option("--loglevel", "--log-level", help="debug, info, warning or error.", metavar="LEVEL"),
]


@app.command()
def worker(
    ctx: typer.Context,
    queue: Queues = None,
    concurrency: Concurrency = 1,
    loglevel: LogLevel = None,
    background: Annotated[
        bool, typer.Option("--background", help="Detach; log to the state directory.")
    ] = False,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is queued or running.")] = False,
    wait_scheduled: Annotated[
        bool, typer.Option("--wait-scheduled", help="With --burst: wait for jobs scheduled for later, too.")
    ] = False,
    max_jobs: Annotated[int | None, typer.Option("--max-jobs", min=1, help="End after so many jobs.")] = None,
    fair: Annotated[
        bool, typer.Option("--fair", help="Take from the given queues in turn, not in order.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="Its name; -1, -2 ... are added when there are more.")
    ] = None,
) -> None:
    """Run workers.

    Queues are served in the order given; without --queue, all of them in turn. SIGTERM or Ctrl-C
    lets running jobs finish; a second one does not wait.

    Example: mingus worker --queue article_processing --concurrency 2
    """
    here = runtime_of(ctx, loglevel=loglevel)
    # Checked here, also for the background: a slip is told on this terminal, and not in a log.
    order = working.order(
        queue or [],
        concurrency,
        burst=burst,
        wait_scheduled=wait_scheduled,
        max_jobs=max_jobs,
        fair=fair,
        name=name,
    )
    if background:
        pid, log = working.start_in_background(
            here,
            "worker",
            # What led here by a flag is in no environment: without it the worker finds another library.
            working.arguments(here.settings, order, config=(ctx.obj or {}).get("config"), loglevel=loglevel),
        )
        output.lines([str(pid)])
        output.message(
            f"A worker runs in the background with pid {pid}; stop it with: kill {pid}. Log: {log}"
        )
        return
    raise typer.Exit(working.run_workers(here, order, _renewer(here)))


@app.command()
def scheduler(
    ctx: typer.Context,
    loglevel: LogLevel = None,
    background: Annotated[
        bool, typer.Option("--background", help="Detach; log to the state directory.")
    ] = False,
) -> None:
    """Run the scheduler: turn the timetable's slots into jobs.

    Any number may run; one leads. The timetable is read again when it changes, or on SIGHUP. `beat` is the same.

    Example: mingus scheduler --background
    """
    from mingus_lib.services import scheduling

    here = runtime_of(ctx, loglevel=loglevel)
    if not background:
        scheduling.run_scheduler_service(here)
        return
    # A fault of the timetable is told here, and not in the log of a process that has gone.
    scheduling.check(here)
    given = [*working.common_arguments(here.settings, (ctx.obj or {}).get("config")), "scheduler"]
    pid, log = working.start_in_background(
        here, "scheduler", given + (["--loglevel", loglevel] if loglevel else [])
    )
    output.lines([str(pid)])
    output.message(f"A scheduler runs in the background with pid {pid}; stop it with: kill {pid}. Log: {log}")


@app.command()
def up(
    ctx: typer.Context, queue: Queues = None, concurrency: Concurrency = 2, loglevel: LogLevel = None
) -> None:
    """Run Redis, workers and the scheduler here, until Ctrl-C.

    Redis is stopped again if this command started it and nobody else is connected.

    Example: mingus up --concurrency 4
    """
    here = runtime_of(ctx, loglevel=loglevel)
    order = working.order(queue or [], concurrency)
    raise typer.Exit(working.run_up(here, order, _renewer(here)))


def _renewer(here: Runtime) -> working.Renew:
    # Made the current one, for which jobs ask; its patience is less than the silence that counts as death.
    return lambda: runtime.use(Runtime(here.settings, busy_timeout=working.BUSY_SECONDS))
