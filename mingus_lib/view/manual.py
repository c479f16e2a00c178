"""The manual page mingus(1), made from the command line itself, in man(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mingus_lib import __version__
from mingus_lib.settings import declarations

# code, meaning: the table of docs/commands.md; a test compares both with the errors.
EXIT_CODES = (
    ("0", "done"),
    ("1", "failed"),
    ("2", "the command, an argument or the configuration cannot work as given; nothing was done"),
    ("3", "a check found a problem"),
    ("4", "no such job, article, task, queue or store"),
    ("5", "refused: needs --yes, is there already, or a job may not run again"),
    ("69", "Redis does not answer"),
    ("75", "try again later: the store is locked, full or not writable"),
    ("130", "stopped by Ctrl-C"),
    ("141", "whoever read the output closed it early"),
)


def page(commands: Mapping[str, tuple[str, Any]], options: Sequence[Any]) -> str:
    """The page; `commands` have their panel and the loaded command by name, `options` are those of mingus itself."""
    parts = (_head(), _options(options), _commands(commands), _environment(), _rest())
    return "\n".join(line for part in parts for line in part if line) + "\n"


def _head() -> Iterator[str]:
    # No date: pages that are made from the same release do not differ.
    yield f'.TH MINGUS 1 "" "mingus {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"mingus \- the background half of an article library"
    yield ".SH SYNOPSIS"
    yield ".B mingus"
    yield r"[\fIOPTION\fR]... \fICOMMAND\fR [\fIARGUMENT\fR]..."
    yield ".SH DESCRIPTION"
    yield text(
        "Fetches articles politely, reads, labels and recommends them, in queues on Redis, in one SQLite file."
    )
    yield text("Data goes to standard output, messages to standard error. On a terminal results are tables; "
               "elsewhere they are tab-separated lines. Every command has --help.")  # fmt: skip


def _options(options: Sequence[Any]) -> Iterator[str]:
    yield ".SH OPTIONS"
    for option in options:
        yield from _option(option)


def _commands(commands: Mapping[str, tuple[str, Any]]) -> Iterator[str]:
    yield ".SH COMMANDS"
    panel = ""
    for name, (group, command) in commands.items():
        if group != panel:
            panel = group
            yield f".SS {text(panel)}"
        nested = getattr(command, "commands", None)
        for sub, leaf in (nested or {"": command}).items():
            yield from _command(f"{name} {sub}".strip(), leaf)


def _command(name: str, command: Any) -> Iterator[str]:
    words = " ".join(_metavar(each) for each in command.params if _is_argument(each))
    yield ".PP"
    yield rf"\fBmingus {text(name)}\fR {text(words)}".rstrip()
    yield ".RS 4"
    for paragraph in re.split(r"\n\s*\n", (command.help or "").strip()):
        plain = " ".join(paragraph.split())
        example = plain.partition("Example: ")[2] if plain.startswith("Example: ") else ""
        yield rf".PP{chr(10)}Example: \fB{text(example)}\fR" if example else f".PP\n{text(plain)}"
    for parameter in command.params:
        if not _is_argument(parameter) and not getattr(parameter, "hidden", False):
            yield from _option(parameter)
    yield ".RE"


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or (parameter.name or "").upper())


def _option(option: Any) -> Iterator[str]:
    value = "" if getattr(option, "is_flag", False) else rf" \fI{text(_value(option))}\fR"
    yield ".TP"
    yield ", ".join(rf"\fB{text(each)}\fR" for each in sorted(option.opts, key=len)) + value
    yield text(" ".join((option.help or "").split()))


def _value(option: Any) -> str:
    return str(option.metavar or getattr(option.type, "name", "text")).upper()


def _environment() -> Iterator[str]:
    yield ".SH ENVIRONMENT"
    yield text("Each is also a key of mingus.toml; see: mingus config show.")
    for each in declarations():
        yield ".TP"
        yield rf"\fB{text(each.env)}\fR"
        yield text(each.doc)


def _rest() -> Iterator[str]:
    yield '.SH "EXIT STATUS"'
    for code, meaning in EXIT_CODES:
        yield f".TP\n{code}\n{text(meaning)}"
    yield ".SH FILES"
    yield ".TP\n.I /etc/mingus/mingus.toml"
    yield text("Settings of the machine: the state directory of the services, and their Redis.")
    yield ".TP\n.I ~/.local/state/mingus"
    yield text("The state directory where nothing else is said: mingus.db, keys.json, the private Redis.")
    yield '.SH "SEE ALSO"'
    yield ".BR redis-server (1),\n.BR sqlite3 (1),\n.BR systemctl (1)"


def text(words: str) -> str:
    """Words as roff takes them for themselves: no escapes, and no requests at the beginning of a line."""
    # Bare, troff prints - and quotes as typographic signs, and an option copied from the page does not work.
    escaped = words.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    return r"\&" + escaped if escaped[:1] in (".", "'") else escaped
