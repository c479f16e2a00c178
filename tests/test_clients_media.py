"""Media types and charsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.media import charset, declared, sniffed
from mingus_lib.errors import PermanentError


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("text/html", "text/html"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("text/html, text/html", "text/html"),
        (" text/html charset=utf-8", "text/html"),
        ("application/xhtml+xml;charset=x", "application/xhtml+xml"),
        ("text/plain", "text/plain"),
        ("application/pdf", "application/pdf"),
        ("application/x-pdf", "application/pdf"),
        ("", None),
        ("application/octet-stream", None),
    ],
)
def test_accepted_types(header: str, kind: str | None) -> None:
    assert declared(header, "page") == kind


@pytest.mark.parametrize("header", ["image/png", "application/json", "video/mp4", "text/css", "nonsense"])
def test_other_types_are_refused(header: str) -> None:
    with pytest.raises(PermanentError, match=r"^page: ") as caught:
        declared(header, "page")
    assert caught.value.code == "content-type"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "application/pdf"),
        (b"\n\n%PDF-1.4\x00", "application/pdf"),
        (b"\xef\xbb\xbf <!DOCTYPE html><html>", "text/html"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", "text/html"),
        (b"<!-- long -->\n<p>hello", "text/html"),
        (b"Once upon a time", "text/plain"),
        ("über alles".encode("latin-1"), "text/plain"),
        ("hello".encode("utf-16"), "text/plain"),
        (b"", "text/plain"),
    ],
)
def test_sniffing(start: bytes, kind: str) -> None:
    assert sniffed(start, "page") == kind


@pytest.mark.parametrize(
    "start", [b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04\x14\0", b"\x7fELF\x02\x01", b"GIF89a\0\0"]
)
def test_binary_without_a_type_is_refused(start: bytes) -> None:
    with pytest.raises(PermanentError) as caught:
        sniffed(start, "page")
    assert caught.value.code == "content-type"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("text/html; charset=utf-8", "utf-8"),
        ("text/html;Charset = 'ISO-8859-1'", "ISO-8859-1"),
        ('text/html; charset="windows-1252"; x=y', "windows-1252"),
        ("text/html", None),
        ("text/html; charset=", None),
        ("text/html; charset=\x00\x01", None),
    ],
)
def test_charsets(header: str, name: str | None) -> None:
    assert charset(header) == name


KNOWN = {"text/html", "application/xhtml+xml", "text/plain", "application/pdf"}


@given(st.binary(max_size=3000))
def test_any_body_is_a_known_type_or_refused(start: bytes) -> None:
    try:
        assert sniffed(start, "page") in KNOWN
    except PermanentError as error:
        assert error.code == "content-type"


@given(st.text(max_size=100))
def test_any_header_is_a_known_type_unsaid_or_refused(header: str) -> None:
    try:
        assert declared(header, "page") in {*KNOWN, None}
    except PermanentError as error:
        assert error.code == "content-type"
