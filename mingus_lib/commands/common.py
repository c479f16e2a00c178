"""What every command shares: its runtime, the common options, questions before danger."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from mingus_lib import logs, runtime, settings
from mingus_lib.commands import completing
from mingus_lib.errors import Refused
from mingus_lib.runtime import Runtime
from mingus_lib.view import output
from mingus_lib.view.looks import wish

if TYPE_CHECKING:
    from typer._click import Context


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print ids only.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="Show at most so many.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the end, showing progress; exit 1 if any failed.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")]

# Which jobs: the filters of jobs, cancel and dead, which all narrow.
JobIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...", help="Jobs by id, or the beginning of one.", autocompletion=completing.jobs
    ),
]
OfTask = Annotated[
    str | None, typer.Option("--task", "-t", help="Only jobs of this task.", autocompletion=completing.tasks)
]
OfQueue = Annotated[
    str | None, typer.Option("--queue", help="Only jobs of this queue.", autocompletion=completing.queues)
]
OfError = Annotated[
    str | None, typer.Option("--error", metavar="TEXT", help="Only jobs whose reason contains this.")
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only older jobs: 30s, 90m, 12h or 2d.")
]
NewerThan = Annotated[
    str | None, typer.Option("--newer-than", metavar="AGE", help="Only newer jobs: 30s, 90m, 12h or 2d.")
]
AtMost = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, max=1_000_000, help="At most so many, the oldest first.")
]
AllJobs = Annotated[bool, typer.Option("--all", help="All of them, or all that the filters choose.")]


class ListsByDefault(TyperGroup):
    """A group that lists when no command is named: `mingus workers --json` is `mingus workers list --json`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """The words after the group's name, with `list` before options alone."""
        asked = bool(args) and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        # Completion wants the commands.
        return super().parse_args(ctx, args if asked or ctx.resilient_parsing else ["list", *args])


def runtime_of(ctx: typer.Context, *, loglevel: str | None = None, **more: str | None) -> Runtime:
    """The process's runtime, made from the global flags and `more` settings; logging is set up with it."""
    given = ctx.obj or {"flags": {}, "config": None}
    flags = {**given["flags"], "log_level": loglevel, **more}
    config = Path(given["config"]) if given["config"] else None
    here = runtime.use(Runtime(settings.load(flags, config=config)))
    # The catalog imports every job and pydantic, which most commands do without.
    if here.settings.tasks:
        from mingus_lib.queues import catalog

        catalog.configure(here.settings.tasks)
    told = here.settings
    logs.setup(told.log_level, told.log_format, sys.stderr, file=told.log_file)
    ctx.call_on_close(here.close)
    return here


def confirm(question: str, *, yes: bool, fix: str = "add --yes") -> None:
    """Ask before danger: on a terminal a question, elsewhere --yes is needed. Raises Refused for a no."""
    if yes:
        return
    # Where the question is shown and where it is answered; the data may go to a file meanwhile.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{question} There is nobody to ask: {fix}")
    # On stderr, so that it is seen, and no part of the data, where the output goes to a file.
    if not typer.confirm(question, err=True):
        raise Refused("nothing was done")


def tell_of_more(ctx: typer.Context, found: Sequence[object], limit: int) -> None:
    """Say on stderr that `found`, for which one more than `limit` was asked, is not all; not to who named a limit."""
    source = ctx.get_parameter_source("limit")
    # Into a picture that is drawn again and again nothing else may be written.
    if len(found) > limit and source is not None and source.name == "DEFAULT" and wish.every is None:
        output.message(f"These are the first {limit}. For more: --limit {limit * 10}")


def failed(message: str, code: int = 1) -> typer.Exit:
    """Say what failed and end with `code`; raise what this returns."""
    output.message(f"mingus: {message}")
    return typer.Exit(code)
