"""How the machinery did in some adjoining periods: jobs, their runs, the timetable, workers."""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from mingus_lib.domain.runs import Runs, together
from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import Spans
from mingus_lib.store.values import as_text, clean

STARTS_KEPT = timedelta(days=400)
_LAG = "round((julianday(decided_at) - julianday(slot)) * 86400, 3)"


class PeriodOperations:
    """The operations of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def jobs(self, spans: Spans) -> list[dict[tuple[str, str], int]]:
        """Jobs created in each span that are on the record, by task and the state they have now."""
        sql = f"""SELECT {spans.place("created_at")}, task, state, count(*) FROM job_runs
                  WHERE {spans.within("created_at")} GROUP BY 1, 2, 3"""
        found: list[dict[tuple[str, str], int]] = [{} for _ in range(spans.count)]
        for place, task, state, count in self._store.rows(sql, spans.texts):
            found[place][task, state] = count
        return found

    def retries(self, spans: Spans) -> list[int]:
        """Attempts beyond the first of the jobs created in each span."""
        sql = f"""SELECT {spans.place("created_at")}, sum(max(attempts - 1, 0)) FROM job_runs
                  WHERE {spans.within("created_at")} GROUP BY 1"""
        return spans.numbers(self._store.rows(sql, spans.texts))

    def dead(self, spans: Spans) -> list[int]:
        """Jobs that ended dead in each span."""
        sql = f"""SELECT {spans.place("ended_at")}, count(*) FROM job_runs
                  WHERE state = 'dead' AND {spans.within("ended_at")} GROUP BY 1"""
        return spans.numbers(self._store.rows(sql, spans.texts))

    def forgotten(self, days: Sequence[tuple[date, date]]) -> list[dict[tuple[str, str], tuple[int, int]]]:
        """Jobs that ended on these UTC days and are off the record by now, and their retries, by task and state."""
        sql = """SELECT task, state, sum(jobs), sum(max(attempts - jobs, 0)) FROM job_days
                 WHERE day >= ? AND day < ? GROUP BY task, state"""
        return [
            {(row[0], row[1]): (row[2], row[3]) for row in self._store.rows(sql, (str(start), str(end)))}
            for start, end in days
        ]

    def runs(self, days: Sequence[tuple[date, date]]) -> list[dict[str, Runs]]:
        """Runs by task that ended on the UTC days from the first to before the second of each pair."""
        return [self._runs(str(start), str(end)) for start, end in days]

    def _runs(self, start: str, end: str) -> dict[str, Runs]:
        sql = """SELECT task, outcome, bucket, sum(runs), sum(seconds), max(longest) FROM task_days
                 WHERE day >= ? AND day < ? GROUP BY task, outcome, bucket"""
        found: dict[str, list[Runs]] = {}
        for task, outcome, bucket, runs, seconds, longest in self._store.rows(sql, (start, end)):
            found.setdefault(task, []).append(Runs({outcome: runs}, {bucket: runs}, seconds, longest))
        return {task: together(parts) for task, parts in found.items()}

    def lags(self, spans: Spans) -> list[list[float]]:
        """Seconds from each slot of the timetable to its job, in each span, ascending."""
        sql = f"""SELECT {spans.place("decided_at")}, {_LAG} FROM schedule_slots
                  WHERE outcome = 'enqueued' AND slot IS NOT NULL AND {spans.within("decided_at")} ORDER BY 2"""
        found: list[list[float]] = [[] for _ in range(spans.count)]
        for place, seconds in self._store.rows(sql, spans.texts):
            if seconds is not None:
                # A clock that was set back would make a slot's job older than the slot.
                found[place].append(max(0.0, seconds))
        return found

    def missed(self, spans: Spans) -> list[int]:
        """Slots of the timetable that were missed, as decided in each span."""
        sql = f"""SELECT {spans.place("decided_at")}, sum(slots) FROM schedule_slots
                  WHERE outcome = 'missed' AND {spans.within("decided_at")} GROUP BY 1"""
        return spans.numbers(self._store.rows(sql, spans.texts))

    def starts(self, spans: Spans) -> list[int]:
        """Worker processes that began in each span."""
        sql = f"SELECT {spans.place('at')}, count(*) FROM worker_starts WHERE {spans.within('at')} GROUP BY 1"
        return spans.numbers(self._store.rows(sql, spans.texts))

    def note_start(self, worker: str, now: datetime) -> None:
        """Put the beginning of a worker process on the record."""
        with self._store.transaction() as connection:
            # Here, because no clean-up knows of this table.
            connection.execute("DELETE FROM worker_starts WHERE at < ?", (as_text(now - STARTS_KEPT),))
            connection.execute(
                "INSERT INTO worker_starts (at, worker) VALUES (?, ?)", (as_text(now), clean(worker))
            )
