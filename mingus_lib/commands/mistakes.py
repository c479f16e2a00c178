"""What the command line's library complains of, in our words: one line with the next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.words import nearest

if TYPE_CHECKING:
    from typer._click import Context

# The library's names of types, as it says them of a value that will not do.
TYPES = {
    "int": "whole number",
    "int range": "whole number",
    "float": "number",
    "float range": "number",
}
NO_COMMAND = re.compile(r"No such command '(?P<name>.*?)'\.", re.DOTALL)
NO_TYPE = re.compile(r"is not a valid (int range|int|float range|float)\Z")
TOO_MANY = re.compile(r"Got unexpected extra arguments? ?\((?P<words>.*)\)", re.DOTALL)


def told(error: Any) -> str:
    """The complaint, and where the answer is. `error` is an exception with `format_message`."""
    context: Context | None = getattr(error, "ctx", None)
    said = str(error.format_message())
    if context is None or not said:
        return _plain(said)
    if getattr(error, "possibilities", None) is not None:
        # The library's own hints name options that only look alike.
        known = [option for parameter in context.command.params for option in parameter.opts]
        said = f"no option {error.option_name}{nearest(error.option_name, known)}"
    elif found := NO_COMMAND.match(said):
        said = f"no command '{found['name']}'{nearest(found['name'], _commands(context))}"
    else:
        said = _plain(said)
    return f"{said}; see: {context.command_path} --help"


def _commands(context: Context) -> list[str]:
    return list(getattr(context.command, "commands", {}))


def _plain(said: str) -> str:
    if found := TOO_MANY.match(said.replace("argument(s)", "arguments")):
        return f"unexpected: {found['words']}"
    said = NO_TYPE.sub(lambda match: f"is not a {TYPES[match[1]]}", said.rstrip("."))
    return said[:1].lower() + said[1:]
