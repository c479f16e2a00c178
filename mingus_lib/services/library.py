"""Looking into the library and taking it out."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mingus_lib.domain.gate import Levels
from mingus_lib.domain.library import Article, ArticleFilter
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.domain.spreadsheets import MARK, defused
from mingus_lib.domain.urls import canonical, domains_of, host_of, plain_host, registrable_domain
from mingus_lib.domain.words import is_printable, nearest
from mingus_lib.errors import NotFound, UsageError

if TYPE_CHECKING:
    from mingus_lib.store.articles import Articles

LONGEST_NOTE = 2000
# More than any library has.
ALL = 1_000_000
SORTED_BY = ("primary_phase", "difficulty_level", "confidence_score")
STATUSES = tuple(status.value for status in ArticleStatus)


class ExportFormat(StrEnum):
    """How `articles export` writes."""

    JSONL = "jsonl"
    CSV = "csv"


def chosen(
    statuses: Sequence[str], host: str | None, limit: int, reader: Levels | None = None
) -> ArticleFilter:
    """A checked filter; UsageError suggests the nearest status."""
    for status in statuses:
        if status not in STATUSES:
            raise UsageError(
                f"no status {status!r}{nearest(status, STATUSES)}; they are {', '.join(STATUSES)}"
            )
    wanted = tuple(ArticleStatus(status) for status in statuses)
    return ArticleFilter(
        statuses=wanted, domain=plain_host(host) if host else None, limit=limit, reader=reader
    )


def held(articles: Articles, host: str) -> int:
    """How many articles of the host, or of one below it, wait because nobody had judged it."""
    wanted = ArticleFilter(statuses=(ArticleStatus.HELD,), domain=registrable_domain(host), limit=ALL)
    return sum(host in domains_of(host_of(each.canonical_url)) for each in articles.list(wanted))


def checked_note(note: str | None) -> str | None:
    """A note that may be kept; UsageError for one that is too long or not printable."""
    if note is None or (len(note) <= LONGEST_NOTE and is_printable(note.replace("\n", " "))):
        return note
    raise UsageError(f"--note: write at most {LONGEST_NOTE} printable characters")


def find(articles: Articles, typed: str) -> Article:
    """The article of that id, or behind that address in any spelling. Raises NotFound; UsageError for no address."""
    if "://" in typed:
        return articles.find(canonical(typed))
    return articles.find(typed)


def state(articles: Articles, article_id: int) -> str:
    """What an article is, for whoever asked for what cannot be done with it."""
    try:
        return articles.get(article_id).status.value
    except NotFound:
        return "no such article"


def export(rows: Iterable[Mapping[str, Any]], file: str | None, form: ExportFormat) -> int:
    """Write the rows to `file` (whole or not at all) or to standard output; how many."""
    write = _write_csv if form is ExportFormat.CSV else _write_jsonl
    if file is None:
        return write(rows, sys.stdout)
    with replacing(file) as stream:
        stream.write(MARK if form is ExportFormat.CSV else "")
        return write(rows, stream)


@contextlib.contextmanager
def replacing(file: str, mode: int = 0o666) -> Iterator[TextIO]:
    """A text file of this mode, less the umask, in place of `file` when the block ends well. Raises UsageError."""
    path = Path(file)
    # A device or a pipe is written into: a file in its place would take it from everybody. Path.exists() may raise.
    whole = os.path.isfile(path) or not os.path.exists(path)  # noqa: PTH110, PTH113
    written = path.with_name(f".{path.name}.{os.getpid()}.tmp") if whole else path
    try:
        if whole:
            # One left by a process that was killed would lend its mode, and a link the file it leads to.
            written.unlink(missing_ok=True)
        opened = os.open(written, os.O_WRONLY | os.O_CREAT | (os.O_EXCL if whole else os.O_TRUNC), mode)
        with open(opened, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
            yield stream
        if whole:
            written.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; name a file in a writable folder"
        ) from error
    finally:
        if whole:
            with contextlib.suppress(OSError):
                written.unlink()


def _write_jsonl(rows: Iterable[Mapping[str, Any]], stream: TextIO) -> int:
    count = 0
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_csv(rows: Iterable[Mapping[str, Any]], stream: TextIO) -> int:
    writer: Any = None
    count = 0
    for row in map(_with_labels_apart, rows):
        if writer is None:
            # Every row of an export has the same columns.
            writer = csv.DictWriter(stream, fieldnames=list(row))
            writer.writeheader()
        # A title that begins with = would be a formula for whoever opens the file.
        writer.writerow({key: _defused(value) for key, value in row.items()})
        count += 1
    return count


def _with_labels_apart(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row with the labels that one sorts by beside the cell that has all of them as JSON."""
    labels = row.get("classification") or {}
    return {**row, **{name: labels.get(name) for name in SORTED_BY}} if "classification" in row else row


def _defused(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        value = json.dumps(value, ensure_ascii=False)
    return defused(value)
