"""The gate: what is refused, with which reason, and what must pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract import extract
from mingus_lib.domain.language import is_plainly_english, language_of
from mingus_lib.domain.models import Extracted, PageSignals, QualityPolicy, Verdict
from mingus_lib.domain.quality import assess
from mingus_lib.domain.walls import sign_of, walls
from mingus_lib.domain.words import count_words, is_printable, preview, reading_time_minutes

POLICY = QualityPolicy()
URL = "https://site.example/story/one"
GOOD = Extracted(
    title="A budget that bends",
    text="word " * 400,
    language="en",
    word_count=400,
    signals=PageSignals(lead="word " * 400, characters=2000, article_share=0.9, prose_words=400),
)


def reason(extracted: Extracted, url: str = URL, policy: QualityPolicy = POLICY) -> str:
    return assess(extracted, url=url, policy=policy).reason or ""


def test_a_good_article_passes() -> None:
    assert assess(GOOD, url=URL, policy=POLICY) == Verdict(True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"word_count": 120}, "too-short: 120 words, the minimum is 300"),
        ({"word_count": 5001}, "too-long: 5001 words, the maximum is 5000"),
        ({"language": "es"}, "not-language: detected es, allowed en"),
    ],
)
def test_limits(change: dict[str, object], expected: str) -> None:
    assert reason(replace(GOOD, **change)) == expected  # type: ignore[arg-type]


def test_an_unknown_language_is_not_held_against_a_page() -> None:
    assert reason(replace(GOOD, language=None)) == ""
    assert reason(replace(GOOD, language="es"), policy=QualityPolicy(languages=())) == ""


@pytest.mark.parametrize(
    ("title", "lead", "code"),
    [
        ("404 - Not Found", "", "error-page"),
        ("404", "", "error-page"),
        ("403 Forbidden | Porch", "", "error-page"),
        ("404-Not Found", "", "error-page"),
        ("404. Page not found", "", "error-page"),
        ("404 (Not Found)", "", "error-page"),
        ("404 | Porch", "", "error-page"),
        ("404 — Porch", "", "error-page"),
        ("503 Service Temporarily Unavailable", "", "error-page"),
        ("Gone", "", "error-page"),
        ("Article not found", "", "error-page"),
        ("Porch", "Sorry, the page you requested could not be found.", "error-page"),
        ("Just a moment...", "", "bot-check"),
        ("Porch", "Please verify you are human by completing the action below.", "bot-check"),
        ("Porch", "We value your privacy. Accept all cookies", "consent-wall"),
        ("Log in", "", "login-wall"),
        ("Porch", "You have reached your limit of free articles.", "login-wall"),
        ("Porch", "This article is only available to subscribers", "login-wall"),
    ],
)
def test_walls_are_recognised_on_pages_with_little_prose(title: str, lead: str, code: str) -> None:
    signals = PageSignals(lead=lead, prose_words=10)
    assert reason(Extracted(title=title, text="", signals=signals)).startswith(f"{code}: ")


@pytest.mark.parametrize(
    "title",
    [
        "403(b) plans explained",
        "403-b plans explained",
        "410-unit building for renters",
        "500 Black-owned businesses to support",
        "500 Service Members Get Raises",
        "500 page novels on money",
        "500-point drop in the Dow",
        "500–600 jobs are lost",
        "500.000 euros for a flat",
        "Gone are the days of pensions",
    ],
)
def test_a_title_that_begins_like_one_of_an_error_is_none(title: str) -> None:
    assert reason(replace(GOOD, title=title, signals=PageSignals(prose_words=200))) == ""


@pytest.mark.parametrize("wall", walls(), ids=lambda wall: wall.code)
def test_an_article_about_walls_is_no_wall(wall: object) -> None:
    talk = "Sign in to continue, accept all cookies, verify you are human, page not found. "
    about = replace(GOOD, title="Why every site says sign in to continue", text=talk * 40)
    assert reason(about) == ""


def test_hints_count_on_bare_pages_only() -> None:
    login = next(wall for wall in walls() if wall.code == "login-wall")
    assert sign_of(login, "", "Already a subscriber?", bare=True)
    assert sign_of(login, "", "Already a subscriber?", bare=False) is None


def test_a_password_field_or_a_paid_stub_is_a_login_wall() -> None:
    assert reason(Extracted("T", "x", signals=PageSignals(asks_password=True))).startswith("login-wall")
    assert reason(Extracted("T", "x", signals=PageSignals(free=False, prose_words=90))).startswith(
        "login-wall"
    )
    assert reason(replace(GOOD, signals=PageSignals(free=False, prose_words=380))) == ""


def test_index_pages() -> None:
    links = PageSignals(linked_share=0.8, article_linked_share=0.9, link_lines=30, prose_words=20)
    assert reason(replace(GOOD, signals=links)) == "index-page: 90 % of its text is links"
    mixed = PageSignals(linked_share=0.7, article_linked_share=0.1, link_lines=40, prose_words=400)
    assert reason(replace(GOOD, signals=mixed), url="https://site.example/").startswith(
        "index-page: 40 linked"
    )
    assert reason(replace(GOOD, signals=mixed)) == ""


@pytest.mark.parametrize(
    ("signals", "title", "refused"),
    [
        (PageSignals(prose_words=249), "Log in", True),
        (PageSignals(prose_words=250), "Log in", False),
        (PageSignals(prose_words=149, asks_password=True), "Rent", True),
        (PageSignals(prose_words=150, asks_password=True), "Rent", False),
        (PageSignals(prose_words=149, free=False), "Rent", True),
        (PageSignals(prose_words=150, free=False), "Rent", False),
        (PageSignals(prose_words=149, free=True), "Rent", False),
        (PageSignals(prose_words=149, free=None), "Rent", False),
        (PageSignals(prose_words=59, lead="Already a subscriber?"), "Rent", True),
        (PageSignals(prose_words=60, lead="Already a subscriber?"), "Rent", False),
    ],
)
def test_how_much_prose_makes_a_wall_an_article(signals: PageSignals, title: str, refused: bool) -> None:
    assert reason(replace(GOOD, title=title, signals=signals)).startswith("login-wall: the page") is refused


@pytest.mark.parametrize(
    ("lines", "linked", "article_linked", "prose", "url", "refused"),
    [
        (12, 0.0, 0.51, 400, URL, True),
        (11, 0.0, 0.51, 400, URL, False),
        (12, 0.0, 0.5, 400, URL, False),
        (12, 0.51, 0.0, 59, URL, True),
        (12, 0.51, 0.0, 60, URL, False),
        (11, 0.51, 0.0, 59, URL, False),
        (12, 0.5, 0.0, 59, URL, False),
        (12, 0.51, 0.0, 999, "https://site.example/", True),
        (12, 0.51, 0.0, 999, "https://site.example", True),
        (12, 0.51, 0.0, 1000, "https://site.example/", False),
        (12, 0.51, 0.0, 999, "https://site.example/a", False),
    ],
)
def test_how_many_links_make_an_index(
    lines: int, linked: float, article_linked: float, prose: int, url: str, refused: bool
) -> None:
    signals = PageSignals(
        link_lines=lines, linked_share=linked, article_linked_share=article_linked, prose_words=prose
    )
    assert reason(replace(GOOD, signals=signals), url=url).startswith("index-page: ") is refused


def test_a_sign_is_looked_for_in_the_first_text_and_told_in_one_line() -> None:
    sign = " page you\n requested"
    signals = PageSignals(prose_words=10)
    told = "error-page: the page says 'page you requested'"
    assert reason(replace(GOOD, text=sign, signals=signals)) == told
    assert reason(replace(GOOD, text="x" * 2_900 + sign, signals=signals)) == told
    assert reason(replace(GOOD, text="x" * 3_000 + sign, signals=signals)) == ""
    assert reason(replace(GOOD, text="x" * 5_000, signals=replace(signals, lead=sign))) == told


def test_the_first_rule_that_refuses_names_the_reason() -> None:
    wall = replace(GOOD, title="Log in", language="es", word_count=1)
    index = PageSignals(link_lines=30, article_linked_share=0.9)
    assert reason(replace(wall, signals=index)).startswith("login-wall: ")
    assert reason(replace(wall, title="Rent", signals=index)).startswith("index-page: ")
    assert reason(replace(wall, title="Rent")).startswith("not-language: ")
    # Of nothing there is no language.
    assert reason(replace(wall, title="Rent", word_count=0)).startswith("too-short: ")


def test_other_formats_have_no_page_around_them() -> None:
    assert reason(replace(GOOD, signals=None, title="Log in")) == ""


def test_a_long_page_with_a_login_box_passes() -> None:
    line = "the sum that leaves first is the sum that stays, and nobody in the house has missed it since"
    prose = "".join(f"<p>Paragraph {n}: {line} the spring came round again.</p>" for n in range(20))
    form = "<form>Sign in to continue <input type=password></form>"
    html = f"<html lang=en><body>{form}<article><h1>On sums</h1>{prose}</article></body></html>"
    found = extract(html.encode(), content_type="text/html", charset=None, url=URL)
    assert reason(found) == ""


@given(st.integers(0, 10_000), st.integers(0, 500), st.integers(0, 10_000))
def test_length_is_judged_by_the_policy(words: int, low: int, high: int) -> None:
    policy = QualityPolicy(min_words=low, max_words=high, languages=())
    signals = PageSignals(prose_words=1_000)
    verdict = assess(Extracted("T", "x", word_count=words, signals=signals), url=URL, policy=policy)
    assert verdict.accepted == (low <= words <= high)


@given(
    st.builds(
        PageSignals,
        lead=st.text(max_size=80),
        prose_words=st.integers(0, 500),
        link_lines=st.integers(0, 50),
        linked_share=st.floats(0, 1),
        article_linked_share=st.floats(0, 1),
        asks_password=st.booleans(),
        free=st.none() | st.booleans(),
    ),
    st.text(max_size=40),
    st.text(max_size=20),
)
def test_a_refusal_always_says_why(signals: PageSignals, title: str, url: str) -> None:
    verdict = assess(
        replace(GOOD, title=title, signals=signals), url=f"https://x.example/{url}", policy=POLICY
    )
    assert verdict.accepted == (verdict.reason is None)
    assert verdict.reason is None or (": " in verdict.reason and "\n" not in verdict.reason)


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        (
            "The rent is due on the first, and the pay comes on the third, which is the whole trouble.",
            "fr",
            "en",
        ),
        ("El alquiler vence el primero y el sueldo llega el tercero, y ese es todo el problema.", "en", "es"),
        ("Menu", "en", "en"),
        ("12345 67890", None, None),
        ("", "de", "de"),
    ],
)
def test_language(text: str, declared: str | None, language: str | None) -> None:
    assert language_of(text, declared) == language


ENGLISH = "The rent is due on the first of the month, and what is left for the family has to last until the next pay. "
SPANISH = (
    "El alquiler vence el primero del mes y lo que queda para la familia tiene que durar hasta el sueldo. "
)


def test_plain_english_needs_no_model_and_nothing_else_passes_for_it() -> None:
    assert is_plainly_english(ENGLISH * 4)
    assert not is_plainly_english(ENGLISH), "too short to be sure"
    assert not is_plainly_english(SPANISH * 4)
    assert not is_plainly_english((ENGLISH + SPANISH * 2) * 3)
    assert language_of(SPANISH * 4, "en") == "es"


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (200, 1), (299, 1), (301, 2), (2000, 10)])
def test_reading_time(words: int, minutes: int) -> None:
    assert reading_time_minutes(words) == minutes


def test_words_with_apostrophes_and_hyphens_are_one() -> None:
    assert count_words("Don’t over-think it: 3.5 per cent, twice.") == 7


def test_preview_is_cut_after_a_sentence() -> None:
    text = "One sentence here. Another one there! A third that is long enough to go over the limit."
    assert preview(text, 45) == "One sentence here. Another one there!"
    assert preview("short", 45) == "short"


def test_preview_of_an_endless_sentence_is_cut_after_a_word() -> None:
    assert preview("word " * 100, 22) == "word word word word…"
    assert preview("今天我们要讲如何存钱" * 9, 8) == "今天我们要讲如…"


@given(st.text(max_size=2_000), st.integers(1, 600))
def test_preview_never_exceeds_its_limit_and_is_a_beginning(text: str, limit: int) -> None:
    cut = preview(text, limit)
    assert len(cut) <= limit
    assert " ".join(text.split()).startswith(cut.removesuffix("…")) or cut.endswith("…")


@pytest.mark.parametrize(
    ("text", "printable"),
    [
        ("plain", True),
        ("\U0001f469\u200d\U0001f4bb wrote this", True),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", True),
        ("pasted\u00a0from a page", True),
        ("\u0645\u06cc\u200c\u062e", True),
        ("\u200d", False),
        ("a\x1b[31m", False),
        ("a\u202eb", False),
        ("a\u200bb", False),
        ("a\nb", False),
        ("\ud83d", False),
    ],
)
def test_what_people_write_is_printable(text: str, printable: bool) -> None:
    assert is_printable(text) is printable
