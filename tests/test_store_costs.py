"""The cost ledger: reserved before, booked after, never over the budget, whoever spends at the same time."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mingus_lib.domain.pricing import Usage
from mingus_lib.store.costs import LOST_AFTER, Budget, Call, Costs, Reserved, Spent, UnderWay
from mingus_lib.store.database import Store

NO_BUDGET = Budget()
NOW = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)


@pytest.fixture
def costs(tmp_path: Path) -> Costs:
    return Costs(Store.open(tmp_path / "mingus.db"))


def call(key: str = "k", reserve: float = 0.01, job: str = "job1", attempt: int = 1) -> Call:
    return Call(key, "gpt-4.1-mini", "labels-1", reserve, 7, job, attempt)


def reserved(
    costs: Costs, key: str = "k", reserve: float = 0.01, budget: Budget = NO_BUDGET, now: datetime = NOW
) -> int:
    found = costs.reserve(call(key, reserve), budget, now)
    assert isinstance(found, Reserved), found
    return found.call_id


def test_a_call_is_on_the_record_before_and_after(costs: Costs) -> None:
    call_id = reserved(costs)
    assert costs.report(NOW - timedelta(days=1), NOW, Budget())["today"]["reserved_usd"] == 0.01
    costs.answered(call_id, Usage(100, 20, 10), 0.0004, "2025-08-07", NOW, "{}")
    report = costs.report(NOW - timedelta(days=1), NOW, Budget(1.0))
    assert report["totals"] | {"uncertain_usd": 0.0} == {
        "calls": 1, "answered": 1, "failed": 0, "unknown": 0, "open": 0, "tokens_in": 100, "tokens_cached": 10,
        "tokens_out": 20, "cost_usd": 0.0004, "uncertain_usd": 0.0,
    }  # fmt: skip
    assert report["today"] == {"spent_usd": 0.0004, "reserved_usd": 0.0, "budget_usd": 1.0, "share": 0.0004}
    kept = costs.answer("k")
    assert kept is not None
    assert (kept.answer, kept.cost_usd) == ("{}", 0.0004)


def test_an_answer_twice_is_booked_once(costs: Costs) -> None:
    call_id = reserved(costs)
    for _ in range(2):
        costs.answered(call_id, Usage(100, 20), 0.5, "d", NOW, "{}")
    assert costs.report(NOW - timedelta(days=1), NOW, Budget())["today"]["spent_usd"] == 0.5


def test_the_reserves_of_calls_under_way_count(costs: Costs) -> None:
    budget = Budget(daily=0.025)
    first = reserved(costs, "a", budget=budget)
    reserved(costs, "b", budget=budget)
    no = costs.reserve(call("c"), budget, NOW)
    assert isinstance(no, Spent)
    assert "daily budget of $0.03" in no.reason or "daily budget of $0.02" in no.reason
    assert no.until == datetime(2026, 4, 1, tzinfo=UTC)
    costs.failed(first, "gone", NOW)
    reserved(costs, "c", budget=budget)


def test_the_month_is_a_budget_too_and_begins_anew(costs: Costs) -> None:
    budget = Budget(monthly=0.015)
    assert costs.sent(reserved(costs, "a", budget=budget, now=NOW - timedelta(days=20)), NOW)
    no = costs.reserve(call("b"), budget, NOW)
    assert isinstance(no, Spent)
    assert no.until == datetime(2026, 4, 1, tzinfo=UTC)
    reserved(costs, "b", budget=budget, now=no.until)


def test_a_budget_nearly_spent_is_said_once_a_day(costs: Costs) -> None:
    budget = Budget(daily=0.05)
    warnings = []
    for key in "abcde":
        found = costs.reserve(call(key), budget, NOW)
        assert isinstance(found, Reserved)
        warnings.append(found.warning)
    assert [bool(warning) for warning in warnings] == [False, False, False, True, False]
    assert "80% of the daily budget" in str(warnings[3])


def test_no_question_is_asked_twice_at_the_same_time(costs: Costs) -> None:
    reserved(costs, "k")
    assert isinstance(costs.reserve(call("k", job="job2"), Budget(), NOW), UnderWay)


def test_the_next_attempt_of_a_job_knows_that_the_last_one_died(costs: Costs) -> None:
    assert costs.sent(reserved(costs, "k", reserve=0.01), NOW)
    assert isinstance(costs.reserve(call("k", attempt=2), Budget(), NOW), Reserved)
    report = costs.report(NOW - timedelta(days=1), NOW, Budget())
    # What the dead one may have cost stays counted.
    assert (report["totals"]["unknown"], report["today"]["spent_usd"]) == (1, 0.01)


def test_what_a_dead_attempt_never_sent_is_released(costs: Costs) -> None:
    first, second = reserved(costs, "a"), reserved(costs, "b")
    costs.reserve(call("c", job="job2"), Budget(), NOW)
    costs.reserve_all([Call("d", "m", "p", 0.01, 7, "job1", 1, in_batch=True)], Budget(), NOW)
    assert costs.sent(first, NOW)
    assert costs.close_attempts("job1", 1, NOW) == 0
    assert costs.close_attempts("job1", 2, NOW) == 2
    report = costs.report(NOW - timedelta(days=1), NOW, Budget())
    assert {name: report["totals"][name] for name in ("unknown", "failed", "open")} == {
        "unknown": 1, "failed": 1, "open": 2,
    }  # fmt: skip
    assert report["today"] == {"spent_usd": 0.01, "reserved_usd": 0.02, "budget_usd": None, "share": None}
    # Should the attempt live after all, it sends nothing: its call is another's now.
    assert not costs.sent(second, NOW)


def test_reserves_of_the_dead_do_not_keep_a_budget_from_being_spent(costs: Costs) -> None:
    budget = Budget(daily=0.01)
    reserved(costs, "a", budget=budget)
    later = NOW + LOST_AFTER + timedelta(seconds=1)
    assert isinstance(costs.reserve(call("b", job="job2"), budget, NOW), Spent)
    assert isinstance(costs.reserve(call("b", job="job2"), budget, later), Reserved)


def test_calls_of_dead_processes_are_closed_in_time(costs: Costs) -> None:
    reserved(costs, "k")
    assert costs.close_lost(NOW + timedelta(minutes=1)) == 0
    assert costs.close_lost(NOW + LOST_AFTER + timedelta(seconds=1)) == 1


def test_an_answer_after_all_corrects_what_was_thought_spent(costs: Costs) -> None:
    call_id = reserved(costs, "k", reserve=0.01)
    costs.failed(call_id, "time-out", NOW, unknown=True)
    costs.answered(call_id, Usage(10, 5), 0.002, "d", NOW, "{}")
    assert costs.report(NOW - timedelta(days=1), NOW, Budget())["today"]["spent_usd"] == 0.002


def spend(path: Path, name: str, budget: float) -> None:
    costs = Costs(Store(path))
    for number in range(60):
        found = costs.reserve(call(f"{name}{number}", 0.01, job=name), Budget(daily=budget), NOW)
        if isinstance(found, Reserved):
            costs.answered(found.call_id, Usage(10, 10), 0.01, "d", NOW, None)


def test_two_processes_cannot_both_spend_the_last_cent(tmp_path: Path) -> None:
    path = tmp_path / "mingus.db"
    costs = Costs(Store.open(path))
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=spend, args=(path, name, 0.415)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    report = costs.report(NOW - timedelta(days=1), NOW, Budget())
    assert report["today"] == {"spent_usd": 0.41, "reserved_usd": 0.0, "budget_usd": None, "share": None}
    assert report["totals"]["calls"] == 41


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0.0001, 0.2),
            st.sampled_from(["answered", "failed", "unknown", "open"]),
            st.floats(0, 1),
        ),
        max_size=20,
    )
)
def test_the_sums_are_those_of_the_calls(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[float, str, float]]
) -> None:
    costs = Costs(Store.open(tmp_path_factory.mktemp("costs") / "mingus.db"))
    spent = open_ = 0.0
    for number, (reserve, end, share) in enumerate(calls):
        found = costs.reserve(call(str(number), reserve), Budget(daily=1.0), NOW)
        if isinstance(found, Spent):
            assert spent + open_ + reserve > 1.0 - 1e-9
            continue
        assert isinstance(found, Reserved)
        assert spent + open_ + reserve <= 1.0 + 1e-4
        if end == "answered":
            costs.answered(found.call_id, Usage(1, 1), reserve * share, "d", NOW, None)
            spent += reserve * share
        elif end == "open":
            open_ += reserve
        else:
            costs.failed(found.call_id, "x", NOW, unknown=end == "unknown")
            spent += reserve if end == "unknown" else 0.0
    today = costs.report(NOW - timedelta(days=1), NOW, Budget())["today"]
    assert today["spent_usd"] == pytest.approx(spent, abs=1e-6)
    assert today["reserved_usd"] == pytest.approx(open_, abs=1e-6)
