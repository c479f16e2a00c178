"""Reading a file that a setting or an option names; what is wrong is one line."""

from __future__ import annotations

from pathlib import Path

from mingus_lib.errors import UsageError

LARGEST = 10_000_000


def read_text(path: Path) -> str:
    """The file's text, UTF-8, with or without a byte order mark; UsageError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            # One byte more than allowed tells a larger file, or a device without an end.
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; name a readable file") from error
    if len(data) > LARGEST:
        raise UsageError(f"{path} is larger than {LARGEST // 1_000_000} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8 (byte {error.start}); save it as UTF-8") from error
