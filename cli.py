"""The operator's door: the command `mingus`, composed of command groups that load when they are called."""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

# What start-up makes lives on: looking for garbage in it, and once more at the end, takes a tenth of a quick command.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

if sys.argv[1:] == ["--version"]:
    # A script may ask this in a loop: nothing else is imported.
    from mingus_lib import __version__

    print(f"mingus {__version__}")
    raise SystemExit(0)

# Scripts ask this in loops: it is answered before Typer is loaded, which takes 48 ms.
if sys.argv[1:] == ["status", "--json"]:
    from mingus_lib.commands.quick import status_as_json

    raise SystemExit(status_as_json())

# Monitors ask this all day long.
if sys.argv[1:] in (["health"], ["health", "--json"]):
    from mingus_lib.commands.quick import health

    raise SystemExit(health(as_json="--json" in sys.argv))

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from mingus_lib import __version__
from mingus_lib.errors import MingusError
from mingus_lib.view import encoding

if TYPE_CHECKING:
    from typer._click import Command, Context

# name, module of mingus_lib.commands, panel, one line of help (a test holds it to the command's own).
COMMANDS: tuple[tuple[str, str, str, str], ...] = (
    ("add", "feed", "Feed", "Add articles by their addresses."),
    ("mail", "mail", "Feed", "Read mails, and send the articles they link to into the library."),
    ("reprocess", "feed", "Feed", "Fetch articles again, or read their kept pages again."),
    ("classify", "classify", "Feed", "Label articles by phase, difficulty, topics and scores."),
    ("recommend", "recommend", "Feed", "Recommend the next reads, with their reasons."),
    ("report", "report", "Feed", "Report on days, weeks, articles, quality, costs, mails, lists and trends."),
    ("cleanup", "cleanup", "Feed", "Archive old articles, empty caches and tidy the store, by hand."),
    ("enqueue", "feed", "Feed", "Enqueue any task with its arguments as JSON."),
    ("mails", "mails", "Library", "Look at the mails that were read, and at what became of their links."),
    (
        "articles",
        "articles",
        "Library",
        "List, show, search, review, feature, keep, archive and export articles.",
    ),
    ("readers", "readers", "Library", "Import, list, show, assess, export and forget readers."),
    ("hosts", "hosts", "Library", "Say which hosts may be read, and how good they are."),
    ("extract", "extract", "Library", "Read articles from files or addresses, storing nothing."),
    ("status", "watch", "Watch", "Show Redis, the store, queues, workers and the last failures."),
    ("queues", "watch", "Watch", "Show the six queues."),
    ("tasks", "watch", "Watch", "List the tasks and what each accepts."),
    ("jobs", "watch", "Watch", "List jobs, newest first."),
    ("job", "watch", "Watch", "Tell the whole story of one job."),
    ("workers", "workers", "Watch", "List workers, stop them, or wait until they have left."),
    ("breakers", "breakers", "Watch", "Show and reset the circuit breakers of what jobs need."),
    ("evaluate", "evaluate", "Watch", "Measure labels and recommendations on files."),
    ("top", "top", "Watch", "Watch queues, workers, rates, running jobs and failures live, and act on them."),
    ("health", "health", "Watch", "Say whether it is up and working; exit 3 when it is not."),
    (
        "doctor",
        "doctor",
        "Watch",
        "Check everything that a running mingus needs; exit 3 when something fails.",
    ),
    ("metrics", "metrics", "Watch", "Print the metrics for Prometheus."),
    ("retry", "control", "Control", "Run jobs again, or right now."),
    ("cancel", "control", "Control", "End jobs that wait or run."),
    ("pause", "control", "Control", "Hold queues back: their jobs wait, running ones go on."),
    ("resume", "control", "Control", "Let paused queues go on."),
    ("purge", "control", "Control", "Remove the waiting jobs of queues."),
    ("dead", "dead", "Control", "List, show, requeue and drop jobs that failed for good."),
    ("schedule", "schedule", "Control", "List, check, run and switch the entries of the timetable."),
    ("keys", "keys", "Control", "List, add and revoke the keys that jobs are signed with."),
    ("up", "run", "Run", "Run Redis, workers and the scheduler here, until Ctrl-C."),
    ("worker", "run", "Run", "Run workers."),
    ("scheduler", "run", "Run", "Run the scheduler: turn the timetable's slots into jobs."),
    ("dashboard", "dashboard", "Run", "Serve the dashboard for a browser."),
    (
        "redis",
        "redis",
        "Run",
        "Run the private Redis in the foreground, for systemd, supervisord and containers.",
    ),
    ("demo", "demo", "Run", "See mingus at work on sample pages, in a throw-away library."),
    (
        "test",
        "test",
        "Run",
        "Send a ping through every queue and wait for the answers; exit 1 when one is missing.",
    ),
    ("systemd", "deploy", "Deploy", "Write unit files for this installation, and say how to install them."),
    ("supervisor", "deploy", "Deploy", "Write a configuration for supervisord, and say how to use it."),
    ("compose", "deploy", "Deploy", "Write a compose file and a Dockerfile, and say how to use them."),
    ("config", "config", "Deploy", "Show and check the settings."),
    ("migrate", "migrate", "Deploy", "Take over what waits in another system's queues."),
    ("db", "db", "Deploy", "Migrate, back up, restore, check, measure and tidy the store."),
)
ALIASES = {"task-status": "job", "beat": "scheduler", "flower": "dashboard"}


class LazyGroup(TyperGroup):
    """Knows every command's name and help; imports a command's module when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: _stub(name, panel, line) for name, _, panel, line in COMMANDS}

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """A stub, enough for lists of commands and for completing their names."""
        return self.commands.get(ALIASES.get(cmd_name, cmd_name))

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """The command that is called, or whose options are completed, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _load(command.name or ""), rest

    def invoke(self, ctx: Context) -> Any:
        """Run the command; a reader that closed the pipe is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # Python would flush it once more at its end, and complain.
            sys.stdout = None
            # What a shell shows of a process that SIGPIPE ended.
            raise typer.Exit(141) from error


def _stub(name: str, panel: str, line: str) -> Command:
    return TyperCommand(name, help=line, rich_help_panel=panel, callback=lambda: None)


def _load(name: str) -> Command:
    from mingus_lib.commands.looks import dress

    module = next(module for known, module, *_ in COMMANDS if known == name)
    group = get_command(importlib.import_module(f"mingus_lib.commands.{module}").app)
    command = group.commands[name] if isinstance(group, TyperGroup) and name != module else group
    dress(command, name)
    return command


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"mingus {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def mingus(
    ctx: typer.Context,
    home: Annotated[str | None, typer.Option(help="The state directory.", metavar="DIR")] = None,
    config: Annotated[str | None, typer.Option(help="Read this mingus.toml.", metavar="FILE")] = None,
    redis_url: Annotated[
        str | None, typer.Option(help="Redis to use; without one, mingus runs its own.", metavar="URL")
    ] = None,
    log_file: Annotated[
        str | None, typer.Option(help="Write the log to this file, rotated.", metavar="FILE")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """The background half of an article library: reads, labels and recommends articles.

    Start with `mingus demo`, then `mingus add https://...` and `mingus up`.
    """
    ctx.obj = {"config": config, "flags": {"home": home, "redis_url": redis_url, "log_file": log_file}}


def main() -> None:
    """Run the command line; every error on purpose is one line on stderr and its exit code."""
    encoding.forgive()
    try:
        # In its own mode Typer would print errors in boxes, with exit codes of its own.
        code = app(prog_name="mingus", standalone_mode=False)
    except MingusError as error:
        code = _complain(str(error), error.exit_code)
    except typer.Abort:
        code = 130
    except OSError as error:
        # Only standard output has no name.
        what = f"cannot use {error.filename}" if error.filename else "the output could not be written"
        # No file can be there: whoever typed the name was wrong.
        mistaken = error.errno in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP)
        fix = "; give a shorter name, or one in a folder that is there" if mistaken else ""
        code = _complain(f"{what}: {error.strerror or error}{fix}", 2 if mistaken else 1)
        sys.stdout = None
    except Exception as error:
        # Known by its method: the class is in a private module of Typer.
        if not hasattr(error, "format_message"):
            raise
        from mingus_lib.commands import mistakes

        code = _complain(mistakes.told(error), getattr(error, "exit_code", 2))
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str, code: int) -> int:
    # It may quote what a stranger wrote, which must not steer the terminal.
    line = "".join(c if c.isprintable() else " " for c in " ".join(message.split()))
    # A group without its command has shown its help, which says it all.
    if line:
        print(f"mingus: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
