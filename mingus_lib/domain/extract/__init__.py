"""From the bytes of a page to its article: text, sanitised HTML and metadata.

    decode    bytes to str, whatever the charset says          markup    str to a bounded lxml tree
    body      the main text: vote, then trim                   metadata  title, author, date, site
    sanitise  the HTML kept beside the text                    plain, pdf  the other two formats

`extract` is the only doorway; the modules behind it load lxml, trafilatura and the rest on first use.
"""

from __future__ import annotations

from collections.abc import Callable

from mingus_lib.domain.models import Extracted
from mingus_lib.errors import MingusError, PermanentError

Reader = Callable[[bytes, str | None, str], Extracted]
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml"})


def extract(body: bytes, *, content_type: str, charset: str | None, url: str) -> Extracted:
    """Read the article out of a page; pure, and safe on hostile bytes.

    `content_type` is the HTTP media type (parameters are ignored), `charset` the one HTTP declared.
    Raises PermanentError with code `unsupported-type`, `pdf-encrypted`, `pdf-too-complex`, `pdf-broken`,
    `page-empty`, `page-too-deep` or `page-broken`; nothing else.
    """
    kind = media_type(body, content_type)
    try:
        return _reader(kind)(body, charset, url)
    # Our own reasons pass as they are: the last branch would turn a PDF's password into a broken page.
    except MingusError:
        raise
    except RecursionError:
        raise PermanentError("the page is nested too deeply to be read", code="page-too-deep") from None
    except Exception as error:
        # A parser's bug on hostile input is the page's fate; only the kind of error is told, never its text.
        raise PermanentError(
            f"the page could not be read ({type(error).__name__})", code="page-broken"
        ) from error


def media_type(body: bytes, content_type: str) -> str:
    """The format to read as: PDF by its first bytes, else as declared, HTML when nothing was declared."""
    # PDFs are often declared as something else, and nothing else begins so.
    if body[:1024].lstrip().startswith(b"%PDF-"):
        return "application/pdf"
    declared = content_type.partition(";")[0].strip().lower()
    # Servers say octet-stream of what they do not know: the bytes tell more than such a word.
    if declared in ("", "application/octet-stream"):
        return "text/html" if b"<" in body[:1024] else "text/plain"
    return "text/html" if declared in HTML_TYPES else declared


def _reader(kind: str) -> Reader:
    if kind == "text/html":
        # Imported in its branch: trafilatura alone takes 280 ms, which no PDF and no text should pay.
        from mingus_lib.domain.extract.page import read_page

        return read_page
    if kind == "application/pdf":
        from mingus_lib.domain.extract.pdf import read_pdf

        return read_pdf
    if kind == "text/plain":
        from mingus_lib.domain.extract.plain import read_plain

        return read_plain
    # Cut and quoted: the type is the server's own text, and the reason is kept and shown.
    raise PermanentError(f"{kind[:80]!r} is not a format that can be read", code="unsupported-type")
