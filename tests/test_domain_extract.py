"""The doorway of the extraction room: formats, hostile input, and sanitised HTML."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from io import BytesIO

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract import extract, media_type
from mingus_lib.domain.extract.sanitise import clean_html
from mingus_lib.domain.models import Extracted
from mingus_lib.errors import PermanentError

URL = "https://site.example/a/b.html"
LINE = "Every month the same sum leaves the account, and by spring nobody in the house misses it any more. "


def read(body: bytes | str, content_type: str = "text/html; charset=utf-8") -> Extracted:
    data = body.encode() if isinstance(body, str) else body
    return extract(data, content_type=content_type, charset=None, url=URL)


def pdf(*pages: str, title: str = "", password: str | None = None) -> bytes:
    """A PDF with a line of text a page, written by hand so that its text layer is known."""
    from pypdf import PdfReader, PdfWriter

    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>"]
    objects.append("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for n, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        resources = f"/Resources<</Font<</F1 3 0 R>>>>/MediaBox[0 0 612 792]/Contents {5 + 2 * n} 0 R"
        objects += [
            f"<</Type/Page/Parent 2 0 R{resources}>>",
            f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        ]
    body = "%PDF-1.4\n" + "".join(f"{n} 0 obj\n{text}\nendobj\n" for n, text in enumerate(objects, 1))
    writer = PdfWriter(
        clone_from=PdfReader(
            BytesIO(f"{body}trailer\n<</Root 1 0 R/Size {len(objects) + 1}>>\nstartxref\n0\n%%EOF".encode())
        )
    )
    if title:
        writer.add_metadata({"/Title": title, "/Author": "Imani Brooks"})
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "declared", "kind"),
    [
        (b"<p>x", "TEXT/HTML;charset=x", "text/html"),
        (b"<p>x", "application/xhtml+xml", "text/html"),
        (b"<p>x", "", "text/html"),
        (b"plain words", "", "text/plain"),
        (b"\n%PDF-1.4", "text/html", "application/pdf"),
        (b"x", "image/png", "image/png"),
    ],
)
def test_media_type(body: bytes, declared: str, kind: str) -> None:
    assert media_type(body, declared) == kind


def test_other_formats_are_refused_by_name() -> None:
    with pytest.raises(PermanentError, match="image/png") as refused:
        read(b"\x89PNG", "image/png")
    assert refused.value.code == "unsupported-type"


def test_plain_text_keeps_paragraphs_and_its_first_line_as_title() -> None:
    found = read("A title\n\nOne two\nthree <b>.\n \nFour five.\n", "text/plain")
    assert (found.title, found.text) == ("A title", "A title\n\nOne two three <b>.\n\nFour five.")
    assert found.html == "<p>A title</p><p>One two three &lt;b&gt;.</p><p>Four five.</p>"
    assert found.word_count == 8 and found.signals is None


@pytest.mark.parametrize("above", ["=======\n", "---\n", "🎉🎉\n\n", "\ufeff***\n"])
def test_a_line_of_signs_is_no_title_of_a_text(above: str) -> None:
    assert read(f"{above}A title\n=======\n\nOne two.", "text/plain").title == "A title"


def test_pdf_text_title_and_author() -> None:
    found = read(
        pdf("Save a little every month.", "Then a little more.", title="Small sums"), "application/pdf"
    )
    assert (found.title, found.author) == ("Small sums", "Imani Brooks")
    assert "Save a little every month." in found.text and "Then a little more." in found.text


@pytest.mark.parametrize("said", ["Microsoft Word - guide v2", "Untitled-1", "Final guide.INDD", "untitled"])
def test_the_name_of_a_file_is_no_title_of_a_pdf(said: str) -> None:
    assert read(pdf("Save a little", title=said), "application/pdf").title == "Save a little"


def test_pdf_with_an_empty_password_is_read() -> None:
    assert "hello there" in read(pdf("hello there", password=""), "application/pdf").text


def test_pdf_with_a_password_is_refused() -> None:
    with pytest.raises(PermanentError) as refused:
        read(pdf("secret words", password="pw"), "application/pdf")
    assert refused.value.code == "pdf-encrypted"
    assert "secret" not in str(refused.value)


def test_pdf_of_an_encryption_that_is_not_known_is_told_from_a_broken_one() -> None:
    crypt = b"/Filter /Standard /CF <</StdCF<</CFM/AESV2/Length 16>>>> /StmF/StdCF /StrF/StdCF"
    body = pdf("hello there", password="").replace(b"/Filter /Standard", crypt)
    with pytest.raises(PermanentError, match="the PDF is encrypted with AES") as refused:
        read(body.replace(b"/V 2\n", b"/V 4\n").replace(b"/R 3\n", b"/R 4\n"), "application/pdf")
    assert refused.value.code == "pdf-encrypted"


@pytest.mark.parametrize("body", [b"%PDF-1.7", b"%PDF-1.4\n" + b"\x00" * 500, pdf("some text")[:200]])
def test_a_broken_pdf_is_refused(body: bytes) -> None:
    with pytest.raises(PermanentError) as refused:
        read(body, "application/pdf")
    assert refused.value.code == "pdf-broken"


def test_a_long_pdf_is_read_to_its_bound() -> None:
    found = read(pdf(*(f"page number {n}" for n in range(70))), "application/pdf")
    assert "page number 59" in found.text and "page number 60" not in found.text


HOSTILE = {
    "empty": "",
    "spaces": " \n ",
    "nul": "\x00" * 1000,
    "only a comment": "<!-- x -->",
    "deep divs": "<div>" * 100_000 + LINE,
    "deep inline": "<b><i><font>" * 30_000 + LINE,
    "deep lists": "<ul><li>" * 20_000 + LINE,
    "deep tables": "<table><tr><td>" * 10_000 + LINE,
    "deep json": '<script type="application/ld+json">' + '{"a":' * 50_000 + "</script><p>" + LINE,
    "huge attribute": f'<p class="{"x " * 500_000}" data-x="{"y" * 1_000_000}">{LINE}',
    "many attributes": "<p " + " ".join(f"a{n}=1" for n in range(50_000)) + f">{LINE}",
    "comments": "<p>" + "<!-- c -->" * 200_000 + LINE,
    "broken entities": "<p>" + "&amp&lt;&#x110000;&#0;&bogus;&#xD800;" * 20_000 + LINE,
    "many elements": f"<p>{LINE}</p>" * 30_000,
    "long classes": "".join(f'<div class="{"c" * 2000}{n}">' for n in range(200)) + f"<p>{LINE}</p>" * 1_000,
    "many spans": "<p>" + "<span>word </span>" * 40_000,
    "unclosed everything": "<html><head><title>x<body><div class='<p>\"><a href='x><p>" + LINE * 5,
    "frameset": "<frameset><frame src=x></frameset>",
    "bad base": f'<base href="http://[x"><p><a href="//[::1">{LINE}</a>{LINE}',
    "processing": "<?xml version='1.0' encoding='utf-99'?><?php x ?><p>" + LINE,
    "svg and math": "<svg><script>x</script></svg><math><annotation>y</annotation></math><p>" + LINE * 3,
    "astral letters": "<p>" + "\U00020000\U00020001𠀂" * 50 + LINE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_end_in_an_article_or_our_own_error(name: str) -> None:
    try:
        found = read(HOSTILE[name])
    except PermanentError as refused:
        assert refused.code in ("page-broken", "page-too-deep", "page-empty")
    else:
        assert "<script" not in found.html


def test_an_empty_page_says_so() -> None:
    with pytest.raises(PermanentError) as refused:
        read("<!-- nothing -->")
    assert refused.value.code == "page-empty"


TAGS = [
    "p",
    "div",
    "a",
    "ul",
    "li",
    "table",
    "tr",
    "td",
    "article",
    "span",
    "script",
    "h1",
    "title",
    "meta",
    "br",
    "form",
]
MARKUP = st.lists(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS])
    | st.sampled_from(
        [
            '<a href="javascript:x">',
            "<img src=x onerror=y>",
            "<!--",
            "-->",
            "&#0;",
            "<p class='caption'>",
            LINE,
        ]
    )
    | st.text(max_size=20),
    max_size=40,
).map("".join)


@given(
    MARKUP,
    st.sampled_from(["text/html", "text/plain", "application/xhtml+xml", ""]),
    st.none() | st.text(max_size=8),
)
def test_random_markup_never_raises_anything_else(
    markup: str, content_type: str, charset: str | None
) -> None:
    try:
        found = extract(markup.encode(), content_type=content_type, charset=charset, url=URL)
    except PermanentError:
        return
    assert not re.search(r"<script|onerror=|javascript:x\"", found.html) or content_type == "text/plain"


@given(st.binary(max_size=400))
def test_random_bytes_never_raise_anything_else(body: bytes) -> None:
    for kind in ("text/html", "application/pdf", "text/plain"):
        try:
            extract(body, content_type=kind, charset=None, url=URL)
        except PermanentError as refused:
            assert "\n" not in str(refused)


def test_a_damaged_pdf_never_raises_anything_else() -> None:
    whole = pdf("one", "two", "three", title="T")
    luck = random.Random(7)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[luck.randrange(len(damaged))] = luck.randrange(256)
        try:
            read(bytes(damaged), "application/pdf")
        except PermanentError as refused:
            assert refused.code.startswith(("pdf-", "unsupported"))


def test_errors_never_carry_page_text() -> None:
    with pytest.raises(PermanentError) as refused:
        read("", "text/html")
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<p onclick=x>a</p>", "<p>a</p>"),
        ("<script>x</script><style>y</style><p>a</p>", "<p>a</p>"),
        ('<a href="javascript:x">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<a href="/relative">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<img src="data:image/png;base64,x">', "<img>"),
        ('<img src="mailto:x">', "<img>"),
        ('<a href="Http://a.b">a</a>', '<a href="Http://a.b" rel="noopener noreferrer nofollow">a</a>'),
        ("<iframe src=http://x></iframe><form><input></form>a", "a"),
        ('<p style="x">a<b>c</b></p>', "<p>a<b>c</b></p>"),
    ],
)
def test_sanitised_html(dirty: str, clean: str) -> None:
    assert clean_html(dirty) == clean


@given(MARKUP)
def test_sanitised_markup_stays_harmless_however_often_it_is_read(markup: str) -> None:
    shown = clean_html(markup)
    for _ in range(2):
        assert not list(harmful(shown))
        shown = clean_html(shown)


def harmful(markup: str) -> Iterator[str]:
    """What a browser would run or load of itself."""
    for element in lxml.html.fromstring(f"<div>{markup}</div>").iter("*"):
        if element.tag in {"script", "style", "iframe", "form", "input", "object", "embed", "svg"}:
            yield str(element.tag)
        for name, value in element.attrib.items():
            if name.startswith("on") or name == "style" or "script:" in value.lower():
                yield f"{name}={value}"


@pytest.mark.parametrize(
    "letter",
    ["\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\U00020bb7", "\U00020000"],
)
def test_flags_and_rare_letters_are_text_like_any_other(letter: str) -> None:
    body = "".join(f"<p>{LINE * 2}{number} {letter}.</p>" for number in range(6))
    found = read(f"<title>A plan</title><h1>A plan</h1><article>{body}</article>")
    assert found.text.count(letter) == found.html.count(letter) == 6
    assert set(found.text) == set(LINE + "012345\n" + letter)


def test_a_reference_to_a_control_character_does_not_lose_the_page() -> None:
    body = "".join(f"<p>{LINE * 2}{number} mort&shy;gage&#27; &#xFFFE;.</p>" for number in range(6))
    found = read(f"<title>A plan</title><h1>A plan</h1><article>{body}</article>")
    assert found.text.count("mortgage .") == found.html.count("mortgage .") == 6


@pytest.mark.parametrize(
    "heading",
    [
        "How to save<br>for your home",
        "How to save for your home <svg><title>Share</title></svg><button>Listen</button>",
        "<span>Money</span><span>How to save for your home</span>",
    ],
)
def test_a_heading_of_several_parts_is_the_title_as_it_is_read(heading: str) -> None:
    body = "".join(f"<p>{LINE * 2}{number}.</p>" for number in range(6))
    found = read(f"<title>How to save for your home</title><article><h1>{heading}</h1>{body}</article>")
    assert found.title == "How to save for your home"
    assert found.text.startswith(LINE)


def test_lines_of_a_heading_are_parted_in_the_title() -> None:
    assert (
        read("<h1><div>How to save</div><div>for your home</div></h1><p>x").title
        == "How to save for your home"
    )


def test_pictures_of_the_article_are_kept_and_others_are_not() -> None:
    body = "".join(f"<p>{n} {LINE}</p>" for n in range(6))
    figure = '<figure><img data-src="/a.jpg" src="data:x"></figure>'
    html = f'<article>{body[:200]}{figure}{body}</article><img src="/pixel.gif">'
    found = read(html)
    assert 'src="https://site.example/a.jpg"' in found.html and "pixel" not in found.html
