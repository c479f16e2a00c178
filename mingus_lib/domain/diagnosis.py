"""How the facts of servers, files and keys are judged by `mingus doctor`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from mingus_lib.domain.checks import Finding, fail, ok, warn

OLDEST_REDIS = (6, 2)
DRIFT_WARN, DRIFT_FAIL = 2.0, 60.0
LATENCY_WARN, LATENCY_FAIL = 0.02, 0.5
DISK_WARN, DISK_FAIL = 1_000_000_000, 200_000_000
MEMORY_WARN = 0.8
BACKUP_WARN = timedelta(days=2)
PRICES_WARN_DAYS = 180


def redis_version(label: str, version: tuple[int, ...]) -> Finding:
    """Redis must know the commands that delivery needs."""
    if version < OLDEST_REDIS:
        return fail("redis-version", label, "install Redis 6.2 or newer, or Valkey")
    return ok("redis-version", label)


def redis_persistence(*, aof: bool, rdb: bool, write_failed: bool) -> Finding:
    """What a restart of Redis forgets comes back from the ledger, later than from a file of its own."""
    if write_failed:
        return fail("redis-persistence", "its last write to the disk failed", "see its log; free the disk")
    if aof:
        return ok("redis-persistence", "append-only file")
    fix = "redis-cli config set appendonly yes, and the same in its redis.conf"
    if rdb:
        return warn("redis-persistence", "snapshots alone: a crash loses minutes", fix)
    return fail("redis-persistence", "none: a restart forgets every job that waits", fix)


def redis_memory(used: int, limit: int, policy: str) -> Finding:
    """An eviction would delete jobs; a full memory refuses them, which is heard."""
    if policy != "noeviction":
        detail = f"maxmemory-policy is {policy or 'not told'}: a full memory deletes jobs"
        # Without a limit nothing is ever full, and the policy never asked.
        judged = fail if limit else warn
        return judged("redis-memory", detail, "redis-cli config set maxmemory-policy noeviction")
    if limit and used > MEMORY_WARN * limit:
        return warn("redis-memory", f"{used / limit:.0%} of {_size(limit)} used", "raise its maxmemory")
    bound = f"of {_size(limit)}" if limit else "without a limit"
    return ok("redis-memory", f"noeviction, {_size(used)} {bound}")


def clock(drift: float) -> Finding:
    """Signatures, rates and due times are judged by the clocks of several machines."""
    detail = f"Redis' clock is {abs(drift):.2f} s {'ahead' if drift > 0 else 'behind'}"
    fix = "let both machines keep their time by NTP: timedatectl set-ntp true"
    if abs(drift) > DRIFT_FAIL:
        return fail("clock", detail, fix)
    return warn("clock", detail, fix) if abs(drift) > DRIFT_WARN else ok("clock", detail)


def latency(seconds: float) -> Finding:
    """A job costs a worker one round trip to Redis, an enqueue another."""
    detail = f"{seconds * 1000:.2f} ms a round trip"
    fix = "bring Redis nearer, or look for slow commands: redis-cli slowlog get"
    if seconds > LATENCY_FAIL:
        return fail("redis-latency", detail, fix)
    return warn("redis-latency", detail, fix) if seconds > LATENCY_WARN else ok("redis-latency", detail)


def foreign_scheduler(seen: str) -> Finding:
    """rq-scheduler's own scheduler reads entries as pickles, and enqueues what no key of ours has signed."""
    if not seen:
        return ok("foreign-scheduler", "no other rq-scheduler on this Redis")
    detail = f"rq-scheduler's own: {seen}; its jobs are refused here"
    return warn("foreign-scheduler", detail, "stop `rqscheduler`, or give it another Redis database")


def disk(free: int, where: str) -> Finding:
    """A full disk stops the ledger, and with it all work."""
    detail = f"{_size(free)} free beside {where}"
    if free < DISK_FAIL:
        return fail("disk", detail, "mingus cleanup cache --yes, then mingus db vacuum; or a larger disk")
    return warn("disk", detail, "free some space soon") if free < DISK_WARN else ok("disk", detail)


def backups(newest: datetime | None, now: datetime, where: str, *, on: bool) -> Finding:
    """Whether a lost or damaged store can be replaced; `newest` is the time of the last backup of rotation."""
    if newest is None and not on:
        return warn(
            "backup", "none are made", "set backup.daily, or run mingus db backup by a timer of yours"
        )
    if newest is None:
        return warn(
            "backup", f"there is none in {where}", "mingus cleanup database makes one; the timetable, too"
        )
    age = now - newest
    if age > BACKUP_WARN:
        fix = "run the scheduler (mingus schedule list), or: mingus cleanup database"
        return warn("backup", f"the newest in {where} is {age.days} days old", fix)
    return ok("backup", f"{newest:%Y-%m-%d %H:%M} UTC, in {where}")


def key_modes(wrong: tuple[str, ...]) -> Finding:
    """Whoever reads the keys can sign jobs; `wrong` are the files that others may read, with their modes."""
    # Not the group: under systemd the operators' group reads the keys by design.
    if wrong:
        return fail("keys", f"open to others: {', '.join(wrong)}", f"chmod o-rwx {wrong[0].split()[0]}")
    return ok("keys", "private")


def openai_key(key: str | None, *, any_form: bool = False) -> Finding:
    """Whether there is a key that could be one; no call is made. Other servers have keys of `any_form`."""
    if not key:
        detail = "there is none: labels come from the offline engine alone"
        return warn(
            "openai-key", detail, "set OPENAI_API_KEY or ai.key_file for the workers of ai_classification"
        )
    formed = any_form or (key.startswith("sk-") and len(key) >= 20)
    if not formed or not key.isascii() or any(c.isspace() for c in key):
        return fail(
            "openai-key", "OPENAI_API_KEY does not look like a key", "copy it again, sk-..., without spaces"
        )
    return ok("openai-key", "set; it was not tried, since a call costs")


def price_list(where: str, dated: str, age_days: int | None) -> Finding:
    """Costs and budgets are reckoned by a list that nobody keeps up to date but its editor."""
    fix = "compare it with your provider's; name a mended copy as prices under [ai] in mingus.toml (MINGUS_AI_PRICES)"
    if age_days is None:
        return warn("ai-prices", f"{where} tells no date", fix)
    detail = f"{where} is of {dated}, {age_days:,} days old"
    return warn("ai-prices", detail, fix) if age_days > PRICES_WARN_DAYS else ok("ai-prices", detail)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
