"""Reports in every format: whole, escaped, and with whatever a store may hold."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import pricing
from mingus_lib.domain.gate import GatePolicy
from mingus_lib.domain.periods import DAILY, WEEKLY, Period
from mingus_lib.domain.report_document import Column, Document, Figure, Section, Series, Table, from_json
from mingus_lib.domain.spreadsheets import defused
from mingus_lib.services import (
    analytics,
    labelreports,
    report_documents,
    report_funnel,
    report_recommendations,
    report_trends,
)
from mingus_lib.services.periodic_reports import PeriodicReports, Rules
from mingus_lib.store.article_totals import ArticleTotals
from mingus_lib.store.batches import Batches
from mingus_lib.store.costs import Budget, Costs
from mingus_lib.store.database import Store
from mingus_lib.store.labels import LabelStore
from mingus_lib.store.mail_funnel import MailFunnel
from mingus_lib.view import report as view
from mingus_lib.view import report_terminal, report_text, report_words
from mingus_lib.view.output import Format
from mingus_lib.view.report import ReportFormat
from tests.made_up_month import Month
from tests.reader_samples import recommender

NOW = datetime(2026, 11, 12, 9, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>", "=HYPERLINK(\"https://evil.example\")", "\x1b]0;x\x07\x1b[31m", "](https://evil.example)",
    "| a | b |", "' onmouseover='x", "\u202egnp.exe", "--><svg onload=x>", "@SUM(1+1)", "a\r\nb\tc", "]]>", "&lt;b&gt;",
    "", "{{ 7*7 }}", "%s %(x)s {0}", "x" * 5000,
)  # fmt: skip


class Page(HTMLParser):
    """What stands in a page: elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def assert_harmless(text: str, form: ReportFormat | None) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n")
    )
    if form is ReportFormat.HTML:
        assert_page(text)
    elif form is ReportFormat.JSON:
        json.loads(text)
    elif form is ReportFormat.CSV:
        rows = list(csv.reader(io.StringIO(text)))
        assert {len(row) for row in rows} == {6}
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]
        assert not [cell for row in rows for cell in row if cell.startswith("-") and not is_number(cell)]
    elif form is ReportFormat.MD:
        assert "<" not in text and "://" not in text
        assert not re.search(r"(?<!\\)\]\(", text)
        assert "|" not in re.sub(r"\\\|", "", "".join(line for line in text.splitlines() if line[:1] != "|"))


def assert_page(text: str) -> None:
    page = Page(text)
    assert not {"script", "iframe", "object", "embed", "img", "link", "base", "form"} & {
        tag for tag, _ in page.found
    }
    for tag, attributes in page.found:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "style", "xlink:href")
        ]
        assert attributes.get("href", "#").startswith("#"), tag  # type: ignore[union-attr]
        drawn = [attributes.get(name) or "" for name in ("x", "y", "width", "height", "points", "cx", "cy")]
        assert not re.search("nan|inf", " ".join(drawn)), tag
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden")
    assert "@import" not in text and "url(" not in text
    assert "default-src 'none'" in text


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def terminal(document: Document, width: int, capsys: Any, monkeypatch: Any) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    report_terminal.show(document)
    return str(capsys.readouterr().out)


def every_report(store: Store, home: Path) -> Iterator[tuple[Document, Any]]:
    """Each kind of report of a store, and its own JSON."""
    periodic = PeriodicReports(store, Rules("America/New_York", GatePolicy(), 1.0))
    for period in (
        Period(DAILY, date(2026, 10, 20), "America/New_York"),
        Period(WEEKLY, date(2026, 10, 19), "America/New_York"),
    ):
        yield periodic.make(period, NOW), None
    quality = labelreports.quality(LabelStore(store))
    yield report_documents.quality(quality, NOW), quality
    costs = labelreports.costs(Costs(store), Batches(store), Budget(1.0), pricing.shipped(), 90)
    yield report_documents.costs(costs, 90, NOW), costs
    shown = report_recommendations.report(recommender(home, store), 90, NOW)
    yield report_documents.recommendations(shown, NOW), shown
    yield report_funnel.report(MailFunnel(store), 90, NOW), None
    yield report_trends.report(store, NOW, "UTC", 8), None
    figures = analytics.article(ArticleTotals(store), 3, NOW, "UTC")
    about = {
        "id": 3,
        "title": store.value("SELECT title FROM articles WHERE id = 3"),
        "host": "a",
        "status": "published",
    }
    yield report_documents.article(figures, about, NOW, "UTC"), figures


HARM = (
    "UPDATE articles SET title = hostile(), domain = hostile(), reason = hostile(), published_at = hostile()",
    "UPDATE classifications SET key_topics = json_array(hostile(), 7, NULL, json_object('a', 1)), "
    "engine = hostile(), model = hostile()",
    "UPDATE classifications SET key_topics = hostile() WHERE article_id % 2",
    "UPDATE mails SET sender = hostile(), subject = hostile()",
    "UPDATE mail_links SET reason = hostile(), host = hostile()",
    "UPDATE article_outcomes SET reason = hostile()",
    "UPDATE job_runs SET task = hostile() WHERE rowid % 3 = 0",
    "INSERT INTO task_days VALUES ('2026-10-20', hostile(), 'finished', 1e9, 9223372036854775807, 1e308, 1e308)",
    "UPDATE model_calls SET model = hostile(), cost_usd = 1e307, tokens_in = 9223372036854775807 / 200",
    "UPDATE schedule_slots SET name = hostile() || rowid, slot = hostile() WHERE rowid % 5 = 0",
    "UPDATE worker_starts SET worker = hostile()",
    "DROP TRIGGER events_are_append_only",
    "UPDATE events SET device = hostile(), source = hostile(), time_spent_seconds = 9223372036854775807, "
    "scroll_depth = -5 WHERE article % 3 = 0",
)


@pytest.mark.parametrize("seed", [1, 2])
def test_reports_of_a_hostile_store(seed: int, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    chance = random.Random(seed)
    with Store.open(tmp_path / "mingus.db") as store:
        Month(store, seed=seed).fill()
        with store.reading() as connection:
            connection.create_function("hostile", 0, lambda: chance.choice(HOSTILE))
        for harm in HARM:
            store.execute(harm)
        for document, found in every_report(store, tmp_path):
            for form in ReportFormat:
                assert_harmless(
                    view.text(document, form, found if form is not ReportFormat.JSON else None), form
                )
            assert_harmless(report_text.as_tsv(document).replace("\t", " "), None)
            for width in (40, 120):
                assert_harmless(terminal(document, width, capsys, monkeypatch), None)


def test_reports_of_an_empty_store(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        store.execute("INSERT INTO articles (id, url, canonical_url, domain, added_at, updated_at, status) "
                      "VALUES (3, 'u', 'u', 'd', '2026-11-12T08:00', '2026-11-12T08:00', 'pending')")  # fmt: skip
        for document, found in every_report(store, tmp_path):
            assert from_json(json.loads(json.dumps(document.as_json()))) == from_json(document.as_json())
            for form in ReportFormat:
                assert_harmless(view.text(document, form, found), form)
            assert "Ranked by" not in report_text.markdown(document)
            terminal(document, 80, capsys, monkeypatch)


def test_an_update_names_its_numbers_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    done = {"events": 27, "articles": 96, "left": 0}
    view.show_updated(done, Format.TABLE)
    assert capsys.readouterr() == ("", "27 new events and 96 whole articles counted, 0 wait.\n")
    view.show_updated(done, Format.TSV)
    assert capsys.readouterr() == ("27\t96\t0\n", "")


numbers = st.one_of(st.none(), st.integers(-(2**63), 2**63), st.floats(), st.floats(0, 1))
words = st.text(max_size=30) | st.sampled_from(HOSTILE)
units = st.sampled_from(("count", "share", "seconds", "usd", "score", "text", "id", "state", "spark"))
figures = st.builds(
    Figure, words, words, units, numbers | words, st.none() | st.tuples(numbers, numbers, numbers, numbers),
    st.none() | st.integers(0, 10), st.none() | st.floats(0, 1), st.sampled_from((None, "ok", "fail", "missing")),
).filter(lambda figure: figure.aim is None or figure.state is not None)  # fmt: skip
columns = st.builds(Column, words, words, units)
cells = numbers | words | st.booleans() | st.lists(numbers, max_size=4)
tables = st.builds(
    lambda key, title, found, rows: Table(
        key, title, found, tuple({each.key: cell for each in found} for cell in rows)),
    words, words, st.lists(columns, min_size=1, max_size=3).map(tuple), st.lists(cells, max_size=3),
)  # fmt: skip
series = st.builds(Series, words, words, units, st.lists(st.tuples(words, numbers), max_size=4).map(tuple))
documents = st.builds(
    lambda title, parts, note: Document(
        "daily", title, "2026-11-12T09:00:00+00:00", tuple(parts), {"days": 3}, (note,)),
    words,
    st.lists(
        st.builds(
            Section, words, words, st.lists(figures, max_size=3).map(tuple), st.lists(tables, max_size=2).map(tuple),
            st.lists(series, max_size=2).map(tuple), st.lists(words, max_size=1).map(tuple),
        ),
        max_size=2,
    ),
    words,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(documents)
def test_any_document_can_be_drawn(document: Document) -> None:
    for form in (ReportFormat.MD, ReportFormat.CSV, ReportFormat.HTML):
        assert_harmless(view.text(document, form), form)
    list(report_terminal._parts(document, __import__("rich.console").console.Console(width=80)))


def test_a_figure_tells_its_changes() -> None:
    figure = Figure("a", "A", "share", 0.5, (None, 0.2, 0.3, 0.4))
    assert (figure.previous, figure.change, figure.mean, figure.change_from_mean) == (0.4, 0.1, 0.3, 0.2)
    assert Figure("a", "A", "count", 5, (None,) * 4).as_json()["change"] is None


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@a", " =1", "\t=1", "＝1", "\u00a0@x", '"=1', "\n=1", "'=1"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert defused(text).startswith("'")


@pytest.mark.parametrize("value", ["a=1", "", None, -5, -0.5, "Article 1", "2026-11-20"])
def test_other_cells_stay_as_they_are(value: Any) -> None:
    assert defused(value) == value


def test_a_change_that_rounds_to_nothing_is_neither_up_nor_down() -> None:
    words = [report_words.change(value, "share") for value in (0.0, -0.0003, 0.0003, -0.012, None)]
    assert words == ["±0", "±0.0 pp", "±0.0 pp", "−1.2 pp", ""]
    assert report_words.change(-61, "seconds") == "−1m 1s"
