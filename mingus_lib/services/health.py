"""Is it alive, and does it work: cheap enough to be asked every few seconds.

Tells "a process is up" (`workers`) from "jobs are consumed" (one line a queue). Nothing is started or changed.
Redis is read as by `mingus status`, in four round trips whatever the number of jobs; of the store only a few rows.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.checks import (
    Finding,
    Grade,
    fail,
    healthy,
    judge_queue,
    judge_scheduler,
    judge_workers,
    ok,
    warn,
)
from mingus_lib.errors import MingusError, NotFound, RedisUnavailable
from mingus_lib.queues import status
from mingus_lib.services.overview import Looked, look_at_redis
from mingus_lib.store.summary import read_summary, read_timetable_fault

if TYPE_CHECKING:
    from mingus_lib.settings import Settings


def look(
    settings: Settings,
    redis_url: str,
    *,
    queues: Sequence[str] = (),
    max_age: float,
    here: bool = False,
    looked: Looked | None = None,
) -> list[Finding]:
    """Every check of `mingus health`; `queues` none are all of them, `max_age` is in seconds.

    With `here` only workers of this host count, as the health check of a container wants it. `looked` is what
    look_at_redis told already.
    """
    seen, trouble = looked or look_at_redis(settings, redis_url)
    found = _judged(seen, trouble, queues, max_age, here)
    # Also while Redis is away: which of the two is ill is what is asked.
    store, slots = look_at_store(settings)
    found.append(store)
    # Whoever asks about some workers does not ask about the timetable.
    if seen is not None and not (queues or here):
        found.append(judge_scheduler(seen.leader.name if seen.leader else None, slots))
        found += _timetable(settings)
    return found


def as_json(found: Sequence[Finding]) -> dict[str, Any]:
    """The documented shape of `health --json`."""
    return {"healthy": healthy(found), "checks": [row(finding) for finding in found]}


def reasons(found: Sequence[Finding]) -> list[str]:
    """What has failed, a line each: `check: what is wrong`."""
    return [f"{finding.check}: {finding.detail}" for finding in found if finding.state is Grade.FAIL]


def row(finding: Finding) -> dict[str, Any]:
    """One check: `check`, `state`, `detail` and `fix`."""
    return {
        "check": finding.check,
        "state": finding.state.value,
        "detail": finding.detail,
        "fix": finding.fix,
    }


def _judged(
    seen: status.Snapshot | None,
    trouble: RedisUnavailable | None,
    queues: Sequence[str],
    max_age: float,
    here: bool,
) -> list[Finding]:
    if trouble is not None:
        return [fail("redis", str(trouble), "see its log; the ledger keeps all jobs meanwhile")]
    if seen is None:
        return [fail("redis", "the private Redis does not run", "start it: mingus up")]
    # Containers of one library share a Redis, and each has to answer for itself.
    host = socket.gethostname()
    workers = [worker for worker in seen.workers if not here or worker.host == host]
    judged = [queue for queue in seen.queues if not queues or queue.name in queues]
    return [
        ok("redis", f"up, version {seen.redis.version}"),
        judge_workers(workers),
        *(judge_queue(queue, workers, max_age) for queue in judged),
    ]


def _timetable(settings: Settings) -> list[Finding]:
    """What the scheduler said of the timetable, which takes too long to be read at every look."""
    try:
        fault = read_timetable_fault(settings.store_path)
    except MingusError:
        # The store has a line of its own.
        return []
    return [fail("timetable", fault, "mend the file: mingus schedule check")] if fault else []


def look_at_store(settings: Settings) -> tuple[Finding, int]:
    """Whether the store can be read, and how many slots of the timetable it knows to come."""
    try:
        # Monitors ask every few seconds, and want no failures read each time.
        found = read_summary(settings.store_path, failures_shown=0)
    # A library that was never used is not ill.
    except NotFound:
        return warn("store", f"there is none at {settings.store_path} yet", "the first job makes it"), 0
    except MingusError as error:
        fix = "mingus db migrate" if error.code == "store-older" else "mingus db check"
        return fail("store", str(error), fix), 0
    return ok("store", "readable"), len(found.schedule)
