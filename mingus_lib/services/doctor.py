"""Everything that a running mingus needs, checked one by one: each line ok, warn or fail, with the fix.

Nothing is started or changed, and no call that costs is made. Reading the store takes a second for each GB.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mingus_lib.domain import diagnosis, pricing
from mingus_lib.domain.checks import (
    Finding,
    Grade,
    fail,
    judge_queue,
    judge_scheduler,
    judge_workers,
    ok,
    warn,
)
from mingus_lib.errors import MingusError, NotFound, UsageError
from mingus_lib.queues import examination, status
from mingus_lib.queues.connection import connect, translated
from mingus_lib.services import checking, health, housekeeping, timetables, unitfiles
from mingus_lib.services.overview import stopped, where
from mingus_lib.settings import ai_key
from mingus_lib.settings.files import read_text
from mingus_lib.store import backups, maintenance

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.queues.delivery import Delivery
    from mingus_lib.queues.ports import Ledger
    from mingus_lib.settings import Settings

# Whether anybody takes a queue is asked here; how long it may wait, `health` asks.
ENOUGH_FOR_ANY_QUEUE = float("inf")
FIXES = {
    "store-full": "make some MB of room, then: mingus cleanup cache --yes",
    "store-read-only": "make its disk or folder writable again: mount, ls -l",
}


def examine(
    settings: Settings, redis_url: str, parts: Callable[[], tuple[Delivery, Ledger]]
) -> Iterator[Finding]:
    """Every finding, as soon as it is known; `parts` are opened when Redis and store are there."""
    # What needs nobody else to be up comes first.
    yield from _files(settings)
    yield from _store(settings)
    client, trouble = _client(settings, redis_url)
    if client is None:
        yield trouble or fail("redis", "it does not answer", "mingus up")
        for check in ("workers", "scheduler"):
            yield warn(check, "not known without Redis", "when Redis is up: mingus doctor")
    else:
        readable, slots = health.look_at_store(settings)
        yield from _redis(client, where(settings, redis_url), slots)
        # Opening a store of an older schema would migrate it, and making one is no look either.
        if readable.state is Grade.OK:
            yield from _jobs(parts)
    yield _timetable(settings)
    yield _ai_key(settings)
    yield from _prices(settings)
    # Last: systemd may take seconds to say what it thinks of them.
    yield unitfiles.check()


def rows(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The documented shape of `doctor --json`."""
    return [
        {
            **health.row(finding),
            "count": finding.count,
            "jobs": list(finding.jobs),
        }
        for finding in found
    ]


def _ai_key(settings: Settings) -> Finding:
    """The key as the workers find it: in the environment, a file or systemd's credentials."""
    if settings.ai == "off":
        return ok("openai-key", "none is needed: MINGUS_AI is off")
    try:
        found = ai_key.ai_key(settings)
    except UsageError as error:
        return fail("openai-key", str(error), "copy it again, without spaces")
    return diagnosis.openai_key(found[0] if found else None, any_form=bool(ai_key.ai_base_url(settings)))


def _prices(settings: Settings) -> Iterator[Finding]:
    """The price list, where there is an AI engine whose calls it prices."""
    try:
        if ai_key.ai_key(settings) is None:
            return
        path = settings.ai_prices
        listed = pricing.shipped() if path is None else pricing.read(read_text(path), str(path))
    except UsageError as error:
        # Without a list of their own the fault is that of the key, which has a line of its own.
        if settings.ai_prices is not None:
            yield fail(
                "ai-prices", str(error), "mend it, or leave MINGUS_AI_PRICES out for the one of mingus"
            )
        return
    yield diagnosis.price_list(listed.where, listed.date, listed.age(datetime.now(UTC).date()))


def _client(settings: Settings, redis_url: str) -> tuple[Redis | None, Finding | None]:
    if stopped(settings):
        return None, warn(
            "redis", "the private Redis does not run", "any command that enqueues starts it: mingus up"
        )
    shown = where(settings, redis_url)
    try:
        with translated(shown):
            client = connect(redis_url)
            # connect() reaches nobody: the first command does.
            client.ping()
    except MingusError as error:
        return None, fail("redis", str(error), "start it, or correct redis_url: mingus config show")
    return client, None


def _redis(client: Redis, shown: str, slots: int) -> Iterator[Finding]:
    try:
        with translated(shown):
            yield from _server(client)
            yield from _workers(client, slots)
    except MingusError as error:
        # It has answered a ping: what fails now is mostly a command that this user may not run.
        yield fail("redis", str(error), "let this user of Redis run every command")


def _server(client: Redis) -> Iterator[Finding]:
    seen = examination.examine(client)
    yield diagnosis.redis_version(seen.label, seen.version)
    yield diagnosis.redis_persistence(aof=seen.aof, rdb=seen.rdb, write_failed=seen.write_failed)
    yield diagnosis.redis_memory(seen.used, seen.maxmemory, seen.policy)
    yield diagnosis.clock(seen.drift)
    yield diagnosis.latency(seen.latency)
    yield diagnosis.foreign_scheduler(examination.foreign_scheduler(client))


def _workers(client: Redis, slots: int) -> Iterator[Finding]:
    seen = status.snapshot(client)
    yield judge_workers(seen.workers)
    for queue in seen.queues:
        yield judge_queue(queue, seen.workers, ENOUGH_FOR_ANY_QUEUE)
    yield judge_scheduler(seen.leader.name if seen.leader else None, slots)


def _timetable(settings: Settings) -> Finding:
    path = timetables.locate(settings)
    try:
        found = timetables.read(path)
    except MingusError as error:
        return fail("timetable", str(error), f"mend it, then: mingus schedule check {path}")
    return ok("timetable", f"{path}, entries: {len(found.entries)}")


def _jobs(parts: Callable[[], tuple[Delivery, Ledger]]) -> list[Finding]:
    try:
        return checking.findings(*parts())
    except MingusError as error:
        return [fail("jobs", str(error), "mend the store or Redis first, then: mingus doctor --jobs")]


def _files(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    if not home.is_dir():
        yield warn("state-directory", f"{home} is not there yet", "the first job makes it")
        return
    wrong = tuple(
        f"{path} {stat.S_IMODE(path.stat().st_mode):o}"
        for path in (home, home / "keys.json")
        # The group may be that of the operators; everybody else has no business here.
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o007
    )
    yield diagnosis.key_modes(wrong)
    yield diagnosis.disk(shutil.disk_usage(home).free, str(home))


def _store(settings: Settings) -> Iterator[Finding]:
    path = settings.store_path
    yield _backups(settings)
    try:
        found = maintenance.check(path)
    except NotFound:
        yield warn("store", f"there is none at {path} yet", "the first job makes it, or: mingus db migrate")
        return
    except MingusError as error:
        yield fail("store", str(error), _recovery(settings, error.code, "mingus db check"))
        return
    for problem in found.problems:
        # A problem is written as what it is, a colon, and its fix.
        detail, _, fix = problem.rpartition(": ")
        damaged = "store-corrupt" if "damage" in detail else ""
        yield fail("store", detail or problem, _recovery(settings, damaged, fix or "mingus db check"))
    if not found.problems:
        yield ok("store", f"whole, schema {found.facts.get('user_version')}, read from end to end")


def _backups(settings: Settings) -> Finding:
    newest = backups.newest(settings.backups_path)
    on = bool(settings.backup_daily or settings.backup_weekly)
    return diagnosis.backups(
        None if newest is None else newest[0], datetime.now(UTC), str(settings.backups_path), on=on
    )


def _recovery(settings: Settings, code: str, fix: str) -> str:
    """What to do about a store that cannot be used; some troubles have a way of their own."""
    if code == "store-corrupt":
        return housekeeping.way_out(settings.backups_path)
    return FIXES.get(code, fix)
