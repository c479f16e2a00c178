"""Lists of jobs: the plan of each query, so that a million rows are not read for fifty."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mingus_lib.domain.jobs import JobSpec, JobState
from mingus_lib.store.database import Store
from mingus_lib.store.history import History, JobFilter
from mingus_lib.store.interventions import Interventions
from mingus_lib.store.ledger import Ledger

DEAD = (JobState.DEAD,)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def job(**args: object) -> JobSpec:
    return JobSpec("one", "ping", "default", args, NOW, "cli")


@pytest.mark.parametrize(
    ("chosen", "indexes"),
    [
        (JobFilter(states=DEAD, task="ping"), {"job_runs_bad", "job_runs_dead"}),
        (JobFilter(states=DEAD, queue="cleanup"), {"job_runs_bad", "job_runs_dead"}),
        (JobFilter(states=DEAD, task="ping", ended=True), {"job_runs_bad", "job_runs_dead"}),
        (JobFilter(states=(JobState.CANCELLED,), task="ping"), {"job_runs_bad"}),
        (JobFilter(states=DEAD), {"job_runs_bad", "job_runs_dead"}),
        (JobFilter(task="ping"), {"job_runs_task"}),
        (JobFilter(), {"job_runs_created"}),
    ],
)
def test_an_index_finds_the_few(tmp_path: Path, chosen: JobFilter, indexes: set[str]) -> None:
    condition, values = chosen.where()
    sql = f"EXPLAIN QUERY PLAN SELECT * FROM job_runs WHERE {condition} ORDER BY {chosen.order()} DESC, id LIMIT 50"
    with Store.open(tmp_path / "mingus.db") as store:
        (plan,) = [row["detail"] for row in store.rows(sql, values) if "job_runs" in row["detail"]]
    assert any(f"INDEX {index} " in f"{plan} " for index in indexes), plan


@pytest.mark.parametrize("typed", ["café", "CAFé", "one"])
def test_arguments_are_found_by_what_a_person_types(tmp_path: Path, typed: str) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        Ledger(store).record([job(token="the Café of one")])
        history = History(store)
        assert [found.id for found in history.newest(JobFilter(arg=typed))] == ["one"]
        assert history.newest(JobFilter(arg=f"{typed}!")) == []


def test_a_job_alone_of_its_kind_is_on_the_disk(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        assert Ledger(store).record_alone(job()) is None
        assert store.value("PRAGMA synchronous") == 2


def test_an_attempt_that_ends_meanwhile_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "mingus.db"
    with Store.open(path) as store, Store.open(path) as another:
        Ledger(store).record([job()])
        Ledger(store).start(job(), worker="w", now=NOW)

        def end_it(sql: str) -> None:
            if "FROM job_attempts" in sql:
                Ledger(another).finish("one", 1, "null", NOW)

        with store.reading() as connection:
            connection.set_trace_callback(end_it)
        found = History(store).get("one")
        with store.reading() as connection:
            connection.set_trace_callback(None)
        assert another.value("SELECT state FROM job_runs") == "finished"
        assert found is not None
        assert [each.attempt for each in found.history] == [1]


def test_whatever_a_job_says_its_end_is_told(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        ledger, said = Ledger(store), "a page said \ud800\x00"
        ledger.record([job()])
        ledger.start(job(), worker="w", now=NOW)
        ledger.progress("one", 1, 2, said)
        assert ledger.retry_later("one", 1, NOW, said, NOW)
        ledger.postpone("one", NOW, said, NOW)
        ledger.start(job(), worker="w", now=NOW)
        assert ledger.lose("one", 2, said, NOW) is JobState.QUEUED
        ledger.start(job(), worker="w", now=NOW)
        assert ledger.bury("one", 3, said, NOW, traceback=said)
        ledger.refuse("other", "ping", "default", said, NOW)
        found = History(store).get("one")
        assert found is not None
        told = [each.reason for each in found.history]
        assert [found.reason, found.traceback, found.progress_text, *told] == ["a page said \ufffd\ufffd"] * 6


def test_an_id_that_is_no_text_is_no_job(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        Ledger(store).record([job()])
        assert Interventions(store).withdraw(["\udcff", "one"], "purged", NOW) == ["one"]
        assert Ledger(store).cancel(["\udcff"], "purged", NOW) == 0
