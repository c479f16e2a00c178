"""Decoding: what a page says of its own charset is a hint, never an order."""

from __future__ import annotations

from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract.decode import decode, plain_text

ACCENTS = "Café au lait – “zéro euro” für Größe, naïve coöperation"


@pytest.mark.parametrize("name", ["utf-8", "utf-16", "utf-32", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_unicode_is_recognised_without_being_declared(name: str) -> None:
    assert decode(f"<p>{ACCENTS}</p>".encode(name)) == f"<p>{ACCENTS}</p>"


@pytest.mark.parametrize(
    "declared",
    [None, "iso-8859-1", "windows-1252", "shift_jis", "no-such-charset", "utf-7", "UNDEFINED", "hex", ""],
)
def test_valid_utf8_wins_over_any_declaration(declared: str | None) -> None:
    assert decode(ACCENTS.encode(), declared) == ACCENTS


@pytest.mark.parametrize("body", [b"<p>plain", b"<p>na\xefve \xff\xfe\x80", bytes(range(256))])
def test_no_codec_that_python_knows_breaks_a_page(body: bytes) -> None:
    assert all(decode(body, declared) for declared in {*aliases, *aliases.values()})


@pytest.mark.parametrize("declared", ["utf-7", "unicode_escape", "raw_unicode_escape"])
def test_tags_do_not_hide_in_ascii(declared: str) -> None:
    for body in (rb"\x3cscript> caf\xe9", b"+ADw-script+AD4- caf\xe9", rb"\u003cscript> caf\xe9"):
        assert "<" not in decode(body + b"\xe9 x", declared)


def test_http_charset_is_used_before_meta() -> None:
    body = '<meta charset="koi8-r"><p>Größe</p>'.encode("iso-8859-1")
    assert "Größe" in decode(body, "iso-8859-1")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('<meta charset="windows-1252">', "cp1252"),
        ("<meta http-equiv=Content-Type content='text/html; charset=windows-1251'>", "cp1251"),
        ('<?xml version="1.0" encoding="Shift_JIS"?>', "shift_jis"),
        ('<meta charset="iso-2022-jp">', "iso2022_jp"),
    ],
)
def test_meta_charset_is_used(head: str, name: str) -> None:
    word = {"cp1252": "déjà “vu”", "cp1251": "Привет, мир"}.get(name, "日本語の本文")
    assert word in decode(f"{head}<p>{word}</p>".encode(name))


def test_latin1_means_windows_1252() -> None:
    assert decode("“quoted”".encode("cp1252"), "iso-8859-1") == "“quoted”"


def test_a_few_broken_bytes_do_not_turn_utf8_into_another_charset() -> None:
    assert decode((ACCENTS * 5).encode() + b"\xff\xfe broken").startswith(ACCENTS)


@pytest.mark.parametrize("declared", [None, "utf-8"])
def test_text_pasted_into_utf8_from_windows_is_read(declared: str | None) -> None:
    pasted = b"don\x92t, \x93cr\xe8me\x94 cut \xe2\x80 here"
    assert decode(ACCENTS.encode() + pasted, declared) == f"{ACCENTS}don’t, “crème” cut \ufffd here"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cp1252", "“Él” – naïve Ã©tÃ© déjà"),
        ("cp1251", "Привет, мир"),
        ("gb18030", "今天我们要讲如何为首付存钱"),
    ],
)
def test_other_charsets_are_not_taken_for_utf8_with_slips(name: str, text: str) -> None:
    assert "\ufffd" not in decode((text * 20).encode(name), "utf-8")


def test_a_character_cut_off_at_the_end_is_tolerated() -> None:
    assert decode("naïve é".encode()[:-1], "latin-1").startswith("naïve")


def test_controls_and_line_ends_are_tidied() -> None:
    assert decode(b"a\x00b\x07c\r\nd\re\x0cf\tg") == "abc\nd\ne\nf\tg"


def test_what_is_invisible_within_words_is_dropped() -> None:
    assert decode("\ufeffmort\u00adgage pay\u200bment\u2060s \ufeffx".encode()) == "mortgage payments x"
    assert decode("👩‍👧 🏴\U000e0067\U000e007f".encode()) == "👩‍👧 🏴\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("save more&lt;br /&gt;money", "save more money"),
        ("&lt;p class='a' id=b&gt;One&lt;/p&gt;&lt;P&gt;Two&lt;/P&gt;", " One  Two "),
        ('&lt;a href="/x?a>b"&gt;Rates&lt;/a&gt;, <B>H<sub>2</sub>O</B>!', "Rates, H2O!"),
        ("How to use the &lt;select&gt; tag", "How to use the <select> tag"),
        ("If income <b and debt> c", "If income <b and debt> c"),
        ("If <break> or <b=c> or a<b", "If <break> or <b=c> or a<b"),
    ],
)
def test_tags_left_in_a_text_part_its_words_as_on_a_page(value: str, text: str) -> None:
    assert plain_text(value) == text


def test_ligatures_are_letters() -> None:
    assert decode("a\ufb04uent \ufb01rst".encode()) == "affluent first"


def test_controls_that_old_editors_meant_as_quotes_are_quotes() -> None:
    assert decode("It\x92s \x93good\x94 \x80\x81".encode()) == "It’s “good” €"


@given(st.binary(max_size=300), st.none() | st.text(max_size=12))
def test_never_raises_and_never_gives_nul_or_surrogates(body: bytes, charset: str | None) -> None:
    text = decode(body, charset)
    assert "\x00" not in text
    text.encode("utf-8")


@given(st.text(max_size=200))
def test_text_survives_utf8(text: str) -> None:
    clean = text.encode("utf-8", "ignore").decode()
    assert decode(decode(clean.encode()).encode()) == decode(clean.encode())
