"""The parts of a mail: which are read and as what, how deep and how many, the first link that is seen."""

from __future__ import annotations

import base64

import pytest

from mingus_lib.domain import mailparse
from mingus_lib.domain.mailparse.parts import MAX_LINKS, MAX_TEXT_BYTES
from mingus_lib.domain.mails import FoundLink

STORY = b"http://a.example/1"


def leaf(kind: str, body: bytes, more: str = "") -> bytes:
    return f"Content-Type: {kind}\n{more}\n".encode() + body


def attached(name: str, body: bytes, kind: str = "application/octet-stream") -> bytes:
    about = f"Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename={name}\n"
    return leaf(kind, base64.encodebytes(body), about)


def multi(*parts: bytes, boundary: str = "b") -> bytes:
    body = b"".join(b"--%s\n%s\n" % (boundary.encode(), part) for part in parts)
    return leaf(f"multipart/mixed; boundary={boundary}", body + f"--{boundary}--\n".encode())


def mail(*wrapped: bytes) -> bytes:
    return leaf("message/rfc822", b"".join(wrapped))


def links(raw: bytes) -> list[str]:
    return [link.url for link in mailparse.parse(raw).links]


def notes(raw: bytes) -> list[tuple[str, str, str | None, int, str | None]]:
    return [
        (part.path, part.kind, part.filename, part.size, part.reason) for part in mailparse.parse(raw).parts
    ]


def test_every_part_has_its_place_and_note() -> None:
    inner = (leaf("TEXT/HTML", b"<a href=http://a.example/2>two</a>"), leaf("image/png", b"png"))
    raw = multi(
        leaf("text/plain", b"Read " + STORY),
        mail(multi(*inner, boundary="c")),
        attached("one.eml", leaf("text/plain", b"Read http://a.example/3")),
    )
    assert notes(raw) == [
        ("1.1", "text/plain", None, 23, None),
        ("1.2.1.1", "text/html", None, 34, None),
        ("1.2.1.2", "image/png", None, 3, "skipped: image/png"),
        ("1.3.1", "text/plain", None, 23, None),
    ]
    assert mailparse.parse(raw).links == (
        FoundLink("http://a.example/1", "Read", "1.1 text/plain"),
        FoundLink("http://a.example/2", "two", "1.2.1.1 text/html"),
        FoundLink("http://a.example/3", "Read", "1.3.1 text/plain"),
    )


@pytest.mark.parametrize(
    ("part", "link"),
    [
        (leaf("text/plain", STORY), True),
        (leaf("text/html", b"<a href=http://a.example/1>"), True),
        (leaf("application/xhtml+xml", b"<a href='http://a.example/1'/>"), True),
        (leaf("text/calendar", STORY), False),
        (leaf("application/json", STORY), False),
        # A name counts only where the type says nothing.
        (attached("a.TXT", STORY), True),
        (attached("a.txt", STORY, "application/x-download"), True),
        (attached("a.txt", STORY, "application/force-download"), True),
        (attached("a.txt", STORY, "application/zip"), False),
        (attached("a.md", STORY), True),
        (attached("a.text", STORY), True),
        (attached("a.zip", STORY), False),
        (attached("txt", STORY), False),
        (attached("a.htm", b"<a href=http://a.example/1>"), True),
        (attached("a.html", b"<a href=http://a.example/1>"), True),
        (attached("a.xhtml", b"<a href=http://a.example/1>"), True),
        (attached("a.eml", leaf("text/plain", STORY)), True),
        (mail(leaf("text/plain", STORY)), True),
        # A server's report has the form of mails and is none.
        (leaf("message/delivery-status", b"Status: 5\n\nAction: " + STORY), False),
    ],
)
def test_what_is_read(part: bytes, link: bool) -> None:
    assert links(part) == ([STORY.decode()] if link else [])
    if not link:
        kind = part.split(b"\n")[0].removeprefix(b"Content-Type: ").decode()
        assert [(note[0], note[1], note[4]) for note in notes(part)] == [("1", kind, f"skipped: {kind}")]


@pytest.mark.parametrize(
    "part",
    [
        attached("a.pdf", b"no pdf"),
        leaf("application/pdf", b"no pdf"),
        leaf("image/png", b" \n%PDF-none"),
        leaf("image/png", b" " * 1_019 + b"%PDF-none"),
    ],
)
def test_what_is_read_as_a_pdf(part: bytes) -> None:
    assert (notes(part)[0][4] or "").startswith("pdf-broken: ")


def test_a_pdf_begins_early() -> None:
    assert notes(leaf("image/png", b" " * 1_020 + b"%PDF-none"))[0][4] == "skipped: image/png"


def test_names_are_for_people() -> None:
    named = 'Content-Disposition: attachment; filename="../..\t/a b.png"\n'
    assert notes(leaf("image/png", b"x", named))[0][2] == "../.. /a b.png"
    assert notes(attached("n" * 200, b"x"))[0][2] == "n" * 120
    assert notes(attached('" "', b"x"))[0][2] is None
    assert notes(leaf("application/" + "x" * 200, b"x"))[0][1] == "application/" + "x" * 108


def test_the_charset_that_is_told_is_the_one_that_is_read() -> None:
    (link,) = mailparse.parse(leaf("text/plain; charset=koi8-r", b"\xf0\xd2\xc9 " + STORY)).links
    assert link.anchor == "\u041f\u0440\u0438"


def test_a_multipart_without_its_boundary_is_one_text() -> None:
    text = b"=3Ca href=3D'http://a.example/2'>two</a>"
    assert notes(leaf("multipart/mixed", text)) == [
        ("1", "multipart/mixed", None, len(text), "no-boundary: read without its structure")
    ]
    (link,) = mailparse.parse(leaf("multipart/mixed", text)).links
    assert (link.url, link.anchor, link.place) == ("http://a.example/2", "two", "1 text/html")
    (link,) = mailparse.parse(leaf("multipart/mixed", b"Read " + STORY)).links
    assert (link.anchor, link.place) == ("Read", "1 text/plain")


def nested(depth: int, by_name: bool) -> bytes:
    raw = leaf("text/plain", STORY)
    for _ in range(depth):
        raw = attached("a.eml", raw) if by_name else mail(raw)
    return raw


@pytest.mark.parametrize("by_name", [False, True])
def test_mails_are_read_five_deep(by_name: bool) -> None:
    assert links(nested(5, by_name)) == [STORY.decode()]
    assert links(nested(6, by_name)) == []
    name, size = ("a.eml", len(nested(0, by_name))) if by_name else (None, 0)
    why = "too-deep: not read" if by_name else "too-deep: more than 5 mails in each other"
    assert notes(nested(6, by_name)) == [("1.1.1.1.1.1", "message/rfc822", name, size, why)]
    # A multipart is no mail, and goes as deep as the parser does.
    assert links(mail(mail(mail(mail(mail(multi(leaf("text/plain", STORY)))))))) == [STORY.decode()]


def test_parts_are_read_up_to_a_number_and_the_rest_is_noted_once() -> None:
    # The whole is a part, too.
    assert notes(multi(*[leaf("image/png", b"")] * 199))[-1][4] == "skipped: image/png"
    found = notes(multi(*[leaf("image/png", b"")] * 205))
    assert len(found) == 200
    assert found[-1] == ("1.200", "", None, 0, "too-many-parts: only 200 were read")


def test_links_are_kept_up_to_a_number_and_the_rest_is_counted() -> None:
    def numbered(first: int, last: int) -> bytes:
        return leaf("text/plain", b"".join(b"http://a.example/%d\n" % each for each in range(first, last)))

    whole = multi(numbered(0, MAX_LINKS), numbered(5, 10))
    assert len(links(whole)) == MAX_LINKS
    assert len(notes(whole)) == 2
    one_part, two_parts = numbered(0, MAX_LINKS + 1), multi(numbered(0, 1_500), numbered(1_400, 2_007))
    for raw, missed in ((one_part, 1), (two_parts, 7)):
        assert len(links(raw)) == MAX_LINKS
        assert notes(raw)[-1] == (
            "1", "", None, len(raw), f"too-many-links: {missed} more were not read"
        )  # fmt: skip


def test_of_a_long_text_the_beginning_is_read() -> None:
    text = STORY.rjust(MAX_TEXT_BYTES)
    assert notes(leaf("text/plain", text)) == [("1", "text/plain", None, len(text), None)]
    (note,) = notes(leaf("text/plain", text + b" http://a.example/2"))
    assert note[4] == "cut: only 4000000 bytes were read"
    assert links(leaf("text/plain", text + b" http://a.example/2")) == [STORY.decode()]


# Each is as much as the library's parser is trusted with, and then one more.
@pytest.mark.parametrize(
    ("body", "one_more"),
    [
        (b"boundary= " * 100, b"boundary*="),
        (b"BOUNDARY =" * 100, b"boundary="),
        # A hundred possible boundaries are asked at every line.
        (b"boundary=" * 100 + b"\n" * 99_007, b"\n"),
        (b"boundary=" * 100 + b"\r" * 99_009, b"\r"),
        (b"\n--" * 5_000, b"\n--"),
        (b"\r--" * 2_500 + b"\n--" * 2_500, b"\r--"),
    ],
    ids=["boundaries", "spaced", "lines", "returns", "delimiters", "mixed"],
)
def test_a_structure_is_read_up_to_a_bound(body: bytes, one_more: bytes) -> None:
    for text, reason in ((body, None), (body + one_more, "too-complex: read without its structure")):
        assert notes(leaf("text/plain", text))[0][4] == reason


def test_a_maze_inside_a_mail_is_not_read() -> None:
    maze = b"boundary=" * 101
    assert notes(attached("a.eml", maze)) == [
        ("1", "message/rfc822", "a.eml", len(maze), "too-complex: not read")
    ]


def test_a_structure_that_breaks_the_parser_is_read_without_it_or_noted() -> None:
    deep = b"Subject: deep\n" + b"Content-Type: message/rfc822\n\n" * 5_000 + b"Read " + STORY
    why = "bad-structure: RecursionError; read without its structure"
    assert notes(deep) == [("1", "", None, len(deep), why)]
    assert links(deep) == [STORY.decode()]
    assert mailparse.parse(deep).head.subject == "deep"
    inside = multi(attached("a.eml", deep), leaf("text/plain", b"http://a.example/2"))
    assert notes(inside)[0] == ("1.1", "application/octet-stream", "a.eml", 0, "unreadable: RecursionError")
    assert links(inside) == ["http://a.example/2"]


def test_a_head_without_end_is_read_as_text() -> None:
    endless = b"X: " + b"y" * 999_997
    assert notes(endless)[0][4] is None
    assert notes(endless + b"y")[0][4] == "too-complex: read without its structure"
    assert notes(b"X: y\n\n" + endless)[0][4] is None


SHOWN = '<a href="http://a.example/1">seen</a>'
LONGER = '<a href="http://a.example/1">seen, and longer</a>'
HIDDEN = '<a hidden href="http://a.example/1">hidden, and longer</a>'
PIXEL = '<a href="http://a.example/1"><img width=1></a>'


@pytest.mark.parametrize(
    ("parts", "anchor", "place"),
    [
        ([SHOWN + LONGER], "seen, and longer", "1.1"),
        ([LONGER + SHOWN], "seen, and longer", "1.1"),
        # Of two parts, mostly one text in two forms, the first.
        ([SHOWN, LONGER], "seen", "1.1"),
        ([SHOWN + HIDDEN], "seen", "1.1"),
        ([HIDDEN + SHOWN], "seen", "1.1"),
        ([HIDDEN, SHOWN], "seen", "1.2"),
        ([PIXEL, SHOWN], "seen", "1.2"),
        ([PIXEL, HIDDEN], "", "1.1"),
    ],
)
def test_of_two_links_to_one_address_the_one_that_is_seen_is_kept(
    parts: list[str], anchor: str, place: str
) -> None:
    (link,) = mailparse.parse(multi(*(leaf("text/html", part.encode()) for part in parts))).links
    assert (link.anchor, link.place) == (anchor, f"{place} text/html")
