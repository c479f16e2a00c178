"""Logs that were put aside: each is deleted by one clean-up, however many run at once."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.domain.retention import CachePolicy
from mingus_lib.services.clean_cache import REDIS_LOG_BYTES, CacheCleaning
from mingus_lib.store.database import Store
from mingus_lib.store.expiry import Expiry

COUNT = 1500


def cleaning(home: Path) -> CacheCleaning:
    store = Store.open(home / "mingus.db")
    return CacheCleaning(
        Expiry(store),
        CachePolicy(logs=timedelta(days=1)),
        lambda: None,
        home / "mingus.log",
        home / "redis.log",
    )


def test_clean_ups_at_once_count_each_log_once(tmp_path: Path) -> None:
    for number in range(COUNT):
        path = tmp_path / f"mingus.log.{number}"
        path.write_bytes(b"x" * 10)
        os.utime(path, (0, 0))
    # What is in use, or is a link, stays.
    (tmp_path / "mingus.log").write_bytes(b"now")
    (tmp_path / "mingus.log.9999").symlink_to(tmp_path / "elsewhere")
    now, together, freed = datetime.now(UTC), threading.Barrier(3), []

    def clean() -> None:
        mine = cleaning(tmp_path)
        together.wait()
        freed.append(mine._logs(now, dry_run=False))

    threads = [threading.Thread(target=clean) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(freed) == 3
    assert (sum(each.removed for each in freed), sum(each.bytes for each in freed)) == (COUNT, COUNT * 10)
    assert sorted(each.name for each in tmp_path.glob("mingus.log*")) == ["mingus.log", "mingus.log.9999"]


@pytest.mark.parametrize("size", [REDIS_LOG_BYTES, REDIS_LOG_BYTES + 1])
def test_a_large_log_of_redis_is_put_aside(tmp_path: Path, size: int) -> None:
    with (tmp_path / "redis.log").open("wb") as log:
        log.truncate(size)
    cleaning(tmp_path)._logs(datetime.now(UTC), dry_run=False)
    assert (tmp_path / "redis.log.1").exists() is (size > REDIS_LOG_BYTES)
