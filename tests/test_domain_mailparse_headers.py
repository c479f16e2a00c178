"""The headers of a mail: what begins as a mail does, who, when, which identity, what is cut."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.mailparse.headers import (
    MAX_HEAD_BYTES,
    date_of,
    looks_like_mail,
    one_line,
    parsed,
    read_head,
    sender_of,
    text_of,
)
from mingus_lib.domain.mails import MailHead


@pytest.mark.parametrize(
    ("start", "looks"),
    [
        (b"From: a", True),
        (b"subject : a", True),
        (b"Version: 1\nSUBJECT: a", True),
        (b"\n \nDate: a", True),
        (b"From ada Mon Mar  2\nDate: a", True),
        (b"\n>From ada\nDate: a", True),
        (b"X-Mailer: a", True),
        (b"Content-Type: a", True),
        (b"A: " + b"x" * 4_087 + b"\nDate: a", True),
        (b"A: " + b"x" * 4_088 + b"\nDate: a", False),
        (b"a" * 80 + b": 1\nDate: a", True),
        (b"a" * 81 + b": 1\nDate: a", False),
        (b"", False),
        (b"root:x:0:0", False),
        (b"name: a\nversion: 1", False),
        (b"name: a\n indented-date: 1", False),
        (b"name: a\nDated: 1", False),
        (b"Dear all,\nDate: a", False),
        (b"<p>\nDate: a", False),
    ],
)
def test_a_mail_begins_with_fields_of_which_one_is_a_mails(start: bytes, looks: bool) -> None:
    assert looks_like_mail(start) is looks


def test_a_head_says_all_that_is_kept() -> None:
    raw = (
        b"Message-ID:  <1.a@home.example> \r\n"
        b"From: Ada <Ada@Home.example>\r\nSender: list@home.example\r\n"
        b"Subject: A first\r\n budget\r\nDate: Mon, 02 Mar 2026 10:00:00 +0200\r\n"
        b"List-Unsubscribe: <mailto:u@home.example>, <HTTPS://home.example/u?a=1>,\r\n < http://b.example/u >\r\n"
        b"\r\nSubject: of the body\r\n"
    )
    assert read_head(raw) == MailHead(
        identity="id:1.a@home.example",
        message_id="1.a@home.example",
        subject="A first budget",
        sender="ada@home.example",
        sender_name="Ada",
        sent_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        unsubscribe=("HTTPS://home.example/u?a=1", "http://b.example/u"),
    )


def test_a_head_without_anything_has_a_hash_of_the_mail() -> None:
    digest = hashlib.sha256(b"X: y\n\none\ntwo").hexdigest()
    assert read_head(b"X: y\r\n\r\none\r\ntwo\r\n\n") == MailHead(f"sha256:{digest}", None, "", "", "", None)
    assert read_head(b"Sender: list@home.example\n\n").sender == "list@home.example"


@pytest.mark.parametrize(
    ("header", "identity"),
    [
        (b"a@b", "id:a@b"),
        (b"< a@b >", "id:a@b"),
        (b"<" + b"a" * 500 + b">", "id:" + "a" * 500),
        (b"<" + b"a" * 501 + b">", None),
        (b"<>", None),
        (b"", None),
    ],
)
def test_the_message_id_is_the_identity_unless_it_is_empty_or_endless(
    header: bytes, identity: str | None
) -> None:
    raw = b"Message-ID: " + header + b"\n\nx"
    assert read_head(raw).identity == (identity or f"sha256:{hashlib.sha256(raw).hexdigest()}")


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Ada <Ada@Home.example>", "Ada", "ada@home.example"),
        ("ada@home.example", "", "ada@home.example"),
        ("ada@home.example (Ada L)", "Ada L", "ada@home.example"),
        ('"ada@spoofed.example" <real@home.example>', "ada@spoofed.example", "real@home.example"),
        ("ada@home.example, bob@home.example", "", "ada@home.example"),
        ("<ada@home.example", "", "ada@home.example"),
        ("Ada <nobody>, see Ada@home.example", "Ada", "ada@home.example"),
        ("Ada <nobody>", "Ada", ""),
        ("N" * 201 + " <ada@home.example>", "N" * 200, "ada@home.example"),
        ("", "", ""),
    ],
)
def test_the_sender_is_a_name_and_an_address(text: str, name: str, address: str) -> None:
    assert sender_of(text) == (name, address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 02 Mar 2026 00:30:00 +0100", datetime(2026, 3, 1, 23, 30, tzinfo=UTC)),
        ("Mon, 02 Mar 2026 00:30:00 -0000", datetime(2026, 3, 2, 0, 30, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("Wed, 31 Dec 1969 23:59:59 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("soon", None),
    ],
)
def test_a_date_is_in_utc_or_none(text: str, expected: datetime | None) -> None:
    found = date_of(text)
    assert found == expected
    assert found is None or found.tzinfo is UTC


@given(st.text())
def test_one_line_is_folded_and_can_be_stored(text: str) -> None:
    line = one_line(text)
    assert line == " ".join(line.split()) == one_line(line)
    line.encode("utf-8")


def test_what_a_line_cannot_hold_is_a_space() -> None:
    assert one_line(" a\x00b\x1f\u2028c\r\n\td\x7f\x81e\ud800f \u2029") == "a b c d e f"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle", "Gr\u00fc\u00dfe an alle"),
        ("Gr\u00fc\u00dfe".encode(), "Gr\u00fc\u00dfe"),
        (b"Gr\xfc\xdfe, 20\x80", "Gr\u00fc\u00dfe, 20\u20ac"),
        (b"a\x81b", "a\ufffdb"),
        (b"s" * 501, "s" * 500),
    ],
)
def test_subjects_are_decoded_and_cut(subject: bytes, text: str) -> None:
    assert read_head(b"Subject: " + subject + b"\n\n").subject == text


# Each of these breaks the library's parser, or makes it lose the address.
@pytest.mark.parametrize("value", ["<", "a@", '"', "<a@[", "<<<broken ada@home.example>>"])
@pytest.mark.parametrize("name", ["From", "Message-ID"])
def test_a_header_beyond_parsing_is_its_own_text(name: str, value: str) -> None:
    # "<" alone is no fault to Python 3.13: it is an address without a text.
    assert text_of(parsed(f"{name}: {value}\n\n".encode()), name) in (value, value.replace("<", "<>"))


def test_headers_are_cut_and_missing_ones_empty() -> None:
    message = parsed(b"X-Long: " + b"y" * 3_000 + b"\n\nbody")
    assert text_of(message, "x-long") == "y" * 2_000
    assert text_of(message, "Subject") == ""


def test_no_more_than_the_head_is_read() -> None:
    line = b"X: " + b"y" * 1_020 + b"\n"
    assert read_head(line * 255 + b"Subject: late").subject == "late"
    assert read_head(line * (MAX_HEAD_BYTES // len(line)) + b"Subject: too late\n\n").subject == ""
    assert read_head(b"A: b\n\nSubject: of the body\n\n").subject == ""
