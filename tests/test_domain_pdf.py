"""PDFs that ask for too much, or break their reader: refused with a reason of ours, within bounded memory."""

from __future__ import annotations

import base64
import zlib

import pytest

from mingus_lib.domain import mailparse
from mingus_lib.domain.extract import extract
from mingus_lib.domain.mailparse.pdf import pdf_links
from mingus_lib.domain.mails import UnreadablePart
from mingus_lib.errors import PermanentError

PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots[<</A<</URI(https://a.example/kept)>>>>]%s>>"
TEXT = b"<</Length 30>>stream\nBT /F0 9 Tf (words) Tj ET     \nendstream"


def pdf(*objects: bytes) -> bytes:
    """A catalog, a page tree, then these objects: the first of them, number 3, is the page."""
    whole = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", *objects)
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(whole, 1))
    return b"%%PDF-1.4\n%strailer\n<</Root 1 0 R/Size %d>>\nstartxref\n0\n%%%%EOF" % (body, len(whole) + 1)


def packed(size: int, entries: bytes = b"") -> bytes:
    data = zlib.compress(b" " * size, 9)
    return b"<<%s/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def with_forms(number: int, size: int) -> bytes:
    names = b" ".join(b"/X%d %d 0 R" % (each, 5 + each) for each in range(number))
    form = packed(size, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    return pdf(PAGE % (b"/Contents 4 0 R/Resources<</XObject<<%s>>>>" % names), TEXT, *[form] * number)


def with_fonts(number: int, size: int) -> bytes:
    names = b" ".join(b"/G%d %d 0 R" % (each, 5 + 2 * each) for each in range(number))
    fonts = [
        each
        for font in range(number)
        for each in (
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode %d 0 R>>" % (6 + 2 * font),
            packed(size),
        )
    ]
    return pdf(PAGE % (b"/Contents 4 0 R/Resources<</Font<<%s>>>>" % names), TEXT, *fonts)


@pytest.mark.parametrize(
    "body",
    [
        with_forms(1, 70_000_000),
        with_forms(6, 7_000_000),
        with_fonts(6, 7_000_000),
        with_forms(2_100, 1),
        pdf(PAGE % b"/Contents 4 0 R", packed(70_000_000)),
    ],
    ids=["large form", "forms", "fonts", "many forms", "contents"],
)
def test_what_unfolds_to_many_megabytes_is_not_kept_in_memory(body: bytes) -> None:
    assert len(body) < 1_000_000
    with pytest.raises(PermanentError) as refused:
        extract(body, content_type="application/pdf", charset=None, url="https://a.example/x.pdf")
    assert refused.value.code == "pdf-too-complex"
    assert [link.url for link in pdf_links(body, "1", limit=9)[0]] == ["https://a.example/kept"]


def test_forms_and_fonts_of_an_ordinary_size_are_read() -> None:
    for body in (with_forms(3, 1_000_000), with_fonts(3, 100_000)):
        found = extract(body, content_type="application/pdf", charset=None, url="https://a.example/x.pdf")
        assert len(found.text) == len("words")


def test_words_set_with_ligatures_or_parted_at_the_end_of_a_line_are_whole() -> None:
    names = b"/Encoding<</Type/Encoding/Differences[1/fi/ffi/softhyphen]>>"
    lines = rb"BT /F0 9 Tf 0 700 Td (\001nancial o\002ce mort\003) Tj 0 -14 Td (gage) Tj ET"
    body = pdf(
        PAGE % b"/Contents 4 0 R/Resources<</Font<</F0 5 0 R>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(lines), lines),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica%s>>" % names,
    )
    found = extract(body, content_type="application/pdf", charset=None, url="https://a.example/")
    assert found.text == "financial office mortgage"


def test_a_note_of_a_mail_never_repeats_what_a_broken_pdf_holds() -> None:
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 32/LastChar 34/Widths[(\x1b[31m) 2 3]>>"
    body = pdf(PAGE % b"/Contents 4 0 R/Resources<</Font<</F0 5 0 R>>>>", TEXT, font)
    with pytest.raises(UnreadablePart, match=r"\Apdf-broken: ValueError\Z"):
        pdf_links(body, "1", limit=9)


def test_links_beyond_the_limit_are_counted() -> None:
    words = b" ".join(b"http://a.example/%d" % number for number in range(8))
    text = b"BT /F0 9 Tf (%s) Tj ET" % words
    content = b"<</Length %d>>stream\n%s\nendstream" % (len(text), text)
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    body = pdf(PAGE % b"/Contents 4 0 R/Resources<</Font<</F0 5 0 R>>>>", content, font)
    links, count = pdf_links(body, "1", limit=3)
    assert (len(links), count) == (3, 9)


def test_an_attached_mail_that_is_a_maze_says_so() -> None:
    inner = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(200))
    head = b"From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
    part = b"--x\nContent-Type: application/octet-stream; name=a.eml\nContent-Transfer-Encoding: base64\n\n"
    raw = head + part + base64.encodebytes(b"From: c@d.example\n" + inner) + b"\n--x--\n"
    assert [each.reason for each in mailparse.parse(raw).parts] == ["too-complex: not read"]
