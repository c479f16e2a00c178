"""Readers, assessments and events from a file: streamed, checked line by line, kept in batches.

A batch and the place up to which the file was read are one transaction, so that an import that was cut short
goes on where it was when the same file is given again. From standard input it begins anew, and finds by the
events' ids what is there already. Longer than 300 lines on purpose: one pass over a file, read as one.
"""

from __future__ import annotations

import csv
import gc
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from mingus_lib.domain import reader_lines
from mingus_lib.domain.gate import Assessment
from mingus_lib.domain.readers import Event, Reader
from mingus_lib.domain.urls import canonical
from mingus_lib.errors import UsageError
from mingus_lib.services.enqueueing import open_input
from mingus_lib.store import events, reader_files
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.reader_files import Place, ReaderFiles

# Lines kept at once. Each batch touches most pages of the table, so that fewer and larger ones write less.
BATCH = 500_000
REPORT_EVERY = 20_000
MAX_LINE_BYTES = 1_000_000
HEAD_BYTES = 65_536
TOO_LONG = '"a line of more than a megabyte"\n'

Record = Mapping[str, Any]
Numbered = tuple[int, Record]


@dataclass(slots=True)
class Counts:
    """What an import did. `duplicates`: events that were there; `bad`: lines that were left out."""

    lines: int = 0
    readers: int = 0
    assessments: int = 0
    events: int = 0
    duplicates: int = 0
    bad: int = 0


@dataclass(slots=True)
class ImportResult:
    """`bad_lines`: number and reason of each; `stopped`: there were more than allowed; `resumed_at`: a line."""

    source: str
    counts: Counts = field(default_factory=Counts)
    bad_lines: list[tuple[int, str]] = field(default_factory=list)
    stopped: bool = False
    resumed_at: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `readers import --json`."""
        bad = [{"line": line, "reason": reason} for line, reason in self.bad_lines]
        told = {"source": self.source, **asdict(self.counts)}
        return {**told, "resumed_at": self.resumed_at, "stopped": self.stopped, "bad_lines": bad}


@dataclass(slots=True)
class _Pending:
    """What was read and is not kept yet."""

    lines: int = 0
    readers: list[Reader] = field(default_factory=list)
    assessments: list[tuple[str, Assessment]] = field(default_factory=list)
    events: list[tuple[str, Event]] = field(default_factory=list)


class Importer:
    """Imports into one library. `report` gets bytes done and bytes in all (0: not known)."""

    def __init__(self, store: Store, report: Callable[[int, int], None]) -> None:
        files = self._files = ReaderFiles(store)
        self._articles = Articles(store)
        self._report = report
        self._numbers = files.readers.numbers()
        self._known = files.article_ids()
        self._addresses: dict[str, int] = {}
        self._pending = _Pending()

    def run(self, name: str, stdin: BinaryIO, *, max_errors: int, form: str | None = None) -> ImportResult:
        """Import a file, or standard input for `-`. Raises UsageError for one that cannot be read at all."""
        with open_input(name, stdin) as stream, _uncollected():
            seekable = name != "-"
            source = _fingerprint(Path(name), stream) if seekable else None
            place = self._files.place(source) if source else None
            lines = Lines(stream, name)
            result = ImportResult(name)
            total = Path(name).stat().st_size if seekable else 0
            if place is not None:
                result.counts, result.resumed_at = Counts(**place.counts), place.line
            for line, record in lines.records(form, place):
                self._take(line, record, result)
                if lines.number % REPORT_EVERY == 0:
                    self._report(lines.offset, total)
                if self._pending.lines >= BATCH or len(result.bad_lines) > max_errors:
                    self._keep(lines, source, result.counts)
                if len(result.bad_lines) > max_errors:
                    # From its beginning next time, or a line that is mended would be passed over.
                    if source is not None:
                        self._files.finished(source)
                    result.stopped = True
                    return result
            self._keep(lines, source, result.counts)
            self._report(lines.offset, total)
            if source is not None:
                self._files.finished(source)
            return result

    def _take(self, line: int, record: Record, result: ImportResult) -> None:
        """Check a record and put it by until its batch is kept."""
        self._pending.lines += 1
        try:
            self._put_by(record)
        except ValueError as error:
            result.counts.bad += 1
            result.bad_lines.append((line, str(error)))

    def _put_by(self, record: Record) -> None:
        if "\0" in record:
            raise ValueError(record["\0"])
        kind, pending = reader_lines.kind_of(record), self._pending
        if kind == "event":
            reader_id = record.get("reader")
            if type(reader_id) is not str or reader_id not in self._numbers:
                reader_id = reader_lines.identity(record)
            event = reader_lines.event(record, self._article(record), reader_id)
            pending.events.append((reader_id, event))
        elif kind == "reader":
            pending.readers.append(reader_lines.reader(record))
        else:
            pending.assessments.append((reader_lines.identity(record), reader_lines.assessment(record)))

    def _keep(self, lines: Lines, source: str | None, counts: Counts) -> None:
        """Keep the batch and how far the file was read: all of it or nothing."""
        pending, now = self._pending, datetime.now(UTC)
        with self._files.store.transaction() as connection:
            for reader in (*pending.readers, *self._newcomers()):
                self._numbers[reader.id] = reader_files.put_reader(connection, reader, now)
                counts.readers += 1
            for reader_id, assessment in pending.assessments:
                reader_files.put_assessment(connection, self._numbers[reader_id], assessment)
            rows = [events.row(self._numbers[reader_id], event) for reader_id, event in pending.events]
            added = events.append(connection, rows)
            counts.lines += pending.lines
            counts.assessments += len(pending.assessments)
            counts.events += added
            counts.duplicates += len(rows) - added
            if source is not None:
                reader_files.note_place(
                    connection, source, Place(lines.offset, lines.number, asdict(counts)), now
                )
        self._pending = _Pending()

    def _newcomers(self) -> list[Reader]:
        """Readers met for the first time in an event or assessment: added by their ids alone."""
        pending = self._pending
        known = self._numbers.keys() | {reader.id for reader in pending.readers}
        met = dict.fromkeys(
            [*(each for each, _ in pending.assessments), *(each for each, _ in pending.events)]
        )
        return [Reader(each) for each in met if each not in known]

    def _article(self, record: Record) -> int:
        """The article's id, given as such or as its address. Raises ValueError."""
        value = record.get("article")
        if isinstance(value, str) and "://" in value:
            return self._at_address(value)
        try:
            number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else -1
        except ValueError:
            number = -1
        if number < 0 or number >= len(self._known) or not self._known[number]:
            raise ValueError(f"article: {str(value)[:60]!r} is no article of this library")
        return number

    def _at_address(self, address: str) -> int:
        if address not in self._addresses:
            try:
                known = self._articles.known(canonical(address))
            except UsageError as error:
                raise ValueError(f"article: {error}") from error
            self._addresses[address] = known.id if known else 0
        if not self._addresses[address]:
            raise ValueError(f"article: {address[:100]!r} is no article of this library")
        return self._addresses[address]


class Lines:
    """A CSV or JSON Lines stream as numbered records; knows how far it is. A line that is neither is `{"\\0": why}`."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self.offset = 0
        self.number = 0

    def records(self, form: str | None, place: Place | None) -> Iterator[Numbered]:
        """All records, or those after `place`."""
        first = self._next()
        while first is not None and not first.strip():
            first = self._next()
        if first is None:
            return
        json_lines = form == "jsonl" if form else first.lstrip().startswith("{")
        header = [] if json_lines else self._header(first)
        if place is not None:
            self._stream.seek(place.offset)
            self.offset, self.number, first = place.offset, place.line, ""
        yield from self._objects(first) if json_lines else self._rows(header)

    def _header(self, first: str) -> list[str]:
        names = reader_lines.named(next(csv.reader([first])))
        if not {"reader", "id"} & set(names) or len(set(names)) < len(names):
            raise UsageError(
                f"{self._name}: its first line is no CSV header with a column `reader` or `id`, and no JSON object"
            )
        return names

    def _rows(self, header: list[str]) -> Iterator[Numbered]:
        width = len(header)
        rows = csv.reader(iter(self._next, None))
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield self.number, {"\0": f"no CSV: {error}"}
                continue
            if len(row) == width:
                yield self.number, {name: text for name, text in zip(header, row, strict=True) if text}
            elif row:
                yield self.number, {"\0": f"{len(row)} fields instead of {width}"}

    def _objects(self, first: str) -> Iterator[Numbered]:
        line: str | None = first
        while line is not None:
            if line.strip():
                yield self.number, _object(line)
            line = self._next()

    def _next(self) -> str | None:
        raw = self._stream.readline(MAX_LINE_BYTES)
        if not raw:
            return None
        self.offset += len(raw)
        self.number += 1
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            return self._skip()
        return raw.decode("utf-8-sig" if self.number == 1 else "utf-8", "surrogateescape").replace("\0", "�")

    def _skip(self) -> str:
        """Pass over the rest of a line that is too long; what stands for it is no record."""
        while rest := self._stream.readline(MAX_LINE_BYTES):
            self.offset += len(rest)
            if rest.endswith(b"\n"):
                break
        return TOO_LONG


def _object(line: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {"\0": "no JSON"}
    if not isinstance(found, dict):
        return {"\0": "no JSON object"}
    return dict(zip(reader_lines.named(list(found)), found.values(), strict=True))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: what is made here has no cycles, and walking it takes a sixth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _fingerprint(path: Path, stream: BinaryIO) -> str:
    """What tells this file from others: size and beginning. The same file, moved, goes on too."""
    if not stream.seekable():
        return f"{path.absolute()}"
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    return hashlib.blake2b(head + str(path.stat().st_size).encode(), digest_size=16).hexdigest()
