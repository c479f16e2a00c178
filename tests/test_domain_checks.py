"""How workers, queues and the timetable are judged, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mingus_lib.domain.checks import (
    Finding,
    Grade,
    fail,
    healthy,
    is_live,
    judge_queue,
    judge_scheduler,
    judge_workers,
    ok,
    warn,
)


@dataclass
class Worker:
    state: str = "idle"
    beat_seconds: float | None = 1.0
    queues: tuple[str, ...] = ("mail",)


@dataclass
class Queue:
    queued: int = 0
    oldest_age_seconds: float | None = None
    paused: bool = False
    name: str = "mail"


SILENT = Worker(beat_seconds=None)
MANY = Queue(1234, 60.0)


@pytest.mark.parametrize(("seconds", "live"), [(None, False), (0.0, True), (39.9, True), (40.0, False)])
def test_a_worker_lives_that_has_beaten_within_forty_seconds(seconds: float | None, live: bool) -> None:
    assert is_live(Worker(beat_seconds=seconds)) is live


@pytest.mark.parametrize(
    ("workers", "found"),
    [
        ([Worker()], ok("workers", "1 live")),
        ([Worker("busy"), Worker("stopping"), SILENT], ok("workers", "2 live")),
        ([], fail("workers", "none runs", "start one: mingus up, or systemctl start mingus.target")),
        (
            [SILENT, Worker("degraded", 50.0)],
            fail(
                "workers",
                "2 registered, none has beaten for 40 s",
                "start one: mingus up, or systemctl start mingus.target",
            ),
        ),
        (
            [Worker(), Worker("degraded"), Worker("degraded", 50.0)],
            fail(
                "workers",
                "1 of 2 cannot write the ledger and take nothing",
                "free the disk or unlock the store: mingus db check",
            ),
        ),
    ],
)
def test_workers_must_live_and_write(workers: list[Worker], found: Finding) -> None:
    assert judge_workers(workers) == found


def test_a_timetable_that_stands_still_is_missed_only_where_it_went() -> None:
    start = "start one: mingus scheduler, or mingus up"
    assert judge_scheduler("host-1", 0) == ok("scheduler", "host-1 leads")
    assert judge_scheduler(None, 1) == fail("scheduler", "none leads: the timetable stands still", start)
    assert judge_scheduler(None, 0) == warn(
        "scheduler", "none leads, and none has ever read the timetable", start
    )


@pytest.mark.parametrize(
    ("queue", "workers", "state", "detail", "fix"),
    [
        (Queue(), [Worker()], Grade.OK, "nothing waits", None),
        # Exactly the limit is not too long.
        (MANY, [Worker()], Grade.OK, "1,234 waiting, the oldest for 1m 0s", None),
        (Queue(3), [SILENT, Worker()], Grade.OK, "3 waiting, the oldest for 0s", None),
        (
            Queue(3, 3700.0),
            [Worker()],
            Grade.FAIL,
            "3 waiting, the oldest for 1h 1m; the limit is 1m 0s",
            "add workers: mingus worker --queue mail --concurrency 4",
        ),
        *(
            (
                MANY,
                nobody,
                Grade.FAIL,
                "no worker takes it, 1,234 waiting",
                "start one: mingus worker --queue mail",
            )
            for nobody in ([], [SILENT], [Worker(queues=("mails", "cleanup"))])
        ),
        (
            Queue(),
            [],
            Grade.WARN,
            "no worker takes it, nothing waits",
            "start one: mingus worker --queue mail",
        ),
        (Queue(paused=True), [], Grade.OK, "paused, nothing waits", None),
        (
            Queue(3, 3700.0, paused=True),
            [],
            Grade.WARN,
            "paused, 3 waiting",
            "let it go on: mingus resume mail",
        ),
    ],
)
def test_a_queue_is_told_by_what_waits_in_it(
    queue: Queue, workers: list[Worker], state: Grade, detail: str, fix: str | None
) -> None:
    assert judge_queue(queue, workers, 60.0) == Finding("queue mail", state, detail, fix)


def test_only_a_failure_makes_it_unhealthy() -> None:
    good, odd, bad = ok("a", "b"), warn("a", "b", "c"), fail("a", "b", "c")
    assert healthy([]) and healthy([good, odd])
    assert not healthy([good, bad, odd])
    assert [str(each.state) for each in (good, odd, bad)] == ["ok", "warn", "fail"]
    assert (good.fix, good.count, good.jobs, bad.fix) == (None, None, (), "c")
