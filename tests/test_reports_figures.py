"""Every number of a periodic report, and of an article, beside an independent count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain import periods
from mingus_lib.domain.gate import GatePolicy
from mingus_lib.domain.periods import DAILY, WEEKLY, Period
from mingus_lib.domain.report_document import Document, Section
from mingus_lib.services import analytics, report_trends
from mingus_lib.services.periodic_reports import PeriodicReports, Rules
from mingus_lib.store.article_totals import ArticleTotals
from mingus_lib.store.database import Store
from tests.brute_reports import Brute, total
from tests.made_up_month import BEGUN, Month

LATER = datetime(2027, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")
BUDGET = 0.5


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("month") / "mingus.db") as store:
        Month(store).fill()
        yield store


def reports(store: Store, zone: str = "UTC") -> PeriodicReports:
    return PeriodicReports(store, Rules(zone, GatePolicy(), BUDGET))


def figures(document: Document) -> dict[tuple[str, str], Any]:
    return {(section.key, figure.key): figure for section in document.sections for figure in section.figures}


# Estimates within a bucket of durations, looked at apart; and what needs a measured recommender.
ESTIMATED = {("operations", "run_p50"), ("operations", "run_p95")}


def check(store: Store, period: Period) -> None:
    found = figures(reports(store, period.zone).make(period, LATER))
    brute = Brute(store, period.zone, BUDGET)
    expected = [brute.figures(each.start, each.end) for each in period.with_trailing()]
    known = [each.end > brute.begun() for each in period.with_trailing()]
    untested = {key for key in found if key[0] != "trends"} - ESTIMATED - set(expected[-1])
    assert untested == set()
    for key in expected[-1]:
        figure, values = found[key], [each[key] for each in expected]
        assert figure.value == pytest.approx(values[-1], abs=1e-5), (period, key)
        for given, value, there in zip(figure.trailing, values[:-1], known, strict=False):
            assert given == (pytest.approx(value, abs=1e-5) if there else None), (period, key)
        assert_changes(figure)


def assert_changes(figure: Any) -> None:
    before = [value for value in figure.trailing if value is not None]
    if figure.value is None or not before:
        assert figure.change_from_mean is None
        return
    assert figure.change_from_mean == pytest.approx(figure.value - sum(before) / len(before), abs=1e-5)
    if figure.trailing[-1] is not None:
        assert figure.change == pytest.approx(figure.value - figure.trailing[-1], abs=1e-5)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("days", [0, 2, 17, 34, 60])
def test_a_day_is_what_a_loop_counts(month: Store, zone: str, days: int) -> None:
    check(month, Period(DAILY, BEGUN.date() + timedelta(days), zone))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("weeks", [0, 1, 4, 6])
def test_a_week_is_what_a_loop_counts(month: Store, zone: str, weeks: int) -> None:
    check(month, Period(WEEKLY, date(2026, 9, 28) + timedelta(7 * weeks), zone))


def test_the_days_of_a_zone_add_up_to_its_week(month: Store) -> None:
    zone = "America/New_York"  # its clocks go back on 1 November
    monday = date(2026, 10, 26)
    days = [
        figures(reports(month, zone).make(Period(DAILY, monday + timedelta(n), zone), LATER))
        for n in range(7)
    ]
    week = figures(reports(month, zone).make(Period(WEEKLY, monday, zone), LATER))
    for key in (("library", "rejected"), ("reading", "views"), ("classification", "calls"), ("funnel", "found"),
                ("operations", "jobs"), ("readers", "new")):  # fmt: skip
        assert sum(day[key].value for day in days) == week[key].value, key


def test_durations_are_within_their_bucket(month: Store) -> None:
    period = Period(DAILY, date(2026, 10, 20), "UTC")
    found = figures(reports(month).make(period, LATER))
    runs = Brute(month, "UTC").durations(period.start, period.end)
    for name, share in (("run_p50", 0.5), ("run_p95", 0.95)):
        exact = runs[min(len(runs) - 1, int(share * len(runs)))]
        assert 0.6 * exact <= found["operations", name].value <= 1.6 * exact + 1


def test_tables_are_what_a_loop_counts(month: Store) -> None:
    period = Period(WEEKLY, date(2026, 10, 12), "UTC")
    document = reports(month).make(period, LATER)
    tables = {
        (section.key, table.key): table.rows for section in document.sections for table in section.tables
    }
    brute = Brute(month, "UTC")
    came = [row for row in brute.rows["articles"] if period.start <= brute.day(row["added_at"]) < period.end]
    codes = [(row["reason"] or "unknown").partition(":")[0] for row in came if row["status"] == "rejected"]
    assert {row["reason"]: row["articles"] for row in tables["library", "rejected"]} == {
        code: codes.count(code) for code in set(codes)
    }
    hosts = [row["domain"] for row in came]
    assert {row["host"]: row["came"] for row in tables["library", "hosts"]} == {
        host: hosts.count(host) for host in set(hosts)
    }
    jobs = [
        row["task"]
        for row in brute.rows["job_runs"]
        if period.start <= brute.day(row["created_at"]) < period.end
    ]
    assert {row["task"]: row["finished"] + row["dead"] for row in tables["operations", "jobs"]} == {
        task: jobs.count(task) for task in set(jobs)
    }
    best, worst = tables["reading", "top"], tables["reading", "bottom"]
    scores = [row["score"] for row in best]
    assert scores == sorted(scores, reverse=True)
    assert not {row["id"] for row in best} & {row["id"] for row in worst}
    assert max(row["score"] for row in worst) <= min(scores)


def test_an_article_s_figures_are_what_a_loop_counts(month: Store) -> None:
    totals, brute = ArticleTotals(month), Brute(month, "UTC")
    done = analytics.update(totals, lambda *_: None)
    assert done.left == 0 and totals.waiting() == (0, 0)
    for number in [*range(1, 61), 999]:
        assert (totals.of(number) or total([])) == brute.article(number), number
    found = analytics.article(totals, 3, datetime(2026, 11, 12, tzinfo=UTC), "Asia/Tokyo", 60)
    assert sum(day["views"] for day in found["by_day"]) == found["views"]
    opened = [row for row in brute.rows["events"] if row["article"] == 3
              and row["kind"] in ("viewed", "started", "finished")]  # fmt: skip
    by_device = {row["name"]: row["readers"] for row in found["by_device"]}
    devices = {row["device"] or "unknown" for row in opened}
    assert by_device == {
        device: len({row["reader"] for row in opened if (row["device"] or "unknown") == device})
        for device in devices
    }
    times = sorted(
        max(
            row["time_spent_seconds"]
            for row in opened
            if row["reader"] == reader and row["time_spent_seconds"]
        )
        for reader in {row["reader"] for row in opened if row["time_spent_seconds"]}
    )
    middle = len(times) // 2
    assert found["median_seconds"] == (
        times[middle] if len(times) % 2 else (times[middle - 1] + times[middle]) / 2
    )


def test_a_day_begins_where_its_clocks_say() -> None:
    # Clocks in Apia once left out a day; in Santiago they go forward at midnight.
    start, end = Period(DAILY, date(2026, 9, 6), "America/Santiago").bounds()
    assert (end - start) == timedelta(hours=23)
    assert start == datetime(2026, 9, 6, 4, tzinfo=UTC)
    for zone in ZONES:
        for number in range(400):
            one = Period(DAILY, date(2026, 1, 1) + timedelta(number), zone)
            assert one.bounds()[1] == one.back(-1).bounds()[0]
            assert periods.today(one.bounds()[0], zone) == one.start


def test_what_clean_up_took_away_is_still_told(tmp_path: Path) -> None:
    period = Period(DAILY, date(2026, 10, 28), "UTC")
    with Store.open(tmp_path / "mingus.db") as store:
        Month(store, scale=6).fill()
        before = reports(store).make(period, LATER)
        named = {row["id"]: row["host"] for row in before.sections[2].tables[0].rows}
        assert len(named) == 10
        weeks = report_trends.section(store, date(2026, 11, 9), "UTC")
        store.execute(
            """INSERT INTO removed_articles (id, canonical_url, title, domain, primary_phase, added_at, removed_at)
               SELECT id, canonical_url, title, domain, primary_phase, added_at, updated_at FROM articles
               LEFT JOIN classifications ON article_id = id WHERE id IN (SELECT value FROM json_each(?))""",
            (json.dumps(list(named)),),
        )
        store.execute("DELETE FROM articles WHERE id IN (SELECT id FROM removed_articles)")
        store.execute("""INSERT INTO job_days VALUES ('2026-10-28', 'ping', 'analytics', 'dead', 2, 6, 1.0),
          ('2026-10-28', 'ping', 'analytics', 'cancelled', 3, 0, 0.0),
          ('2026-10-29', 'ping', 'analytics', 'dead', 9, 9, 0)""")
        after = reports(store).make(period, LATER)
        rows = after.sections[2].tables[0].rows
        assert {row["id"]: row["host"] for row in rows} == named
        assert all(row["title"].endswith(" (no longer in the library)") for row in rows)
        were, are = figures(before), figures(after)
        grown = {
            key: are["operations", key].value - were["operations", key].value
            for key in ("jobs", "retries", "dead")
        }
        assert grown == {"jobs": 5, "retries": 4, "dead": 2}
        assert any(note.startswith("5 of these jobs") for note in after.sections[-1].notes)
        assert _by_name(report_trends.section(store, date(2026, 11, 9), "UTC")) == _by_name(weeks)


def _by_name(section: Section) -> dict[str, Any]:
    return {
        row["name"]: row["readings"]
        for table in section.tables
        if table.key in ("phase", "host")
        for row in table.rows
    }
