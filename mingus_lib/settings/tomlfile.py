"""mingus.toml as a list of entries, each with the line it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from mingus_lib.domain import tomltext
from mingus_lib.domain.tomltext import Key
from mingus_lib.errors import UsageError

LARGEST = 256 * 1024


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
    values, lines = tomltext.read(text, str(path))
    return [Entry(key, value, _place(path, lines.get(key))) for key, value in tomltext.leaves(values)]


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            # One byte more than allowed tells a larger file without reading it.
            content = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; check its owner and mode") from error
    if len(content) > LARGEST:
        raise UsageError(f"{path}: larger than {LARGEST // 1024} KiB; that is no mingus.toml")
    try:
        return content.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not text in UTF-8") from error


def _place(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)
