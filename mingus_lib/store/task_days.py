"""Runs and jobs as triggers count them (tables task_days, job_counts): numbers over a million jobs in milliseconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from mingus_lib.domain.jobs import JobState
from mingus_lib.domain.runs import Runs, together
from mingus_lib.store.database import Row, Store

_SUMS = "outcome, bucket, sum(runs) AS runs, sum(seconds) AS seconds, max(longest) AS longest FROM task_days"
_WHOLE = f"SELECT task, '' AS day, {_SUMS} WHERE day >= ? GROUP BY task, outcome, bucket"
# `bucket` is that of one row among many: by day nobody is told how long runs took.
_DAILY = f"SELECT task, day, {_SUMS} WHERE day >= ? GROUP BY task, day, outcome"
_OF_TASK = "SELECT * FROM task_days WHERE day >= ? AND task = ?"
ALWAYS = date.min


class TaskDays:
    """What was counted. Every method may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def whole(self, since: date = ALWAYS) -> dict[str, Runs]:
        """Runs by task, from that day (UTC) on."""
        return {task: runs for (task, _), runs in _gathered(self._store.rows(_WHOLE, (str(since),))).items()}

    def daily(self, since: date) -> dict[tuple[str, str], Runs]:
        """Runs by task and day (`2026-03-09`): their outcomes; how long they took is not told apart."""
        return _gathered(self._store.rows(_DAILY, (str(since),)))

    def of_task(self, task: str, since: date) -> dict[str, Runs]:
        """One task's runs by day, durations and all."""
        found = _gathered(self._store.rows(_OF_TASK, (str(since), task)))
        return {day: runs for (_, day), runs in found.items()}

    def jobs(self) -> dict[tuple[str, JobState], int]:
        """Jobs on the record by task and state; none that are zero."""
        rows = self._store.rows(
            "SELECT task, state, jobs FROM job_counts WHERE jobs > 0 ORDER BY task, state"
        )
        return {(row["task"], JobState(row["state"])): row["jobs"] for row in rows}


def _gathered(rows: Iterable[Row]) -> dict[tuple[str, str], Runs]:
    found: defaultdict[tuple[str, str], list[Runs]] = defaultdict(list)
    for row in rows:
        runs = row["runs"]
        part = Runs({row["outcome"]: runs}, {row["bucket"]: runs}, row["seconds"], row["longest"])
        found[row["task"], row["day"]].append(part)
    return {key: together(parts) for key, parts in found.items()}
