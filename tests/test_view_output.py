"""Tables, lines, JSON and ids: nothing lost, nothing cut, nothing steered."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mingus_lib.view import output, receipts, recommend
from mingus_lib.view.output import Column, Format, Kind

COLUMNS = (
    Column("id", "Id", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("title", "Title"),
    Column("count", "Count", Kind.NUMBER),
    Column("size", "Size", Kind.BYTES),
    Column("age", "Age", Kind.AGE),
    Column("at", "At", Kind.TIME),
)
ROW: dict[str, Any] = {
    "id": "01J9ZK3X6Q8ABCDEF",
    "state": "dead",
    "title": "A title that is long enough to be folded " * 3,
    "count": 12345,
    "size": 4_200_000,
    "age": 192,
    "at": datetime(2026, 11, 24, 15, 4, 5, tzinfo=UTC),
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def drawn(
    found: list[dict[str, Any]], width: int, columns: tuple[Column, ...] = COLUMNS, **console: Any
) -> str:
    """The table as `width` columns show it."""
    stream = io.StringIO()
    screen = Console(file=stream, width=width, markup=False, highlight=False, emoji=False, **console)
    screen.print(output.table(found, columns))
    return stream.getvalue()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("width", [20, 40, 80, 100, 140, 300])
def test_no_width_loses_anything(width: int) -> None:
    shown = drawn([ROW], width)
    assert all(len(line) <= width for line in shown.splitlines())
    for column in COLUMNS:
        assert squeezed(column.header) in squeezed(shown)
    for word in ("01J9ZK3X6Q8ABCDEF", "dead", "12,345", "4.2 MB", "3m 12s", "2026-11-24 15:04:05"):
        assert squeezed(word) in squeezed(shown)
    if width >= 40:
        assert shown.count("folded") == 3


@pytest.mark.parametrize("width", [80, 140])
def test_ids_stay_on_one_line(width: int) -> None:
    assert ROW["id"] in drawn([ROW], width)


@pytest.mark.parametrize(("width", "told"), [(200, True), (80, False), (20, True)])
def test_a_narrow_table_goes_without_what_it_may_drop_and_records_have_all(width: int, told: bool) -> None:
    stream = io.StringIO()
    Console(file=stream, width=width).print(output.table([ROW], COLUMNS, drop=("at", "age")))
    words = stream.getvalue().split()
    assert ("Age" in words, "At" in words) == (told, told)


@pytest.mark.parametrize("width", [75, 120, 200])
def test_the_parts_that_are_shown_of_a_score_sum_up_to_it(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"goals": 0.25, "culture": 0.0625, "quality": 0.05, "stage": 0.01}
    article = SimpleNamespace(id=7, title="A plan", canonical_url="https://a.example/", domain="a.example")
    suggestion = {"score": 0.3725, "parts": parts, "reasons": ["popular"]}
    place: Any = SimpleNamespace(
        article=article, suggestion=suggestion, because={3: "A budget that holds " * 3}
    )
    monkeypatch.setenv("COLUMNS", str(width))
    recommend.show_places([place], Format.TABLE, explain=True)
    shown = capsys.readouterr().out
    assert {"Goals", "Culture", "Quality", "Stage"} <= set(shown.split())
    assert ("Taste" in shown) is (width == 200)


def test_numbers_are_aligned_right() -> None:
    columns = (Column("name", "Name", Kind.ID), Column("count", "Count", Kind.NUMBER))
    found = [{"name": "a", "count": 5}, {"name": "b", "count": 1234567}]
    lines = [line.rstrip() for line in drawn(found, 80, columns).splitlines()]
    assert len(lines[2]) == len(lines[3])
    assert lines[2].endswith(" 5")


def test_a_state_is_a_symbol_and_a_word_beside_its_colour() -> None:
    plain = drawn([ROW], 140)
    coloured = drawn([ROW], 140, force_terminal=True, color_system="standard")
    assert "✗ dead" in plain
    assert "\x1b[31m✗ dead" in coloured
    symbols = {symbol for symbol, _ in output.table.__globals__["STATES"].values()}
    assert all(symbol.strip() for symbol in symbols)


hostile = st.text(st.sampled_from("a [bold]\\/\x1b\x9b\r\n\t\u202e\u2066\ud800\x07:smile:"))


@given(hostile, hostile)
def test_hostile_cells_neither_steer_nor_break_lines(one: str, two: str) -> None:
    found = [{"id": one, "state": two, "title": two}]
    shown = drawn(found, 100, COLUMNS[:3])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert shown.encode("utf-8")


def test_markup_is_only_text() -> None:
    assert "[bold]x[/bold] :smile:" in drawn([{"title": "[bold]x[/bold] :smile:"}], 80, (COLUMNS[2],))


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_a_line_has_one_field_for_every_column(texts: list[str]) -> None:
    columns = (Column("a", "A"), Column("b", "B"))
    with captured() as stream:
        output.rows([{"a": texts[0], "b": texts[1]}], columns, Format.TSV)
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue().rstrip("\n").split("\t")) == 2


class captured:
    """Standard output as a string, also inside hypothesis."""

    def __enter__(self) -> io.StringIO:
        self.before, sys.stdout = sys.stdout, io.StringIO()
        return sys.stdout

    def __exit__(self, *_: object) -> None:
        sys.stdout = self.before


def test_lines_carry_raw_values() -> None:
    with captured() as stream:
        output.rows([ROW], COLUMNS, Format.TSV)
    fields = stream.getvalue().rstrip("\n").split("\t")
    assert fields[0:2] == ["01J9ZK3X6Q8ABCDEF", "dead"]
    assert fields[2] == ROW["title"]
    assert fields[3:] == ["12345", "4200000", "192", "2026-11-24T15:04:05+00:00"]


def test_lines_of_nothing_lists_and_yes() -> None:
    columns = tuple(Column(key, key) for key in "abc")
    with captured() as stream:
        output.rows([{"a": None, "b": ["x", "y"], "c": True}], columns, Format.TSV)
    assert stream.getvalue() == "\tx,y\tyes\n"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters())),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(json_values, st.sampled_from([None, 2]))
def test_json_is_exact_and_safe(result: Any, indent: int | None) -> None:
    text = output.json_text(result, indent)
    assert json.loads(text) == result
    assert text.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]", text)
    assert indent or "\n" not in text


def test_json_keeps_scripts_readable_and_knows_times_and_paths() -> None:
    assert output.json_text("café 東京") == '"café 東京"'
    assert output.json_text([ROW["at"], Path("/x")]) == '["2026-11-24T15:04:05+00:00", "/x"]'
    with pytest.raises(TypeError, match="object has no JSON form"):
        output.json_text(object())


def test_ids_alone() -> None:
    with captured() as stream:
        output.rows([ROW, {**ROW, "id": 2}], COLUMNS, Format.IDS)
    assert stream.getvalue() == "01J9ZK3X6Q8ABCDEF\n2\n"


@pytest.mark.parametrize(
    ("form", "out", "hinted"),
    [(Format.JSON, "[]\n", False), (Format.IDS, "", False), (Format.TSV, "", True), (Format.TABLE, "", True)],
)
def test_nothing_to_show_hints_at_the_next_step(
    form: Format, out: str, hinted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    output.rows([], COLUMNS, form, empty="type this next")
    shown = capsys.readouterr()
    assert shown.out == out
    assert shown.err == ("type this next\n" if hinted else "")


def test_the_format_follows_flags_then_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.choose(as_json=True, quiet=True) is Format.JSON
    assert output.choose(quiet=True) is Format.IDS
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert output.choose() is Format.TSV
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert output.choose() is Format.TABLE


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("OTHER", True)])
def test_no_color(variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    for name, value in (("TERM", "xterm-256color"), (variable, "1")):
        monkeypatch.setenv(name, value)
    if variable != "NO_COLOR":
        monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    output.rows([ROW], COLUMNS, Format.TABLE)
    assert ("\x1b[31m" in stream.getvalue()) is coloured


@pytest.mark.parametrize("form", ["TSV", "JSON", "IDS"])
def test_rich_is_loaded_for_tables_only(form: str) -> None:
    code = f"""
import sys
from mingus_lib.view import article, extract, jobs, output, progress, receipts, status
from mingus_lib.view.output import Column, Format
output.rows([{{"id": 1}}], [Column("id", "Id")], Format.{form})
print("rich" in sys.modules, file=sys.stderr)"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stderr == "False\n"


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ({"articles": 20, "gone": False, "left_over": 3}, "articles 20, gone no, left over 3"),
        ({"read": [5], "failed": [], "links_sent": 0, "jobs": ["a", "b"]}, "read 5, links sent 0, jobs a b"),
        (
            {"url": "http://a.example/", "outcome": "added", "reason": None},
            "url http://a.example/, outcome added",
        ),
        ([{"article_id": 1, "sure": 0.5}, {"article_id": 2}], "article id 1, sure 0.5; article id 2"),
        (list(range(8)), "0 1 2 3 4 and 3 more"),
        ("tok", "tok"),
        (None, None),
    ],
)
def test_a_result_of_counts_is_told_in_words(result: object, shown: object) -> None:
    assert receipts.in_words(result) == shown
