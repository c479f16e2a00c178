"""What doctor says of each fact: how good it is, in which words, and where each bound lies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import diagnosis
from mingus_lib.domain.checks import Finding, Grade
from mingus_lib.domain.diagnosis import backups, clock, disk, latency, redis_memory, redis_persistence

NOW = datetime(2026, 3, 9, 5, 30, tzinfo=UTC)
OK, WARN, FAIL = Grade
FORMED = "sk-" + "a" * 17


def backup(days: float | None, *, on: bool = True) -> Finding:
    newest = None if days is None else NOW - timedelta(days=days)
    return backups(newest, NOW, "/var/backups", on=on)


@pytest.mark.parametrize(
    ("found", "check", "state", "detail"),
    [
        (diagnosis.redis_version("6.2.0", (6, 2, 0)), "redis-version", OK, "6.2.0"),
        (diagnosis.redis_version("6.1.9", (6, 1, 9)), "redis-version", FAIL, "6.1.9"),
        (
            redis_persistence(aof=True, rdb=True, write_failed=False),
            "redis-persistence",
            OK,
            "append-only file",
        ),
        (
            redis_persistence(aof=False, rdb=True, write_failed=False),
            "redis-persistence",
            WARN,
            "snapshots alone: a crash loses minutes",
        ),
        (
            redis_persistence(aof=False, rdb=False, write_failed=False),
            "redis-persistence",
            FAIL,
            "none: a restart forgets every job that waits",
        ),
        (
            redis_persistence(aof=False, rdb=False, write_failed=True),
            "redis-persistence",
            FAIL,
            "its last write to the disk failed",
        ),
        (redis_memory(80, 100, "noeviction"), "redis-memory", OK, "noeviction, 0.0 MB of 0.0 MB"),
        (
            redis_memory(810_000_000, 10**9, "noeviction"),
            "redis-memory",
            WARN,
            "81% of 1.0 GB used",
        ),
        (
            redis_memory(1_250_000_000, 0, "noeviction"),
            "redis-memory",
            OK,
            "noeviction, 1.2 GB without a limit",
        ),
        (
            redis_memory(1, 2, "allkeys-lru"),
            "redis-memory",
            FAIL,
            "maxmemory-policy is allkeys-lru: a full memory deletes jobs",
        ),
        (
            redis_memory(1, 0, ""),
            "redis-memory",
            WARN,
            "maxmemory-policy is not told: a full memory deletes jobs",
        ),
        (clock(2.0), "clock", OK, "Redis' clock is 2.00 s ahead"),
        (clock(-2.001), "clock", WARN, "Redis' clock is 2.00 s behind"),
        (clock(60.0), "clock", WARN, "Redis' clock is 60.00 s ahead"),
        (clock(-60.5), "clock", FAIL, "Redis' clock is 60.50 s behind"),
        (latency(0.02), "redis-latency", OK, "20.00 ms a round trip"),
        (latency(0.0201), "redis-latency", WARN, "20.10 ms a round trip"),
        (latency(0.5), "redis-latency", WARN, "500.00 ms a round trip"),
        (latency(0.501), "redis-latency", FAIL, "501.00 ms a round trip"),
        (
            diagnosis.foreign_scheduler(""),
            "foreign-scheduler",
            OK,
            "no other rq-scheduler on this Redis",
        ),
        (
            diagnosis.foreign_scheduler("3 entries"),
            "foreign-scheduler",
            WARN,
            "rq-scheduler's own: 3 entries; its jobs are refused here",
        ),
        (disk(1_000_000_000, "m.db"), "disk", OK, "1.0 GB free beside m.db"),
        (disk(999_900_000, "m.db"), "disk", WARN, "999.9 MB free beside m.db"),
        (disk(200_000_000, "m.db"), "disk", WARN, "200.0 MB free beside m.db"),
        (disk(199_900_000, "m.db"), "disk", FAIL, "199.9 MB free beside m.db"),
        (backup(None, on=False), "backup", WARN, "none are made"),
        (backup(None), "backup", WARN, "there is none in /var/backups"),
        (backup(2), "backup", OK, "2026-03-07 05:30 UTC, in /var/backups"),
        (backup(2, on=False), "backup", OK, "2026-03-07 05:30 UTC, in /var/backups"),
        (backup(2.001), "backup", WARN, "the newest in /var/backups is 2 days old"),
        (diagnosis.key_modes(()), "keys", OK, "private"),
        (
            diagnosis.key_modes(("a.key (0644)", "b.key (0604)")),
            "keys",
            FAIL,
            "open to others: a.key (0644), b.key (0604)",
        ),
        (
            diagnosis.price_list("p.toml", "2025-01-01", 180),
            "ai-prices",
            OK,
            "p.toml is of 2025-01-01, 180 days old",
        ),
        (
            diagnosis.price_list("p.toml", "2022-01-01", 1500),
            "ai-prices",
            WARN,
            "p.toml is of 2022-01-01, 1,500 days old",
        ),
        (diagnosis.price_list("p.toml", "", None), "ai-prices", WARN, "p.toml tells no date"),
    ],
)
def test_each_finding_in_its_words(found: Finding, check: str, state: Grade, detail: str) -> None:
    assert (found.check, found.state, found.detail) == (check, state, detail)
    assert (found.fix is None) is (state is OK)


@pytest.mark.parametrize(
    ("found", "fix"),
    [
        (redis_persistence(aof=True, rdb=True, write_failed=True), "see its log; free the disk"),
        (
            redis_persistence(aof=False, rdb=True, write_failed=False),
            "redis-cli config set appendonly yes, and the same in its redis.conf",
        ),
        (redis_memory(1, 2, "allkeys-lru"), "redis-cli config set maxmemory-policy noeviction"),
        (redis_memory(90, 100, "noeviction"), "raise its maxmemory"),
        (clock(99), "let both machines keep their time by NTP: timedatectl set-ntp true"),
        (disk(0, "m.db"), "mingus cleanup cache --yes, then mingus db vacuum; or a larger disk"),
        (backup(None, on=False), "set backup.daily, or run mingus db backup by a timer of yours"),
        (backup(None), "mingus cleanup database makes one; the timetable, too"),
        (backup(9), "run the scheduler (mingus schedule list), or: mingus cleanup database"),
        (diagnosis.key_modes(("a.key (0644)", "b.key (0604)")), "chmod o-rwx a.key"),
    ],
)
def test_a_fix_names_what_to_run(found: Finding, fix: str) -> None:
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
    found = diagnosis.openai_key(key, any_form=any_form)
    assert (found.check, found.state) == ("openai-key", state)
    assert not key or key not in f"{found.detail} {found.fix}"


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_room_and_a_nearer_redis_are_never_worse(less: int, more: int) -> None:
    less, more = sorted((less, more))
    order = [OK, WARN, FAIL]
    assert order.index(disk(more, "x").state) <= order.index(disk(less, "x").state)
    assert order.index(latency(less / 1e6).state) <= order.index(latency(more / 1e6).state)
