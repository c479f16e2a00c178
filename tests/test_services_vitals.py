"""What counts as healthy, from the shape of `status --json`."""

from __future__ import annotations

from typing import Any

import pytest

from mingus_lib.services import vitals


def seen(**changes: Any) -> dict[str, Any]:
    """A library at work, with changes; `queue` and `worker` change the only one of each."""
    queue = {
        "name": "cleanup",
        "queued": 0,
        "paused": False,
        "oldest_age_seconds": None,
        **changes.pop("queue", {}),
    }
    worker = {"name": "w", "state": "idle", "queues": ["cleanup"], **changes.pop("worker", {})}
    whole = {
        "redis": {"state": "up", "url": "unix:///r"},
        "store": {"state": "ok", "path": "/s"},
        "queues": [queue],
        "workers": [worker],
    }
    return {**whole, **changes}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redis": {"state": "unreachable", "url": "unix:///r"}, "workers": []}, "redis-unreachable"),
        ({"store": {"state": "store-corrupt", "path": "/s"}}, "store"),
        ({"workers": []}, "no-worker"),
        ({"worker": {"state": "degraded"}}, "degraded"),
        (
            {"worker": {"queues": ["analytics"]}, "queue": {"queued": 3, "oldest_age_seconds": 1.0}},
            "unserved",
        ),
        ({"queue": {"queued": 3, "oldest_age_seconds": 901.0}}, "late"),
    ],
)
def test_each_trouble_is_named_once(changes: dict[str, Any], code: str) -> None:
    judged = vitals.judge(seen(**changes))
    assert [reason.partition(":")[0] for reason in judged.reasons] == [code]
    assert not judged.healthy
    assert vitals.as_the_old_system(judged)["error"] == judged.reasons[0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"worker": {"state": "busy"}},
        {"queue": {"queued": 3, "oldest_age_seconds": 899.0}},
        {"queue": {"queued": 3, "oldest_age_seconds": 9999.0, "paused": True}},
        {"worker": {"queues": ["analytics"]}, "queue": {"queued": 0}},
    ],
)
def test_a_library_at_work_is_healthy(changes: dict[str, Any]) -> None:
    judged = vitals.judge(seen(**changes))
    assert judged.healthy
    assert vitals.as_json(judged)["status"] == "healthy"
    assert set(vitals.as_the_old_system(judged)) == {"status", "workers", "queues"}
