"""The history page by page, and the numbers that triggers keep."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain.jobs import JobSpec, JobState
from mingus_lib.store import browsing
from mingus_lib.store.browsing import Browsing, Place
from mingus_lib.store.database import Store
from mingus_lib.store.history import JobFilter
from mingus_lib.store.ledger import Ledger
from mingus_lib.store.schema_history import STATEMENTS
from mingus_lib.store.task_days import TaskDays
from tests.test_domain_runs import bucket

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "mingus.db") as opened:
        yield opened


def spec(number: int, task: str = "ping", **more: object) -> JobSpec:
    # Several share a moment: pages must not skip or repeat them.
    moment = START + timedelta(seconds=number // 3)
    return JobSpec(f"{number:016x}", task, "cleanup", {"token": f"T{number}"}, moment, **more)  # type: ignore[arg-type]


def run(ledger: Ledger, job: JobSpec, outcome: str, seconds: float, at: datetime = START) -> None:
    """One attempt of a job, that ends so after so long."""
    end = at + timedelta(seconds=seconds)
    attempt = ledger.start(job, worker="w", now=at).attempt
    if outcome == "finished":
        ledger.finish(job.id, attempt, "null", end)
    elif outcome == "dead":
        ledger.bury(job.id, attempt, "http-503: no", end)
    elif outcome == "cancelled":
        ledger.stop(job.id, attempt, "cancelled: by an operator", end)
    elif outcome == "lost":
        ledger.lose(job.id, attempt, "killed", end)
    else:
        ledger.retry_later(job.id, attempt, end, "later", end)


def all_pages(pages: Browsing, chosen: JobFilter, text: str = "", size: int = 7) -> list[str]:
    seen: list[str] = []
    after: Place | None = None
    while True:
        page = pages.page(chosen, text, after, size)
        assert len(page.jobs) <= size + browsing.STRIDE
        seen += [job.id for job in page.jobs]
        if page.older is None:
            return seen
        after = page.older


def filled(store: Store, count: int = 60) -> Ledger:
    ledger = Ledger(store)
    jobs = [spec(number, "ping" if number % 2 else "sweep") for number in range(count)]
    ledger.record(jobs)
    for number, job in enumerate(jobs):
        if number % 5 < 4:
            run(ledger, job, ("finished", "dead", "cancelled", "later")[number % 5], 0.5)
    return ledger


@pytest.mark.parametrize("state", [None, *JobState])
@pytest.mark.parametrize("task", [None, "ping"])
def test_pages_are_the_whole_list_once(store: Store, state: JobState | None, task: str | None) -> None:
    filled(store)
    chosen = JobFilter(states=(state,) if state else (), task=task)
    sql = "SELECT id FROM job_runs WHERE state = coalesce(?, state) AND task = coalesce(?, task)"
    found = all_pages(Browsing(store), chosen)
    assert sorted(found) == sorted(row[0] for row in store.rows(sql, (state, task)))
    assert len(found) == len(set(found))
    if state is None:
        assert found == sorted(found, reverse=True)


def test_a_search_finds_the_same_whatever_its_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store)
    monkeypatch.setattr(browsing, "STRIDE", 4)
    for text, chosen in (
        ("t1", JobFilter()),
        ("HTTP-503", JobFilter()),
        ("503", JobFilter(states=(JobState.DEAD,))),
    ):
        whole = all_pages(Browsing(store, search_seconds=60), chosen, text, size=50)
        hasty = all_pages(Browsing(store, search_seconds=0), chosen, text, size=50)
        assert whole == hasty != []


def test_a_hasty_search_says_how_far_it_came(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store)
    monkeypatch.setattr(browsing, "STRIDE", 10)
    page = Browsing(store, search_seconds=0).page(JobFilter(), "no such text")
    assert page.jobs == []
    assert page.older is not None
    assert (
        page.searched_to
        == page.older.moment
        == (START + timedelta(seconds=16)).isoformat(timespec="microseconds")
    )


@pytest.mark.parametrize("after", [None, Place("2026-03-01", 5)])
def test_no_page_scans_or_sorts(store: Store, after: Place | None) -> None:
    every = product([(), *((state,) for state in JobState)], [None, "ping"], [None, "cleanup"])
    for states, task, queue in every:
        ended = bool(states) and states[0] in (JobState.DEAD, JobState.CANCELLED)
        walked, _ = browsing._split(JobFilter(states=states, task=task, queue=queue, ended=ended), "")
        where, values, order = browsing._walk(walked, after)
        sql = f"EXPLAIN QUERY PLAN SELECT * FROM job_runs WHERE {where} ORDER BY {order} LIMIT 51"
        (step,) = [row["detail"] for row in store.rows(sql, values)]
        assert "USING INDEX" in step, (states, task, queue)


RUN = st.tuples(
    st.sampled_from(["finished", "dead", "cancelled", "lost", "later"]),
    st.sampled_from(["ping", "sweep"]),
    st.floats(0, 4000).map(lambda seconds: round(seconds, 3)),
    st.integers(0, 3),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(RUN, max_size=12))
def test_what_is_counted_is_what_happened(runs: list[tuple[str, str, float, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "mingus.db") as store:
        ledger, counted = Ledger(store), TaskDays(store)
        for number, (outcome, task, seconds, day) in enumerate(runs):
            job = spec(number, task)
            ledger.record([job])
            run(ledger, job, outcome, seconds, START.replace(hour=0) + timedelta(days=day))
        words = {"later": "dead"}
        expected = Counter((task, words.get(outcome, outcome)) for outcome, task, _, _ in runs)
        whole = counted.whole()
        found = {(task, word): n for task, told in whole.items() for word, n in told.outcomes.items()}
        assert found == expected
        for task, told in whole.items():
            mine = [seconds for _, name, seconds, _ in runs if name == task]
            assert told.longest == pytest.approx(max(mine), abs=0.002)
            assert told.seconds == pytest.approx(sum(mine), abs=0.05)
            assert set(told.buckets) <= {
                bucket(s + d) for s in mine for d in (-0.001, 0, 0.001) if s + d >= 0
            }
            days = counted.of_task(task, START.date())
            assert sum(each.total for each in days.values()) == told.total
            assert {day: each.outcomes for day, each in days.items()} == {
                day: each.outcomes
                for (name, day), each in counted.daily(START.date()).items()
                if name == task
            }
        states = Counter((row[0], row[1]) for row in store.rows("SELECT task, state FROM job_runs"))
        assert {(task, state.value): n for (task, state), n in counted.jobs().items()} == states


def test_jobs_are_counted_through_all_their_states(store: Store) -> None:
    ledger, counted = filled(store), TaskDays(store)
    ledger.requeue([f"{number:016x}" for number in (1, 6)])
    store.execute("DELETE FROM job_runs WHERE state = 'finished'")
    states = Counter((row[0], row[1]) for row in store.rows("SELECT task, state FROM job_runs"))
    assert {(task, state.value): n for (task, state), n in counted.jobs().items()} == states


def test_runs_outlive_their_jobs(store: Store) -> None:
    filled(store)
    before = {task: runs.total for task, runs in TaskDays(store).whole().items()}
    store.execute("DELETE FROM job_runs")
    assert {task: runs.total for task, runs in TaskDays(store).whole().items()} == before


def test_a_library_of_before_is_counted_when_it_is_migrated(store: Store) -> None:
    filled(store)
    counted = TaskDays(store)
    before = (counted.whole(), counted.jobs(), counted.daily(date.min))
    with store.reading() as connection:
        forget(connection)
        for statement in STATEMENTS:
            connection.execute(statement)
    assert (counted.whole(), counted.jobs(), counted.daily(date.min)) == before


def forget(connection: sqlite3.Connection) -> None:
    """As the store was before the migration."""
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_master WHERE name IN ('attempts_counted', 'jobs_counted', 'jobs_uncounted', "
        "'jobs_recounted', 'job_runs_active', 'job_runs_dead', 'job_runs_told', 'task_days', 'job_counts') "
        "ORDER BY type DESC"
    ).fetchall():
        connection.execute(f"DROP {kind} IF EXISTS {name}")
