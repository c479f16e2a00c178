"""`mingus report`, as an operator types it; its tasks; and what is kept when it is killed."""

from __future__ import annotations

import csv
import io
import json
import random
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.gate import GatePolicy
from mingus_lib.domain.periods import DAILY, Period
from mingus_lib.domain.report_document import SCHEMA
from mingus_lib.services.periodic_reports import PeriodicReports, Rules
from mingus_lib.store.database import Store
from tests.conftest import ROOT, CommandLine
from tests.made_up_month import Month


@pytest.fixture
def library(mingus: CommandLine) -> CommandLine:
    """A library with a made-up month, as `mingus` finds it."""
    mingus.home.mkdir(parents=True)
    with Store.open(mingus.home / "mingus.db") as store:
        Month(store).fill()
    return mingus


def test_a_day_is_made_once_and_read_again(library: CommandLine) -> None:
    made = library("report", "daily", "2026-10-20", "--json")
    assert made.code == 0 and "Made now and kept." in made.err
    again = library("report", "daily", "2026-10-20", "--json")
    assert again.json == made.json and "--fresh makes it anew" in again.err
    fresh = library("report", "daily", "2026-10-20", "--json", "--fresh")
    assert fresh.json["made_at"] > made.json["made_at"]
    assert fresh.json["sections"] == made.json["sections"]
    listed = library("report", "list", "--json").json
    assert [(row["kind"], row["start"], row["schema"]) for row in listed] == [("daily", "2026-10-20", SCHEMA)]
    elsewhere = library("report", "daily", "2026-10-20", "--json", MINGUS_REPORT_TIMEZONE="Asia/Tokyo")
    assert "Made now" in elsewhere.err and elsewhere.json["period"]["from"] == "2026-10-19T15:00:00+00:00"


def test_formats_and_files(library: CommandLine, tmp_path: Path) -> None:
    lines = library("report", "daily", "2026-10-20").out.splitlines()
    assert {line.count("\t") for line in lines} == {5}
    assert lines[0].split("\t")[:4] == ["library", "figures", "added", "value"]
    for name, start in (
        ("a.html", "<!doctype html>"),
        ("a.md", "# Weekly report"),
        ("a.csv", "\ufeffsection,block,row"),
        ("a.json", "{"),
    ):
        file = tmp_path / name
        done = library("report", "weekly", "2026-W43", "--output", str(file))
        assert done.code == 0 and done.out == "" and f"written to {file}" in done.err
        assert file.read_text("utf-8").startswith(start)
    assert library("report", "article", "1", "-f", "md").out.startswith("# Article 1")
    assert library("report", "trends", "--weeks", "6", "--json").json["period"]["weeks"] == 6


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("daily", "yesteryear"), 2, "name a day such as 2026-11-23"),
        (("daily", "2026-02-30"), 2, "name a day such as 2026-11-23"),
        (("daily", "2999-01-01"), 2, "has not begun"),
        (("daily", "0001-01-01"), 2, "between 1970 and 9990"),
        (("daily", "٢٠٢٦-١١-٢٣"), 2, "name a day"),
        (("weekly", "2026-W60"), 2, "no week 2026-W60"),
        (("weekly", "2999-W01"), 2, "has not begun"),
        (("daily", "--output", "/dev/null/a.html"), 2, "cannot write"),
        (("daily", "--output", "a.xls"), 2, "end its name in"),
        (("daily", "--json", "--format", "md"), 2, "choose one"),
        (("article", "99999"), 4, "99999"),
        (("trends", "--weeks", "0"), 2, "--weeks"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    library: CommandLine, arguments: Any, code: int, said: str
) -> None:
    shown = library("report", *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert said in shown.err and "Traceback" not in shown.err


def test_a_bad_time_zone_is_refused(mingus: CommandLine) -> None:
    shown = mingus("report", "daily", MINGUS_REPORT_TIMEZONE="Mars/Olympus")
    assert shown.code == 2 and "IANA time zone" in shown.err


def test_the_tasks_do_it(library: CommandLine) -> None:
    done = library("enqueue", "update_article_analytics", "--args", "{}", MINGUS_EAGER="true")
    assert done.code == 0, done.err
    assert library("report", "update", "--json").json == {"events": 0, "articles": 0, "left": 0}
    library(
        "enqueue", "generate_daily_analytics_report", "--args", '{"day": "2026-10-20"}', MINGUS_EAGER="true"
    )
    library(
        "enqueue", "generate_weekly_analytics_report", "--args", '{"week": "2026-W43"}', MINGUS_EAGER="true"
    )
    kinds = {row["kind"]: row["start"] for row in library("report", "list", "--json").json}
    assert kinds == {"daily": "2026-10-20", "weekly": "2026-10-19"}
    one = library("enqueue", "update_article_analytics", "--args", '{"article_id": 3}', MINGUS_EAGER="true")
    result = library("job", one.out.strip(), "--json").json["result"]
    assert result["readers"] == library("report", "article", "3", "--json").json["readers"] > 0
    bad = library(
        "enqueue", "generate_daily_analytics_report", "--args", '{"day": "soon"}', MINGUS_EAGER="true"
    )
    assert bad.code != 0 or library("dead", "list", "--json").json


def test_articles_for_spreadsheets_hold_no_formula(library: CommandLine, tmp_path: Path) -> None:
    with Store.open(library.home / "mingus.db") as store:
        store.execute("UPDATE articles SET title = '=cmd|x' WHERE id = 1")
        store.execute("UPDATE articles SET title = '＠SUM(1)' WHERE id = 2")
    out = library("articles", "export", "--format", "csv").out
    assert "'=cmd|x" in out and "'＠SUM(1)" in out and ",=cmd" not in out
    rows = [row for row in csv.DictReader(io.StringIO(out)) if row["classification"]]
    assert rows[0]["primary_phase"] == json.loads(rows[0]["classification"])["primary_phase"]
    # In a file Excel has to be told of UTF-8; to a pipe the mark would be a part of the first name.
    library("articles", "export", "--format", "csv", "--output", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_bytes().decode() == "\ufeff" + out


def test_killed_at_any_point_a_kept_report_is_the_old_or_the_new(tmp_path: Path) -> None:
    path, chance = tmp_path / "mingus.db", random.Random(2)
    period, now = Period(DAILY, date(2026, 10, 20), "UTC"), datetime(2026, 11, 1, tzinfo=UTC)
    with Store.open(path) as store:
        Month(store).fill()
        reports = PeriodicReports(store, Rules("UTC", GatePolicy(), None))
        old = reports.make(period, now).as_json()
        work = (
            "import sys; from pathlib import Path; from datetime import *\n"
            "from tests.test_commands_report import *\n"
            "reports = PeriodicReports(Store.open(Path(sys.argv[1])), Rules('UTC', GatePolicy(), None))\n"
            "now = datetime(2026, 11, 2, tzinfo=UTC); print('ready', flush=True)\n"
            "while True:\n"
            "    now += timedelta(seconds=1); reports.make(Period(DAILY, date(2026, 10, 20), 'UTC'), now)\n"
        )
        for _ in range(3):
            child = subprocess.Popen(
                [sys.executable, "-c", work, str(path)],
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT)},
            )
            assert child.stdout is not None
            child.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(chance.random() / 2)
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
            kept = reports.stored.get(DAILY, "2026-10-20", "UTC", SCHEMA)
            assert kept is not None and kept["sections"] == json.loads(json.dumps(old))["sections"]
            assert kept["made_at"] >= old["made_at"]
        assert len(reports.stored.list(None, 10)) == 1


def test_a_report_is_of_one_moment(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store, Store.open(tmp_path / "mingus.db") as other:
        Month(store).fill()
        with store.snapshot():
            before = store.value("SELECT count(*) FROM events")
            other.execute("DELETE FROM readers WHERE number = 1")
            assert store.value("SELECT count(*) FROM events") == before
        assert store.value("SELECT count(*) FROM events") < before


def test_a_day_without_anything_and_the_first_day(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        reports = PeriodicReports(store, Rules("UTC", GatePolicy(), None))
        now = datetime(2026, 11, 1, tzinfo=UTC)
        empty = reports.make(Period(DAILY, date(2026, 10, 20), "UTC"), now)
        values = {figure.value for section in empty.sections for figure in section.figures}
        assert values <= {0, None}
        assert {figure.mean for section in empty.sections for figure in section.figures} == {None}
        Month(store).fill()
        first = reports.make(Period(DAILY, date(2026, 9, 28), "UTC"), now + timedelta(1))
        assert {figure.previous for section in first.sections for figure in section.figures} == {None}


def test_a_worker_s_start_is_on_the_record(library: CommandLine) -> None:
    before = library("report", "daily", "today", "--json").json
    assert library("worker", "--burst", timeout=120).code == 0
    after = library("report", "daily", "today", "--json", "--fresh").json
    started = [
        next(
            figure["value"]
            for figure in report["sections"][-1]["figures"]
            if figure["key"] == "worker_starts"
        )
        for report in (before, after)
    ]
    assert started == [0, 1]
