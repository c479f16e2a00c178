"""The text of a PDF's pages within a budget: a few kilobytes can unfold into hours of work for pypdf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Some seconds of pypdf; a book of 60 pages takes a tenth of it.
MAX_OPERATIONS = 400_000
MAX_CONTENT_BYTES = 8_000_000
MAX_FORMS = 500


class TooMuchWork(ValueError):
    """The PDF is over its budget."""

    def __init__(self) -> None:
        super().__init__("pdf-too-complex: its pages take too much work")


class PdfText:
    """One PDF's budget, spent page by page."""

    def __init__(self) -> None:
        self._operations = MAX_OPERATIONS
        self._bytes = MAX_CONTENT_BYTES
        self._largest_form = 0

    def of(self, page: Any) -> str:
        """The page's text. Raises TooMuchWork, and whatever a damaged file makes pypdf raise."""
        contents = page.get_contents()
        self._read(len(contents.get_data()) if contents is not None else 0)
        self._largest_form = max((len(form.get_data()) for form in _forms(page)), default=0)
        return str(page.extract_text(visitor_operand_before=self._operation))

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


def _forms(page: Any) -> Iterator[Any]:
    """The forms a page can draw, and those they can; each once."""
    waiting, seen = [page], set()
    while waiting:
        resources = _object(waiting.pop().get("/Resources"))
        for each in dict(_object(resources.get("/XObject")) if resources else {}).values():
            form = _object(each)
            if id(form) not in seen and form.get("/Subtype") == "/Form":
                seen.add(id(form))
                if len(seen) > MAX_FORMS:
                    raise TooMuchWork
                waiting.append(form)
                yield form


def _object(found: Any) -> Any:
    return found.get_object() if found is not None else {}
