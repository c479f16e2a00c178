"""What `mingus status` and `mingus queues` show: gathered, never changed.

Nothing is started for a look: an embedded Redis that is not up is reported as stopped.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib.errors import MingusError, NotFound, RedisUnavailable
from mingus_lib.queues import status
from mingus_lib.queues.connection import OwnRedis, connect, mask, translated
from mingus_lib.queues.embedded import answers
from mingus_lib.queues.names import QUEUES
from mingus_lib.store.summary import read_queues, read_summary

# `mingus status` is what runs most, and pays for every import here: RQ alone would take 155 ms.
if TYPE_CHECKING:
    from mingus_lib.queues.limits import Breaker
    from mingus_lib.settings import Settings

Looked = tuple[status.Snapshot | None, RedisUnavailable | None]


def overview(
    settings: Settings, redis_url: str, looked: Looked | None = None
) -> tuple[dict[str, Any], MingusError | None]:
    """The documented shape of `status --json`, and what kept it from being complete.

    `looked` is what look_at_redis told already, so that it is not asked twice.
    """
    seen, trouble = _told_of_redis(settings, redis_url, looked or look_at_redis(settings, redis_url))
    store, store_trouble = _look_at_store(settings.store_path)
    return {**seen, **store}, trouble or store_trouble


def queues(settings: Settings, redis_url: str) -> tuple[list[dict[str, Any]], MingusError | None]:
    """The documented shape of `queues --json`; from the ledger when Redis does not answer."""
    trouble = None
    if not stopped(settings):
        try:
            with translated(where(settings, redis_url)):
                return [asdict(state) for state in status.queue_states(connect(redis_url))], None
        except RedisUnavailable as error:
            trouble = error
    found, store_trouble = _queues_from_ledger(settings.store_path)
    return found, trouble or store_trouble


def breaker_json(breaker: Breaker) -> dict[str, Any]:
    """The documented shape of a circuit breaker."""
    opened = breaker.opened_at
    moment = datetime.fromtimestamp(opened, UTC).isoformat() if opened is not None else None
    return {**asdict(breaker), "opened_at": moment}


def stopped(settings: Settings) -> bool:
    """Whether the private Redis is the one in use, and does not run."""
    return settings.redis_url is None and not answers(settings.home)


def where(settings: Settings, redis_url: str) -> str:
    """The address of Redis as it may be shown."""
    # The private Redis has no password to hide, and another fix than the address of a setting.
    return mask(redis_url) if settings.redis_url else OwnRedis(redis_url)


def look_at_redis(settings: Settings, redis_url: str) -> Looked:
    """What Redis tells, or why it tells nothing: None for both is a private one that does not run."""
    if stopped(settings):
        # Nothing is wrong: the private Redis runs from the first job on.
        return None, None
    try:
        with translated(where(settings, redis_url)):
            return status.snapshot(connect(redis_url)), None
    except RedisUnavailable as error:
        return None, error


def _told_of_redis(
    settings: Settings, redis_url: str, looked: Looked
) -> tuple[dict[str, Any], MingusError | None]:
    shown = where(settings, redis_url)
    seen, trouble = looked
    if seen is None:
        return _without_redis(settings, shown, "unreachable" if trouble else "stopped"), trouble
    return {
        "redis": {"url": shown, "state": "up", **asdict(seen.redis)},
        "queues": [asdict(queue) for queue in seen.queues],
        "workers": [asdict(worker) for worker in seen.workers],
        "breakers": [breaker_json(breaker) for breaker in seen.breakers],
        "scheduler": _scheduler(seen.leader),
    }, None


def _without_redis(settings: Settings, shown: str, state: str) -> dict[str, Any]:
    redis = {"url": shown, "state": state, "version": None, "memory_bytes": None, "persistence": None}
    # What is wrong with the store is told by _look_at_store.
    found, _ = _queues_from_ledger(settings.store_path)
    scheduler = _scheduler(None, "none" if state == "stopped" else "unknown")
    return {"redis": redis, "queues": found, "workers": [], "breakers": [], "scheduler": scheduler}


def _scheduler(leader: status.Leader | None, otherwise: str = "none") -> dict[str, Any]:
    if leader is None:
        return {"state": otherwise, "name": None, "since_seconds": None}
    return {"state": "leading", **asdict(leader)}


def _queues_from_ledger(path: Path) -> tuple[list[dict[str, Any]], MingusError | None]:
    counts: dict[tuple[str, str], int] = {}
    paused: list[str] = []
    trouble = None
    try:
        counts, paused = read_queues(path)
    except NotFound:
        # No store yet is no trouble: nothing was ever enqueued.
        counts = {}
    except MingusError as error:
        trouble = error
    return [_queue_row(name, counts, name in paused) for name in QUEUES], trouble


def _queue_row(name: str, counts: dict[tuple[str, str], int], paused: bool) -> dict[str, Any]:
    numbers = {state: counts.get((name, state), 0) for state in ("queued", "scheduled", "started", "dead")}
    return {"name": name, **numbers, "oldest_age_seconds": None, "paused": paused, "next_in_seconds": None}


def _look_at_store(path: Path) -> tuple[dict[str, Any], MingusError | None]:
    empty = {"path": str(path), "state": "missing", "size_bytes": 0, "articles": {}}
    try:
        found = read_summary(path)
    except NotFound:
        return {"store": empty, "failures": [], "schedule": []}, None
    except MingusError as error:
        return {"store": {**empty, "state": error.code}, "failures": [], "schedule": []}, error
    store = {"path": found.path, "state": "ok", "size_bytes": found.size, "articles": dict(found.articles)}
    return {
        "store": store,
        "failures": [failure._asdict() for failure in found.failures],
        "schedule": [slot._asdict() for slot in found.schedule],
    }, None
