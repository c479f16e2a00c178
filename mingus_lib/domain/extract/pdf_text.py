"""PDFs opened, and the text of their pages within a budget: a few kilobytes can unfold into hours or gigabytes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pypdf
from pypdf.errors import DependencyError, LimitReachedError

# Some seconds of pypdf; a book of 60 pages takes a tenth of it.
MAX_OPERATIONS = 400_000
MAX_CONTENT_BYTES = 8_000_000
# Forms and tables of fonts: pypdf keeps what it has unfolded as long as the file is open.
MAX_KEPT_BYTES = 32_000_000
MAX_STREAMS = 2_000

# pypdf logs what it repairs, page by page.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)


class TooMuchWork(ValueError):
    """The PDF is over its budget."""


class Locked(ValueError):
    """The PDF is encrypted; the text says, after its name, in which way."""


@contextmanager
def opened(body: bytes) -> Iterator[pypdf.PdfReader]:
    """A PDF to be read in the block. Raises Locked, and whatever a damaged file makes pypdf raise."""
    most = MAX_CONTENT_BYTES
    # pypdf's own limit is 75 MB a stream, which 75 KB can unfold to; none over the whole budget is wanted.
    with pypdf.apply_configuration(
        zlib_maximum_output_length=most,
        lzw_maximum_output_length=most,
        run_length_maximum_output_length=most,
        brotli_maximum_output_length=most,
        array_based_stream_maximum_output_length=most,
    ):
        reader = pypdf.PdfReader(BytesIO(body))
        try:
            # Many files are encrypted with an empty password, only to forbid printing.
            if reader.is_encrypted and not reader.decrypt(""):
                raise Locked("wants a password")
            yield reader
        # pypdf knows AES only with a package that is not ours.
        except DependencyError as error:
            raise Locked("is encrypted with AES, which is not read here") from error


class PdfText:
    """One PDF's budget, spent page by page."""

    def __init__(self) -> None:
        self._operations = MAX_OPERATIONS
        self._bytes = MAX_CONTENT_BYTES
        self._room = MAX_KEPT_BYTES
        self._kept: dict[int, Any] = {}
        self._largest_form = 0

    def of(self, page: Any) -> str:
        """The page's text. Raises TooMuchWork, and whatever a damaged file makes pypdf raise."""
        try:
            contents = page.get_contents()
            self._read(len(contents.get_data()) if contents is not None else 0)
            sizes = [(self._keep(stream), stream.get("/Subtype") == "/Form") for stream in _streams(page)]
            self._largest_form = max((size for size, is_form in sizes if is_form), default=0)
            return str(page.extract_text(visitor_operand_before=self._operation))
        except LimitReachedError as error:
            raise TooMuchWork from error

    def _operation(self, operator: Any, *_: Any) -> None:
        self._operations -= 1
        if self._operations < 0:
            raise TooMuchWork
        # A form is read anew each time it is drawn, and may draw others.
        if operator == b"Do":
            self._read(self._largest_form)

    def _read(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise TooMuchWork

    def _keep(self, stream: Any) -> int:
        """Unfold a stream, which counts once, however many pages use it; its size in bytes."""
        size = len(stream.get_data())
        if id(stream) not in self._kept:
            # The object itself, so that its id is not given to another one.
            self._kept[id(stream)] = stream
            self._room -= size
        if self._room < 0 or len(self._kept) > MAX_STREAMS:
            raise TooMuchWork
        return size


def _streams(page: Any) -> Iterator[Any]:
    """What pypdf unfolds for a page's text: the forms it can draw and those they can, and their fonts' tables; once."""
    waiting, seen = [page], set()
    while waiting:
        resources = _object(waiting.pop().get("/Resources"))
        forms = [each for each in _values(resources, "/XObject") if each.get("/Subtype") == "/Form"]
        tables = [table for font in _values(resources, "/Font") for table in _tables(font)]
        for stream in (*forms, *tables):
            # By id, since pypdf's dictionaries cannot be hashed.
            if id(stream) not in seen:
                seen.add(id(stream))
                yield stream
                if stream.get("/Subtype") == "/Form":
                    waiting.append(stream)


def _tables(font: Any) -> Iterator[Any]:
    descriptor = _object(font.get("/FontDescriptor"))
    found = (_object(font.get("/ToUnicode")), _object(descriptor.get("/FontFile")))
    yield from (each for each in found if hasattr(each, "get_data"))


def _values(resources: Any, kind: str) -> list[Any]:
    return [_object(each) for each in _object(resources.get(kind)).values()]


def _object(found: Any) -> Any:
    return found.get_object() if found is not None else {}
