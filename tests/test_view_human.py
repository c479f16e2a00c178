"""Values as people read them, and text that cannot steer a terminal."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.view import human

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
BYTES = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0, "0s"), (0.4, "0s"), (59.6, "1m 0s"), (192, "3m 12s"), (3600, "1h 0m"), (90061, "1d 1h")],
)
def test_age(seconds: float | None, said: str) -> None:
    assert human.age(seconds) == said


@given(st.integers(0, 10**9))
def test_an_age_is_true_to_its_smaller_unit(seconds: int) -> None:
    parts = re.findall(r"(\d+)([dhms])", human.age(seconds))
    told = sum(int(count) * SECONDS[unit] for count, unit in parts)
    assert 0 <= seconds - told < SECONDS[parts[-1][1]]


@pytest.mark.parametrize(
    ("count", "said"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_200_000, "4.2 MB"), (181_000_000, "181 MB"),
     (999_999, "1.0 MB"), (99_960, "100 kB")],
)  # fmt: skip
def test_size(count: int | None, said: str) -> None:
    assert human.size(count) == said


@given(st.integers(0, 10**15))
def test_a_size_is_within_half_of_its_last_digit(count: int) -> None:
    text, unit = human.size(count).split(" ")
    step = 0.1 if "." in text else 1.0
    assert abs(float(text) * BYTES[unit] - count) <= step / 2 * BYTES[unit] * 1.000001
    assert len(text) <= 5


def test_number() -> None:
    assert [human.number(1234567), human.number(0.5), human.number(None)] == ["1,234,567", "0.5", ""]


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14, 14))
def test_a_moment_is_told_in_utc(moment: datetime, hours: int) -> None:
    try:
        elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    except OverflowError:
        return
    assert human.moment(elsewhere) == human.moment(moment.isoformat()) == human.moment(moment)


def test_what_is_no_moment_is_shown_safely() -> None:
    assert human.moment("soon\x1b") == "soon\\x1b"
    assert human.moment(None) == human.moment("") == ""


@given(st.text())
def test_printable_text_cannot_steer_a_terminal(text: str) -> None:
    shown = human.printable(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200e\u200f")
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert human.printable(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_honest_text_is_left_alone(text: str) -> None:
    assert human.printable(text) == text


def test_flags_made_of_tags_are_left_alone() -> None:
    england, tags = (
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "\U000e0067\U000e007f",
    )
    assert human.printable(f"{england} wins\u202e {england}") == f"{england} wins\\u202e {england}"
    assert human.printable(f"a{tags}") == "a\\U000e0067\\U000e007f"


def test_lines_are_kept_where_they_are_wanted() -> None:
    assert human.printable("a\tb\nc\r", keep_lines=True) == "a\tb\nc\\x0d"
    assert human.printable("a\nb") == "a\\x0ab"
    assert human.printable("\U000e0001\u202e") == "\\U000e0001\\u202e"
