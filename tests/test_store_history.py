"""Lists of jobs: the plan of each query, so that a million rows are not read for fifty."""

from __future__ import annotations

from pathlib import Path

import pytest

from mingus_lib.domain.jobs import JobState
from mingus_lib.store.database import Store
from mingus_lib.store.history import JobFilter

DEAD = (JobState.DEAD,)


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
