"""Readers, assessments and events from a file: streamed, checked line by line, kept in batches.

A batch and the place up to which the file was read are one transaction, so that an import that was cut short
goes on where it was when the same file is given again. From standard input it begins anew, and finds by the
events' ids what is there already. Longer than 300 lines on purpose: one pass over a file, read as one.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from mingus_lib.domain import reader_lines
from mingus_lib.domain.gate import Assessment
from mingus_lib.domain.readers import Reader
from mingus_lib.domain.urls import canonical
from mingus_lib.errors import UsageError
from mingus_lib.services.enqueueing import open_input
from mingus_lib.services.record_lines import Lines, Record, Run
from mingus_lib.store import event_indexes, events, reader_files, readers
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.reader_files import Place, ReaderFiles

# Lines of a batch, some 450 MB of plain events. Each batch touches most pages of the table: fewer ones write less.
BATCH = 2_000_000
# Where lines are long, so many bytes; and of readers and assessments so many: others wait 30 s for the store at most.
BATCH_BYTES, BATCH_READERS = 128_000_000, 200_000
Report = Callable[[int, int], None]
HEAD_BYTES = 65_536


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
    """`bad_lines`: number and reason of each; `stopped`: there were more than allowed; `resumed_at`: a line.

    `unread`: columns of a CSV that nothing is taken from.
    """

    source: str
    counts: Counts = field(default_factory=Counts)
    bad_lines: list[tuple[int, str]] = field(default_factory=list)
    stopped: bool = False
    resumed_at: int | None = None
    unread: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `readers import --json`."""
        bad = [{"line": line, "reason": reason} for line, reason in self.bad_lines]
        told = {"source": self.source, **asdict(self.counts)}
        return {**told, "resumed_at": self.resumed_at, "stopped": self.stopped, "bad_lines": bad}


@dataclass(slots=True)
class _Pending:
    """What was read and is not kept yet. `events`: a reader's number (the id of a new one), and the rest."""

    lines: int = 0
    readers: list[Reader] = field(default_factory=list)
    newcomers: dict[str, str] = field(default_factory=dict)
    assessments: list[tuple[str, Assessment]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def is_full(self, size: int) -> bool:
        """Whether it is to be kept; its lines are so many bytes."""
        of_readers = len(self.readers) + len(self.newcomers) + len(self.assessments)
        return self.lines >= BATCH or size >= BATCH_BYTES or of_readers >= BATCH_READERS


class Importer:
    """Imports into one library.

    `report` gets bytes done and bytes in all (0: not known); `indexing`, after many events, indexes made and in all.
    """

    def __init__(self, store: Store, report: Report, indexing: Report = lambda _done, _total: None) -> None:
        files = self._files = ReaderFiles(store)
        self._articles = Articles(store)
        self._report = report
        self._indexing = indexing
        self._numbers = files.readers.numbers()
        self._known = files.article_ids()
        # Where articles are, by what files call them.
        self._written: dict[str | int, int] = {}
        self._pending = _Pending()

    def run(self, name: str, stdin: BinaryIO, *, max_errors: int, form: str | None = None) -> ImportResult:
        """Import a file, or standard input for `-`. Raises UsageError for one that cannot be read at all."""
        try:
            return self._run(name, stdin, max_errors, form)
        finally:
            # Also after a failure: what reads next needs the indexes that an import does without.
            self._files.mend_indexes(self._indexing)

    def _run(self, name: str, stdin: BinaryIO, max_errors: int, form: str | None) -> ImportResult:
        with open_input(name, stdin) as stream, _uncollected():
            # A pipe has no place to come back to, whatever its name.
            seekable = name != "-" and stream.seekable()
            source = _fingerprint(Path(name), stream) if seekable else None
            place = self._files.place(source) if source else None
            lines = Lines(stream, name)
            result = ImportResult(name)
            total = Path(name).stat().st_size if seekable else 0
            if place is not None:
                result.counts, result.resumed_at = Counts(**place.counts), place.line
            kept = place.offset if place else 0
            for run in lines.runs(form, place):
                result.unread = reader_lines.unread(run.names)
                self._take(run, result, max_errors)
                # Once: it is found by cutting the block.
                offset = lines.offset
                self._report(offset, total)
                if self._pending.is_full(offset - kept) or len(result.bad_lines) > max_errors:
                    self._keep(lines, source, result.counts, _coming(lines, total))
                    kept = offset
                if len(result.bad_lines) > max_errors:
                    # From its beginning next time, or a line that is mended would be passed over.
                    if source is not None:
                        self._files.finished(source)
                    result.stopped = True
                    return result
            self._keep(lines, source, result.counts, 0)
            self._report(lines.offset, total)
            if source is not None:
                self._files.finished(source)
            return result

    def _take(self, run: Run, result: ImportResult, max_errors: int) -> None:
        """Check lines and put them by until their batch is kept; up to the first bad line that is too many."""
        if self._take_plainly(run):
            return
        for line, record in run.records():
            self._pending.lines += 1
            try:
                self._put_by(record)
            except ValueError as error:
                result.counts.bad += 1
                result.bad_lines.append((line, str(error)))
                if len(result.bad_lines) > max_errors:
                    return

    def _take_plainly(self, run: Run) -> bool:
        """Take all lines, column by column, if they are events that say no more and nothing is wrong with any."""
        table = run.table()
        plain = reader_lines.plain_events(*table) if table is not None else None
        if plain is None:
            return False
        try:
            for article in set(plain.articles).difference(self._written):
                self._article(article)
            numbers, newcomers = self._numbers, self._pending.newcomers
            # The look-ups of _reader() stand here as well, which spares most of the lines a call.
            readers = [
                numbers.get(each) or newcomers.get(each) or self._reader(each) for each in plain.readers
            ]
        # Which of them is wrong, and why, is found line by line.
        except ValueError:
            return False
        articles = map(self._written.__getitem__, plain.articles)
        self._pending.events.extend(zip(readers, plain.ids, articles, plain.kinds, plain.times, strict=True))
        self._pending.lines += len(run.lines)
        return True

    def _put_by(self, record: Record) -> None:
        if "\0" in record:
            raise ValueError(record["\0"])
        pending, kind = self._pending, reader_lines.kind_of(record)
        if kind == "event":
            reader_id = reader_lines.identity(record)
            event = reader_lines.event(record, self._article(record.get("article")), reader_id)
            # After all checks: a line that is left out adds no reader.
            pending.events.append((self._reader(reader_id), *events.row(0, event)[1:]))
        elif kind == "reader":
            pending.readers.append(reader_lines.reader(record))
        else:
            reader_id = reader_lines.identity(record)
            pending.assessments.append((reader_id, reader_lines.assessment(record)))
            self._reader(reader_id)

    def _reader(self, written: str) -> int | str:
        """The number of a reader. One whom an event or assessment is the first to name is added by that id alone."""
        number = self._numbers.get(written)
        if number is not None:
            return number
        newcomers = self._pending.newcomers
        reader_id = newcomers.get(written) or reader_lines.identity({"reader": written})
        return self._numbers.get(reader_id) or newcomers.setdefault(reader_id, reader_id)

    def _keep(self, lines: Lines, source: str | None, counts: Counts, coming: int) -> None:
        """Keep the batch and how far the file was read: all of it or nothing. About so many lines come after it."""
        pending, now = self._pending, datetime.now(UTC)
        with self._files.store.transaction() as connection:
            # Readers first: assessments and events need the numbers that they get here.
            for reader in (*pending.readers, *self._newcomers()):
                self._numbers[reader.id] = readers.put_reader(connection, reader, now)
                counts.readers += 1
            for reader_id, assessment in pending.assessments:
                readers.put_assessment(connection, self._numbers[reader_id], assessment)
            rows = pending.events
            # Two million rows are gone through only where some of their readers had no number yet.
            for at, row in enumerate(rows) if pending.newcomers else ():
                if type(row[0]) is str:
                    rows[at] = (self._numbers[row[0]], *row[1:])
            # In the rows' own transaction: if they do not come in, the indexes are not gone either.
            event_indexes.make_way(connection, len(rows) + coming)
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
        """Readers met for the first time who have no line of their own."""
        described = {reader.id for reader in self._pending.readers}
        return [Reader(each) for each in self._pending.newcomers if each not in described]

    def _article(self, written: Any) -> int:
        """The article's id, given as such or as its address. Raises ValueError."""
        # Not isinstance(): true would be an int, and article 1.
        if type(written) not in (str, int):
            written = ""
        number = self._written.get(written)
        if number is None:
            number = written if isinstance(written, int) else _whole(written)
            if isinstance(written, str) and "://" in written:
                number = self._at_address(written)
            # A number below 0 would be counted from the end of the array.
            if not 0 < number < len(self._known) or not self._known[number]:
                raise ValueError(f"article: {str(written)[:100]!r} is no article of this library")
            self._written[written] = number
        return number

    def _at_address(self, address: str) -> int:
        try:
            known = self._articles.known(canonical(address))
        except UsageError as error:
            raise ValueError(f"article: {error}") from error
        return known.id if known else 0


def _coming(lines: Lines, total: int) -> int:
    """How many lines are left, by the bytes of those that were read; as many again, where the size is not known."""
    if not total:
        return lines.number
    return max(0, total - lines.offset) * lines.number // max(1, lines.offset)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


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
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    return hashlib.blake2b(head + str(path.stat().st_size).encode(), digest_size=16).hexdigest()
