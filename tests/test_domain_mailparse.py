"""Mails taken apart: the corpus, public torture samples, hostile structures, any bytes at all."""

from __future__ import annotations

import base64
import os
import sysconfig
import time
import zlib
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import mailparse
from mingus_lib.domain.mailparse.markup import html_links
from mingus_lib.domain.mailparse.pdf import pdf_links
from mingus_lib.domain.mailparse.plain import text_links
from tests.mail_corpus import Sample, samples

HEAD = b"From: Ada <ada@home.example>\nSubject: x\nMIME-Version: 1.0\n"
# The standard library's own samples, where it is installed with its tests, and a folder of others.
SAMPLES = [
    Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data",
    *map(Path, filter(None, [os.environ.get("MINGUS_MIME_SAMPLES")])),
]


def urls(raw: bytes) -> list[str]:
    return [link.url for link in mailparse.parse(raw).links]


def reasons(raw: bytes) -> list[str]:
    return [part.reason.partition(":")[0] for part in mailparse.parse(raw).parts if part.reason]


def test_the_corpus_is_large_and_of_many_kinds() -> None:
    assert len(samples()) >= 60
    assert len({sample.golden["kind"] for sample in samples()}) >= 12


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_parts_that_are_not_read_have_their_reasons(sample: Sample) -> None:
    mail = sample.parsed()
    noted = {(part.kind, part.reason.partition(":")[0]) for part in mail.parts if part.reason}
    assert noted == {(kind, reason) for kind, reason in sample.golden.get("parts", [])}
    for key in ("subject", "sender"):
        assert getattr(mail.head, key) == sample.golden.get(key, getattr(mail.head, key))


@pytest.mark.parametrize(
    "path", [path for folder in SAMPLES for path in folder.glob("*")], ids=lambda path: path.name
)
def test_torture_samples_fail_nothing(path: Path) -> None:
    mail = mailparse.parse(path.read_bytes())
    assert mail.parts
    assert mail.head.identity == mailparse.read_head(path.read_bytes()).identity


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=2000),
    st.sampled_from(["", "text/html", "multipart/mixed; boundary=b", "message/rfc822"]),
)
def test_any_bytes_are_read_or_noted(body: bytes, kind: str) -> None:
    raw = HEAD + (f"Content-Type: {kind}\n\n".encode() if kind else b"\n") + body
    mail = mailparse.parse(raw)
    assert mail.parts
    assert mail.head.sender == "ada@home.example"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_have_an_identity(raw: bytes) -> None:
    head = mailparse.read_head(raw)
    assert head.identity.startswith(("id:", "sha256:"))
    assert "\n" not in head.subject + head.sender + head.sender_name


def test_the_identity_is_the_message_id_else_a_hash_that_line_ends_do_not_change() -> None:
    with_id = mailparse.read_head(b"Message-ID: <a.b@c>\n\nx")
    assert (with_id.identity, with_id.message_id) == ("id:a.b@c", "a.b@c")
    lines = b"Subject: no id\n\none\ntwo\n"
    assert (
        mailparse.read_head(lines).identity
        == mailparse.read_head(lines.replace(b"\n", b"\r\n") + b"\r\n").identity
    )
    assert mailparse.read_head(lines).identity != mailparse.read_head(lines + b"three").identity


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 02 Mar 2026 10:00:00 +0200", "2026-03-02T08:00:00+00:00"),
        ("2 Mar 2026 10:00", "2026-03-02T10:00:00+00:00"),
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00+00:00"),
        ("2026-03-02 10:00:00.123+02:00", "2026-03-02T08:00:00.123000+00:00"),
        ("2026-03-99", None),
        ("the day after tomorrow", None),
        ("Mon, 99 Foo 99999 99:99:99 +9999", None),
        ("Thu, 01 Jan 1903 00:00:00 +0000", None),
        ("", None),
    ],
)
def test_dates(date: str, expected: str | None) -> None:
    found = mailparse.read_head(f"Date: {date}\n\n".encode()).sent_at
    assert (found.isoformat() if found else None) == expected


@pytest.mark.parametrize(
    ("header", "name", "address"),
    [
        (b'"Doe, Jane" <Jane@Home.Example>', "Doe, Jane", "jane@home.example"),
        (b"=?utf-8?B?SsO8cmdlbg==?= <j@x.example>", "J\u00fcrgen", "j@x.example"),
        ("J\u00fcrgen <j@x.example>".encode(), "J\u00fcrgen", "j@x.example"),
        (b"J\xfcrgen <j@x.example>", "J\u00fcrgen", "j@x.example"),
        (b"Doe, Jane <j@x.example>", "Doe, Jane", "j@x.example"),
        (b"[List] Money: Weekly <j@x.example>", "[List] Money: Weekly", "j@x.example"),
        (b"nobody at all", "", ""),
        (b"<<<broken j@x.example>>", None, "j@x.example"),
    ],
)
def test_senders(header: bytes, name: str | None, address: str) -> None:
    head = mailparse.read_head(b"From: " + header + b"\n\n")
    assert head.sender == address
    assert name is None or head.sender_name == name


def test_quotes_of_windows_in_a_header_stay() -> None:
    head = mailparse.read_head(b"Subject: =?iso-8859-1?Q?It=92s_=93here=94_=97_now?=\n\n")
    assert head.subject == "It\u2019s \u201chere\u201d \u2014 now"


def test_headers_cannot_steer_a_terminal_or_a_log() -> None:
    head = mailparse.read_head(
        b"Subject: a\x1b[31mred\x07 =?utf-8?q?b=0Ac=1B?=\nFrom: x\x00y <a@b.example>\n\n"
    )
    assert head.subject.isprintable()
    assert head.sender_name.isprintable()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(500))
         + b"\nhttp://a.example/last", "too-complex"),
        (HEAD + b"Content-Type: message/rfc822\n\n" * 5000 + b"\nhttp://a.example/last", "bad-structure"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\n\nhttp://a.example/last\n" + b"--b\n\nx\n" * 9000,
         "too-complex"),
        (HEAD + b"".join(b"Content-Type: multipart/mixed; Boundary = b%d\n\n--b%d\n" % (i, i) for i in range(500))
         + b"\nhttp://a.example/last", "too-complex"),
        (HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(90))
         + b"\nhttp://a.example/last" + b"\n" * 500_000, "too-complex"),
        (HEAD + b"X-Long: " + b"a" * 1_500_000 + b"\n\nhttp://a.example/last", "too-complex"),
        (HEAD + b"Content-Type: text/html\n\n"
         + b"".join(b"<a href=http://a.example/%d>x</a>" % i for i in range(100_000)),
         "too-many-links"),
    ],
    ids=["boundaries", "rfc822", "parts", "spaced", "lines", "header", "links"],
)  # fmt: skip
def test_mazes_are_read_without_their_structure(raw: bytes, reason: str) -> None:
    assert reason in reasons(raw)
    assert urls(raw)


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 50_000 + b"<a href=http://a.example/last>x</a>",
        b"<a " + b"x='1' " * 200_000 + b"><a href=http://a.example/last>x</a>",
        b"<a style='" + b"display " * 200_000 + b"'></a><a href=http://a.example/last>x</a>",
        b"<" * 1_000_000 + b"<p><a href=http://a.example/last>x</a>",
    ],
    ids=["deep", "attributes", "style", "brackets"],
)
def test_hostile_html_is_read_to_its_end(body: bytes) -> None:
    assert urls(HEAD + b"Content-Type: text/html\n\n" + body)[-1] == "http://a.example/last"


def test_the_rest_of_a_mail_is_read_when_a_part_cannot_be() -> None:
    message = EmailMessage()
    message["From"] = "a@b.example"
    message.set_content("See http://a.example/text-before-the-rest\n")
    message.add_attachment(b"%PDF-broken", maintype="application", subtype="pdf", filename="../../etc/x.pdf")
    message.add_attachment(b"\0" * 1000, maintype="application", subtype="zip", filename="bomb.zip")
    raw = message.as_bytes()
    assert urls(raw) == ["http://a.example/text-before-the-rest"]
    assert sorted(reasons(raw)) == ["pdf-broken", "skipped"]


def test_a_mail_that_was_attached_in_base64_is_read() -> None:
    inner = HEAD + b"Content-Type: text/html\n\n<a href='http://a.example/b'>t</a>"
    for body in (inner, inner.replace(b"\n", b"\r\n")):
        kind = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        assert urls(HEAD + kind + base64.encodebytes(body)) == ["http://a.example/b"]
        assert urls(HEAD + kind + body) == ["http://a.example/b"]


def test_the_words_of_a_link_count_more_than_those_before_it_in_the_text() -> None:
    raw = HEAD + (
        b"Content-Type: multipart/alternative; boundary=b\n\n"
        b"--b\n\nTo hear no more of us:\nhttp://a.example/t/1\n\nA headline\nhttp://a.example/t/2\n\n"
        b"--b\nContent-Type: text/html\n\n<a href='http://a.example/t/1'>Unsubscribe</a>"
        b"<a href='http://a.example/t/2'></a>\n--b--\n"
    )
    assert [link.anchor for link in mailparse.parse(raw).links] == ["Unsubscribe", "A headline"]


@pytest.mark.parametrize("unfold", [b"q ", b"BT (x) Tj ET "], ids=["operators", "text"])
def test_a_small_pdf_that_unfolds_without_end_takes_bounded_time(unfold: bytes) -> None:
    page = zlib.compress(unfold * (2_000_000 // len(unfold)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 20/Kids[%s]>>" % b" ".join([b"4 0 R"] * 20),
        b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(page), page),
        b"<</Type/Page/Parent 2 0 R/Contents 3 0 R/MediaBox[0 0 9 9]"
        b"/Annots[<</A<</URI(https://a.example/kept)>>>>]>>",
    ]
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, 1))
    started = time.process_time()
    links, _ = pdf_links(body + b"trailer\n<</Root 1 0 R/Size 5>>\nstartxref\n0\n%%EOF", "1", limit=9)
    assert {link.url for link in links} == {"https://a.example/kept"}
    assert time.process_time() - started < 30


def test_brackets_at_the_end_of_links_take_linear_time() -> None:
    text = ("https://a.example/" + "(" * 3900 + "x" + ")" * 3900 + "\n") * 50
    started = time.process_time()
    assert len(text_links(text, "1", limit=99)[0]) == 50
    assert time.process_time() - started < 1


def test_an_object_gives_the_same_mail_every_time() -> None:
    given = {
        "subject": "Gr\u00fc\u00dfe\nBcc: x@y",
        "from": "A <a@b.example>",
        "html": "<a href='http://a.example/b'>t</a>",
    }
    raw = mailparse.compose(given)
    assert raw == mailparse.compose(given)
    mail = mailparse.parse(raw)
    assert (mail.head.subject, mail.head.sender) == ("Gr\u00fc\u00dfe Bcc: x@y", "a@b.example")
    assert [(link.url, link.anchor) for link in mail.links] == [("http://a.example/b", "t")]
    assert mailparse.read_head(mailparse.compose({**given, "message_id": "<m@x>"})).identity == "id:m@x"


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Jos\u00e9 <a@b.example>", "Jos\u00e9"),
        ("Jos\u00e9, Jr. <a@b.example>", "Jos\u00e9, Jr."),
        ('"Jos\u00e9, Jr." <a@b.example>', "Jos\u00e9, Jr."),
        ("\U0001f4b0" * 150 + " <a@b.example>", "\U0001f4b0" * 150),
        ("\u00e9@b.example", ""),
    ],
)
def test_an_object_keeps_the_name_of_its_sender(sender: str, name: str) -> None:
    head = mailparse.read_head(mailparse.compose({"from": sender, "date": "2026-03-02T10:00:00Z"}))
    assert (head.sender_name, head.sender) == (name, "a@b.example" if name else sender)
    assert head.sent_at is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://a.example/b.", "http://a.example/b"),
        ("(http://a.example/b_(c))", "http://a.example/b_(c)"),
        ("[t](http://a.example/b)", "http://a.example/b"),
        ("<http://a.example/b\n  c>", "http://a.example/bc"),
        ("'http://a.example/b?c=d&e=f',", "http://a.example/b?c=d&e=f"),
        ("www.a.example/b!", "http://www.a.example/b"),
        ("\u202ahttp://a.example/b\u202c", "http://a.example/b"),
        ("http://a.example/b\u200b and", "http://a.example/b"),
        ("\u05e7 \u200fhttp://a.example/b\u200f", "http://a.example/b"),
        ("\xabhttp://a.example/b\xbb", "http://a.example/b"),
        ("http://a.example/b?c=d&amp;e=f", "http://a.example/b?c=d&e=f"),
    ],
)
def test_links_of_text_end_where_they_should(text: str, expected: str) -> None:
    assert [link.url for link in text_links(text, "1", limit=9)[0]] == [expected]


@pytest.mark.parametrize("mark", ["\u200b", "\u2060", "\ufeff"])
@pytest.mark.parametrize("kind", ["text/plain", "multipart/mixed"])
def test_a_link_of_a_mail_in_plain_text_ends_at_a_mark_without_width(mark: str, kind: str) -> None:
    text = (
        f"Head{mark}line\n{mark}\nhttp://a.example/b{mark}See more http://a.example/c{mark}http://a.example/d"
    )
    raw = HEAD + f"Content-Type: {kind}; charset=utf-8\n\n{text}\n<http://a.example/{mark}\n e>\n".encode()
    assert [(link.url, link.anchor) for link in mailparse.parse(raw).links] == [
        ("http://a.example/b", "Headline"),
        ("http://a.example/c", "See more"),
        ("http://a.example/d", "Headline"),
        ("http://a.example/e", "Headline"),
    ]


@pytest.mark.parametrize("kind", ["text/html", "multipart/mixed"])
def test_marks_without_width_are_no_part_of_a_link_of_html(kind: str) -> None:
    html = "<a href='http://a.example/\u200bb'>Head\u200bline</a>"
    raw = HEAD + f"Content-Type: {kind}; charset=utf-8\n\n{html}\n".encode()
    assert [(link.url, link.anchor) for link in mailparse.parse(raw).links] == [
        ("http://a.example/b", "Headline")
    ]


@pytest.mark.parametrize("mark", ["", "> ", ">> "])
def test_a_link_that_apple_mail_broke_over_lines_is_whole(mark: str) -> None:
    text = f"{mark}see http://a.example/how-to-ask-for- \r\n{mark}a-raise and \r\n{mark}say\r\n"
    kind = b"Content-Type: text/plain; charset=us-ascii; format=flowed; delsp="
    assert urls(HEAD + kind + b"yes\n\n" + text.encode()) == ["http://a.example/how-to-ask-for-a-raise"]
    assert urls(HEAD + kind + b"no\n\n" + text.encode()) == ["http://a.example/how-to-ask-for-"]
    signed = b"http://a.example/b\n-- \nhttp://a.example/c\n"
    assert urls(HEAD + kind + b"yes\n\n" + signed) == ["http://a.example/b", "http://a.example/c"]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("http://a.example/b \nc", ["bc"]),
        ("http://a.example/b \n c \n d", ["bcd"]),
        ("http://a.example/b \n\nc", ["b"]),
        ("http://a.example/b \n \nc", ["b"]),
        ("> http://a.example/b \n>c", ["bc"]),
        # What is quoted is another's text at each depth.
        ("> http://a.example/b \n>> http://a.example/c", ["b", "c"]),
        ("> http://a.example/b \nhttp://a.example/c", ["b", "c"]),
        ("http://a.example/b \n>c", ["b"]),
        ("http://a.example/b \n-- \nc", ["b"]),
        ("> http://a.example/b \n> -- \n> http://a.example/c", ["b", "c"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_that_break_in_words_are_joined_in_one_depth_of_quotes(
    text: str, ends: list[str], end: str
) -> None:
    raw = HEAD + b"Content-Type: text/plain; format=Flowed; delsp=YES\n\n" + text.replace("\n", end).encode()
    assert urls(raw) == [f"http://a.example/{each}" for each in ends]


@pytest.mark.parametrize("told", ["delsp=yes", "format=fixed; delsp=yes", "format=flowed"])
def test_lines_are_joined_only_in_text_that_says_it_flows(told: str) -> None:
    raw = HEAD + f"Content-Type: text/plain; {told}\n\nhttp://a.example/b \nc\n".encode()
    assert urls(raw) == ["http://a.example/b"]


def test_a_link_of_text_has_the_words_before_it() -> None:
    text = "Headline one\nhttp://a.example/1\n\n* Headline two: http://a.example/2 and http://a.example/3"
    assert [link.anchor for link in text_links(text, "1", limit=9)[0]] == [
        "Headline one",
        "Headline two",
        "and",
    ]


@pytest.mark.parametrize(
    ("markup", "hidden"),
    [
        # How MJML lays out a column, and Campaign Monitor a button.
        ('<td style="font-size:0px"><div style="font-size:13px"><a href="{}">Go</a></div></td>', False),
        ('<td style="font-size:0"><a href="{}"><img src="x" alt="Go"></a></td>', False),
        ('<div style="font-size: 0"><a href="{}"><span style="font-size:1rem">Go</span></a></div>', False),
        ('<a href="{}" style="color:#fff;mso-hide:all">Go</a>', False),
        ('<div style="font-size:0.9em"><a href="{}">Go</a></div>', False),
        ('<div style="font-size:0px"><a href="{}">Go</a></div>', True),
        ('<div style="font-size:0"><p style="font-size:100%"><a href="{}">Go</a></p></div>', True),
        ('<a href="{}" style="font-size:0">Go</a>', True),
        ('<div style="display:none;mso-hide:all"><a href="{}">Go</a></div>', True),
        # Nothing of these shows, whatever stands beside the words.
        ('<div style="font-size:0"><a href="{}"><img style="display:none" src="x">Go</a></div>', True),
        ('<div style="font-size:0"><a href="{}"><p hidden><img src="x"></p>Go</a></div>', True),
        ('<div style="font-size:0"><a href="{}"><img width=1 height=1 src="x">Go</a></div>', True),
        ('<div style="font-size:0"><a href="{}"><b size=1>Go</b></a></div>', True),
        ('<div style="font-size:0"><a href="{}"><font size=1>Go</font></a></div>', False),
        ('<div style="font-size:0"><a href="{}"><img src="x">Go<img width=1 src="y"></a></div>', False),
    ],
)
def test_what_a_reader_sees_of_a_newsletter_is_not_hidden(markup: str, hidden: bool) -> None:
    links, _ = html_links(markup.format("http://a.example/b"), "1", limit=9)
    assert [(link.anchor, link.hidden) for link in links] == [("Go", hidden)]


def test_hidden_words_of_a_size_do_not_show_those_without() -> None:
    unseen = '<span style="display:none;font-size:9px">x</span>'
    markup = f'<div style="font-size:0"><a href="http://a.example/b">Go{unseen}</a></div>'
    assert html_links(markup, "1", limit=9)[0][0].hidden


@pytest.mark.parametrize(
    ("markup", "anchors"),
    [
        ("<a href='{}'><table><tr><td>One<td>two</table></a> after", ["One two"]),
        ("<a href='{}'>\n<table><tr><td><img src=x alt=One></td></tr></table></a><p>after", ["One"]),
        ("<a href='{}'><table><tr><td><table><tr><td>One</table> two</table></a>after", ["One two"]),
        ("<a href='{}'></a>after<table><tr><td>Two</table>", [""]),
        ("<a href='{}'></a><p><table><tr><td>Two</table>", [""]),
        ("<table><tr><td><a href='{}'></a></td></tr></table><table><tr><td>Two</table>", [""]),
        ("<div><a href='{}'></a> </div> <table><tr><td>Two</table>", [""]),
        ("<div><a href='{}'><table><tr><td>One</table></a></div><table><tr><td>Two</table>", ["One"]),
        ("<a href='{}'>One</a><table><tr><td>Two</table>", ["One"]),
        ("<a href='{}'></a><table><tr><td><a href='{}2'>Two</a></table>", ["", "Two"]),
    ],
)
def test_a_link_around_a_table_has_its_text(markup: str, anchors: list[str]) -> None:
    links, _ = html_links(markup.replace("{}", "http://a.example/b"), "1", limit=9)
    assert [link.anchor for link in links] == anchors


def test_words_in_two_blocks_of_a_link_are_two() -> None:
    markup = "<a href='http://a.example/b'><h2>One</h2>two<br>three<div>fo<b>ur</b></div>five</a>"
    assert html_links(markup, "1", limit=9)[0][0].anchor == "One two three four five"


def test_an_address_without_its_scheme_is_one_when_it_begins_with_www() -> None:
    markup = "<base href='https://b.example/c/'><a href='WWW.a.example/b'>t</a><a href='www-d'>t</a>"
    found = [link.url for link in html_links(markup, "1", limit=9)[0]]
    assert found == ["http://WWW.a.example/b", "https://b.example/c/www-d"]


def test_a_type_without_its_semicolon_is_a_type() -> None:
    raw = HEAD + b"Content-Type: text/html charset=utf-8\n\n<a href='http://a.example/b'>t</a>"
    assert urls(raw) == ["http://a.example/b"]
    assert reasons(raw) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_and_any_markup_is_read(text: str) -> None:
    for found, count in (text_links(text, "1", limit=5), html_links(text, "1", limit=5)):
        assert len(found) <= min(5, count)
