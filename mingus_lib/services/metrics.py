"""Everything a monitor may want to know, as metrics: `mingus metrics` and the dashboard's `/metrics`.

What is labelled by a name takes it from a fixed set: the catalog's tasks (anything else is `other`), the six queues,
the declared breakers, the states. So no writer to Redis can fill a monitor with series.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.jobs import JobState
from mingus_lib.domain.metrics import Family, Sample, histogram
from mingus_lib.domain.runs import Runs
from mingus_lib.queues import catalog
from mingus_lib.store.costs import Budget, Costs
from mingus_lib.store.task_days import TaskDays

# Prometheus' own defaults, and on to the hard limit of a job; all are bounds of domain/runs.
DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000)
OUTCOMES = ("finished", "dead", "cancelled", "lost")
WORKER_STATES = ("idle", "busy", "stopping", "degraded", "other")
BREAKER_STATES = ("closed", "open", "half-open")
CALL_STATES = ("answered", "failed", "unknown", "open")
OTHER = "other"

Seen = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a store has counted: jobs and runs, and the calls of the AI models named (any other is `other`)."""

    tasks: TaskDays
    costs: Costs
    budget: Budget
    models: tuple[str, ...]


def collect(seen: Seen, counted: Counted | None, now: datetime) -> list[Family]:
    """From the shape of `status --json` and, where there is a store, what is counted in it."""
    families = [*_servers(seen), *_queues(seen), *_workers(seen), _breakers(seen), *_schedule(seen, now)]
    if counted is not None:
        families += [*_tasks(counted.tasks), *_calls(counted, now)]
    return families


def _servers(seen: Seen) -> Iterator[Family]:
    redis, store = seen["redis"], seen["store"]
    yield _gauge("mingus_redis_up", "1 when Redis answers.", [Sample(redis["state"] == "up")])
    yield _gauge(
        "mingus_redis_memory_bytes", "Memory that Redis uses.", _known([(redis["memory_bytes"], {})])
    )
    yield _gauge("mingus_store_up", "1 when the store can be read.", [Sample(store["state"] == "ok")])
    yield _gauge("mingus_store_size_bytes", "The store's file and its log.", [Sample(store["size_bytes"])])
    yield _gauge(
        "mingus_articles",
        "Articles by status.",
        [Sample(count, {"status": str(status)}) for status, count in store["articles"].items()],
    )


def _queues(seen: Seen) -> Iterator[Family]:
    rows = seen["queues"]
    yield _gauge(
        "mingus_queue_jobs",
        "Jobs in a queue by state.",
        [
            Sample(row[state], {"queue": row["name"], "state": state})
            for row in rows
            for state in ("queued", "scheduled", "started", "dead")
        ],
    )
    yield _gauge(
        "mingus_queue_oldest_age_seconds",
        "How long the job that is next has waited; 0 when none waits.",
        [Sample(row["oldest_age_seconds"] or 0, {"queue": row["name"]}) for row in rows],
    )
    yield _gauge(
        "mingus_queue_paused",
        "1 when the queue is paused.",
        [Sample(row["paused"], {"queue": row["name"]}) for row in rows],
    )


def _workers(seen: Seen) -> Iterator[Family]:
    workers = seen["workers"]
    states = Counter(w["state"] if w["state"] in WORKER_STATES else OTHER for w in workers)
    yield _gauge(
        "mingus_workers",
        "Workers by state.",
        [Sample(states[state], {"state": state}) for state in WORKER_STATES],
    )
    parts = (("worker", "memory_bytes"), ("child", "child_memory_bytes"))
    yield _gauge(
        "mingus_workers_memory_bytes",
        "Memory of all workers, and of the processes that run their jobs.",
        [Sample(sum(w[key] or 0 for w in workers), {"process": part}) for part, key in parts],
    )


def _breakers(seen: Seen) -> Family:
    now = {breaker["name"]: breaker["state"] for breaker in seen["breakers"]}
    declared = sorted(catalog.dependencies())
    return _gauge(
        # All states of all: a series that begins with the first failure has no "before".
        "mingus_breaker_state",
        "1 for the state that a circuit breaker is in.",
        [
            Sample(now.get(name, "closed") == state, {"breaker": name, "state": state})
            for name in declared
            for state in BREAKER_STATES
        ],
    )


def _schedule(seen: Seen, now: datetime) -> Iterator[Family]:
    leading = seen["scheduler"]["state"] == "leading"
    late = max(((now - slot["next_at"]).total_seconds() for slot in seen["schedule"]), default=0.0)
    yield _gauge("mingus_scheduler_leading", "1 when a scheduler leads.", [Sample(leading)])
    yield _gauge(
        "mingus_schedule_lag_seconds",
        "How long the slot that is most overdue has been due; 0 when none is.",
        # Slots that are still to come are late by less than nothing.
        [Sample(max(0.0, round(late, 3)))],
    )


def _calls(counted: Counted, now: datetime) -> Iterator[Family]:
    calls: Counter[tuple[str, str]] = Counter()
    spent: defaultdict[str, float] = defaultdict(float)
    # The strong and the cheap model may be the same.
    models = tuple(dict.fromkeys((*counted.models, OTHER)))
    for model, state, count, usd in counted.costs.today(now):
        name = model if model in counted.models else OTHER
        calls[name, state] += count
        spent[name] += usd
    yield _gauge(
        "mingus_ai_cost_today_usd",
        "What the calls of the AI models of this UTC day have cost, by the price list.",
        [Sample(round(spent[model], 8), {"model": model}) for model in models],
    )
    yield _gauge(
        "mingus_ai_calls_today",
        "Calls of the AI models of this UTC day by outcome.",
        [
            Sample(calls[model, state], {"model": model, "outcome": state})
            for model in models
            for state in CALL_STATES
        ],
    )
    yield _gauge(
        "mingus_ai_budget_left_usd",
        "What the AI models may still cost, calls under way counted; none without a budget.",
        [
            Sample(round(left, 8), {"period": name})
            for name, left in counted.costs.left(counted.budget, now).items()
        ],
    )


def _tasks(counted: TaskDays) -> Iterator[Family]:
    jobs: Counter[tuple[str, JobState]] = Counter()
    for (task, state), count in counted.jobs().items():
        jobs[_known_task(task), state] += count
    runs: defaultdict[str, Runs] = defaultdict(Runs)
    for task, found in counted.whole().items():
        runs[_known_task(task)].add(found)
    tasks = [*catalog.load(), OTHER]
    yield _gauge(
        "mingus_jobs",
        "Jobs on the record by task and state.",
        [Sample(jobs[task, state], {"task": task, "state": state}) for task in tasks for state in JobState],
    )
    # A counter, which jobs cannot be: clean-up deletes jobs, while their runs stay counted.
    yield Family(
        "mingus_runs_total",
        "counter",
        "Runs of jobs that have ended, by how they ended.",
        tuple(
            Sample(runs[task].outcomes.get(outcome, 0), {"task": task, "outcome": outcome})
            for task in tasks
            for outcome in OUTCOMES
        ),
    )
    yield Family(
        "mingus_run_duration_seconds",
        "histogram",
        "How long runs of jobs took.",
        tuple(
            sample
            for task in tasks
            for sample in histogram({"task": task}, runs[task].buckets, DURATION_BOUNDS, runs[task].seconds)
        ),
    )


def _known_task(name: str) -> str:
    return name if name in catalog.load() else OTHER


def _gauge(name: str, words: str, samples: list[Sample]) -> Family:
    return Family(name, "gauge", words, tuple(samples))


def _known(values: list[tuple[float | None, Mapping[str, str]]]) -> list[Sample]:
    # No sample rather than a 0, which a monitor would believe.
    return [Sample(value, labels) for value, labels in values if value is not None]
