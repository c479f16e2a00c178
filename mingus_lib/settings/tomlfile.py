"""mingus.toml as a list of entries, each with the line it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mingus_lib.errors import UsageError

LARGEST = 256 * 1024

Key = tuple[str, ...]


class Entry(NamedTuple):
    """One `key = value`. An empty table is an entry too, with `value` None."""

    key: Key
    value: Any
    place: str

    @property
    def dotted(self) -> str:
        """The key as it is spoken of."""
        return ".".join(self.key)


def read(path: Path) -> list[Entry] | None:
    """The file's entries in its order; None when it does not exist.

    Raises UsageError naming the file, and the line where there is one, when it cannot be read as TOML.
    """
    text = _text(path)
    if text is None:
        return None
    values, lines = _parsed(text, path), line_numbers(text)
    return [Entry(key, value, _place(path, lines.get(key))) for key, value in leaves(values)]


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
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
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


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; check its owner and mode") from error
    if len(content) > LARGEST:
        raise UsageError(f"{path}: larger than {LARGEST // 1024} KiB; that is no mingus.toml")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not text in UTF-8") from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_complaint(str(error), text, path)) from error
    except RecursionError as error:
        raise UsageError(f"{path}: nested too deeply; that is no mingus.toml") from error


def _complaint(message: str, text: str, path: Path) -> str:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message, re.DOTALL)
    what = match[1] if match else message
    line = (match and match[2]) or text.count("\n") + 1
    return f"{path}:{line}: not valid TOML: {what}"


def _place(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)
