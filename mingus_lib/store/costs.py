"""What model calls cost: each call is reserved before it is made, booked when it ends, and its answer kept.

`sent_at` is noted at the moment a call's first request leaves. What a dead process had only reserved is released by
whoever finds it dead; what it had sent may be charged, and stays counted as spent.
Longer than 300 lines on purpose: reserving, booking and releasing change the same rows, and are read together.
"""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mingus_lib.domain.pricing import Usage
from mingus_lib.store.database import Store
from mingus_lib.store.values import as_text, clean

WARN_SHARE = 0.8
# A call that has not ended after so long is over: its process died.
LOST_AFTER = timedelta(minutes=15)
LOST = "lost: the process that asked is gone"
NEVER_SENT = "never-sent: the process that was to ask is gone"
# One part in a million: sums of many small costs are not exact.
ROUNDING = 1.000001


@dataclass(frozen=True, slots=True)
class Budget:
    """US dollars a UTC day and month; None is no limit."""

    daily: float | None = None
    monthly: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call about to be made."""

    answer_key: str
    model: str
    prompt_version: str
    reserve_usd: float
    article_id: int | None = None
    job_id: str | None = None
    attempt: int | None = None
    in_batch: bool = False


@dataclass(frozen=True, slots=True)
class Reserved:
    """The call's id in the ledger; `warning` is to be logged when a budget is nearly spent."""

    call_id: int
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """No: the call would pass the budget named in `reason`, which begins anew at `until`."""

    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class UnderWay:
    """No: the same question is being asked by another job."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that was paid for before."""

    answer: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_usd: float


class Costs:
    """The cost ledger of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def reserve(self, call: Call, budget: Budget, now: datetime) -> Reserved | Spent | UnderWay:
        """Put the call on the record if the budget allows it, counting all calls under way: one transaction."""
        with self.store.transaction() as connection:
            # First: a call that a dead process left open would keep its question from ever being asked.
            _close_lost(connection, call, now)
            if _is_open(connection, call.answer_key):
                return UnderWay()
            today, month = _spending(connection, now)
            if (no := _refusal(call.reserve_usd, today, month, budget, now)) is not None:
                # The money may be held by processes that are gone: nobody is refused for their sake.
                if not _close(connection, _OLD, (as_text(now - LOST_AFTER),), now):
                    return no
                today, month = _spending(connection, now)
                if (no := _refusal(call.reserve_usd, today, month, budget, now)) is not None:
                    return no
            call_id = _open(connection, call, now)
            # After the call is on the record: what notes the warning is the day's row, which may be new.
            return Reserved(call_id, _warning(connection, call.reserve_usd, today, month, budget, now))

    def reserve_all(self, calls: Sequence[Call], budget: Budget, now: datetime) -> list[int] | Spent:
        """Reserve all of these, or none: a batch. Those already under way must not be among them."""
        with self.store.transaction() as connection:
            today, month = _spending(connection, now)
            whole = sum(call.reserve_usd for call in calls)
            if (no := _refusal(whole, today, month, budget, now)) is not None:
                return no
            return [_open(connection, call, now) for call in calls]

    def under_way(self, answer_keys: Iterable[str]) -> set[str]:
        """Those of the questions that are being asked right now."""
        with self.store.reading() as connection:
            return {key for key in answer_keys if _is_open(connection, key)}

    def answered(
        self, call_id: int, usage: Usage, cost_usd: float, price_date: str, now: datetime, answer: str | None
    ) -> None:
        """Book what the call cost and keep its answer (None: it was no finished one), in one transaction."""
        with self.store.transaction() as connection:
            row = _end(connection, call_id, "answered", cost_usd, now, None)
            if row is None:
                return
            sql = """UPDATE model_calls SET tokens_in = ?, tokens_cached = ?, tokens_out = ?, cost_usd = ?,
                     price_date = ? WHERE id = ?"""
            values = (usage.tokens_in, usage.cached, usage.tokens_out, cost_usd, price_date, call_id)
            connection.execute(sql, values)
            if answer is not None:
                kept = (row["answer_key"], clean(answer), row["model"], usage.tokens_in, usage.tokens_out)
                sql = "INSERT INTO model_answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (answer_key) DO NOTHING"
                connection.execute(sql, (*kept, cost_usd, as_text(now)))

    def failed(self, call_id: int, reason: str, now: datetime, *, unknown: bool = False) -> None:
        """The call gave nothing. `unknown`: it may have been paid for; its reserve counts as spent."""
        with self.store.transaction() as connection:
            sql = "SELECT reserved_usd FROM model_calls WHERE id = ?"
            reserve = float(connection.execute(sql, (call_id,)).fetchone()[0]) if unknown else 0.0
            _end(connection, call_id, "unknown" if unknown else "failed", reserve, now, reason)

    def sent(self, call_id: int, now: datetime) -> bool:
        """The call's request leaves now; False when it must not: the call was taken for lost, and is another's."""
        # The first request counts: from then on the call may have to be paid.
        sql = "UPDATE model_calls SET sent_at = coalesce(sent_at, ?) WHERE id = ? AND state = 'open'"
        with self.store.transaction() as connection:
            return bool(connection.execute(sql, (as_text(now), call_id)).rowcount)

    def close_lost(self, now: datetime) -> int:
        """End every call whose process must be gone by now; how many. What they may have cost stays counted."""
        with self.store.transaction() as connection:
            return _close(connection, _OLD, (as_text(now - LOST_AFTER),), now)

    def close_attempts(self, job_id: str, before: int, now: datetime) -> int:
        """End the calls of this job's attempts before that one, which are dead; how many."""
        with self.store.transaction() as connection:
            return _close(connection, "job_id = ? AND attempt < ?", (job_id, before), now)

    def answer(self, answer_key: str) -> KeptAnswer | None:
        """The answer to this question, if one was finished before."""
        sql = "SELECT answer, model, tokens_in, tokens_out, cost_usd FROM model_answers WHERE answer_key = ?"
        row = self.store.row(sql, (answer_key,))
        return None if row is None else KeptAnswer(*row)

    def forget_answer(self, answer_key: str) -> None:
        """Drop an answer that turned out useless, so that the question may be asked again."""
        self.store.execute("DELETE FROM model_answers WHERE answer_key = ?", (answer_key,))

    def today(self, now: datetime) -> list[tuple[str, str, int, float]]:
        """(model, state, calls, US dollars) of this UTC day; a walk over the day's calls."""
        day = as_text(now)[:10]
        return [tuple(row) for row in self.store.rows(_OF_DAY, (day, day + "~"))]

    def left(self, budget: Budget, now: datetime) -> dict[str, float]:
        """US dollars that may still be spent, by `day` and `month` (UTC), as far as there is a limit."""
        with self.store.reading() as connection:
            sums = zip(("day", "month"), _spending(connection, now), strict=True)
            limits = {"day": budget.daily, "month": budget.monthly}
            return {
                name: max(0.0, limit - sum(each))
                for name, each in sums
                if (limit := limits[name]) is not None
            }

    def report(self, since: datetime, now: datetime, budget: Budget) -> dict[str, Any]:
        """Sums since then, by model and by day, and how the budgets stand."""
        with self.store.reading() as connection:
            today, month = _spending(connection, now)
            totals = connection.execute(_SUMS, (as_text(since),)).fetchone()
            by_model = connection.execute(_BY_MODEL, (as_text(since),))
            by_day = connection.execute(_BY_DAY, (as_text(since),))
            return {
                "since": as_text(since),
                "totals": _sums(totals),
                "by_model": [{"model": row["model"], **_sums(row)} for row in by_model],
                "by_day": [{"day": row["day"], **_sums(row)} for row in by_day],
                "today": _standing(today, budget.daily),
                "month": _standing(month, budget.monthly),
                "answers_kept": connection.execute("SELECT count(*) FROM model_answers").fetchone()[0],
            }


_OF_DAY = """SELECT model, state, count(*), coalesce(sum(cost_usd), 0.0) FROM model_calls WHERE at >= ? AND at < ?
             GROUP BY model, state"""
_SUMMED = """count(*) AS calls, coalesce(sum(state = 'answered'), 0) AS answered,
  coalesce(sum(state = 'failed'), 0) AS failed, coalesce(sum(state = 'unknown'), 0) AS unknown,
  coalesce(sum(state = 'open'), 0) AS open, coalesce(sum(tokens_in), 0) AS tokens_in,
  coalesce(sum(tokens_cached), 0) AS tokens_cached, coalesce(sum(tokens_out), 0) AS tokens_out,
  coalesce(sum(cost_usd), 0.0) AS cost_usd,
  coalesce(sum(CASE WHEN state IN ('open', 'unknown') THEN reserved_usd END), 0.0) AS uncertain_usd"""
_SUMS = f"SELECT {_SUMMED} FROM model_calls WHERE at >= ?"
_BY_MODEL = (
    f"SELECT model, {_SUMMED} FROM model_calls WHERE at >= ? GROUP BY model ORDER BY cost_usd DESC, model"
)
_BY_DAY = (
    f"SELECT substr(at, 1, 10) AS day, {_SUMMED} FROM model_calls WHERE at >= ? GROUP BY 1 ORDER BY 1 DESC"
)
SUM_KEYS = (
    "calls", "answered", "failed", "unknown", "open", "tokens_in", "tokens_cached", "tokens_out",
    "cost_usd", "uncertain_usd",
)  # fmt: skip


def _sums(row: sqlite3.Row) -> dict[str, Any]:
    return {key: round(row[key], 8) if key.endswith("usd") else row[key] for key in SUM_KEYS}


def _standing(sums: tuple[float, float], limit: float | None) -> dict[str, Any]:
    spent, reserved = sums
    share = round((spent + reserved) / limit, 4) if limit else None
    return {
        "spent_usd": round(spent, 8),
        "reserved_usd": round(reserved, 8),
        "budget_usd": limit,
        "share": share,
    }


def _spending(
    connection: sqlite3.Connection, now: datetime
) -> tuple[tuple[float, float], tuple[float, float]]:
    """(spent, reserved) of today and of this month."""
    sql = """SELECT coalesce(sum(spent_usd), 0.0), coalesce(sum(reserved_usd), 0.0) FROM model_spending
             WHERE day >= ? AND day < ?"""
    day = as_text(now)[:10]
    # `~` comes after whatever a day or month goes on with.
    today = connection.execute(sql, (day, day + "~")).fetchone()
    month = connection.execute(sql, (day[:7], day[:7] + "~")).fetchone()
    return (today[0], today[1]), (month[0], month[1])


def _refusal(
    reserve: float, today: tuple[float, float], month: tuple[float, float], budget: Budget, now: datetime
) -> Spent | None:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    next_month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    # The month first: a job that waits for tomorrow would come back for nothing.
    for name, limit, sums, until in (
        ("monthly", budget.monthly, month, next_month), ("daily", budget.daily, today, tomorrow)
    ):  # fmt: skip
        if limit is not None and sum(sums) + reserve > limit * ROUNDING:
            return Spent(
                f"budget: the {name} budget of ${limit:.2f} has ${max(0.0, limit - sum(sums)):.4f} left, "
                f"and this may cost ${reserve:.4f}",
                until,
            )
    return None


def _warning(
    connection: sqlite3.Connection,
    reserve: float,
    today: tuple[float, float],
    month: tuple[float, float],
    budget: Budget,
    now: datetime,
) -> str | None:
    """Said once a day, when four fifths of a budget are gone."""
    near = [
        f"{(sum(sums) + reserve) / limit:.0%} of the {name} budget of ${limit:.2f}"
        for name, limit, sums in (("daily", budget.daily, today), ("monthly", budget.monthly, month))
        if limit and (sum(sums) + reserve) * ROUNDING >= WARN_SHARE * limit
    ]
    sql = "UPDATE model_spending SET warned = 1 WHERE day = ? AND warned = 0"
    if not near or not connection.execute(sql, (as_text(now)[:10],)).rowcount:
        return None
    return f"{' and '.join(near)} for model calls is spent or reserved"


def _is_open(connection: sqlite3.Connection, answer_key: str) -> bool:
    sql = "SELECT 1 FROM model_calls WHERE answer_key = ? AND state = 'open'"
    return connection.execute(sql, (answer_key,)).fetchone() is not None


def _open(connection: sqlite3.Connection, call: Call, now: datetime) -> int:
    sql = """INSERT INTO model_calls (at, state, article_id, job_id, attempt, in_batch, answer_key, model,
             prompt_version, reserved_usd) VALUES (?, 'open', ?, ?, ?, ?, ?, ?, ?, ?)"""
    values = (
        as_text(now), call.article_id, call.job_id, call.attempt, int(call.in_batch), call.answer_key, call.model,
        call.prompt_version, call.reserve_usd,
    )  # fmt: skip
    call_id = connection.execute(sql, values).lastrowid
    assert call_id is not None
    sql = """INSERT INTO model_spending (day, calls, reserved_usd) VALUES (?, 1, ?) ON CONFLICT (day)
             DO UPDATE SET calls = calls + 1, reserved_usd = reserved_usd + excluded.reserved_usd"""
    connection.execute(sql, (as_text(now)[:10], call.reserve_usd))
    return call_id


def _end(
    connection: sqlite3.Connection, call_id: int, state: str, spent: float, now: datetime, reason: str | None
) -> sqlite3.Row | None:
    """End an open call on the day of its beginning; None when it has ended already."""
    sql = "SELECT at, reserved_usd, answer_key, model, state FROM model_calls WHERE id = ?"
    row: sqlite3.Row = connection.execute(sql, (call_id,)).fetchone()
    was = row["state"]
    # An answer may come for a call that was given up as lost: then what was thought spent is corrected.
    if was not in ("open", "unknown") or (was == "unknown" and state != "answered"):
        return None
    sql = "UPDATE model_calls SET state = ?, ended_at = ?, reason = ? WHERE id = ?"
    connection.execute(sql, (state, as_text(now), reason and clean(reason)[:500], call_id))
    # An unknown call was booked at its reserve: that amount makes way for the true price.
    freed, thought = (row["reserved_usd"], 0.0) if was == "open" else (0.0, row["reserved_usd"])
    # Many small amounts taken away may leave a little less than nothing.
    sql = """UPDATE model_spending SET reserved_usd = max(0.0, reserved_usd - ?), spent_usd = spent_usd - ? + ?
             WHERE day = ?"""
    connection.execute(sql, (freed, thought, spent, row["at"][:10]))
    return row


_OLD = "at < ?"


def _close_lost(connection: sqlite3.Connection, call: Call, now: datetime) -> None:
    """Calls under way whose process is gone: older than any call lasts, or of an earlier attempt of this job."""
    which = f"answer_key = ? AND ({_OLD} OR (job_id = ? AND attempt < ?))"
    values = (call.answer_key, as_text(now - LOST_AFTER), call.job_id, call.attempt)
    _close(connection, which, values, now)


def _close(connection: sqlite3.Connection, which: str, values: tuple[Any, ...], now: datetime) -> int:
    """End these of the open calls, a batch's apart; how many."""
    # A batch's answers may take a day, and whoever reads the batch ends its calls.
    sql = f"""SELECT id, reserved_usd, sent_at FROM model_calls
              WHERE state = 'open' AND in_batch = 0 AND {which}"""
    lost = connection.execute(sql, values).fetchall()
    for row in lost:
        state, spent, reason = (
            ("unknown", row["reserved_usd"], LOST) if row["sent_at"] else ("failed", 0.0, NEVER_SENT)
        )
        _end(connection, row["id"], state, spent, now, reason)
    return len(lost)
