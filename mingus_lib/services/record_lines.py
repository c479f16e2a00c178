"""A CSV or JSON Lines stream as runs of numbered records, which knows how far it is: read in blocks, split by lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

from mingus_lib.domain import reader_lines
from mingus_lib.errors import UsageError
from mingus_lib.store.reader_files import Place

BLOCK_BYTES = 262_144
MAX_LINE_BYTES = 1_000_000
# Stands for a line that was passed over.
TOO_LONG = "a line of more than a megabyte"
# Of a CSV, the likeliest first.
DELIMITERS = ",;\t"
SEPARATOR = re.compile(r'sep=([^"\w\s]|\t)', re.IGNORECASE)
# How files of Office begin, new (ZIP) and old (OLE).
NO_TEXTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

Record = Mapping[str, Any]
Numbered = tuple[int, Record]


# What stands in a line: the fields of a CSV, or a record.
Line = list[str] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that follow each other. `names`: of the fields of a CSV; a record is `{"\\0": why}` for none."""

    names: tuple[str, ...]
    numbers: Sequence[int]
    lines: Sequence[Line]

    def records(self) -> Iterator[Numbered]:
        """Line by line; what is empty is left out."""
        for number, line in zip(self.numbers, self.lines, strict=True):
            # Spreadsheets write rows that were emptied as commas alone.
            if isinstance(line, dict) or any(line):
                yield number, line if isinstance(line, dict) else self._record(line)

    def _record(self, row: Sequence[str]) -> Record:
        if len(row) != len(self.names):
            return {"\0": f"{len(row)} fields instead of {len(self.names)}"}
        return {name: text for name, text in zip(self.names, row, strict=True) if text}

    def table(self) -> tuple[tuple[str, ...], Sequence[Sequence[Any]]] | None:
        """The fields' names and each line's values, if all lines have the same fields."""
        lines: Sequence[Any] = self.lines
        if self.names:
            alike = set(map(type, lines)) == {list} and set(map(len, lines)) == {len(self.names)}
            return (self.names, lines) if alike else None
        names = tuple(lines[0])
        alike = set(map(tuple, lines)) == {names}
        return (names, [tuple(each.values()) for each in lines]) if alike else None


class Lines:
    """Records by line number. A line that is no record is `{"\\0": why}`."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = "standard input" if name == "-" else name
        self._block = b""
        self._begins = self._ends = 0
        self._used = 0
        self._given_back = False
        self._delimiter = ","
        self.number = 0

    @property
    def offset(self) -> int:
        """Bytes up to the end of the line that was read last."""
        # Found again when asked for, so that no line pays for the count.
        parts = self._block.split(b"\n", self._used)
        if len(parts) <= self._used or not parts[-1]:
            return self._ends
        return self._begins + len(self._block) - len(parts[-1])

    def runs(self, form: str | None, place: Place | None) -> Iterator[Run]:
        """All records, or those after `place`; a run is about a block long."""
        texts = (line for line in self._lines() if line.strip())
        first = next(texts, None)
        # Excel's word on what stands between the fields.
        told = SEPARATOR.match(first or "")
        if told is not None:
            first = next(texts, None)
        if first is None:
            raise UsageError(f"{self._name}: there is nothing in it; it needs a CSV header, or JSON Lines")
        json_lines = form == "jsonl" if form else first.lstrip().startswith("{")
        header = () if json_lines else self._header(first, told[1] if told else None)
        if place is None:
            self._give_back(0 if json_lines else self._used)
        else:
            # The first line was read all the same: it says which column is which.
            self._stream.seek(place.offset)
            self._ends, self.number = place.offset, place.line
        return self._object_runs() if json_lines else self._row_runs(header)

    def _header(self, first: str, told: str | None) -> tuple[str, ...]:
        # Spreadsheets write semicolons where the comma is the decimal sign.
        for delimiter in told or sorted(DELIMITERS, key=first.count, reverse=True):
            names = self._names(first, delimiter)
            # Columns without a name, as spreadsheets leave them behind, are no twins.
            named = [name for name in names if name]
            if {"reader", "id"} & set(named) and len(set(named)) == len(named):
                self._delimiter = delimiter
                return tuple(names)
        raise UsageError(
            f"{self._name}: its first line is no CSV header, with a column `reader` or `id`, "
            "and no JSON object"
        )

    def _names(self, first: str, delimiter: str) -> Sequence[str]:
        try:
            return reader_lines.named(next(csv.reader([first], delimiter=delimiter)))
        except csv.Error as error:
            # The lines of a file with another system's line ends are all one to us, and none to csv.
            raise UsageError(
                f"{self._name}, line 1: no CSV ({error}); save it with line ends of LF"
            ) from error

    def _row_runs(self, header: tuple[str, ...]) -> Iterator[Run]:
        """A block without quotes is cut at once, in a fifth of the time that it takes line by line."""
        while text := self._next_text():
            rows = _unquoted(text, self._delimiter)
            if rows is None:
                # To the end: what is in quotes may go on in the next block.
                yield from self._gathered(header, self._rows(text))
                return
            numbers = range(self.number + 1, self.number + 1 + len(rows))
            self.number, self._used = self.number + len(rows), len(rows)
            yield Run(header, numbers, rows)

    def _rows(self, text: str) -> Iterator[Line]:
        rows = csv.reader(self._lines(text), delimiter=self._delimiter)
        while True:
            try:
                for row in rows:
                    yield {"\0": TOO_LONG} if row == [TOO_LONG] else row
            # csv.reader goes on after an error, with the next line.
            except csv.Error as error:
                yield {"\0": f"no CSV: {error}"}
                continue
            return

    def _object_runs(self) -> Iterator[Run]:
        return self._gathered((), (_object(line) for line in self._lines() if not line.isspace()))

    def _gathered(self, header: tuple[str, ...], found: Iterator[Line]) -> Iterator[Run]:
        numbers: list[int] = []
        lines: list[Line] = []
        begun = self._begins
        for line in found:
            numbers.append(self.number)
            lines.append(line)
            if self._begins != begun:
                yield Run(header, numbers, lines)
                numbers, lines, begun = [], [], self._begins
        if lines:
            yield Run(header, numbers, lines)

    def _lines(self, text: str = "") -> Iterator[str]:
        """Those of `text`, a block that was read, and of all that follow."""
        text = text or self._next_text()
        while text:
            # Lines end with LF alone, as they are counted for the place to go on from.
            for line in io.StringIO(text, newline="\n"):
                self.number += 1
                self._used += 1
                yield line
            text = self._next_text()

    def _give_back(self, kept: int) -> None:
        """Let the block be read again, without its first `kept` lines."""
        rest = (self._block.split(b"\n", kept)[kept:] or [b""])[0]
        self._begins += len(self._block) - len(rest)
        self.number -= self._used - kept
        self._block, self._given_back = rest, bool(rest)

    def _next_text(self) -> str:
        block = self._next_block()
        if self.number == 0 and block.startswith(NO_TEXTS):
            raise UsageError(f"{self._name}: no text but a workbook or an archive; save it as CSV (UTF-8)")
        if self.number == 0 and b"\0" in block[:4]:
            raise UsageError(
                f"{self._name}: UTF-16 or UTF-32 instead of UTF-8; convert it: iconv -f utf-16 -t utf-8"
            )
        # What is no UTF-8 makes its own line a bad one, and does not end the import.
        text = block.decode("utf-8", "surrogateescape")
        # It marks what is no record, so that no line of the file may hold one.
        if "\0" in text:
            text = text.replace("\0", "�")
        return text.removeprefix("\ufeff") if self.number == 0 else text

    def _next_block(self) -> bytes:
        """Whole lines; one that is too long is passed over, and what stands for it is no record."""
        if self._given_back:
            self._given_back, self._used = False, 0
            return self._block
        block = self._stream.read(BLOCK_BYTES)
        self._begins, self._used = self._ends, 0
        self._ends += len(block)
        if block and not block.endswith(b"\n"):
            rest = self._stream.readline(MAX_LINE_BYTES)
            self._ends += len(rest)
            block += rest
            if len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
                self._pass_over()
                block = block[: block.rfind(b"\n") + 1] + f'"{TOO_LONG}"\n'.encode()
        self._block = block
        return block

    def _pass_over(self) -> None:
        while rest := self._stream.readline(MAX_LINE_BYTES):
            self._ends += len(rest)
            if rest.endswith(b"\n"):
                return


def _unquoted(text: str, delimiter: str) -> list[Line] | None:
    """The rows, one a line; None where quotes or other line ends ask for a closer look.

    As csv reads them, but for its limit to the length of a field.
    """
    text = text.replace("\r\n", "\n")
    if '"' in text or "\r" in text:
        return None
    return [line.split(delimiter) if line else [] for line in text.removesuffix("\n").split("\n")]


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {"\0": "no JSON"}
    if not isinstance(found, dict):
        return {"\0": TOO_LONG if found == TOO_LONG else "no JSON object"}
    if "\0" in found:
        return {"\0": "a field without a name"}
    given = tuple(found)
    names = _named(given)
    return found if names == given else dict(zip(names, found.values(), strict=True))


# Ten million lines have the same few sets of names.
@lru_cache(maxsize=64)
def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(reader_lines.named(list(names)))
