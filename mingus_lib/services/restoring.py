"""A backup back in the store's place: what speaks against it is told first, then it is done in one step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib.errors import MingusError, RedisUnavailable, UsageError
from mingus_lib.queues import catalog, connection, purge, status
from mingus_lib.queues.connection import translated
from mingus_lib.store import backups, maintenance, restoring
from mingus_lib.store.database import SCHEMA_VERSION
from mingus_lib.store.restoring import StoreFacts

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True)
class Restoring:
    """One restore. `redis` gives a client of the Redis that is up, or None; `own_redis`: it is the private one."""

    store: Path
    redis: Callable[[], Redis | None]
    where: str
    own_redis: bool

    def prepare(self, backup: Path, report: backups.Progress) -> Prepared:
        """Copy and check the backup beside the store. Raises NotFound, UsageError, PermanentError, StoreUnavailable."""
        # The copy would take the place of the link, and not of the store that it leads to.
        if self.store.is_symlink() or (self.store.exists() and not self.store.is_file()):
            raise UsageError(f"{self.store} is no plain file: put the store itself there, then try again")
        with ExitStack() as held:
            held.enter_context(restoring.only(self.store))
            part = restoring.prepare(backup, self.store, report)
            # Undone in reverse: the copy is gone before anybody else may restore.
            held.callback(backups.remove, part)
            facts = restoring.facts(part)
            return Prepared(self, backup, part, facts, tuple(self._objections(facts)), held.pop_all())

    def _objections(self, backup: StoreFacts) -> list[str]:
        found = []
        try:
            names = self._alive()
        except RedisUnavailable as error:
            names = []
            found.append(f"nobody knows who is alive on it: {error}")
        if names:
            found.append(f"alive on it: {', '.join(names)}")
        # Who is alive has it open: that is told once.
        elif restoring.in_use(self.store):
            found.append("another process has it open")
        if why := restoring.newer_than(self.store, backup):
            found.append(f"it is newer: {why}")
        if (owner := self._owner()) not in (None, backup.store_id):
            found.append(f"it is the library {owner}, the backup is {backup.store_id}")
        return found

    def _alive(self) -> list[str]:
        client = self.redis()
        if client is None:
            return []
        with translated(self.where):
            seen = status.snapshot(client)
        return [*(worker.name for worker in seen.workers), *([seen.leader.name] if seen.leader else [])]

    def _owner(self) -> str | None:
        """The library that the store, or else Redis, says it is."""
        try:
            return restoring.facts(self.store).store_id
        except MingusError:
            client = self.redis()
        try:
            return None if client is None else connection.owner(client, self.where)
        except RedisUnavailable:
            # Told as an objection of its own.
            return None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A backup that is fit to be restored; `objections` are what an operator must agree to.

    `held` keeps others from restoring meanwhile, and takes the copy away in the end.
    """

    restoring: Restoring
    backup: Path
    part: Path
    facts: StoreFacts
    objections: tuple[str, ...]
    held: ExitStack

    def drop(self) -> None:
        """Let go of it: the copy goes, unless it is the store by now."""
        self.held.close()

    def run(self, now: datetime) -> dict[str, Any]:
        """Restore it, bring it up to date, stamp Redis; the documented shape of `db restore --json`."""
        here = self.restoring
        # Asked while the old store is still there.
        owner = here._owner()
        with self.held:
            aside = restoring.swap(self.part, here.store, now)
        maintenance.migrate(here.store)
        return {
            "path": str(here.store),
            "backup": str(self.backup),
            "kept_aside": None if aside is None else str(aside),
            **asdict(self.facts),
            "migrated_to": SCHEMA_VERSION,
            **self._redis(owner),
        }

    def _redis(self, owner: str | None) -> dict[str, Any]:
        here = self.restoring
        client = here.redis()
        if client is None:
            return {"redis": "not running", "waiting_in_redis": None}
        # A private Redis is of this library, whatever stamp it bears.
        known = None if here.own_redis else {owner, self.facts.store_id}
        try:
            stamp = connection.stamp_anew(client, self.facts.store_id, known, here.where)
            with translated(here.where):
                waiting = sum(purge.waiting(client, queue) for queue in catalog.QUEUES)
        except RedisUnavailable:
            # The store is restored all the same; a stamp that does not fit is refused later, naming both.
            return {"redis": "not answering", "waiting_in_redis": None}
        return {"redis": stamp, "waiting_in_redis": waiting}
