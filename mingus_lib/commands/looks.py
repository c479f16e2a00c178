"""What all commands get in one place: the options --tsv, --columns, --watch, and the form of their help.

A command that takes `--json` has a result. Those of WATCHED only look, so that looking again is safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperOption

from mingus_lib import runtime
from mingus_lib.commands.common import ListsByDefault
from mingus_lib.domain.spans import parse_span
from mingus_lib.errors import MingusError, UsageError
from mingus_lib.view import output
from mingus_lib.view.looks import wish
from mingus_lib.view.watching import repeat

if TYPE_CHECKING:
    from typer._click import Command, Context, Parameter

# Commands that only look, by their last word.
WATCHED = frozenset({"status", "queues", "jobs", "job", "health", "list", "senders", "next"})
# Commands whose result is no table, so that there are no columns to choose.
WITHOUT_COLUMNS = frozenset(
    {
        "status",
        "job",
        "extract",
        "articles show",
        "mails show",
        "dead show",
        "config check",
        "systemd",
        "supervisor",
        "compose",
    }
)


def dress(command: Command, path: str) -> None:
    """Give the command, or every command of a group, the options that belong to it; put their help in form."""
    for name, nested in getattr(command, "commands", {}).items():
        # By the whole path, since `show` or `list` means something else in each group.
        dress(nested, f"{path} {name}")
    _put_in_form(command, path)
    if not any(parameter.name == "as_json" for parameter in command.params):
        return
    group, last = path.split()[0], path.split()[-1]
    command.params.append(_option("--tsv", _note_tsv, help="Print tab-separated lines.", is_flag=True))
    # What `db` tells is no list whose columns could be chosen.
    if path not in WITHOUT_COLUMNS and group != "db":
        names = "Only these columns, in this order: keys of --json, with commas."
        command.params.append(_option("--columns", _note_columns, help=names, metavar="KEY,..."))
    if last in WATCHED and command.callback is not None:
        again = "Look again every so often, until Ctrl-C: 2s or 1m."
        command.params.append(_option("--watch", _note_every, help=again, metavar="TIME"))
        command.callback = _watched(command.callback)


def _put_in_form(command: Command, path: str) -> None:
    # The help's lines are broken for our source, not for the reader's screen.
    paragraphs = [" ".join(text.split()) for text in (command.help or "").split("\n\n")]
    if isinstance(command, ListsByDefault):
        paragraphs.append(f"Without a command: `mingus {path} list`.")
    command.help = "\n\n".join(paragraphs)
    for parameter in command.params:
        if isinstance(parameter, TyperArgument) and parameter.metavar is None:
            parameter.metavar = (parameter.name or "").upper()


def _option(name: str, note: Callable[..., None], **how: Any) -> TyperOption:
    return TyperOption(param_decls=[name], expose_value=False, callback=note, **how)


def _note_tsv(_ctx: Context, _parameter: Parameter, given: bool) -> None:
    # Noted also when it was not given: one process may run several commands, as tests do.
    wish.tsv = bool(given)


def _note_columns(_ctx: Context, _parameter: Parameter, given: str | None) -> None:
    wish.columns = None
    if given is not None:
        wish.columns = tuple(name.strip() for name in given.split(",") if name.strip())
        if not wish.columns:
            raise UsageError("--columns names no column; write them with commas, such as id,state")


def _note_every(_ctx: Context, _parameter: Parameter, given: str | None) -> None:
    # Five looks a second are as many as anybody can read.
    wish.every = None if given is None else max(0.2, parse_span(given, "--watch").total_seconds())


def _watched(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The command, run once or, with --watch, again and again: what is wrong is then shown, and may pass."""

    def run(*args: Any, **kwargs: Any) -> Any:
        if wish.every is None:
            return callback(*args, **kwargs)
        return repeat(lambda: _look(lambda: callback(*args, **kwargs)), wish.every)

    return run


def _look(once: Callable[[], Any]) -> None:
    try:
        once()
    # A slip of the command line is as wrong at the next look.
    except UsageError:
        raise
    except MingusError as error:
        # Into the picture: on stderr it would be drawn over at once.
        output.lines([f"mingus: {error}"])
    # That something is wrong is shown, and may pass; looking goes on.
    except typer.Exit:
        return
    finally:
        # The next look makes a Runtime of its own, and this one's connections would stay open.
        runtime.release()
