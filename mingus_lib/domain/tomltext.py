"""TOML with the line of every key, for errors that say where. Pure: text in, values out."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

from mingus_lib.errors import UsageError

Key = tuple[str, ...]

_TWICE = re.compile(r"Cannot declare (\(.*\)) twice", re.DOTALL)


def read(text: str, source: str) -> tuple[dict[str, Any], dict[Key, int]]:
    """The document's values, and the line of each key. UsageError, `source:line: ...`, when it is not TOML."""
    import tomllib

    try:
        return tomllib.loads(text), line_numbers(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_complaint(str(error), text, source)) from error
    except ValueError as error:
        raise UsageError(f"{source}: not valid TOML: a number that is too long") from error
    except RecursionError as error:
        raise UsageError(f"{source}: nested too deeply") from error


def leaves(table: dict[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value of nested tables with its whole key; an empty table yields itself with None."""
    for name, value in table.items():
        key = (*above, name)
        if isinstance(value, dict) and value:
            yield from leaves(value, key)
        else:
            yield key, None if value == {} else value


def line_numbers(text: str) -> dict[Key, int]:
    """The line each key is set on, counted from 1, in a document that is valid TOML.

    tomllib keeps no positions, so every statement is parsed by itself: it begins where the one
    before ended, and ends with the first line that makes it complete.
    """
    import tomllib

    found: dict[Key, int] = {}
    table: Key = ()
    start, statement = 1, ""
    # Not splitlines, which also splits at form feeds and U+2028: no line ends of TOML.
    for number, line in enumerate(text.split("\n"), 1):
        # A statement of several lines can only end with these; parsing it at every line takes for ever.
        ends = not statement or any(mark in line for mark in ("]", "}", '"""', "'''"))
        statement += line + "\n"
        if not ends:
            continue
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
            table = _header(parsed)
            found.setdefault(table, start)
        for key, _ in leaves(parsed, table) if not statement.lstrip().startswith("[") else ():
            found.setdefault(key, start)
        start, statement = number + 1, ""
    return found


def _header(parsed: Any) -> Key:
    """The table that `[a.b]` or `[[a.b]]` opens."""
    key: Key = ()
    while parsed:
        name, parsed = next(iter(parsed.items()))
        key, parsed = (*key, name), parsed[0] if isinstance(parsed, list) else parsed
    return key


def _complaint(message: str, text: str, source: str) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message, re.DOTALL)
    what = match[1] if match else message
    line = int((match and match[2]) or text.count("\n") + 1)
    # The message has the key as Python prints a tuple.
    if twice := _TWICE.fullmatch(what):
        return f"{source}:{line}: {_said_twice(literal_eval(twice[1]), text, line)}"
    return f"{source}:{line}: not valid TOML: {what}"


def _said_twice(key: Key, text: str, line: int) -> str:
    """What is wrong with a second `[key]`; all lines above it are valid TOML."""
    above = line_numbers("\n".join(text.split("\n")[: line - 1]))
    # A key of the same beginning has made the table already, by a dotted name or a header below it.
    first = min((number for known, number in above.items() if known[: len(key)] == key), default=None)
    earlier = f", the first time in line {first}" if first else ""
    return f"[{repr('.'.join(key))[1:-1]}] is there twice{earlier}; rename or remove one"
