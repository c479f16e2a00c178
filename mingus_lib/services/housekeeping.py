"""Keeping the store in order while others work on it: backup, checks, statistics, search index, free pages, log.

The checks read the backup, which is the store as it was a moment before: damage shows there as well, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mingus_lib.domain.retention import backup_name, backups_kept
from mingus_lib.errors import MingusError, PermanentError, StoreUnavailable
from mingus_lib.store import backups, failures, maintenance
from mingus_lib.store.database import Store
from mingus_lib.store.steps import Steps

Report = Callable[[int, int, str], None]
STEPS = ("backup", "check", "statistics", "search index", "free pages", "log")


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where backups go, and how many stay; none are made when both numbers are 0."""

    folder: Path
    daily: int
    weekly: int

    @property
    def on(self) -> bool:
        """Whether backups are made."""
        return bool(self.daily or self.weekly)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """One round. Safe to run twice, and twice at once."""

    store: Store
    rotation: Rotation

    def planned(self, now: datetime) -> dict[str, Any]:
        """Where the backup would go and which would be removed for it, nothing being changed."""
        rotation, there = self.rotation, backups.rotated(self.rotation.folder)
        path = rotation.folder / backup_name(now) if rotation.on else None
        kept = backups_kept([*there, now], rotation.daily, rotation.weekly, now)
        size = self.store.path.stat().st_size if self.store.path.exists() else 0
        return {
            "dry_run": True,
            "backup": None if path is None else {"path": str(path), "size_bytes": size},
            "rows": None,
            "removed_backups": [each.name for at, each in sorted(there.items()) if path and at not in kept],
            "tables": None,
            "merged_pages": None,
            "freed_pages": None,
            "pages_left": maintenance.free_pages(self.store),
            "log_emptied": None,
        }

    def run(self, now: datetime, deadline: float | None, report: Report) -> dict[str, Any]:
        """Do it all; the result of maintain_database.

        Raises PermanentError when the store is damaged: nothing more is done then, and no backup is removed. A backup
        that could not be made keeps the rest from nothing; its error is raised in the end.
        """
        report(0, len(STEPS), STEPS[0])
        made, trouble = self._backup(now)
        report(1, len(STEPS), STEPS[1])
        # A checked copy shows damage; without one the store itself has to be read.
        if made is None and (damage := maintenance.sound(self.store.path)):
            raise damaged(self.store.path, damage[0], self.rotation.folder)
        # Old backups stay until there is a newer one.
        removed = self._rotate(now) if made else []
        report(2, len(STEPS), STEPS[2])
        tables = maintenance.gather_statistics(
            self.store, Steps(1, 4, deadline=deadline, pause=maintenance.PAUSE)
        )
        report(3, len(STEPS), STEPS[3])
        merged = maintenance.merge_indexes(self.store, Steps(16, deadline=deadline, pause=maintenance.PAUSE))
        report(4, len(STEPS), STEPS[4])
        pages = maintenance.give_back(self.store, Steps(deadline=deadline, pause=maintenance.PAUSE))
        report(5, len(STEPS), STEPS[5])
        # Last: what was merged and given back stands in the log by now.
        emptied = maintenance.empty_log(self.store)
        # As a failure that passes: the next attempt may find room on the disk.
        if trouble is not None:
            raise StoreUnavailable(f"no backup was made, the rest was done: {trouble}", code=trouble.code)
        return {
            "dry_run": False,
            "backup": None if made is None else {"path": str(made.path), "size_bytes": made.size},
            "rows": None if made is None else sum(made.rows.values()),
            "removed_backups": [path.name for path in removed],
            "tables": tables,
            "merged_pages": merged,
            "freed_pages": pages,
            "pages_left": maintenance.free_pages(self.store),
            "log_emptied": emptied,
        }

    def _backup(self, now: datetime) -> tuple[backups.Backup | None, MingusError | None]:
        rotation = self.rotation
        if not rotation.on:
            return None, None
        try:
            with failures.files_in_our_words(rotation.folder):
                # A backup has in it what the store has, readers and mails: it is for its owner alone.
                rotation.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Names tell the second: of two rounds in one, the later may take the other's place.
            return backups.backup(self.store, rotation.folder / backup_name(now), overwrite=True), None
        # The copy did not pass its check: either the store is damaged, or only the copy.
        except PermanentError as error:
            if damage := maintenance.sound(self.store.path):
                raise damaged(self.store.path, damage[0], rotation.folder) from error
            return None, error
        except MingusError as error:
            return None, error

    def _rotate(self, now: datetime) -> list[Path]:
        return backups.rotate(self.rotation.folder, self.rotation.daily, self.rotation.weekly, now)


def damaged(store: Path, what: str, folder: Path) -> PermanentError:
    """The store is damaged; the error names the way out."""
    return PermanentError(f"the store {store} is damaged ({what}): {way_out(folder)}", code="store-corrupt")


def way_out(folder: Path) -> str:
    """What to do about a damaged store: the newest backup of rotation, where there is one."""
    found = backups.newest(folder)
    if found is None:
        return "stop the workers, then: mingus db salvage salvaged.db, and mingus db restore salvaged.db"
    return f"stop the workers, then: mingus db restore {found[1]}"
