"""What doctor says of each fact: how good it is, in which words, and where each bound lies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.checks import Finding, Grade
from mingus_lib.domain.diagnosis import (
    backups,
    clock,
    disk,
    foreign_scheduler,
    key_modes,
    latency,
    openai_key,
    price_list,
    redis_memory,
    redis_persistence,
    redis_version,
)

NOW = datetime(2026, 3, 9, 5, 30, tzinfo=UTC)
OK, WARN, FAIL = Grade
FORMED = "sk-" + "a" * 17


def backup(days: float | None, *, on: bool = True) -> Finding:
    newest = None if days is None else NOW - timedelta(days=days)
    return backups(newest, NOW, "/backups", on=on)


def saved(aof: bool, rdb: bool, *, failed: bool = False) -> Finding:
    return redis_persistence(aof=aof, rdb=rdb, write_failed=failed)


def test_each_finding_in_its_words() -> None:
    open_keys = ("a.key (0644)", "b.key (0604)")
    evicted = "a full memory deletes jobs"
    for found, check, state, detail in (
        (redis_version("6.2.0", (6, 2, 0)), "redis-version", OK, "6.2.0"),
        (redis_version("6.1.9", (6, 1, 9)), "redis-version", FAIL, "6.1.9"),
        (saved(True, True), "redis-persistence", OK, "append-only file"),
        (saved(False, True), "redis-persistence", WARN, "snapshots alone: a crash loses minutes"),
        (saved(False, False), "redis-persistence", FAIL, "none: a restart forgets every job that waits"),
        (saved(True, True, failed=True), "redis-persistence", FAIL, "its last write to the disk failed"),
        (redis_memory(8 * 10**8, 10**9, "noeviction"), "redis-memory", OK, "noeviction, 800.0 MB of 1.0 GB"),
        (redis_memory(81 * 10**7, 10**9, "noeviction"), "redis-memory", WARN, "81% of 1.0 GB used"),
        (redis_memory(3 * 10**9, 0, "noeviction"), "redis-memory", OK, "noeviction, 3.0 GB without a limit"),
        (redis_memory(1, 2, "allkeys-lru"), "redis-memory", FAIL, f"maxmemory-policy is allkeys-lru: {evicted}"),
        (redis_memory(1, 0, ""), "redis-memory", WARN, f"maxmemory-policy is not told: {evicted}"),
        (clock(2.0), "clock", OK, "Redis' clock is 2.00 s ahead"),
        (clock(-2.001), "clock", WARN, "Redis' clock is 2.00 s behind"),
        (clock(60.0), "clock", WARN, "Redis' clock is 60.00 s ahead"),
        (clock(-60.5), "clock", FAIL, "Redis' clock is 60.50 s behind"),
        (latency(0.02), "redis-latency", OK, "20.00 ms a round trip"),
        (latency(0.0201), "redis-latency", WARN, "20.10 ms a round trip"),
        (latency(0.5), "redis-latency", WARN, "500.00 ms a round trip"),
        (latency(0.501), "redis-latency", FAIL, "501.00 ms a round trip"),
        (foreign_scheduler(""), "foreign-scheduler", OK, "no other rq-scheduler on this Redis"),
        (foreign_scheduler("pid 7"), "foreign-scheduler", WARN, "rq-scheduler's own: pid 7; its jobs are refused here"),
        (disk(1_000_000_000, "m.db"), "disk", OK, "1.0 GB free beside m.db"),
        (disk(999_900_000, "m.db"), "disk", WARN, "999.9 MB free beside m.db"),
        (disk(200_000_000, "m.db"), "disk", WARN, "200.0 MB free beside m.db"),
        (disk(199_900_000, "m.db"), "disk", FAIL, "199.9 MB free beside m.db"),
        (backup(None, on=False), "backup", WARN, "none are made"),
        (backup(None), "backup", WARN, "there is none in /backups"),
        (backup(2), "backup", OK, "2026-03-07 05:30 UTC, in /backups"),
        (backup(2, on=False), "backup", OK, "2026-03-07 05:30 UTC, in /backups"),
        (backup(2.001), "backup", WARN, "the newest in /backups is 2 days old"),
        (key_modes(()), "keys", OK, "private"),
        (key_modes(open_keys), "keys", FAIL, "open to others: a.key (0644), b.key (0604)"),
        (price_list("p.toml", "May", 180), "ai-prices", OK, "p.toml is of May, 180 days old"),
        (price_list("p.toml", "May", 1500), "ai-prices", WARN, "p.toml is of May, 1,500 days old"),
        (price_list("p.toml", "", None), "ai-prices", WARN, "p.toml tells no date"),
        (openai_key(FORMED), "openai-key", OK, "set; it was not tried, since a call costs"),
        (openai_key(None), "openai-key", WARN, "there is none: labels come from the offline engine alone"),
        (openai_key("x"), "openai-key", FAIL, "OPENAI_API_KEY does not look like a key"),
    ):  # fmt: skip
        assert (found.check, found.state, found.detail) == (check, state, detail)
        assert (found.fix is None) is (state is OK)


def test_a_fix_names_what_to_run() -> None:
    for found, fix in (
        (redis_version("6.0", (6, 0)), "install Redis 6.2 or newer, or Valkey"),
        (saved(True, True, failed=True), "see its log; free the disk"),
        (saved(False, True), "redis-cli config set appendonly yes, and the same in its redis.conf"),
        (redis_memory(1, 2, "allkeys-lru"), "redis-cli config set maxmemory-policy noeviction"),
        (redis_memory(90, 100, "noeviction"), "raise its maxmemory"),
        (clock(9), "let both machines keep their time by NTP: timedatectl set-ntp true"),
        (clock(99), clock(9).fix),
        (latency(9), "bring Redis nearer, or look for slow commands: redis-cli slowlog get"),
        (latency(0.1), latency(9).fix),
        (foreign_scheduler("pid 7"), "stop `rqscheduler`, or give it another Redis database"),
        (disk(5 * 10**8, "m.db"), "free some space soon"),
        (disk(0, "m.db"), "mingus cleanup cache --yes, then mingus db vacuum; or a larger disk"),
        (backup(None, on=False), "set backup.daily, or run mingus db backup by a timer of yours"),
        (backup(None), "mingus cleanup database makes one; the timetable, too"),
        (backup(9), "run the scheduler (mingus schedule list), or: mingus cleanup database"),
        (key_modes(("a.key (0644)", "b.key (0604)")), "chmod o-rwx a.key"),
        (openai_key(None), "set OPENAI_API_KEY or ai.key_file for the workers of ai_classification"),
        (openai_key("x"), "copy it again, sk-..., without spaces"),
        (price_list("p.toml", "", None), price_list("p.toml", "May", 1500).fix),
    ):
        assert found.fix == fix


@pytest.mark.parametrize(
    ("key", "any_form", "state"),
    [
        (None, False, WARN),
        ("", True, WARN),
        (FORMED, False, OK),
        (FORMED[:-1], False, FAIL),
        ("pk-" + "a" * 40, False, FAIL),
        ("local", True, OK),
        ("lo cal", True, FAIL),
        ("locál", True, FAIL),
        (FORMED + "é", False, FAIL),
        (FORMED + "\t", False, FAIL),
    ],
)
def test_a_key_has_its_form_and_is_never_told(key: str | None, any_form: bool, state: Grade) -> None:
    found = openai_key(key, any_form=any_form)
    assert (found.check, found.state) == ("openai-key", state)
    assert not key or key not in f"{found.detail} {found.fix}"


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_room_and_a_nearer_redis_are_never_worse(less: int, more: int) -> None:
    less, more = sorted((less, more))
    order = [OK, WARN, FAIL]
    assert order.index(disk(more, "x").state) <= order.index(disk(less, "x").state)
    assert order.index(latency(less / 1e6).state) <= order.index(latency(more / 1e6).state)
