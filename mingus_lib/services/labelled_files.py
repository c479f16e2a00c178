"""Labelled texts from a file: CSV or JSON Lines with `text`, `label` and perhaps `title`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mingus_lib.errors import UsageError

# Labelled sets are larger than other files that people name.
LARGEST = 1_000_000_000
LONGEST_FIELD = 10_000_000
# More are the mark of a wrong column, such as one of ids.
MOST_CLASSES = 1_000


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One text of the file; several labels where the field may have several. `line` is where it begins."""

    title: str
    text: str
    labels: tuple[str, ...]
    line: int


def read(path: Path, *, several: bool = False, column: str = "label") -> list[LabelledText]:
    """All texts of the file. `column` stands for `label` in a file that has no such column.

    Raises UsageError naming the line and the fix.
    """
    content = _content(path)
    # Also by the first sign: no header of a CSV begins with a brace, and files have any name.
    as_lines = path.suffix.lower() in (".jsonl", ".ndjson", ".json") or content.lstrip()[:1] == "{"
    rows = _json_rows(content, path) if as_lines else _csv_rows(content, path)
    found = [_labelled(row, line, path, several, column) for line, row in rows]
    if not found:
        raise UsageError(f"{path}: no labelled text; each needs `text` and `label`")
    if len({label for each in found for label in each.labels}) > MOST_CLASSES:
        raise UsageError(f"{path}: more than {MOST_CLASSES} different labels; is `label` the right column?")
    return found


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST // 1_000_000} MB; evaluate a sample of it")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; name a CSV or JSONL file") from error
    try:
        # Spreadsheets begin a CSV with a byte-order mark, which would be part of the first column's name.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from error


def _json_rows(content: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines(): a JSON text may hold U+2028, which would end a line there.
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f'{path}, line {number}: no JSON; write {{"text": "...", "label": "..."}}'
            ) from error
        if not isinstance(found, dict):
            raise UsageError(
                f'{path}, line {number}: no JSON object; write {{"text": "...", "label": "..."}}'
            )
        yield number, found


def _csv_rows(content: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    # The module's own limit is 128 KiB, and texts may be longer.
    csv.field_size_limit(LONGEST_FIELD)
    # Strict: else a quote that nobody closes takes the rest of the file for one field, without a word.
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    names: list[str] | None = None
    line = 1
    try:
        for row in reader:
            # line_num is where a row ends, and a text in quotes may go over many lines.
            began, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = [name.strip().lower() for name in row]
            elif len(row) != len(names):
                raise UsageError(
                    f"{path}, line {began}: it has {len(row)} cells, and the first line {len(names)}"
                )
            else:
                yield began, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}, line {line}: {error}") from error


def _labelled(row: dict[str, Any], line: int, path: Path, several: bool, column: str) -> LabelledText:
    where = f"{path}, line {line}"
    name = "label" if "label" in row else column
    for needed in ("text", name):
        if needed not in row:
            has = ", ".join(str(key) for key in list(row)[:8])
            raise UsageError(
                f"{where}: no {needed!r}; a labelled text has `text`, `label` and perhaps `title` ({has})"
            )
    text, title = row["text"], row.get("title") or ""
    if not isinstance(text, str) or not isinstance(title, str):
        raise UsageError(f"{where}: text and title must be strings")
    if not text.strip() and not title.strip():
        raise UsageError(f"{where}: the text is empty")
    return LabelledText(title, text, _labels(row[name], where, several), line)


def _labels(raw: Any, where: str, several: bool) -> tuple[str, ...]:
    if several and isinstance(raw, str):
        raw = raw.split(";")
    parts = raw if several and isinstance(raw, list) else [raw]
    # To Python a bool is an int, too.
    if any(isinstance(part, bool) or not isinstance(part, str | int) for part in parts):
        raise UsageError(f"{where}: the label must be a string" + (" or a list of them" if several else ""))
    found = tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
    if not found:
        raise UsageError(f"{where}: the label is empty")
    return found
