"""What can be had again, or has done its work: deleted when it has had its time, with the bytes it held.

First what needs no room to go (logs, Redis), so that a full disk gets better before the store has to write.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mingus_lib.domain.retention import CachePolicy, Expiring, Freed
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues.orphans import Orphans
from mingus_lib.store.expiry import Expiry
from mingus_lib.store.steps import Steps

Report = Callable[[int, int, str], None]

LOGS, ORPHANS = "old_logs", "redis_orphans"
PARTS = (LOGS, ORPHANS, *(each.value for each in Expiring))
# The private Redis writes a log without an end; beyond this it is put aside, and is old like others one day.
REDIS_LOG_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class CacheCleaning:
    """One clean-up of caches. `orphans` is None where no Redis runs."""

    expiry: Expiry
    policy: CachePolicy
    orphans: Callable[[], Orphans | None]
    log_file: Path | None
    redis_log: Path

    def planned(self, now: datetime) -> dict[str, Any]:
        """What `run` would do, nothing being changed; the documented shape of `cleanup cache --json`."""
        found = [self._logs(now, dry_run=True), self._orphans(now, dry_run=True)]
        for what in Expiring:
            age = self.policy.age(what)
            found.append(Freed(what.value) if age is None else self.expiry.expired(what, now - age))
        return _told(found, dry_run=True)

    def run(self, now: datetime, deadline: float | None, report: Report) -> dict[str, Any]:
        """Delete it. Safe to run twice, and twice at once; `left` says that there was no time for all of it."""
        # What needs no room in the store first: see the top.
        report(0, len(PARTS), LOGS)
        found = [self._logs(now, dry_run=False)]
        report(1, len(PARTS), ORPHANS)
        trouble = None
        try:
            found.append(self._orphans(now, dry_run=False))
        except RedisUnavailable as error:
            # The store can be tidied without Redis; the job still fails, when the rest is done.
            trouble = error
        for at, what in enumerate(Expiring, 2):
            found.append(self._expired(what, now, deadline, _counting(report, at, what)))
        if trouble is not None:
            raise trouble
        return _told(found, dry_run=False)

    def _expired(
        self, what: Expiring, now: datetime, deadline: float | None, report: Callable[[int], None]
    ) -> Freed:
        age = self.policy.age(what)
        report(0)
        if age is None:
            return Freed(what.value)
        return self.expiry.delete(what, now - age, Steps(10, deadline=deadline), report)

    def _orphans(self, now: datetime, *, dry_run: bool) -> Freed:
        orphans = self.orphans()
        if orphans is None:
            return Freed(ORPHANS)
        found = orphans.find(None if self.policy.jobs is None else now - self.policy.jobs)
        gone = found if dry_run else orphans.remove(found)
        return Freed(ORPHANS, len(gone), sum(each.bytes for each in gone))

    def _logs(self, now: datetime, *, dry_run: bool) -> Freed:
        freed = Freed(LOGS)
        if not dry_run:
            _put_aside(self.redis_log)
        for path, size in self._old_logs(now):
            # Another clean-up may have been faster: what it took away is in its count.
            if dry_run or _removed(path):
                freed.removed += 1
                freed.bytes += size
        return freed

    def _old_logs(self, now: datetime) -> Iterator[tuple[Path, int]]:
        """Logs that were put aside (NAME.1 and so on) and not written since; never the one in use, never a link."""
        if self.policy.logs is None:
            return
        before = (now - self.policy.logs).timestamp()
        for log in filter(None, (self.log_file, self.redis_log)):
            for path in sorted(log.parent.iterdir()) if log.parent.is_dir() else ():
                aside = path.stem == log.name and path.suffix[1:].isdecimal()
                found = _plain_file(path) if aside else None
                if found is not None and found.st_mtime < before:
                    yield path, found.st_size


def _plain_file(path: Path) -> os.stat_result | None:
    """What is known of a file, by one look, so that it may go at any moment; None for a link and whatever else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _put_aside(log: Path) -> None:
    found = _plain_file(log)
    if found is not None and found.st_size > REDIS_LOG_BYTES:
        # Redis opens its log for every line: the next one begins a new file.
        with contextlib.suppress(FileNotFoundError):
            log.replace(log.with_name(f"{log.name}.1"))


def _counting(report: Report, at: int, what: Expiring) -> Callable[[int], None]:
    return lambda done: report(at, len(PARTS), f"{what.value}: {done:,}" if done else what.value)


def _told(found: list[Freed], *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "parts": [asdict(each) for each in found],
        "removed": sum(each.removed for each in found),
        "freed_bytes": sum(each.bytes for each in found),
        "left": any(each.left for each in found),
    }
