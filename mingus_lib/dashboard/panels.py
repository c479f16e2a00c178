"""The overview's panels: each a heading, what it reads, and a template `panels/NAME.html` that shows it.

A new panel is one function, one template and one line in PANELS. A panel whose function returns None is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mingus_lib.dashboard import charts
from mingus_lib.dashboard.reach import here, problems, seen
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues.connection import translated
from mingus_lib.queues.pulse import finished_a_minute
from mingus_lib.services import statistics

Facts = dict[str, Any]


class Panel(NamedTuple):
    """One part of the overview."""

    name: str
    heading: str
    read: Callable[[], Facts | None]


def facts() -> Facts:
    """Health, servers and totals: no round trip of Redis beyond `seen`."""
    workers = seen()["workers"]
    return {
        "problems": problems(),
        "workers": len(workers),
        "redis": seen()["redis"],
        "store": seen()["store"],
        "busy": sum(worker["current_job"] is not None for worker in workers),
        "waiting": sum(row["queued"] + row["scheduled"] for row in seen()["queues"]),
        "dead": sum(row["dead"] for row in seen()["queues"]),
    }


def throughput() -> Facts:
    """Runs a day for thirty days, from the counted days; no Redis call."""
    days = statistics.by_day(here().task_days, datetime.now(UTC).date())
    total, failed = sum(runs.total for _, runs in days), sum(runs.failed for _, runs in days)
    title = f"Runs a day over {len(days)} days: {total:,}, of which {failed:,} failed"
    return {"chart": charts.runs_a_day(days, title), "total": total, "failed": failed, "days": days}


def queues() -> Facts:
    """The six queues with their rate: two round trips of Redis beyond `seen`."""
    served = dict.fromkeys((row["name"] for row in seen()["queues"]), 0)
    for worker in seen()["workers"]:
        for name in worker["queues"]:
            # Whoever writes to Redis can invent a worker, and queues for it that we do not have.
            served[name] = served.get(name, 0) + 1
    return {"queues": seen()["queues"], "rates": _rates(), "served": served}


def _rates() -> dict[str, float]:
    # A Redis that has just not answered would keep the page waiting once more.
    if seen()["redis"]["state"] != "up":
        return {}
    try:
        with translated(here().redis_where):
            return finished_a_minute(here().redis_as_found(), here().settings.results_ttl)
    except RedisUnavailable:
        # It went away since `seen`: the page says so at its next look.
        return {}


def workers() -> Facts:
    """The workers; nothing beyond `seen`."""
    return {"workers": seen()["workers"], "redis": seen()["redis"]}


def breakers() -> Facts | None:
    """Circuit breakers that are not closed; nothing beyond `seen`."""
    return {"breakers": seen()["breakers"]} if seen()["breakers"] else None


def failures() -> Facts | None:
    """The last failures; nothing beyond `seen`."""
    return {"failures": seen()["failures"]} if seen()["failures"] else None


def timetable() -> Facts | None:
    """The next slots, when there is a timetable; nothing beyond `seen`."""
    return {"slots": seen()["schedule"]} if seen()["schedule"] else None


PANELS = (
    Panel("facts", "At a glance", facts),
    Panel("queues", "Queues", queues),
    Panel("workers", "Workers", workers),
    Panel("throughput", "Runs a day", throughput),
    Panel("breakers", "Circuit breakers", breakers),
    Panel("failures", "Last failures", failures),
    Panel("timetable", "Timetable", timetable),
)
